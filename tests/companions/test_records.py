"""Records of Windows, in each form in which they are kept or pasted. Layouts: Windows' own, values made up."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from livedump.analysis.triage import triage
from livedump.companions.engine import RecordEngine
from livedump.companions.evtx import iter_evtx_records
from livedump.companions.merging import merge_records
from livedump.companions.reading import read_records
from livedump.engines.choose import open_engines
from livedump.model.findings import Confidence, OriginKind
from livedump.model.records import Record, RecordKind
from tests.companions.evtx_file import evtx_bytes

DUMP = r"\\?\C:\Windows\LiveKernelReports\WATCHDOG\WATCHDOG-20240210-1259.dmp"
PARAMETERS = (0xFFFF9A8B0D4C1010, 0xFFFFF8017A3C1F50, 0, 0x2C54)
WER_STRINGS = (
    "LKD_0x141_Tdr:6_IMAGE_nvlddmkm.sys_Ampere", "0", "LiveKernelEvent", "Not available", "0", "141",
    "ffff9a8b0d4c1010", "fffff8017a3c1f50", "0", "2c54", "10_0_22631", "0_0", "256_1", "", "",
    f"\n{DUMP}\n\\\\?\\C:\\Windows\\SystemTemp\\WER-1234-0.sysdata.xml",
    r"\\?\C:\ProgramData\x\Kernel_141_abc", "", "0",
    "5f8d2f9e-0f6d-4d9c-9d6a-2f4a1d2f6a11", "268435456", "", "0",
)  # fmt: skip
"""The unnamed strings of event 1001 of Windows Error Reporting, in their order."""


def event(provider: str, number: int, data: str) -> str:
    return (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        f'<Provider Name="{provider}"/><EventID>{number}</EventID>'
        f'<TimeCreated SystemTime="2024-02-10T12:01:02.345Z"/></System><EventData>{data}</EventData></Event>'
    )


WER_EVENT = event("Windows Error Reporting", 1001, "".join(f"<Data>{text}</Data>" for text in WER_STRINGS))
WER_RECORD = Record(
    RecordKind.WER_EVENT,
    live=True,
    code=0x141,
    parameters=PARAMETERS,
    dump_path=DUMP,
    recorded_at=datetime(2024, 2, 10, 12, 1, 2, 345000, tzinfo=timezone.utc),
    report_id="5f8d2f9e-0f6d-4d9c-9d6a-2f4a1d2f6a11",
    build=22631,
    bucket="LKD_0x141_Tdr:6_IMAGE_nvlddmkm.sys_Ampere",
    driver="nvlddmkm.sys",
)
CAPTURED = event(
    "Microsoft-Windows-Kernel-LiveDump",
    2,
    '<Data Name="NTStatus">0x00000000</Data><Data Name="BugcheckCode">0x00000141</Data>'
    '<Data Name="DumpCaptureDuration_ms">8200</Data>',
)
WRITTEN = event(
    "Microsoft-Windows-Kernel-LiveDump",
    4,
    '<Data Name="NTStatus">0xc000007f</Data><Data Name="TotalBytes">123456</Data>'
    '<Data Name="DumpWriteDuration_ms">1500</Data>',
)

EVENT_TEXTS = {
    "wevtutil":
        "Event[12]\n  Log Name: Application\n  Source: Windows Error Reporting\n  Date: 2024-02-10T12:01:02.3450000Z\n"
        "  Event ID: 1001\n  Description: \nFault bucket LKD_0x141_Tdr:6_IMAGE_nvlddmkm.sys_Ampere, type 0\n"
        "Event Name: LiveKernelEvent\nResponse: Not available\nCab Id: 0\n\nProblem signature:\nP1: 141\n"
        "P2: ffff9a8b0d4c1010\nP3: fffff8017a3c1f50\nP4: 0\nP5: 2c54\nP6: 10_0_22631\nP7: 0_0\nP8: 256_1\n\n"
        f"Attached files:\n{DUMP}\n\nThese files may be available here:\nC:\\x\n\nAnalysis symbol: \n"
        "Rechecking for solution: 0\nReport Id: 5f8d2f9e-0f6d-4d9c-9d6a-2f4a1d2f6a11\nReport Status: 268435456\n",
    "Get-WinEvent in German":
        "TimeCreated  : 10.02.2024 13:01:02\nProviderName : Windows Error Reporting\nId           : 1001\n"
        "Message      : Fehlerbucket LKD_0x141_Tdr:6_IMAGE_nvlddmkm.sys_Ampere, Typ 0\n"
        "               Ereignisname: LiveKernelEvent\n               Antwort: Nicht verfügbar\n"
        "               Problemsignatur:\n               P1: 141\n               P2: ffff9a8b0d4c1010\n"
        "               P3: fffff8017a3c1f50\n               P4: 0\n               P5: 2c54\n"
        "               P6: 10_0_22631\n"
        f"               Angefügte Dateien:\n               {DUMP}\n"
        "               Berichts-ID: 5f8d2f9e-0f6d-4d9c-9d6a-2f4a1d2f6a11\n",
}  # fmt: skip
REPORT = (
    "Version=1\nEventType=LiveKernelEvent\nEventTime=133520400623450000\nReportType=4\n"
    "ReportIdentifier=5f8d2f9e-0f6d-4d9c-9d6a-2f4a1d2f6a11\nSig[0].Name=Code\nSig[0].Value=141\n"
    "Sig[1].Name=Parameter 1\nSig[1].Value=ffff9a8b0d4c1010\n"
    "Sig[2].Name=Parameter 2\nSig[2].Value=fffff8017a3c1f50\n"
    "Sig[3].Name=Parameter 3\nSig[3].Value=0\nSig[4].Name=Parameter 4\nSig[4].Value=2c54\n"
    "DynamicSig[1].Name=OS Version\nDynamicSig[1].Value=10.0.22631.2.0.0.256.48\n"
    f"File[0].CabName=WATCHDOG-20240210-1259.dmp\nFile[0].Original.Path={DUMP}\n"
)
LISTED = (
    "==================================================\nDump File         : 060312-17050-01.dmp\n"
    "Crash Time        : 6/3/2012 11:07:51 AM\nBug Check String  : DRIVER_CORRUPTED_EXPOOL\n"
    "Bug Check Code    : 0x000000c5\nParameter 1       : 00000000`00002f2c\n"
    "Parameter 2       : 00000000`00000002\n"
    "Parameter 3       : 00000000`00000000\nParameter 4       : fffff800`04212dd3\n"
    "Caused By Driver  : VBoxNetFlt.sys\n"
    "Processor         : x64\nFull Path         : C:\\Windows\\Minidump\\060312-17050-01.dmp\n"
    "Minor Version     : 7601\n"
    "==================================================\n"
)
MADE = event(
    "Microsoft-Windows-Kernel-Dump",
    1,
    f'<Data Name="BugCheckCode">0x141</Data><Data Name="BugCheckParameter1">0x{PARAMETERS[0]:x}</Data>'
    f'<Data Name="DumpFile">{DUMP}</Data><Data Name="Status">0xc000007f</Data>',
)
TEXTS = (*EVENT_TEXTS.values(), REPORT, LISTED, WER_EVENT, CAPTURED + WRITTEN, MADE)


def one(text: str) -> Record:
    [record] = read_records(text.splitlines())
    return record


def test_an_event_of_error_reporting_has_its_values_by_place() -> None:
    assert one(WER_EVENT) == WER_RECORD


def test_an_event_of_error_reporting_has_its_values_by_name() -> None:
    names = {"EventName": 2, "P1": 5, "P2": 6, "P3": 7, "P4": 8, "P5": 9, "P6": 10, "AttachedFiles": 15, "ReportId": 19}
    data = "".join(f'<Data Name="{name}">{WER_STRINGS[at]}</Data>' for name, at in reversed(names.items()))
    found = one(event("Windows Error Reporting", 1001, data))
    assert (found.code, found.parameters, found.dump_path, found.report_id, found.build) == (
        0x141, PARAMETERS, DUMP, WER_RECORD.report_id, 22631,
    )  # fmt: skip


def test_an_event_of_kernel_dump_has_its_values_by_name_in_whatever_case() -> None:
    found = one(MADE)
    assert (found.kind, found.live, found.code, found.dump_path, found.status) == (
        RecordKind.KERNEL_DUMP_EVENT, True, 0x141, DUMP, 0xC000007F,
    )  # fmt: skip
    assert found.parameters == (PARAMETERS[0], None, None, None)


def test_an_event_of_kernel_dump_about_where_dumps_are_written_is_about_none() -> None:
    settings = '<Data Name="DumpFile">C:\\Windows\\MEMORY.DMP</Data><Data Name="BugCheckCode">0</Data>'
    for provider in ("Microsoft-Windows-Kernel-Dump", "{17d2a329-4539-5f4d-3435-f510634ce3b9}"):
        assert read_records(event(provider, 2, settings).splitlines()) == ()


def test_an_event_of_kernel_dump_goes_with_that_of_error_reporting() -> None:
    [record] = read_records((WER_EVENT + "\n" + MADE).splitlines())
    assert (record.kind, record.status, record.parameters) == (RecordKind.WER_EVENT, 0xC000007F, PARAMETERS)


def test_the_same_report_that_is_logged_again_is_one() -> None:
    assert len(read_records((WER_EVENT + "\n" + WER_EVENT.replace("02-10T12", "02-13T09")).splitlines())) == 1


def test_two_reports_with_the_same_parameters_are_two() -> None:
    other = WER_EVENT.replace("5f8d2f9e", "00000000").replace("20240210-1259", "20240210-1301")
    assert len(read_records((WER_EVENT + "\n" + other).splitlines())) == 2


def test_an_event_log_is_read_whole(tmp_path: Path) -> None:
    pytest.importorskip("evtx")
    noise = event("Service Control Manager", 7036, "<Data>x</Data>")
    path = tmp_path / "Application.evtx"
    path.write_bytes(evtx_bytes([noise, WER_EVENT, noise]))
    problems: list[str] = []
    assert list(iter_evtx_records(str(path), problems)) == [WER_RECORD]
    assert problems == []
    [engine] = open_engines(str(path))
    assert engine.bug_check() == (0x141, PARAMETERS)


def test_a_damaged_event_log_gives_what_can_be_read_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("evtx")
    data = bytearray(evtx_bytes([WER_EVENT, WER_EVENT.replace("5f8d2f9e", "11111111").replace("1259", "1300")]))
    second = data.rfind(b"\x2a\x2a\0\0")
    data[second + 24 : second + 60] = b"\xff" * 36
    path = tmp_path / "Application.evtx"
    path.write_bytes(data)
    problems: list[str] = []
    assert list(iter_evtx_records(str(path), problems)) == [WER_RECORD]
    assert problems == ["1 events could not be read"]


@pytest.mark.parametrize("text", EVENT_TEXTS.values(), ids=EVENT_TEXTS)
def test_the_text_of_an_event_of_error_reporting(text: str) -> None:
    found = one(text)
    assert (found.live, found.code, found.parameters) == (True, 0x141, PARAMETERS)
    assert (found.dump_path, found.build, found.driver) == (DUMP, 22631, "nvlddmkm.sys")
    assert found.report_id == WER_RECORD.report_id


def test_a_report_of_error_reporting_as_a_file() -> None:
    found = one(REPORT)
    # 133520400623450000 ticks of 100 ns after 1601-01-01, by the FILETIME of 2024-02-10T12:01:02.345Z
    assert found.recorded_at == datetime(2024, 2, 10, 12, 1, 2, 345000, tzinfo=timezone.utc)
    assert (found.code, found.parameters, found.dump_path, found.build) == (0x141, PARAMETERS, DUMP, 22631)


def test_a_report_of_an_application_is_no_record() -> None:
    assert read_records(["Version=1", "EventType=APPCRASH", "Sig[0].Name=Application Name", "Sig[0].Value=a.exe"]) == ()


def test_kernel_power_gives_its_code_in_decimal() -> None:
    data = '<Data Name="BugcheckCode">278</Data><Data Name="BugcheckParameter1">0xffffe0011e57d4c0</Data>'
    found = one(event("Microsoft-Windows-Kernel-Power", 41, data))
    assert (found.live, found.code, found.parameters[0]) == (False, 0x116, 0xFFFFE0011E57D4C0)


@pytest.mark.parametrize("escape", [str, html.escape])
def test_the_values_alone_of_kernel_power_are_its_record(tmp_path: Path, escape: Callable[[str], str]) -> None:
    data = '<EventData>\n<Data Name="BugcheckCode">278</Data>\n<Data Name="BugcheckParameter1">0x2</Data>\n'
    path = tmp_path / "41.txt"
    path.write_text(escape(data + "</EventData>\n"), "utf-8")
    [engine] = open_engines(str(path))
    report = triage(engine)
    assert report.live is False
    assert report.bug_check
    assert (report.bug_check.code, report.bug_check.parameters[:2]) == (0x116, (2, None))


def test_a_restart_without_a_bug_check_claims_no_code(tmp_path: Path) -> None:
    path = tmp_path / "41.xml"
    path.write_text(event("Microsoft-Windows-Kernel-Power", 41, '<Data Name="BugcheckCode">0</Data>'), "utf-8")
    [engine] = open_engines(str(path))
    report = triage(engine)
    assert (report.live, report.bug_check, report.judged) == (None, None, False)
    assert any("nobody stopped the system" in note for note in report.notes)


def test_blue_screen_view_lists_dumps() -> None:
    assert one(LISTED) == Record(
        RecordKind.BLUE_SCREEN_VIEW,
        live=False,
        code=0xC5,
        parameters=(0x2F2C, 2, 0, 0xFFFFF80004212DD3),
        dump_path=r"C:\Windows\Minidump\060312-17050-01.dmp",
        build=7601,
        driver="VBoxNetFlt.sys",
    )


def test_what_the_kernel_logs_of_a_live_dump_belongs_to_its_report() -> None:
    [record] = read_records((CAPTURED + "\n" + WRITTEN + "\n" + WER_EVENT).splitlines())
    assert record.dump_path == DUMP
    assert (record.capture_seconds, record.write_seconds, record.written_bytes) == (8.2, 1.5, 123456)


def test_a_record_alone_is_never_certain_and_names_the_driver() -> None:
    report = triage(RecordEngine(WER_RECORD, "x.xml"))
    assert report.origin is not None
    assert (report.live, report.origin.kind) == (True, OriginKind.WINDOWS_ERROR_REPORTING)
    assert report.origin.confidence is not Confidence.CERTAIN
    assert report.bug_check == (0x141, PARAMETERS)
    assert report.dump is not None
    assert report.dump.told is not None
    assert report.dump.told.blame is not None
    assert report.dump.told.blame.image_name == "nvlddmkm.sys"
    assert any(note.startswith("no dump is at hand") for note in report.notes)


def test_the_next_crash_overwrites_memory_dmp() -> None:
    first = Record(RecordKind.BUG_CHECK_EVENT, False, 0x7C, (1, 2, 3, 4), r"C:\Windows\MEMORY.DMP")
    second = Record(RecordKind.BUG_CHECK_EVENT, False, 0x50, (1, 2, 3, 4), r"C:\Windows\MEMORY.DMP")
    assert merge_records([first, second]) == (first, second)


@pytest.mark.parametrize(
    "text",
    ["", "<Event>" * 5000, "<Data>" * 5000, "<Provider Name=" * 3000, "LiveKernelEvent\n" * 3000, "P1: 141\n" * 3000,
     "<!DOCTYPE x [<!ENTITY a 'b'>]><Event>&a;</Event>", "Sig[0].Value=1\n" * 3000 + "EventType=BlueScreen"],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_any_text_is_read_or_holds_no_record(text: str) -> None:
    for record in read_records(text.splitlines()):
        triage(RecordEngine(record, "x"))
