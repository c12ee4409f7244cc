"""The direction of imports, and one door for each third-party name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "extensions" / "livedump"

MAY_IMPORT = {
    "model": {"model"},
    "reference": {"reference", "model"},
    "machine": {"machine", "model"},
    "images": {"images", "model"},
    "dumpfile": {"dumpfile", "machine", "model"},
    "kernel": {"kernel", "unwind", "images", "machine", "model"},
    "unwind": {"unwind", "images", "machine", "model"},
    "symbols": {"symbols", "images", "model"},
    "companions": {"companions", "reference", "model"},
    "engines": {"engines", "companions", "kernel", "unwind", "symbols", "images", "dumpfile", "machine", "model"},
    "analysis": {"analysis", "kernel", "reference", "model"},
    "report": {"report", "reference", "model"},
    "fleet": {"fleet", "engines", "analysis", "report", "dumpfile", "symbols", "reference", "model", ""},
    "frontends": {"frontends", "fleet", "engines", "kernel", "analysis", "report", "reference", "model", ""},
}

DOORS = {
    "pykd": {"engines/pykd.py", "engines/pykd_session.py"},
    "tabulate": {"report/plain.py"},
    "argcomplete": {"frontends/completion.py"},
    "rich": {"frontends/progress_bar.py"},
    "py7zr": {"fleet/seven_zip.py"},
    "pylibmspack": {"fleet/cabinet.py"},
    "fsspec": {"fleet/remote.py"},
    "pyarrow": {"fleet/parquet.py"},
    "distributed": {"fleet/distributed.py"},
    "mcp": {"frontends/mcp_server.py"},
    "evtx": {"companions/evtx.py"},
}


def imported_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


SOURCES = sorted(PACKAGE.glob("*/**/*.py"))


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in SOURCES}
    assert rooms == set(MAY_IMPORT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    ours = {name for name in imported_names(path) if name.split(".")[0] == "livedump"}
    rooms = {(*name.split("."), "")[1] for name in ours}
    assert rooms <= MAY_IMPORT[room]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_third_party_names_have_one_door(path: Path) -> None:
    here = path.relative_to(PACKAGE).as_posix()
    for name, doors in DOORS.items():
        if any(imported.split(".")[0] == name for imported in imported_names(path)):
            assert here in doors


def test_the_core_needs_nothing_but_the_standard_library_pykd_and_tabulate() -> None:
    import sys

    if not hasattr(sys, "stdlib_module_names"):
        pytest.skip("this Python does not list its own modules")
    core = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] not in {"companions", "fleet", "frontends"}]
    foreign = {name.split(".")[0] for path in core for name in imported_names(path)}
    assert foreign - set(sys.stdlib_module_names) <= {"livedump", "pykd", "tabulate"}
