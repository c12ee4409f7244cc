"""Whole layouts out of a PDB, and how few records are looked at for one."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.model.layout import Layout, find_member
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.type_records import Definition, TypeRecords
from livedump.symbols.pdb.types import PdbTypes
from tests.symbols import real_pdbs
from tests.symbols.pdb.shapes import SHAPES, SHAPES_SIZE, build_shapes, member_lines
from tests.symbols.toolchain import LINK, need

if TYPE_CHECKING:
    from tests.lab.lab import Lab

FOLDER = real_pdbs.folder()


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shapes(tmp_path_factory.mktemp("shapes")).pdb


@pytest.fixture(scope="module")
def types(shapes: Path) -> PdbTypes:
    return PdbTypes(open_pdb(shapes).msf)


def layout(types: PdbTypes, name: str) -> Layout:
    found = types.layout(name)
    assert found
    return found


def test_every_kind_of_member_is_what_the_debugger_says(types: PdbTypes) -> None:
    found = layout(types, "_SHAPES")
    assert member_lines(found) == SHAPES
    assert found.size == SHAPES_SIZE


def test_what_has_no_name_is_named_after_its_member(types: PdbTypes) -> None:
    assert member_lines(layout(types, "_SHAPES.Named")) == [
        "000 Tail _SHAPES.Named.Tail",
        "010 Array _SHAPES.Named.Array[2]",
    ]
    inner = layout(types, "_SHAPES.Named.Tail.Inner")
    assert member_lines(inner) == ["000 Thread ptr void", "008 Overlay _SHAPES.Named.Tail.Inner.Overlay"]
    assert member_lines(layout(types, "_SHAPES.Named.Array")) == ["000 X u32"]
    assert layout(types, "_SHAPES.u.u1").size == 8
    assert [each.name for each in layout(types, "_LARGE_INTEGER.u").members] == ["LowPart", "HighPart"]


def test_a_path_leads_to_bits_in_a_structure_without_a_name(types: PdbTypes) -> None:
    found = find_member(types.layout, "_SHAPES", "Named.Tail.Inner.Overlay.Deeper")
    assert found
    assert (found.offset, found.first_bit, found.bits) == (0x148 + 8 + 4, 0, 7)


@pytest.mark.parametrize("name", ["_NOWHERE", "_KTHREAD_STATE", "_SHAPES.Nothing", "_SHAPES.Type", "", ".", "_shapes"])
def test_what_is_no_structure_has_no_layout(types: PdbTypes, name: str) -> None:
    assert types.layout(name) is None


def two_of_a_name(folder: Path) -> list[Path]:
    """Two images, each with a small and a large _KPRCB in its PDB: the small one first, and last."""
    need("clang", "lld-link")
    sources = {
        "small": "struct _KPRCB { int MajorVersion; }; struct _KPRCB a; int entry(void) { return a.MajorVersion; }",
        "large": "struct _KPRCB { int MajorVersion; int Later[99]; } b; int other(void) { return b.Later[3]; }",
    }
    for name, source in sources.items():
        (folder / f"{name}.c").write_text(source)
        command = ["clang", "--target=x86_64-pc-windows-msvc", "-g", "-gcodeview", "-fstandalone-debug", "-c"]
        subprocess.run([*command, f"{name}.c", "-o", f"{name}.obj"], check=True, cwd=folder)
    images = []
    for order in (("small", "large"), ("large", "small")):
        objects = [f"{name}.obj" for name in order]
        subprocess.run([*LINK, f"/out:{order[0]}.sys", f"/pdb:{order[0]}.pdb", *objects], check=True, cwd=folder)
        images.append(folder / f"{order[0]}.sys")
    return images


def test_of_two_structures_of_a_name_it_is_the_larger(tmp_path: Path) -> None:
    for image in two_of_a_name(tmp_path):
        assert layout(PdbTypes(open_pdb(image.with_suffix(".pdb")).msf), "_KPRCB").size == 400


@pytest.mark.lab
def test_the_debugger_takes_the_larger_one_too(lab: Lab, tmp_path: Path) -> None:
    for image in two_of_a_name(tmp_path):
        (output,) = lab.debugger(image, [f"dt -v {image.stem}!_KPRCB"], symbol_path=str(tmp_path)).outputs
        assert "struct _KPRCB, 2 elements, 0x190 bytes" in output


class CountedRecords(TypeRecords):
    """Counts what is looked at."""

    looked_at = 0

    def definition(self, start: int) -> Definition | None:
        self.looked_at += 1
        return super().definition(start)


def test_a_name_is_found_by_its_hash_among_thousands(tmp_path: Path) -> None:
    need("clang", "lld-link")
    names = [f"_STRUCTURE_{number}" for number in range(3000)]
    source = "".join(f"struct {name} {{ int Member{name}[{at + 1}]; }} v{name};\n" for at, name in enumerate(names))
    (tmp_path / "many.c").write_text(source + "int entry(void) { return 0; }")
    command = ["clang", "--target=x86_64-pc-windows-msvc", "-g", "-gcodeview", "-fstandalone-debug", "-c", "many.c"]
    subprocess.run(command, check=True, cwd=tmp_path)
    subprocess.run([*LINK, "/out:many.sys", "/pdb:many.pdb", "many.o"], check=True, cwd=tmp_path)
    records = CountedRecords(open_pdb(tmp_path / "many.pdb").msf)
    found = [records.find(name.encode()) for name in names]
    assert [each.size for each in found if each] == [4 * (at + 1) for at in range(3000)]
    assert records.looked_at < 10 * len(names)


def damaged(shapes: Path, stream: int, offset: int, new: bytes) -> TypeRecords:
    """The records of the PDB with other bytes in one place of a stream."""
    data = bytearray(shapes.read_bytes())
    for block in real_pdbs._places(bytes(data))[stream][offset // 4096 : offset // 4096 + 1]:
        data[block + offset % 4096 : block + offset % 4096 + len(new)] = new
    return TypeRecords(MsfFile(io.BytesIO(bytes(data))))


@pytest.mark.parametrize(
    ("offset", "new"),
    [
        (20, b"\xff\xff"),  # no stream of hashes
        (24, b"\x02"),  # keys of two bytes
        (28, b"\x01\x02"),  # another count of buckets
        (32, b"\xf0\xff\xff\xff"),  # hashes in front of the stream
        (36, b"\x04\0\0"),  # a hash for one record only
        (40, b"\x02"),  # offsets of records in disorder
        (44, b"\0\0"),  # no offsets
    ],
)
def test_a_pdb_whose_tables_are_damaged_is_searched(shapes: Path, offset: int, new: bytes) -> None:
    sound = TypeRecords(open_pdb(shapes).msf)
    records = damaged(shapes, 2, offset, new)
    for name in (b"_SHAPES", b"_LATER", b"_LIST_ENTRY", b"_KTHREAD_STATE"):
        assert records.find(name) == sound.find(name) is not None


def test_offsets_that_lead_beside_a_record_are_not_believed(shapes: Path) -> None:
    msf = open_pdb(shapes).msf
    sound = TypeRecords(msf)
    records = TypeRecords(msf)
    records._chunks[0] = records._chunks[0]._replace(start=8)
    assert records.find(b"_SHAPES") == sound.find(b"_SHAPES")
    assert records.start(0x1003) == sound.start(0x1003)


def test_msvc_writes_the_same_tables() -> None:
    real = real_pdbs.find(FOLDER)[1]
    records = CountedRecords(open_pdb(real.pdb).msf)
    for name, size in ((b"_CONTEXT", 1232), (b"_LIST_ENTRY", 16), (b"_LARGE_INTEGER", 8)):
        found = records.find(name)
        assert found
        assert found.size == size
    assert records.looked_at < 20


def test_what_msvc_leaves_unnamed_is_named_after_its_member() -> None:
    types = PdbTypes(open_pdb(real_pdbs.find(FOLDER)[1].pdb).msf)
    whole = layout(types, "_LARGE_INTEGER")
    assert member_lines(whole) == ["000 LowPart u32", "004 HighPart i32", "000 u _LARGE_INTEGER.u", "000 QuadPart i64"]
    assert member_lines(layout(types, "_LARGE_INTEGER.u")) == ["000 LowPart u32", "004 HighPart i32"]
