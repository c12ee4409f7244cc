"""Real layouts of Windows, built into PDBs: our reader and Microsoft's debugger get out of them what was put in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.engines.text.lines import split_lines
from livedump.engines.text.types import parse_layout
from livedump.model.layout import Layout
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.synth import toolchain
from tests.synth.kernel import layout as windows
from tests.synth.kernel.type_records import metadata_text

if TYPE_CHECKING:
    from tests.lab.lab import Lab

WHOLE = Path(__file__).parents[3] / "shared/facts/kernel-layouts/20348.json"
"""All structures; the project's own tables hold those that are read."""
Line = tuple[int, str, str, int, int]
"""Offset, name, type, first bit, bits; 0 and 0 of what is no bit field."""


def whole_layout() -> windows.Layout:
    if not WHOLE.exists():
        pytest.skip("the whole tables are not here")
    table = json.loads(WHOLE.read_text(encoding="utf-8"))
    return windows.Layout("whole 20348", frozenset(), frozenset(), table["enums"], table["types"])


def layouts() -> list[str]:
    return [*windows.BUILDS, "whole 20348"]


def build_types(folder: Path, name: str) -> tuple[windows.Layout, Path]:
    """The layout of that name and an image whose PDB has its types."""
    table = whole_layout() if name.startswith("whole") else windows.layout_of(name)
    try:
        code = toolchain.assemble(folder, ".text\n.globl EntryPoint\nEntryPoint:\nret\n")
        types = toolchain.compile_metadata(folder, metadata_text(table))
    except toolchain.ToolchainMissing as error:
        pytest.skip(str(error))
    toolchain.link(folder, "types.sys", [code, types], 0x60000000)
    return table, folder / "types.sys"


def put_in(table: windows.Layout, type_name: str) -> list[Line]:
    """What the table says of a type. What a pointer to a function points at is not put into the PDB."""
    found = []
    for name, place in table.fields(type_name).items():
        kind = re.sub(r"^ptr ?(?:function|enum .*)?(?=\[|$)", "ptr void", place.type_name)
        kind = re.sub(r"^enum (\S+) [ui]\d+", r"enum \1", kind).replace("f64", "float")
        kind = re.sub(r"anonymous|_\w+\.[\w.]+", f"{type_name}.{name}", kind)  # two members may have one such type
        found.append((place.offset, name, "" if place.bits else kind, place.first_bit, place.bits))
    return sorted(found)


def read_back(layout: Layout) -> list[Line]:
    """What was read of a type."""
    return sorted(
        (each.offset, each.name, "" if each.bits else str(each.type), each.first_bit or 0, each.bits or 0)
        for each in layout.members
    )


@pytest.mark.parametrize("name", layouts())
def test_every_structure_is_read_back(tmp_path: Path, name: str) -> None:
    table, image = build_types(tmp_path, name)
    types = PdbTypes(open_pdb(image.with_suffix(".pdb")).msf)
    for type_name in table.types:
        layout = types.layout(type_name)
        assert layout is not None, type_name
        assert read_back(layout) == put_in(table, type_name), type_name
        assert layout.size == table.size(type_name)


@pytest.mark.lab
@pytest.mark.parametrize("name", layouts())
def test_the_debugger_shows_the_same(lab: Lab, tmp_path: Path, name: str) -> None:
    table, image = build_types(tmp_path, name)
    commands = {}
    for type_name in table.types:
        outer, _, path = type_name.partition(".")
        commands[type_name] = f"dt -v types!{outer} {path}." if path else f"dt -v types!{outer}"
    outputs = lab.debugger(image, list(commands.values()), symbol_path=str(tmp_path), timeout=300).outputs
    shown = {name: split_lines(text) for name, text in zip(commands, outputs)}
    types = PdbTypes(open_pdb(image.with_suffix(".pdb")).msf)
    for type_name in table.types:
        theirs, ours = parse_layout(shown[type_name], type_name), types.layout(type_name)
        assert theirs is not None, (type_name, shown[type_name][:3])
        assert ours is not None
        assert read_back(theirs) == read_back(ours), type_name
        shown_sizes, our_sizes = sizes(theirs), sizes(ours)
        assert shown_sizes == {member: our_sizes[member] for member in shown_sizes}, type_name


def sizes(layout: Layout) -> dict[str, int | None]:
    """Of the type and of each member; the debugger does not know all of those that have no name of their own."""
    known = {each.name: each.type.size for each in layout.members}
    return {"": layout.size, **{name: size for name, size in known.items() if size is not None}}
