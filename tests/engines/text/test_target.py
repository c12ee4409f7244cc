"""The target in debugger text: banner, vertarget, .dumpdebug."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from livedump.engines.text import target
from livedump.engines.text.lines import split_lines
from livedump.model.bug_check import BugCheck
from livedump.model.dump import System

# Banner of 10.0.15063 on a made-up bitmap dump.
BANNER = """\

Microsoft (R) Windows Debugger Version 10.0.15063.400 AMD64
Copyright (c) Microsoft Corporation. All rights reserved.


Loading Dump File [C:\\dumps\\odd [name].dmp]
Kernel Bitmap Dump File: Kernel address space is available, User address space may not be available.

Symbol search path is: srv*
Executable search path is:
Windows 10 Kernel Version 26100 MP (4 procs) Free x64
Product: Server, suite: TerminalServer SingleUserTS
Built by: 26100.1.amd64fre.ge_release.240331-1435
Machine Name:
Kernel base = 0xfffff801`77e00000 PsLoadedModuleList = 0xfffff801`78727400
Debug session time: Wed May 21 22:02:37.150 2025 (UTC + 2:00)
System Uptime: 5 days 17:24:28.832
"""

# .dumpdebug of 10.0.15063, shortened.
DUMPDEBUG = """\
2: kd> .dumpdebug
----- 64 bit Kernel Bitmap Dump Analysis - Kernel address space is available,
      User address space may not be available.

DUMP_HEADER64:
MajorVersion        0000000f
MinorVersion        0000585d
KdSecondaryVersion  00000000
DirectoryTableBase  00000000`0014d000
PsLoadedModuleList  fffff802`d5d27400
MachineImageType    00008664
NumberProcessors    00000004
BugCheckCode        00000161
BugCheckParameter1  00546173`6b6d6772
BugCheckParameter2  00000000`00000001
BugCheckParameter3  00000000`00000002
BugCheckParameter4  00000000`00000003
ProductType         00000003
SuiteMask           00000110
Attributes          00000010

BITMAP_DUMP:
DumpOptions         00000000
HeaderSize          3000
BitmapSize          300
Pages               a8

KiProcessorBlock at fffff802`d5d27800
  4 KiProcessorBlock entries:
  ffffaf80`00000180 ffffaf80`00010180 ffffaf80`00020180 ffffaf80`00030180
2: kd> lm
"""


def test_vertarget_describes_the_machine() -> None:
    assert target.parse_system(split_lines(BANNER)) == System(
        build=26100,
        build_lab="26100.1.amd64fre.ge_release.240331-1435",
        processors=4,
        product="server",
        kernel_base=0xFFFFF80177E00000,
        free_build=True,
    )


@pytest.mark.parametrize(
    ("line", "build", "processors", "free", "machine"),
    [
        ("Windows 10 Kernel Version 19041 UP Free x64", 19041, 1, True, "x64"),
        ("Windows 10 Kernel Version 26100 MP (32 procs) Checked x64", 26100, 32, False, "x64"),
        ("Windows 7 Kernel Version 7601 (Service Pack 1) MP (8 procs) Free x64", 7601, 8, True, "x64"),
        ("Windows XP Kernel Version 2600 (Service Pack 3) UP Free x86 compatible", 2600, 1, True, "x86"),
        ("Windows 10 Kernel Version 26100 UP Free ARM 64-bit (AArch64)", 26100, 1, True, "ARM64"),
    ],
)
def test_the_line_of_the_version(line: str, build: int, processors: int, free: bool, machine: str) -> None:
    system = target.parse_system([line])
    assert system is not None
    assert (system.build, system.processors, system.free_build) == (build, processors, free)
    assert target.parse_machine([line]) == machine


@pytest.mark.parametrize(
    ("printed", "product"),
    [("WinNt", "workstation"), ("LanManNt", "domain-controller"), ("Server", "server"), ("<7>", None)],
)
def test_products(printed: str, product: str | None) -> None:
    system = target.parse_system(split_lines(BANNER.replace("Product: Server", f"Product: {printed}")))
    assert system is not None
    assert system.product == product


def test_a_kernel_base_of_zero_is_not_known() -> None:
    # what 10.0.15063 prints when the page with the debugger's data is missing
    system = target.parse_system(split_lines(BANNER.replace("fffff801`77e00000", "00000000`00000000")))
    assert system is not None
    assert system.kernel_base is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # computed by hand: local time less the distance from UTC
        ("Debug session time: Wed May 21 22:02:37.150 2025 (UTC + 2:00)", datetime(2025, 5, 21, 20, 2, 37, 150000)),
        ("Debug session time: Sun Sep 13 22:23:58.964 2026 (UTC + 5:30)", datetime(2026, 9, 13, 16, 53, 58, 964000)),
        ("Debug session time: Fri Apr  3 20:28:04.268 2026 (UTC - 7:00)", datetime(2026, 4, 4, 3, 28, 4, 268000)),
        ("Debug session time: Thu Jan  1  0:00:00.000 1970 (UTC + 0:00)", None),
        ("Debug session time: Wed Feb 30 22:02:37.150 2025 (UTC + 2:00)", None),
        ("Debug session time: Wed Mai 21 22:02:37.150 2025 (UTC + 2:00)", None),
        ("Debug session time: Mon Jan  1 00:00:00.000 0001 (UTC + 14:00)", None),
        ("Debug session time: Fri Dec 31 23:59:59.000 9999 (UTC - 12:00)", None),
        ("Debug session time: Mon Jan  1 00:00:00.000 0000 (UTC + 0:00)", None),
        ("TARGET_TIME:  2016-02-02T11:24:05.000Z", datetime(2016, 2, 2, 11, 24, 5)),
    ],
)
def test_the_time_is_local_and_becomes_utc(line: str, expected: datetime | None) -> None:
    found = target.parse_captured_at([line])
    assert found == (expected.replace(tzinfo=timezone.utc) if expected else None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("System Uptime: 0 days 4:05:53.498", timedelta(hours=4, minutes=5, seconds=53, milliseconds=498)),
        ("System Uptime: 1 days 3:00:00.000", timedelta(hours=27)),
        ("System Uptime: not available", None),
        ("System Uptime: 99999999999 days 3:00:00.000", None),
    ],
)
def test_uptime(line: str, expected: timedelta | None) -> None:
    assert target.parse_uptime([line]) == expected


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Mini Kernel Dump File: Only registers and stack trace are available", 4),
        ("Kernel Summary Dump File: Kernel address space is available, User address space may not be available.", 2),
        ("Kernel Complete Dump File: Full address space is available", 1),
        ("Kernel Bitmap Dump File: Full address space is available", 5),
        ("Kernel Bitmap Dump File: Kernel address space is available, User address space may not be available.", 6),
        (".  0 64-bit Kernel triage dump: C:\\x.dmp", 4),
        ("64-bit Full kernel dump: C:\\x.dmp", 1),
        ("32-bit Kernel summary dump: C:\\x.dmp", 2),
        ("----- 64 bit Kernel Bitmap Dump Analysis - full address space is available", 5),
        ("----- 64 bit Kernel Mini Dump Analysis", 4),
        (".  0 64-bit Kernel bitmap dump: C:\\x.dmp", None),  # 5 and 6 are called the same here
        ("Loading Dump File [C:\\Mini Kernel Dump File:]", None),
    ],
)
def test_the_debuggers_words_for_each_kind(line: str, number: int | None) -> None:
    # the strings of dbgeng.dll 10.0.15063
    assert target.parse_dump_type([line]) == number


def test_the_path_may_hold_brackets() -> None:
    assert target.parse_dump_path(split_lines(BANNER)) == "C:\\dumps\\odd [name].dmp"


def test_dumpdebug_lists_the_header() -> None:
    header = target.parse_dump_header(split_lines(DUMPDEBUG))
    assert header == target.DumpHeader(
        build=22621,
        machine="x64",
        processors=4,
        product="server",
        directory_table_base=0x14D000,
        writer_status=None,
        attributes=0x10,
        bug_check=BugCheck(0x161, (0x005461736B6D6772, 1, 2, 3)),
        first_page_offset=0x3000,
        page_count=0xA8,
        file_size=None,
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        # the end of what 10.0.15063 prints of a file of 0x81000 bytes; its last page begins at 0x80000
        ("----- 64 bit Kernel Full Dump Analysis\nDUMP_HEADER64:\nMinorVersion 000065f4\n"
         "Last Page: 00000000`00080000     00000000`000af000\n", 0x81000),
        ("----- 64 bit Kernel Mini Dump Analysis\nDUMP_HEADER64:\nMinorVersion 000065f4\nTRIAGE_DUMP64:\n"
         "SizeOfDump            00040000 \n", 0x40000),
    ],
)  # fmt: skip
def test_dumpdebug_tells_how_long_a_file_must_be(text: str, size: int) -> None:
    header = target.parse_dump_header(split_lines(text))
    assert header is not None
    assert header.file_size == size


def test_attributes_that_were_never_written_are_not_listed() -> None:
    # samples/dumps/triage_x64.dmp: the field reads PAGE, and 10.0.15063 prints no line for it
    header = target.parse_dump_header(split_lines(DUMPDEBUG.replace("Attributes          00000010\n", "")))
    assert header is not None
    assert header.attributes is None


def test_dumpdebug_lists_the_prcbs() -> None:
    assert target.parse_processor_blocks(split_lines(DUMPDEBUG)) == (
        0xFFFFAF8000000180, 0xFFFFAF8000010180, 0xFFFFAF8000020180, 0xFFFFAF8000030180,
    )  # fmt: skip


def test_prcbs_that_were_not_found_are_none() -> None:
    text = "KiProcessorBlock at 00000000`00000000\n  1 KiProcessorBlock entries:\n  00000000`00000000\n"
    assert target.parse_processor_blocks(split_lines(text)) == ()


def test_a_truncated_dump_is_announced() -> None:
    warning = "*" * 60 + "\nWARNING: Dump file has been truncated.  Data may be missing.\n" + "*" * 60
    assert target.is_truncated(split_lines(BANNER + warning))
    assert not target.is_truncated(split_lines(BANNER))


def test_a_user_mode_dump_is_told_apart() -> None:
    assert target.is_user_mode(["User Mini Dump File with Full Memory: Only application data is available"])
    assert not target.is_user_mode(split_lines(BANNER))


def test_text_without_a_target_has_none() -> None:
    assert target.parse_system([]) is None
    assert target.parse_dump_header([]) is None
    assert target.parse_captured_at([]) is None
