"""Which frames stand on a stack because the dump was being taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livedump.model.frames import Role
from livedump.reference.capture_frames import find_role, is_thread_start, read_frame_patterns
from livedump.reference.entries import BadEntry

LOGS = Path(__file__).parents[2].parent / "shared" / "samples" / "logs"

PAPER = {
    "IopLiveDumpCollectPages": Role.CAPTURE,
    "IopLiveDumpEndMirroringCallback": Role.CAPTURE,
    "MmDuplicateMemory": Role.CAPTURE,
    "IopLiveDumpCapture": Role.CAPTURE,
    "IopLiveDumpCaptureMemoryPages": Role.CAPTURE,
    "IoCaptureLiveDump": Role.CAPTURE,
    "DbgkCaptureLiveKernelDump": Role.CAPTURE,
    "NtSystemDebugControl": Role.REQUEST,
    "KiSystemServiceCopyEnd": Role.REQUEST,
}
"""The kernel's frames in both listings of the paper, innermost first."""


@pytest.mark.parametrize(("symbol", "role"), PAPER.items())
def test_frames_of_a_requested_dump(symbol: str, role: Role) -> None:
    assert find_role("nt", symbol) is role


@pytest.mark.parametrize(
    ("module", "symbol"),
    [
        ("nt", "KeBugCheckEx"),
        ("nt", "IopLoadDriver"),
        ("nt", "IopLiveDum"),
        ("nt", "iocapturelivedump"),
        ("nt", "IoCaptureLiveDumpX"),
        ("ntdll", "NtSystemDebugControl"),
        ("evil", "IoCaptureLiveDump"),
        ("dxgmms2", "VidSchiResetEngine"),
        ("nt", ""),
        ("", ""),
        ("nt", "x" * 100_000),
    ],
)
def test_other_functions_have_no_role(module: str, symbol: str) -> None:
    assert find_role(module, symbol) is None
    assert not is_thread_start(module, symbol)


@pytest.mark.parametrize("symbol", ["ExpWorkerThread", "PspSystemThreadStartup", "KiStartSystemThread"])
def test_where_a_system_thread_starts_tells_nothing(symbol: str) -> None:
    assert is_thread_start("nt", symbol)
    assert find_role("nt", symbol) is None


def stack_of(log: str) -> list[tuple[str, str]]:
    """Module and function of each row of ``kv`` or ``k`` in a debugger's log."""
    path = LOGS / log
    if not path.exists():
        pytest.skip(f"{path} is not here")
    row = re.compile(r"^\s*(?:[0-9a-f]{2} )?[0-9a-f`]{17} [0-9a-f`]{17}\b.*?(\w+)!([\w:]+)\+0x", re.MULTILINE)
    rows = row.findall(path.read_text("utf-8"))
    assert rows
    return rows


@pytest.mark.parametrize(
    ("log", "reporter"),
    [
        ("01-141-full-cdb-gpu-flare.txt", "dxgmms2!VidSchiResetHwEngine"),
        ("09-141-gpu-flare-WATCHDOG-20260515-0932.txt", "dxgmms2!VidSchiResetEngine"),
        ("17-1b0-gpu-flare-WATCHDOG-20260514-1118.txt", "dxgkrnl!DpiFdoStartAdapter"),
        ("33-193-rx9070xt-video-engine-hang.txt", "dxgkrnl!DpiAddDevice"),
        ("36-117-windows-graphics-stack-bug-blog.txt", "dxgkrnl!DXGADAPTER::Reset"),
    ],
)
def test_the_first_frame_without_a_role_is_who_had_the_trouble(log: str, reporter: str) -> None:
    stack = stack_of(log)
    assert find_role(*stack[0]) is Role.CAPTURE
    assert next(f"{module}!{symbol}" for module, symbol in stack if not find_role(module, symbol)) == reporter


@pytest.mark.parametrize(
    "log",
    [
        "15-193-gpu-flare-WATCHDOG-20260514-1142.txt",
        "31-141-gpu-flare-WATCHDOG-20260514-2314.txt",
        "40-mirror-dumpanalysis-part248.txt",
    ],
)
def test_a_stack_of_nothing_but_capture_blames_nobody(log: str) -> None:
    stack = stack_of(log)
    assert [site for site in stack if not find_role(*site) and not is_thread_start(*site)] == []


@pytest.mark.parametrize("log", ["03-113-bsod-cdb-gpu-flare.txt", "32-4a-bsod-minidump-diagnostics-tool.txt"])
def test_the_stack_of_a_crash_holds_no_capture(log: str) -> None:
    # 03 has watchdog!WdLogSingleEntry5 below KeBugCheckEx.
    assert [site for site in stack_of(log) if find_role(*site) is Role.CAPTURE] == []


def file_of(folder: Path, content: str) -> Path:
    path = folder / "frames.txt"
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("nt!Iop*", "nt!IopX", True),
        ("nt!Iop*", "nt!Iop", True),
        ("nt!Iop*", "nt!Io", False),
        ("nt!*Dump", "nt!LiveDump", True),
        ("nt!A*A", "nt!A", False),  # the star stands between two As
        ("nt!A*A", "nt!AA", True),
        ("nt!Exact", "nt!Exact", True),
        ("nt!Exact", "nt!Exactly", False),
    ],
)
def test_a_star_stands_for_any_characters(tmp_path: Path, pattern: str, name: str, matches: bool) -> None:
    (parsed,) = read_frame_patterns(file_of(tmp_path, f"[capture]\n{pattern}\n"))
    assert parsed.matches(name) is matches


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("[captured]\nnt!A\n", 1, "expected a section of capture, request, corral, thread-start, got 'captured'"),
        ("[capture]\nnt!A\nMmDuplicateMemory\n", 3, "expected module!function with one * at most"),
        ("[capture]\n!A\n", 2, "expected module!function"),
        ("[capture]\nnt!\n", 2, "expected module!function"),
        ("[capture]\n*!A\n", 2, "expected module!function"),
        ("[capture]\nnt!A*B*\n", 2, "expected module!function"),
        ("[capture]\nnt!A # why\n", 2, "expected module!function"),
    ],
)
def test_a_bad_pattern_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, problem: str) -> None:
    with pytest.raises(BadEntry) as caught:
        read_frame_patterns(file_of(tmp_path, content))
    assert str(caught.value).startswith(f"frames.txt:{line}: {problem}")
