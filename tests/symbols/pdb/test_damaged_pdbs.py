"""Damaged PDBs: an answer or a SymbolError, soon, and in little memory."""

from __future__ import annotations

import io
import random
import tracemalloc
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.model.layout import find_member
from livedump.symbols.index import SourceStamp, SymbolIndex, build_index
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import Pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.effort import at_most
from tests.symbols.msf_writer import PdbSpec, container, pdb_bytes, public_record, streams_of
from tests.symbols.pdb.test_types import fields, member, structure
from tests.symbols.toolchain import build

STAMP = SourceStamp("0" * 32, 1, 0, 0)
BYTES = 128 << 20

SOURCE = r"""
struct Base { int base; virtual int turn(int); }; int Base::turn(int a) { return a; }
template <class T> struct Box { T value; struct Inner { T a[3]; } inner; int get() { return int(value); } };
struct Thing : Base { Box<int> box; union { int u; float f; }; unsigned bit : 3; } thing;
int data = 4;
extern "C" int _fltused = 0;
static int hidden(int a) { return a * 11; }
namespace n { int call(Box<int>* b) { return b->get() + hidden(3); } }
extern "C" int entry(Thing* t) { return n::call(&t->box) + t->turn(data) + t->u; }
"""


def ask_everything(data: bytes) -> None:
    """Every question that a PDB is asked."""
    try:
        pdb = Pdb(MsfFile(io.BytesIO(data)))
        pdb.find_rva("data")
        index = SymbolIndex(io.BytesIO(build_index(pdb, STAMP)), STAMP)
        for rva in (0, 0x1000, 0x1010, 0x2004, 0xFFFFFFFF):
            found = index.find(rva)
            assert found is None or undecorate(found.name.decode("utf-8", "replace"))
    except SymbolError:
        pass
    for name, field in (("Thing", "box.inner.a"), ("Thing", "base"), ("Box<int>", "value"), ("Nothing", "x")):
        try:
            types = PdbTypes(MsfFile(io.BytesIO(data)))
            member = find_member(types.layout, name, field)
            assert member is None or member.offset >= 0
        except SymbolError:
            continue


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A PDB of clang and lld-link."""
    folder = tmp_path_factory.mktemp("damaged")
    return build(folder, "damaged", SOURCE, "-fstandalone-debug", private=True).pdb.read_bytes()


def busy_places(data: bytes) -> list[int]:
    """Where the bytes are that mean something: a PDB of this size is mostly zeros."""
    return [at for at, byte in enumerate(data) if byte or data[max(at - 2, 0) : at + 3].strip(b"\0")]


def test_flipped_bytes(linked: bytes) -> None:
    draw, places = random.Random(2024), busy_places(linked)
    for _ in range(3000):
        broken = bytearray(linked)
        for _ in range(draw.choice([1, 1, 3, 20])):
            broken[draw.choice(places)] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        with at_most(100):
            ask_everything(bytes(broken))


def test_damaged_directory_and_headers() -> None:
    spec = PdbSpec(
        publics=[(1, n * 16, f"name{n}") for n in range(50)],
        modules=[[(1, 8 + n * 16, 4, f"own{n}") for n in range(20)]],
        omap=[(0x1000, 0x1000)],
        original_sections=((0x1000, 0x1000),),
        types=structure("Thing", 0x1001) + fields(member("base", 0x74, 0), member("box", 0x1000, 4)),
        block_size=512,
    )
    data = pdb_bytes(spec)
    places, draw = busy_places(data), random.Random(7)
    for at in places:
        for value in (0, 0xFF, draw.randrange(256)):
            ask_everything(data[:at] + bytes([value]) + data[at + 1 :])


def test_truncations(linked: bytes) -> None:
    for size in [*range(0, 4096, 64), *range(4096, len(linked), 1021)]:
        ask_everything(linked[:size])


def test_random_streams_behind_a_sound_container() -> None:
    draw = random.Random(5)
    for _ in range(150):
        streams = streams_of(PdbSpec(publics=[(1, 0, "a")], modules=[[(1, 0, 4, "b")]]))
        victim = draw.randrange(1, len(streams))
        kept = streams[victim][: draw.choice([0, 8, 56, 64])]
        streams[victim] = kept + bytes(draw.choices([0, 1, 2, 3, 0x10, 0x11, 0xFF, 0x80], k=draw.randrange(3000)))
        ask_everything(container(streams, 512))


def hostile_pdbs() -> dict[str, bytes]:
    """A few megabytes each, made to be as slow as they can be."""
    loop = structure("Thing", 0x1001) + fields(*[member("", 0x1000, 0)] * 1000)
    announced = structure("Thing", 0x1001) + fields(*[member("", 0x1002, 0)] * 1000) + structure("B", 0, 0, 0x80)
    smallest = bytes([2, 0, 0x0E, 0x11]) * 300_000
    names = b"".join(public_record(1, at, "abc") for at in range(150_000))
    return {
        "bases": pdb_bytes(PdbSpec(types=loop + structure("Thing", 0, 0, 0x80) * 50_000)),
        "announcements": pdb_bytes(PdbSpec(types=announced + structure("B", 0, 0, 0x80) * 50_000)),
        "field names": pdb_bytes(PdbSpec(types=fields(*[member("Thing", 0x74, 0)] * 3000) * 30)),
        "tiny records": container([*streams_of(PdbSpec())[:5], smallest, *streams_of(PdbSpec())[6:]]),
        "many names": container([*streams_of(PdbSpec())[:5], names, *streams_of(PdbSpec())[6:]]),
    }


@pytest.mark.parametrize("kind", hostile_pdbs())
def test_hostile_pdbs_are_bounded_in_time_and_memory(kind: str, tmp_path: Path) -> None:
    data = hostile_pdbs()[kind]
    (tmp_path / "x.pdb").write_bytes(data)
    with at_most(200):
        ask_everything(data)
    tracemalloc.start()
    try:
        ask_everything(data)
        assert tracemalloc.get_traced_memory()[1] < BYTES + 4 * len(data)
    finally:
        tracemalloc.stop()
