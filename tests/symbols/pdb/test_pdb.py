"""Names out of PDBs: against llvm-pdbutil for what clang and lld write, and by hand for what they do not."""

from __future__ import annotations

import io
import re
import struct
import subprocess
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import Pdb, SectionExtent, open_pdb
from tests.symbols.msf_writer import PdbSpec, container, pdb_bytes, streams_of
from tests.symbols.toolchain import Built, build, identity_of, need

SOURCE = r"""
int data = 4;
extern "C" int _fltused = 0;
static int hidden(int a) { static int calls; return a * 11 + calls++; }
namespace outer { struct Inner { int method(int); }; int Inner::method(int a) { return hidden(a) + data; } }
extern "C" int entry(int a) { outer::Inner i; return i.method(a) + hidden(a); }
"""


def made(spec: PdbSpec) -> Pdb:
    """A PDB in memory."""
    return Pdb(MsfFile(io.BytesIO(pdb_bytes(spec)), "made.pdb"))


def names(pdb: Pdb) -> dict[int, set[str]]:
    """All names by RVA."""
    found: dict[int, set[str]] = {}
    for symbol in pdb.iter_symbols():
        found.setdefault(symbol.rva, set()).add(symbol.name.decode())
    return found


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An image whose PDB has publics only."""
    return build(tmp_path_factory.mktemp("public"), "public", SOURCE)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An image whose PDB has everything."""
    return build(tmp_path_factory.mktemp("private"), "private", SOURCE, private=True)


def dumped(pdb: Path, *options: str) -> str:
    """What llvm-pdbutil prints."""
    need("llvm-pdbutil")
    command = ["llvm-pdbutil", "dump", *options, str(pdb)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def located(text: str, kinds: str, starts: list[int]) -> set[tuple[int, str]]:
    """RVA and name of the records of these kinds in llvm-pdbutil's text; its offsets are decimal."""
    pattern = rf"S_(?:{kinds}) \[size = \d+\] `(.+?)`\n(?:.*\n){{0,2}}?.*addr = (\d+):(\d+)"
    return {(starts[int(section) - 1] + int(offset), name) for name, section, offset in re.findall(pattern, text)}


def test_identity_and_sections_are_those_of_the_image(public: Built) -> None:
    pdb = open_pdb(public.pdb)
    assert (pdb.guid, pdb.age) == identity_of(public.pdb)[1:]
    headers = dumped(public.pdb, "-section-headers")
    sizes = [int(size, 16) for size in re.findall(r"([0-9A-F]+) virtual size", headers)]
    starts = [int(start, 16) for start in re.findall(r"([0-9A-F]+) virtual address", headers)]
    assert pdb.sections() == tuple(SectionExtent(start, size) for start, size in zip(starts, sizes))
    assert pdb.machine == 0x8664


def test_publics_are_those_that_llvm_finds(public: Built) -> None:
    pdb = open_pdb(public.pdb)
    expected = located(dumped(public.pdb, "-publics"), "PUB32", [section.start for section in pdb.sections()])
    assert {(symbol.rva, symbol.name.decode()) for symbol in pdb.iter_symbols()} == expected
    assert all(symbol.decorated for symbol in pdb.iter_symbols())


def test_procedures_and_data_are_those_that_llvm_finds(private: Built) -> None:
    pdb = open_pdb(private.pdb)
    starts = [section.start for section in pdb.sections()]
    expected = located(dumped(private.pdb, "-symbols"), "[GL]PROC32(?:_ID)?|[GL]DATA32", starts)
    found = {(symbol.rva, symbol.name.decode()) for symbol in pdb.iter_symbols() if not symbol.decorated}
    assert expected <= found
    assert {"hidden", "outer::Inner::method", "data", "entry"} <= {name for _, name in found}


def test_a_name_made_by_hand_stands_where_its_section_does() -> None:
    pdb = made(PdbSpec(publics=[(2, 0x10, "beta")], sections=((0x1000, 0x100), (0x5000, 0x100))))
    assert names(pdb) == {0x5010: {"beta"}}


def test_the_age_of_the_image_is_that_of_the_dbi_stream() -> None:
    # A PDB that was written twice has a higher age in its info stream; Microsoft's stripped ones do.
    assert made(PdbSpec(age=1, info_age=7)).age == 1


def test_a_section_that_is_not_there_has_no_names() -> None:
    pdb = made(PdbSpec(publics=[(0, 5, "absolute"), (9, 5, "nowhere"), (1, 5, "here")]))
    assert names(pdb) == {0x1005: {"here"}}


def test_blocks_moved_after_linking_are_found_through_omap() -> None:
    spec = PdbSpec(
        publics=[(1, 0x10, "moved"), (1, 0x90, "dropped"), (1, 0x110, "other"), (1, 0x0, "first")],
        sections=((0x3000, 0x1000),),
        original_sections=((0x1000, 0x1000),),
        omap=[(0x1000, 0x3800), (0x1080, 0), (0x1100, 0x3100)],
    )
    assert names(made(spec)) == {0x3810: {"moved"}, 0x3110: {"other"}, 0x3800: {"first"}}


def test_a_module_stream_listed_twice_is_read_once() -> None:
    spec = PdbSpec(modules=[[(1, 0, 4, "one")]])
    streams = streams_of(spec)
    header, entry = streams[3][:64], streams[3][64 : 64 + struct.unpack_from("<i", streams[3], 24)[0]]
    many = header[:24] + struct.pack("<i", len(entry) * 1000) + header[28:]
    streams[3] = many + entry * 1000 + streams[3][64 + len(entry) :]
    pdb = Pdb(MsfFile(io.BytesIO(container(streams))))
    assert [symbol.name for symbol in pdb.iter_symbols()] == [b"one"]


OTHER_FILES = {"empty": b"", "image": b"MZ", "old": b"Microsoft C/C++ program database 2.00\r\n", "zeros": bytes(5000)}


@pytest.mark.parametrize("text", OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files_are_named_as_such(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.pdb"
    path.write_bytes(text)
    with pytest.raises(SymbolError, match="is not a PDB"):
        open_pdb(path)


def test_a_folder_and_a_missing_file_are_symbol_errors(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.pdb", Path("a\0b")):
        with pytest.raises(SymbolError):
            open_pdb(path)
