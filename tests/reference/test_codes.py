"""Live dump codes and the names of bug checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.reference.codes import (
    NOT_DOCUMENTED,
    CodeKind,
    bug_check_name,
    find_live_code,
    live_codes,
    read_live_codes,
)
from livedump.reference.entries import BadEntry

BLOCK = """[0x161 LIVE_SYSTEM_DUMP]
kind:      live
meaning:   asked for: by somebody
p1:        text
component: Task Manager
folder:    A, B
source:    https://example.org/x
"""


def file_of(folder: Path, content: str) -> Path:
    path = folder / "codes.txt"
    path.write_text(content, "utf-8")
    return path


def test_the_code_of_a_requested_dump_can_never_be_a_crash() -> None:
    # Microsoft's page on 0x161: LIVE_SYSTEM_DUMP, used for live dumps only.
    known = find_live_code(0x161)
    assert known is not None
    assert (known.code, known.name, known.can_crash) == (0x161, "LIVE_SYSTEM_DUMP", False)


@pytest.mark.parametrize(
    ("code", "can_crash"),
    [
        (0x117, False),  # "This code can never be used for a real bug check", !analyze
        (0x11C8, False),  # "Instead of rebooting": Microsoft's page on the power button
        (0x124, True),  # listed among bug checks and among live dumps
        (0xE2, True),  # a crash from the keyboard, also used by tools
        (0x207, None),  # nothing but a name
        (0, None),
    ],
)
def test_whether_a_code_can_be_a_crash(code: int, can_crash: bool | None) -> None:
    known = find_live_code(code)
    assert known is not None
    assert known.can_crash is can_crash


@pytest.mark.parametrize("code", [0x161, 0x141, 0x1A1])
def test_the_mark_of_the_kernel_debugger_does_not_hide_a_live_code(code: int) -> None:
    assert find_live_code(0x10000000 | code) == find_live_code(code)


@pytest.mark.parametrize("code", [0x50, 0xDEAD, 0xFFFFFFFF, 1 << 63, 0x162])
def test_other_codes_are_not_live_codes(code: int) -> None:
    assert find_live_code(code) is None


def test_a_code_with_high_bits_of_its_own_is_found() -> None:
    known = find_live_code(0x400001EF)
    assert known is not None
    assert known.name == "VMBUS_LIVEDUMP"


def test_all_live_codes_by_number() -> None:
    codes = [code.code for code in live_codes()]
    assert codes == sorted(set(codes))
    assert len(codes) == 74


@pytest.mark.parametrize(
    ("code", "name"),
    [
        # As !analyze prints them.
        (0x4A, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE"),
        (0x161, "LIVE_SYSTEM_DUMP"),
        (0x7E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"),
        (0x1000007E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M"),
        (0x1000004A, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE"),
        (0x1D0, "ACPI_FIRMWARE_WATCHDOG_TIMEOUT"),
        (0, None),
        (0xDEAD, None),
        (1 << 63, None),
    ],
)
def test_names_of_bug_checks(code: int, name: str | None) -> None:
    assert bug_check_name(code) == name


def test_a_block_is_one_code(tmp_path: Path) -> None:
    (code,) = read_live_codes(file_of(tmp_path, BLOCK))
    assert (code.code, code.name, code.kind) == (0x161, "LIVE_SYSTEM_DUMP", CodeKind.LIVE)
    assert code.meaning == "asked for: by somebody"
    assert code.parameters == ("text", NOT_DOCUMENTED, NOT_DOCUMENTED, NOT_DOCUMENTED)
    assert (code.component, code.folder, code.source) == ("Task Manager", "A, B", "https://example.org/x")


def test_a_folder_that_is_left_out_is_not_known(tmp_path: Path) -> None:
    (code,) = read_live_codes(file_of(tmp_path, BLOCK.replace("folder:    A, B\n", "")))
    assert code.folder is None


@pytest.mark.parametrize(
    ("good", "bad", "line", "problem"),
    [
        ("0x161 LIVE", "161 LIVE", 1, "expected a number like 0x161, got '161'"),
        (" LIVE_SYSTEM_DUMP]", "]", 1, "expected a code and its name"),
        (
            "kind:      live",
            "kind:      alive",
            2,
            "expected a kind of live, both, borrowed, undocumented, observed, no-code",
        ),
        ("kind:      live\n", "", 1, "0x161 LIVE_SYSTEM_DUMP has no line 'kind'"),
        ("component: Task Manager\n", "", 1, "0x161 LIVE_SYSTEM_DUMP has no line 'component'"),
        ("p1: ", "p5: ", 4, "expected one of component, folder, kind, meaning, p1, p2, p3, p4, source"),
        ("p1:        text", "text", 4, "expected one of component"),
        ("p1:        text", "p1:", 4, "p1 has no value"),
        ("p1: ", "kind: ", 4, "kind stands above already"),
        ("[0x161 LIVE_SYSTEM_DUMP]", "[0x161 LIVE_SYSTEM_DUMP", 1, "expected a header like [section]"),
    ],
)
def test_a_bad_block_is_named_by_file_and_line(tmp_path: Path, good: str, bad: str, line: int, problem: str) -> None:
    assert good in BLOCK
    with pytest.raises(BadEntry) as caught:
        read_live_codes(file_of(tmp_path, BLOCK.replace(good, bad, 1)))
    assert str(caught.value).startswith(f"codes.txt:{line}: {problem}")


def test_the_second_block_of_a_code_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadEntry, match=r"^codes\.txt:8: 0x161 stands above already$"):
        read_live_codes(file_of(tmp_path, BLOCK + BLOCK))
