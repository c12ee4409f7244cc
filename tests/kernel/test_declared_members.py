"""Every member that a structure of the kernel declares, on the layouts of nine builds, against the debugger's dt."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import livedump.kernel
from livedump.kernel.c_layouts import FIXED
from livedump.kernel.structure import Declared, Structure
from livedump.kernel.typed_memory import ListedLayouts
from livedump.model.layout import find_member
from livedump.symbols.pdb.pdb_file import open_pdb
from livedump.symbols.pdb.types import PdbTypes
from tests.kernel.test_windows_layouts import build_types
from tests.synth.kernel.layout import BUILDS

if TYPE_CHECKING:
    from tests.lab.lab import Lab

LINE = re.compile(r"( +)\+0x([0-9a-f]+) (\w+) +: (.*)")
BITS = re.compile(r"Pos (\d+), (\d+) Bits?")
IN_NO_SYMBOLS = {
    "_EPROCESS.ActiveProcessLinks": "what stands beside the links, where a process begins is not known",
    "_KSWITCH_FRAME": "in those of ARM64, of which no layout is at hand",
}
"""Types that no build has, and why they are declared."""


def declared() -> list[type[Structure]]:
    """Every structure of the room."""
    for module in pkgutil.iter_modules(livedump.kernel.__path__):
        importlib.import_module(f"livedump.kernel.{module.name}")
    pending, found = [Structure], []
    for kind in pending:  # grows while it is walked
        pending += kind.__subclasses__()
        found += [kind] if kind.__module__.startswith("livedump.") and "type_name" in vars(kind) else []
    return sorted(found, key=lambda kind: kind.__name__)


def paths_of(kind: type[Structure]) -> list[str]:
    """Every name of every member, in C."""
    members = [each for each in vars(kind).values() if isinstance(each, Declared)]
    names = [name for each in members for name in each.names]
    return [path for name in names for path in ((name,) if isinstance(name, str) else name)]


WANTED = sorted(
    {
        (kind.type_name, path)
        for kind in declared()
        if kind.type_name not in IN_NO_SYMBOLS and ListedLayouts(FIXED).layout(kind.type_name) is None
        for path in paths_of(kind)
    }
)


def test_there_is_something_to_hold_against_it() -> None:
    assert ("_ETHREAD", "Tcb.StackBase") in WANTED
    assert ("_EPROCESS", "ImageFileName") in WANTED


def types_of(folder: Path, build: str) -> tuple[PdbTypes, Path]:
    """The types of one build's kernel as we read them, and the image that they belong to."""
    image = build_types(folder, build)[1]
    return PdbTypes(open_pdb(image.with_suffix(".pdb")).msf), image


def test_every_member_is_there_in_some_build(tmp_path: Path) -> None:
    missing = set(WANTED)
    for build in BUILDS:
        folder = tmp_path / build
        folder.mkdir()
        types, _ = types_of(folder, build)
        missing -= {(name, path) for name, path in missing if find_member(types.layout, name, path)}
    assert missing == set()


def shown_place(output: str, path: str) -> tuple[int, str] | None:
    """Offset from the outer structure, and the bits or nothing, of the member that ``dt type path`` shows."""
    offset, kind = 0, ""
    lines = [found for found in map(LINE.match, output.splitlines()) if found]
    for level, name in enumerate(path.split(".")):
        line = next((each for each in lines if len(each[1]) == 3 * (level + 1) and each[3] == name), None)
        if line is None:
            return None
        offset, kind = offset + int(line[2], 16), line[4]
        lines = lines[lines.index(line) + 1 :]
    bits = BITS.search(kind)
    return offset, f"{bits[1]}:{bits[2]}" if bits else ""


@pytest.mark.lab
@pytest.mark.parametrize("build", BUILDS)
def test_every_member_stands_where_the_debugger_shows_it(lab: Lab, tmp_path: Path, build: str) -> None:
    types, image = types_of(tmp_path, build)
    commands = [f"dt types!{name} {path}" for name, path in WANTED]
    outputs = lab.debugger(image, commands, symbol_path=str(tmp_path), timeout=300).outputs
    for (name, path), output in zip(WANTED, outputs):
        ours = find_member(types.layout, name, path)
        bits = f"{ours.first_bit}:{ours.bits}" if ours and ours.bits else ""
        assert shown_place(output, path) == ((ours.offset, bits) if ours else None), (name, path)
