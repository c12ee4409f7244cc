"""Origins that a code names by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.model.bug_check import BugCheck
from livedump.model.findings import OriginKind
from livedump.reference.entries import BadEntry
from livedump.reference.origins import OriginCode, find_origin, read_origin_codes


@pytest.mark.parametrize(
    ("code", "first", "origin"),
    [
        # Parameter 1 of 0x1A8 by Microsoft's page: 1 hotkey, 2 volume buttons, 4 internal, 8 power button held.
        (0x1A8, 1, OriginKind.BLACK_SCREEN_HOTKEY),
        (0x1A8, 2, OriginKind.BLACK_SCREEN_HOTKEY),
        (0x1A8, 4, None),
        (0x1A8, 8, OriginKind.POWER_BUTTON),
        (0x100001A8, 8, OriginKind.POWER_BUTTON),
        (0x165, 0xFFFFFFFFFFFFFFFF, OriginKind.FAILOVER_CLUSTER),
        (0x161, 0x005461736B6D6772, None),
        (0, 0, None),
    ],
)
def test_a_code_and_its_first_parameter_name_an_origin(code: int, first: int, origin: OriginKind | None) -> None:
    assert find_origin(BugCheck(code, (first, 0, 0, 0))) is origin


def file_of(folder: Path, content: str) -> Path:
    path = folder / "origins.txt"
    path.write_text(content, "utf-8")
    return path


def test_a_line_is_a_code_an_origin_and_values(tmp_path: Path) -> None:
    lines = read_origin_codes(file_of(tmp_path, "0x1 crash\n0x2  storport  0x3 0x4\n"))
    assert lines == (OriginCode(1, OriginKind.CRASH, ()), OriginCode(2, OriginKind.STORPORT, (3, 4)))


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("0x1\n", 1, "expected a code and an origin"),
        ("# c\n0x1 storeport\n", 2, "'storeport' is no origin; expected one of task-manager, "),
        ("1 storport\n", 1, "expected a number like 0x161, got '1'"),
        ("0x1 storport 3\n", 1, "expected a number like 0x161, got '3'"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, problem: str) -> None:
    with pytest.raises(BadEntry) as caught:
        read_origin_codes(file_of(tmp_path, content))
    assert str(caught.value).startswith(f"origins.txt:{line}: {problem}")
