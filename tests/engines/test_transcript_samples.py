"""Real debugger logs. Each expected value was read from the log with the eye; the logs are not part of the project."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from livedump.engines.transcript import TranscriptEngine, looks_like_transcript
from livedump.model.bug_check import BugCheck
from livedump.model.dump import DumpKind, System
from livedump.model.errors import NotKnown
from livedump.model.images import UnloadedModule
from tests.engines.transcripts import saved_transcript

LOGS = Path(__file__).parents[2].parent / "shared" / "samples" / "logs"
pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason=f"no sample logs at {LOGS}")


def log(number: str) -> TranscriptEngine:
    [path] = LOGS.glob(f"{number}-*.txt")
    assert looks_like_transcript(path.read_bytes()[:65536])
    return saved_transcript(path)


@pytest.mark.parametrize(
    ("number", "code", "parameters"),
    [
        ("01", 0x141, (0xFFFFA70647D06060, 0xFFFFF807676B6740, 0, 0xFFFFA7062A5BF140)),
        ("03", 0x113, (0x2B, 0xFFFF96097B853800, 0xFFFFC28FAC436000, 0)),
        ("09", 0x141, (0xFFFF840D43151010, 0xFFFFF800586C5110, 0, 0xFFFF840D4A51C080)),
        ("15", 0x193, (0x815, 2, 0xFFFFD883AAE8D080, 0)),
        ("17", 0x1B0, (2, 0xFFFFFFFFC000009A, 0x108, 0xFFFFF802C2B489C0)),
        ("32", 0x4A, (0x7FFE7350D0C4, 2, 0, 0xFFFFA704EEB6BEC0)),
        ("33", 0x193, (0x801, 0xFFFFFFFFC0000001, 0, 0)),
        ("36", 0x117, (0xFFFFE0011E57D4C0, 0xFFFFF800A4C620F0, 0, 0)),
        ("43", 0x144, (0x1020, 0xFFFF948EEEF4D9A0, 0, 0)),
        ("44", 0x1A1, (0xFFFFD20BBCEE5040, 0, 0, 0)),
        ("49", 0x9F, (3, 0xFFFFE284FFE59060, 0xFFFFD38C2D84F580, 0xFFFFE2850787BC20)),
    ],
)
def test_bug_checks(number: str, code: int, parameters: tuple[int, int, int, int]) -> None:
    assert log(number).bug_check() == BugCheck(code, parameters)


def test_a_log_without_a_bug_check_says_so() -> None:
    with pytest.raises(NotKnown, match="bug check"):
        log("40").bug_check()


def test_a_bucket_alone_tells_the_code() -> None:
    # FAILURE_BUCKET_ID:  LKD_0x141_IMAGE_nvlddmkm.sys
    assert log("31").bug_check() == BugCheck(0x141, (None, None, None, None))


@pytest.mark.parametrize(
    ("number", "count", "complete", "innermost", "outermost"),
    [
        ("01", 13, True, "nt!DbgkpWerCaptureLiveTriageDump+0x8e", "nt!KiStartSystemThread+0x34"),
        ("03", 10, True, "nt!KeBugCheckEx", "0x00007ffa`1acf4d34"),
        ("09", 10, False, "nt!DbgkpWerCaptureLiveTriageDump+0x8e", "dxgmms2!VidSchiCompletePreemption+0x13"),
        ("15", 7, True, "watchdog!WdpDbgCaptureTriageDump+0xe6", "nt!KiStartSystemThread+0x34"),
        ("17", 10, False, "watchdog!WdpDbgCaptureTriageDump+0xe6", "dxgkrnl!DxgkNotifySessionStateChange+0x5a"),
        ("31", 10, False, "nt!IopLiveDumpCollectPages+0xd9", "nt!DbgkWerCaptureLiveKernelDump+0x69"),
        ("32", 4, True, "nt!KeBugCheckEx", "0x00007ffe`7350d0c4"),
        ("33", 15, True, "watchdog!WdpDbgCaptureTriageDump+0xe6", "nt!KiStartSystemThread+0x34"),
        ("36", 9, True, "watchdog!WdDbgReportRecreate+0x104", "nt!KiStartSystemThread+0x16"),
        ("49", 7, True, "nt!KeBugCheckEx", "nt!KiIdleLoop"),
        ("40", 8, True, "nt!IopLiveDumpEndMirroringCallback+0x7f", "0x00007ffa`2925205a"),
    ],
)
def test_stacks(number: str, count: int, complete: bool, innermost: str, outermost: str) -> None:
    stack = log(number).stack()
    assert len(stack.frames) == count
    assert (stack.stop_reason is None) is complete
    assert stack.frames[0].call_site == innermost
    assert stack.frames[-1].call_site == outermost


@pytest.mark.parametrize("number", ["43", "44"])
def test_a_log_without_a_stack_says_so(number: str) -> None:
    with pytest.raises(NotKnown, match="call stack; run `k`"):
        log(number).stack()


def test_a_frame_of_a_real_log() -> None:
    # 31: the third line of its STACK_TEXT
    frame = log("31").stack().frames[2]
    assert (frame.child_sp, frame.return_address, frame.instruction) == (
        0xFFFFB189F3CB6660, 0xFFFFF802F2998AFA, 0xFFFFF802F2F61CFF,
    )  # fmt: skip
    assert frame.call_site == "nt!MmDuplicateMemory+0x2e7"


def test_a_cpp_frame_of_a_real_log() -> None:
    frame = log("03").stack().frames[2]
    assert (frame.module, frame.symbol, frame.offset) == ("dxgkrnl", "DXGDEVICE::DestroyAllDeviceState", 0x250)


@pytest.mark.parametrize(
    ("number", "attributes"),
    [("01", 0x18), ("03", 0x21808), ("32", 0x8), ("33", 0x18), ("36", None), ("40", None), ("43", 0x18), ("44", 0x10)],
)
def test_attributes(number: str, attributes: int | None) -> None:
    assert log(number).dump().attributes == attributes


@pytest.mark.parametrize(
    ("number", "captured_at", "uptime"),
    [
        # 22:02:37.150 at UTC + 2:00
        ("01", datetime(2025, 5, 21, 20, 2, 37, 150000), timedelta(days=5, hours=17, minutes=24, seconds=28.832)),
        ("03", datetime(2026, 4, 3, 8, 28, 4, 268000), timedelta(minutes=12, seconds=1.116)),
        # 22:23:58.964 at UTC + 5:30
        ("33", datetime(2026, 9, 13, 16, 53, 58, 964000), timedelta(seconds=19.609)),
        ("36", datetime(2016, 2, 2, 11, 24, 5), None),
        ("31", None, None),
    ],
)
def test_times(number: str, captured_at: datetime | None, uptime: timedelta | None) -> None:
    dump = log(number).dump()
    assert dump.captured_at == (captured_at.replace(tzinfo=timezone.utc) if captured_at else None)
    assert dump.uptime == uptime


@pytest.mark.parametrize("number", ["01", "03", "33"])
def test_minidumps_are_triage_dumps(number: str) -> None:
    dump = log(number).dump()
    assert (dump.kind, dump.machine, dump.size, dump.truncated) == (DumpKind.TRIAGE, "x64", None, None)


@pytest.mark.parametrize(
    ("number", "end"),
    [
        ("01", "WATCHDOG\\WATCHDOG-20250521-2202.dmp"),
        ("32", "083125-14875-01.dmp"),
        ("31", "WATCHDOG-20260514-2314.dmp"),
        ("44", ".txt"),
    ],
)
def test_paths(number: str, end: str) -> None:
    assert log(number).dump().path.endswith(end)


@pytest.mark.parametrize(
    ("number", "system"),
    [
        ("01", System(26100, None, 32, "workstation", 0xFFFFF8078EE00000, True)),
        ("03", System(26100, None, 32, "workstation", 0xFFFFF807D7E00000, True)),
        ("33", System(26200, None, 16, "workstation", 0xFFFFF805BD000000, True)),
        ("36", System(10586, "10586.63.amd64fre.th2_release.160104-1513", None, None, None, None)),
    ],
)
def test_systems(number: str, system: System) -> None:
    assert log(number).system() == system


@pytest.mark.parametrize(
    ("number", "name", "address"),
    [
        ("01", "System", 0xFFFFA705DC563040),
        ("03", "msedgewebview2", 0xFFFFC28FC8747080),
        ("15", "System", None),
        ("17", "csrss.exe", None),
        ("31", "Darktide.exe", None),
        ("32", "notmyfault64.e", None),
        ("33", "System", 0xFFFFA80996764040),
        ("36", "System", None),
    ],
)
def test_requesting_processes(number: str, name: str, address: int | None) -> None:
    process = log(number).requesting_process()
    assert (process.name, process.address) == (name, address)


def test_the_modules_of_a_real_log() -> None:
    modules = log("32").modules()
    # lines of the list, counted with grep -c
    assert len(modules) == 156
    kernel = modules[0]
    assert (kernel.name, kernel.image_name, kernel.base, kernel.end, kernel.timestamp) == (
        "nt", "ntkrnlmp.exe", 0xFFFFF8075BC0E000, 0xFFFFF8075CC54000, 0x5DEE2B07,
    )  # fmt: skip
    by_name = {module.name: module for module in modules}
    assert by_name["myfault"].timestamp == 0x6335C51B
    assert by_name["mcupdate"].timestamp == 0x9FB1DE46
    assert by_name["E1G6032E"].size == 0x24080


def test_the_unloaded_modules_of_a_real_log() -> None:
    unloaded = log("32").unloaded_modules()
    assert len(unloaded) == 9
    assert unloaded[6] == UnloadedModule("dam.sys", 0xFFFFF8075F3D0000, 0xFFFFF8075F3EC000)
