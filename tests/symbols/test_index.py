"""The index: the same answers as the PDB, and nothing believed that does not fit."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.symbols.index import IndexedName, SourceStamp, SymbolIndex, build_index, open_index
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import Pdb
from tests.symbols.msf_writer import PdbSpec, pdb_bytes

GUID = "0123456789ABCDEF0123456789ABCDEF"
STAMP = SourceStamp(GUID, 1, 12345, 1_700_000_000_000_000_000)


def indexed(spec: PdbSpec, stamp: SourceStamp = STAMP) -> bytes:
    """The index of a PDB made by hand."""
    return build_index(Pdb(MsfFile(io.BytesIO(pdb_bytes(spec)))), stamp)


def opened(spec: PdbSpec) -> SymbolIndex:
    """That index, open."""
    return SymbolIndex(io.BytesIO(indexed(spec)), STAMP)


SPEC = PdbSpec(
    publics=[(1, 0x10, "alpha"), (1, 0x40, "beta"), (3, 0x8, "gamma")],
    sections=((0x1000, 0x800), (0x2000, 0x100), (0x3000, 0x100)),
)


def test_the_nearest_name_below_in_the_same_section() -> None:
    index = opened(SPEC)
    assert index.find(0x1010) == IndexedName(b"alpha", True, 0)
    assert index.find(0x103F) == IndexedName(b"alpha", True, 0x2F)
    assert index.find(0x1FFF) == IndexedName(b"beta", True, 0xFBF)
    assert index.find(0x3009) == IndexedName(b"gamma", True, 1)


@pytest.mark.parametrize("rva", [0, 0xFFF, 0x1000, 0x100F, 0x2000, 0x2FFF, 0x3007])
def test_no_name_reaches_into_another_section(rva: int) -> None:
    # dbghelp 10.0.15063 reports a nonsensical displacement (0xffffffffffffffff) in such places: it has no name either.
    assert opened(SPEC).find(rva) is None


def test_what_the_compiler_named_goes_before_what_the_linker_did() -> None:
    index = opened(PdbSpec(publics=[(1, 0, "?f@@YAXXZ")], modules=[[(1, 0, 8, "f")]]))
    assert index.find(0x1000) == IndexedName(b"f", False, 0)


def test_of_several_publics_the_first_by_name_as_in_dbghelp() -> None:
    # dbghelp 10.0.15063 on 300 addresses with up to nine publics each: always the first by name.
    index = opened(PdbSpec(publics=[(1, 0, "delta"), (1, 0, "beta"), (1, 0, "zeta"), (1, 0, "Beta")]))
    assert index.find(0x1000) == IndexedName(b"Beta", True, 0)


def test_answers_equal_a_plain_search() -> None:
    draw = random.Random(5)
    offsets = sorted(draw.sample(range(0x10000), 3000))
    spec = PdbSpec(publics=[(1, at, f"name{at:x}") for at in offsets], sections=((0x1000, 0x10000),))
    index = opened(spec)
    for _ in range(2000):
        offset = draw.randrange(0x10000)
        below = max((at for at in offsets if at <= offset), default=None)
        expected = None if below is None else IndexedName(f"name{below:x}".encode(), True, offset - below)
        assert index.find(0x1000 + offset) == expected


def test_a_name_longer_than_any_compiler_makes_is_cut() -> None:
    found = opened(PdbSpec(publics=[(1, 0, "x" * 60_000)])).find(0x1000)
    assert found == IndexedName(b"x" * 4096, True, 0)


def test_names_of_every_length_come_back_whole() -> None:
    lengths = [1, 2, 112, 113, 114, 255, 256, 4096]
    index = opened(PdbSpec(publics=[(1, n, "x" * length) for n, length in enumerate(lengths)]))
    assert [len(index.find(0x1000 + n).name) for n in range(len(lengths))] == lengths  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "stamp",
    [
        STAMP._replace(guid="F" * 32),
        STAMP._replace(age=2),
        STAMP._replace(size=1),
        STAMP._replace(changed_ns=STAMP.changed_ns + 1),
    ],
)
def test_an_index_of_another_file_is_refused(stamp: SourceStamp, tmp_path: Path) -> None:
    path = tmp_path / "x.ldsymidx"
    path.write_bytes(indexed(SPEC))
    open_index(path, STAMP).close()
    with pytest.raises(SymbolError, match="another PDB"):
        open_index(path, stamp)


def test_each_flipped_byte_is_noticed_before_a_wrong_name_comes_out() -> None:
    good = indexed(SPEC)
    truth = {rva: opened(SPEC).find(rva) for rva in (0x1010, 0x1050, 0x3010, 0x2000)}
    for position in range(len(good)):
        data = bytearray(good)
        data[position] ^= 0x41
        for rva, expected in truth.items():
            try:
                assert SymbolIndex(io.BytesIO(bytes(data)), STAMP).find(rva) == expected
            except SymbolError:
                continue


def test_each_truncation_is_noticed() -> None:
    good = indexed(SPEC)
    for size in range(len(good)):
        try:
            index = SymbolIndex(io.BytesIO(good[:size]), STAMP)
            assert index.find(0x1010) == IndexedName(b"alpha", True, 0)
        except SymbolError:
            continue
    with pytest.raises(SymbolError):
        SymbolIndex(io.BytesIO(b""), STAMP)
