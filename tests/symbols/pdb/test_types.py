"""Offsets and sizes out of type records, against what the compiler itself computes."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.model.layout import find_member
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.effort import at_most
from tests.symbols.msf_writer import PdbSpec, pdb_bytes, record
from tests.symbols.toolchain import build

SOURCE = r"""
typedef unsigned long long u64;
struct Later;
struct List { List* next; List* prev; };
union Parts { u64 whole; struct { unsigned low; unsigned high; } halves; };
struct Later { char c; Parts parts; };
struct Base { virtual int turn(int); int base_field; };
int Base::turn(int a) { return a + base_field; }
struct Other { int other_field; };
struct Derived : Base, Other {
    static int shared;
    enum Kind { First, Second } kind;
    u64 flags : 3, rest : 61;
    int derived_field;
    const volatile Later later;
    union { int left; float right; };
    struct Inner { short a; short b; } inner[4];
    int turn(int) override;
    int overloaded(int); int overloaded(char);
    typedef int Alias;
};
int Derived::shared = 3;
int Derived::turn(int a) { return a; }
int Derived::overloaded(int a) { return a; }
int Derived::overloaded(char a) { return a; }
struct _EPROCESS { char pad[0x2e0]; List Links; u64 Id; };
struct EPROCESS { int another; };
#define TEN(x) int x##0, x##1, x##2, x##3, x##4, x##5, x##6, x##7, x##8, x##9;
#define HUNDRED(x) TEN(x##0) TEN(x##1) TEN(x##2) TEN(x##3) TEN(x##4) TEN(x##5) TEN(x##6) TEN(x##7) TEN(x##8) TEN(x##9)
#define THOUSAND(x) HUNDRED(x##0) HUNDRED(x##1) HUNDRED(x##2) HUNDRED(x##3) HUNDRED(x##4) HUNDRED(x##5) \
    HUNDRED(x##6) HUNDRED(x##7) HUNDRED(x##8) HUNDRED(x##9)
struct Long { THOUSAND(a_name_that_takes_some_room_) THOUSAND(b_name_that_takes_some_room_) \
    THOUSAND(c_name_that_takes_some_room_) int last; };
static_assert(__builtin_offsetof(_EPROCESS, Id) == 0x2f0, "");
static_assert(__builtin_offsetof(Long, last) == 12000, "");
static_assert(__builtin_offsetof(Later, parts) == 8, "");
static_assert(sizeof(Later) == 16, "");
static_assert(sizeof(Long) == 12004, "");
static_assert(sizeof(Parts) == 8, "");
extern "C" int _fltused = 0;
extern "C" u64 numbers[8] = {
    __builtin_offsetof(Derived, derived_field), __builtin_offsetof(Derived, later), sizeof(Derived),
    __builtin_offsetof(Derived, other_field), __builtin_offsetof(Derived, left), __builtin_offsetof(Derived, inner),
    __builtin_offsetof(Derived, base_field), __builtin_offsetof(Derived, right) };
extern "C" int entry(Derived* d, _EPROCESS* p, EPROCESS* e, Long* l) {
    return d->turn(p->Id) + d->later.parts.halves.high + e->another + l->last + d->kind + d->rest + d->overloaded(3);
}
"""


FLAGS = ("-fstandalone-debug", "-Wno-invalid-offsetof")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[PdbTypes, tuple[int, ...]]:
    """The types, and the compiler's own numbers out of the image's data."""
    built = build(tmp_path_factory.mktemp("types"), "types", SOURCE, *FLAGS, private=True)
    pdb = open_pdb(built.pdb)
    image = built.image.read_bytes()
    numbers = next(symbol for symbol in pdb.iter_symbols() if symbol.name == b"numbers")
    section = next(s for s in _sections(image) if s[0] <= numbers.rva < s[0] + s[1])
    return PdbTypes(pdb.msf), struct.unpack_from("<8Q", image, section[2] + numbers.rva - section[0])


def offset_of(types: PdbTypes, name: str, path: str) -> int | None:
    """Offset of a member, or of a member of a member."""
    found = find_member(types.layout, name, path)
    return found.offset if found else None


def size_of(types: PdbTypes, name: str) -> int | None:
    layout = types.layout(name)
    return layout.size if layout else None


def _sections(image: bytes) -> list[tuple[int, int, int]]:
    """Start, raw size and raw offset of each section of the file."""
    header = struct.unpack_from("<I", image, 0x3C)[0]
    count, optional = struct.unpack_from("<H", image, header + 6)[0], struct.unpack_from("<H", image, header + 20)[0]
    at = [header + 24 + optional + 40 * index for index in range(count)]
    return [struct.unpack_from("<III", image, place + 12) for place in at]


def test_offsets_are_those_of_the_compiler(answers: tuple[PdbTypes, tuple[int, ...]]) -> None:
    types, numbers = answers
    fields = ("derived_field", "later", None, "other_field", "left", "inner", "base_field", "right")
    expected = {field: number for field, number in zip(fields, numbers) if field}
    assert {field: offset_of(types, "Derived", field) for field in expected} == expected
    assert size_of(types, "Derived") == numbers[2]


def test_a_path_goes_through_fields_of_fields(answers: tuple[PdbTypes, tuple[int, ...]]) -> None:
    types, numbers = answers
    assert offset_of(types, "_EPROCESS", "Links.prev") == 0x2E0 + 8
    assert offset_of(types, "Derived", "later.parts.halves.high") == numbers[1] + 8 + 4


def test_a_list_of_fields_that_goes_on_in_another_record(answers: tuple[PdbTypes, tuple[int, ...]]) -> None:
    assert offset_of(answers[0], "Long", "last") == 12000
    assert size_of(answers[0], "Long") == 12004


def test_a_longer_name_is_another_type(answers: tuple[PdbTypes, tuple[int, ...]]) -> None:
    assert size_of(answers[0], "EPROCESS") == 4
    assert size_of(answers[0], "_EPROCESS") == 0x2F8


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Derived", "nothing"),
        ("Nothing", "x"),
        ("Derived", "shared"),
        ("Derived", "overloaded"),
        ("Derived", "derived_field.x"),
        ("Derived", "later..parts"),
        ("", ""),
    ],
)
def test_what_has_no_offset_is_none(answers: tuple[PdbTypes, tuple[int, ...]], name: str, field: str) -> None:
    assert offset_of(answers[0], name, field) is None


def types_of(records: bytes) -> PdbTypes:
    """Types made by hand; the first has index 0x1000."""
    return PdbTypes(MsfFile(io.BytesIO(pdb_bytes(PdbSpec(types=records)))))


def structure(name: str, fields: int, size: int = 8, properties: int = 0) -> bytes:
    """LF_STRUCTURE."""
    return record(0x1505, struct.pack("<HHIIIH", 1, properties, fields, 0, 0, size) + name.encode() + b"\0")


def fields(*members: bytes) -> bytes:
    """LF_FIELDLIST."""
    return record(0x1203, b"".join(members))


def member(name: str, kind: int, offset: int) -> bytes:
    """LF_MEMBER, padded as MSVC does."""
    body = struct.pack("<HHIH", 0x150D, 3, kind, offset) + name.encode() + b"\0"
    return body + bytes(0xF0 | left for left in range(-len(body) % 4, 0, -1))


def continued(index: int) -> bytes:
    """LF_INDEX."""
    return struct.pack("<HHI", 0x1404, 0, index)


def test_an_announced_type_is_found_where_it_is_defined() -> None:
    types = types_of(
        structure("Later", 0, 0, 0x80)
        + fields(member("there", 0x1000, 16))
        + structure("User", 0x1001)
        + fields(member("inside", 0x74, 4))
        + structure("Later", 0x1003)
    )
    assert offset_of(types, "User", "there.inside") == 20


def nameless(unique: str, fields: int, size: int, properties: int = 0) -> bytes:
    """LF_STRUCTURE that only its second name tells from others."""
    head = struct.pack("<HHIIIH", 1, properties | 0x200, fields, 0, 0, size)
    return record(0x1505, head + b"_S::<unnamed-tag>\0" + unique.encode() + b"\0")


def test_structures_without_a_name_are_told_apart_by_their_second_one() -> None:
    types = types_of(
        nameless("one", 0, 0, 0x80)
        + nameless("two", 0, 0, 0x80)
        + fields(member("x", 0x74, 0))
        + fields(member("x", 0x74, 8))
        + nameless("two", 0x1003, 64)
        + nameless("one", 0x1002, 4)
        + fields(member("first", 0x1000, 0), member("second", 0x1001, 0x10))
        + structure("_S", 0x1006, 0x50)
    )
    assert (offset_of(types, "_S", "first.x"), offset_of(types, "_S", "second.x")) == (0, 0x18)
    assert (size_of(types, "_S.first"), size_of(types, "_S.second")) == (4, 64)


def test_of_structures_that_nothing_tells_apart_none_is_taken() -> None:
    types = types_of(
        structure("_S::<unnamed-tag>", 0, 0, 0x80)
        + fields(member("x", 0x74, 0))
        + structure("_S::<unnamed-tag>", 0x1001, 4)
        + fields(member("inside", 0x1000, 0))
        + structure("_S", 0x1003, 4)
    )
    assert offset_of(types, "_S", "inside.x") is None


def test_a_definition_that_is_only_announced_is_none() -> None:
    assert size_of(types_of(structure("Later", 0, 0, 0x80)), "Later") is None


@pytest.mark.parametrize(
    "records",
    [
        structure("Loop", 0x1001) + fields(continued(0x1001)),
        structure("Loop", 0x1001) + fields(continued(0x1002)) + fields(continued(0x1001)),
        structure("Loop", 0x1001) + fields(member("", 0x1000, 0)),
        structure("Loop", 0x1001) + fields(*[member("", 0x1000, 0)] * 200),
        structure("Loop", 0x1001) + fields(member("self", 0x1000, 0)),
        structure("Loop", 0x1000),
        structure("Loop", 0xFFFFFFFF),
        structure("Loop", 0x1001) + record(0x1001, struct.pack("<I", 0x1001)),
        structure("Loop", 0x1001) + fields(member("x", 0x1002, 0)) + record(0x1001, struct.pack("<I", 0x1002)),
    ],
)
def test_types_that_refer_to_themselves_end(records: bytes) -> None:
    with contextlib.suppress(SymbolError):  # of one that is endless by its own word
        assert offset_of(types_of(records), "Loop", "x.y.z") is None


@pytest.mark.parametrize(
    "records",
    [
        structure("Bad", 0x1001) + fields(struct.pack("<HHI", 0x7777, 0, 0)),
        structure("Bad", 0x1001) + fields(struct.pack("<HHIH", 0x150D, 3, 0x74, 0x8006) + b"x\0"),
        structure("Bad", 0x1001) + fields(struct.pack("<HHI", 0x1402, 0, 0)),
        structure("Bad", 0x1001) + struct.pack("<HH", 200, 0x1203) + struct.pack("<HHIH", 0x150D, 3, 0x74, 0) + b"xyz",
    ],
)
def test_damaged_types_are_symbol_errors(records: bytes) -> None:
    with pytest.raises(SymbolError):
        offset_of(types_of(records), "Bad", "x")


def test_a_pdb_without_types_is_a_symbol_error(tmp_path: Path) -> None:
    path = tmp_path / "none.pdb"
    path.write_bytes(pdb_bytes(PdbSpec(types=b"")))
    assert PdbTypes(open_pdb(path).msf).layout("x") is None


def test_base_classes_that_are_announced_everywhere_and_defined_nowhere_do_not_take_forever() -> None:
    # Looking for the definition behind each of 6000 bases means 9000 places where it is only announced.
    announced = record(0x1505, struct.pack("<HHIIIH", 0, 0x80, 0, 0, 0, 0) + b"B\0") * 9000
    bases = record(0x1203, struct.pack("<HHIH", 0x1400, 3, 0x1000, 0) * 6000)
    derived = record(0x1505, struct.pack("<HHIIIH", 3, 0, 0x1000 + 9000, 0, 0, 24) + b"_EPROCESS\0")
    file = io.BytesIO(pdb_bytes(PdbSpec(types=announced + bases + derived)))
    types = PdbTypes(MsfFile(file))
    with at_most(100):
        assert offset_of(types, "_EPROCESS", "Nowhere") is None
