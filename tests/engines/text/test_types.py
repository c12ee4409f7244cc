"""Types in debugger text: what both engines print of a driver that has one member of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.engines.text.lines import split_lines
from livedump.engines.text.types import parse_evaluated, parse_layout
from livedump.model.layout import Layout, TypeKind
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.symbols.pdb.shapes import SHAPES, SHAPES_SIZE, build_shapes, member_lines

if TYPE_CHECKING:
    from tests.lab.lab import Lab

SAVED = Path(__file__).with_name("dt_shapes.txt")
"""Printed by 10.0.15063 and by 10.0.29507, which say the same."""
INNER = "_SHAPES.Named.Tail.Inner"


def saved(command: str) -> tuple[str, ...]:
    """What the debugger printed for a command."""
    text = SAVED.read_text(encoding="utf-8").partition(f"kd> {command}\n")[2].partition("kd> ")[0]
    assert text
    return split_lines(text)


def layout(lines: tuple[str, ...], name: str) -> Layout:
    found = parse_layout(lines, name)
    assert found
    return found


def test_every_kind_of_member() -> None:
    found = layout(saved("dt -v shapes!_SHAPES"), "_SHAPES")
    assert member_lines(found) == SHAPES
    assert found.size == SHAPES_SIZE


def test_a_member_of_a_member_of_a_name_of_its_own() -> None:
    named = layout(saved("dt -v shapes!_SHAPES Named."), "_SHAPES.Named")
    assert (named.size, member_lines(named)) == (
        0x18,
        ["000 Tail _SHAPES.Named.Tail", "010 Array _SHAPES.Named.Array[2]"],
    )
    inner = layout(saved("dt -v shapes!_SHAPES Named.Tail.Inner."), INNER)
    assert (inner.size, member_lines(inner)) == (0x10, ["000 Thread ptr void", f"008 Overlay {INNER}.Overlay"])


def test_names_that_begin_alike_are_other_members() -> None:
    # The debugger takes ``u.`` for every name that begins with u or U.
    lines = (
        "struct _S, 4 elements, 0x20 bytes",
        "   +0x004 UShort : Uint2B",
        "   +0x008 UList : struct _L, 1 elements, 0x8 bytes",
        "      +0x000 Other : Uint8B",
        "   +0x010 u     : union _S::<unnamed-tag>, 3 elements, 0x10 bytes",
        "      +0x000 Mine  : Uint4B",
    )
    assert member_lines(layout(lines, "_S.u")) == ["000 Mine u32"]


def test_a_symbol_is_an_address() -> None:
    assert parse_evaluated(saved("? @@masm(shapes!KiProcessorBlock)")) == 0x140003200


def test_a_complaint_is_no_answer() -> None:
    assert parse_layout(saved("dt -v shapes!_NOWHERE"), "_NOWHERE") is None
    assert parse_layout(saved("dt -v shapes!_KTHREAD_STATE"), "_KTHREAD_STATE") is None
    assert parse_layout(saved("dt -v shapes!_SHAPES Named."), "_SHAPES.Type") is None
    assert parse_layout(saved("dt -v shapes!_SHAPES"), "_OTHER") is None
    assert parse_evaluated(saved("? @@masm(shapes!nope)")) is None


def test_an_enumeration_is_no_larger_than_its_room() -> None:
    lines = (
        "struct _S, 3 elements, 0xc bytes",
        "   +0x000 Small : Enum _E,  2 total enums",
        "   +0x001 Next  : UChar",
        "   +0x004 Usual : Enum _E,  2 total enums",
        "   +0x008 Last  : Uint4B",
    )
    assert [member.type.size for member in layout(lines, "_S").members] == [1, 1, 4, 4]


@pytest.mark.parametrize(
    "text",
    [
        "[99999999999] UChar",
        "[4294967296] UChar",
        "Ptr64 to " * 400 + "Void",
        "[2] " * 400 + "UChar",
        "struct " + "x" * 3000,
        "Int99B",
        "",
        "Bitfield Pos 999, 999 Bits",
    ],
)
def test_hostile_text_is_soon_read(text: str) -> None:
    lines = ("struct _S, 1 elements, 0x8 bytes", f"   +0x000 Name : {text}", f"   +0xffffffff N : {text}")
    assert layout(lines, "_S").size == 8


def test_what_is_not_known_has_no_size() -> None:
    (member,) = layout(("struct _S, 1 elements, 0x8 bytes", "   +0x000 Real : Float"), "_S").members
    assert (member.type.kind, member.type.size) == (TypeKind.FLOAT, None)


@pytest.mark.lab
def test_the_debugger_prints_what_the_pdb_says(lab: Lab, tmp_path: Path) -> None:
    built = build_shapes(tmp_path)
    names = ("_SHAPES", "_LIST_ENTRY", "_LARGE_INTEGER", "_LATER", INNER, f"{INNER}.Overlay", "_SHAPES.u.u1")
    commands = []
    for name in names:
        outer, _, path = name.partition(".")
        commands.append(f"dt -v shapes!{outer}" + (f" {path}." if path else ""))
    outputs = lab.debugger(built.image, commands, symbol_path=str(tmp_path)).outputs
    types = PdbTypes(open_pdb(built.pdb).msf)
    shown = {name: member_lines(layout(split_lines(text), name)) for name, text in zip(names, outputs)}
    ours = {name: types.layout(name) for name in names}
    assert shown == {name: member_lines(found) for name, found in ours.items() if found}
