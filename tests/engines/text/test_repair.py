"""What mail, forums, loggers and copying do to debugger text: the facts are those of the sound text, and marked."""

from __future__ import annotations

import html
import json
import textwrap
from typing import Callable

import pytest

from livedump.analysis.triage import triage
from livedump.engines.text.repair import repaired
from livedump.engines.text.sessions import iter_sessions
from livedump.engines.texts import engines_of
from livedump.model.findings import Confidence
from livedump.model.report import Report

LOG = """\
Microsoft (R) Windows Debugger Version 10.0.29547.1002 AMD64
Copyright (c) Microsoft Corporation. All rights reserved.


Loading Dump File [C:\\Users\\somebody\\Documents\\evidence\\LiveKernelReports\\WATCHDOG\\WATCHDOG-20250521-2202.dmp]
Mini Kernel Dump File: Only registers and stack trace are available

Windows 10 Kernel Version 26100 MP (32 procs) Free x64
Product: WinNt, suite: TerminalServer SingleUserTS
Kernel base = 0xfffff807`8ee00000 PsLoadedModuleList = 0xfffff807`8fcf4af0
Debug session time: Wed May 21 22:02:37.150 2025 (UTC + 2:00)
System Uptime: 5 days 17:24:28.832
Loading Kernel Symbols
...............................................................
................................................................
For analysis of this file, run !analyze -v
5: kd> !analyze -v
*******************************************************************************
*                                                                             *
*                        Bugcheck Analysis                                    *
*                                                                             *
*******************************************************************************

VIDEO_ENGINE_TIMEOUT_DETECTED (141)
One of the display engines failed to respond in timely fashion.
(This code can never be used for a real BugCheck; it is used to identify live dumps.)
Arguments:
Arg1: ffffa70647d06060, Optional pointer to internal TDR recovery context (TDR_RECOVERY_CONTEXT).
Arg2: fffff807676b6740, The pointer into responsible device driver module (e.g. owner tag).
Arg3: 0000000000000000, The secondary driver specific bucketing key.
Arg4: ffffa7062a5bf140, Optional internal context dependent data.

Debugging Details:
------------------

    Key  : Dump.Attributes.AsUlong
    Value: 0x18

BUGCHECK_CODE:  141

PROCESS_NAME:  System

STACK_TEXT:  
ffff9486`795268f0 fffff807`8f504f99     : ffffa706`47d06060 00000000`00000000 00000000`00000000 00000000`00000000 : nt!DbgkpWerCaptureLiveTriageDump+0x8e
ffff9486`79526e20 fffff807`8f8b926a     : 00000000`00000000 00000000`00000000 fffff807`8f8d8a50 00000000`c0000099 : nt!DbgkpWerProcessPolicyResult+0x21
ffff9486`79526f30 fffff807`25564d08     : ffffa706`4dfd7000 ffffa706`4dfd7000 ffffa706`4dfd7000 00000000`00000001 : dxgkrnl!TdrCollectDbgInfoStage1+0xd69
ffff9486`795270f0 fffff807`255b7117     : ffffa706`4dfd7001 ffffa706`4dfd76f8 00000000`00000000 ffffa705`00000002 : dxgmms2!VidSchiResetHwEngine+0x210
ffff9486`795275c0 00000000`00000000     : ffff9486`79528000 ffff9486`79521000 00000000`00000000 00000000`00000000 : nt!KiStartSystemThread+0x34

SYMBOL_NAME:  nvlddmkm+1986740

MODULE_NAME: nvlddmkm

IMAGE_NAME:  nvlddmkm.sys

FAILURE_BUCKET_ID:  LKD_0x141_IMAGE_nvlddmkm.sys

Followup:     MachineOwner
---------
"""  # noqa: E501, W291 - as the debugger prints it
LINES = LOG.splitlines()


def each(change: Callable[[str], str]) -> str:
    return "".join(f"{change(line)}\n" for line in LINES)


def numbered(change: Callable[[int, str], str]) -> str:
    return "".join(f"{change(number, line)}\n" for number, line in enumerate(LINES, 1))


def wrapped(width: int) -> str:
    return "\n".join(part for line in LINES for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""])


def cut(width: int) -> str:
    return "\n".join(
        part for line in LINES for part in [line[at : at + width] for at in range(0, len(line), width)] or [""]
    )


DAMAGE = {
    "quoted": each(lambda line: f"> {line}"),
    "quoted twice": each(lambda line: f"> > {line}"),
    "quoted where it is not blank": each(lambda line: f">{line}" if line else ""),
    "tabs": each(lambda line: f"\t{line}" if line else ""),
    "indented": each(lambda line: f"      {line}"),
    "list marks": each(lambda line: f"- {line}"),
    "a comment": each(lambda line: f"     * {line}"),
    "times": numbered(lambda number, line: f"15:25:{number % 60:02d}.123 {line}"),
    "dates and times": numbered(lambda number, line: f"2026-05-21T20:02:37.{number:07d}Z {line}"),
    "a logger": each(lambda line: f"[2026-05-21 20:02:37,123] [INFO] cdb: {line}"),
    "a container": each(lambda line: f"cdb-1  | {line}"),
    "line numbers": numbered(lambda number, line: f"{number:4}: {line}"),
    "line numbers with tabs": numbered(lambda number, line: f"{number}\t{line}"),
    "times, then quoted": each(lambda line: f"> 15:25:07 {line}"),
    "blank lines between": LOG.replace("\n", "\n\n"),
    "carriage returns": LOG.replace("\n", "\r"),
    "HTML": "<p>" + html.escape(LOG).replace("  ", "&nbsp;&nbsp;").replace("\n", "<br/>\n") + "</p>",
    "HTML without line ends": html.escape(LOG).replace("\n", "<br>"),
    "a forum": "[quote=somebody;12][CODE]" + LOG.replace("nvlddmkm.sys", "[B]nvlddmkm.sys[/B]") + "[/CODE][/quote]",
    "Markdown": LOG.replace("_", "\\_").replace("*", "\\*").replace("!", "\\!"),
    "emphasis": LOG.replace("PROCESS_NAME:", "**PROCESS_NAME:**"),
    "DML": html.escape(LOG).replace("nt!", '<link cmd="lm"><b>nt</b></link>!'),
    "a terminal": each(lambda line: f"\x1b[32m{line}\x1b[0m\x1b[K"),
    "JSON": json.dumps({"output": LOG}),
    "no-break blanks": LOG.replace(" ", "\u00a0"),
    "all on one line": " ".join(LINES),
    **{f"wrapped at {width}": wrapped(width) for width in (60, 72, 76, 80, 100, 120)},
    **{f"cut at {width}": cut(width) for width in (60, 72, 80, 100, 120)},
}


def reports(text: str) -> list[Report]:
    return [triage(engine) for engine in engines_of(text, None, "pasted.txt")]


def facts(report: Report) -> tuple[object, ...]:
    assert report.dump is not None
    assert report.dump.told is not None
    assert report.origin is not None
    assert report.stack is not None
    return (
        report.bug_check,
        report.live,
        report.origin.kind,
        report.process and report.process.name,
        report.system and report.system.build,
        [frame.call_site for frame in report.stack.frames],
        [frame.child_sp for frame in report.stack.frames],
        report.dump.captured_at,
        report.dump.attributes,
        report.dump.told.blame,
        report.dump.told.dump_path,
    )


def confidences(report: Report) -> set[Confidence]:
    found = {finding.confidence for finding in report.findings}
    return found | ({report.origin.confidence} if report.origin else set())


def test_a_sound_text_needs_no_repair() -> None:
    assert repaired(LOG).repairs == ()
    [report] = reports(LOG)
    assert Confidence.CERTAIN in confidences(report)


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
def test_what_is_read_from_a_damaged_text_is_the_same_and_never_certain(text: str) -> None:
    [sound], [report] = reports(LOG), reports(text)
    assert facts(report) == facts(sound)
    assert any(note.startswith("the text was repaired: ") for note in report.notes)
    assert Confidence.CERTAIN not in confidences(report)


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
def test_a_repaired_text_is_not_repaired_again(text: str) -> None:
    once = repaired(text)
    assert repaired("\n".join(once.lines)).repairs == ()


OTHER = (
    LOG.replace("WATCHDOG-20250521-2202", "WATCHDOG-20250522-0001").replace("(141)", "(117)").replace("0x141", "0x117")
    .replace("BUGCHECK_CODE:  141", "BUGCHECK_CODE:  117").replace("VIDEO_ENGINE", "VIDEO_TDR")
    .replace("PROCESS_NAME:  System", "PROCESS_NAME:  dwm.exe").replace("May 21 22:02", "May 22 00:01")
)  # fmt: skip


def without_banner(text: str) -> str:
    return text[text.index("VIDEO_") :]


@pytest.mark.parametrize(
    "text",
    [
        LOG + OTHER,
        LOG + OTHER[OTHER.index("5: kd>") :],
        without_banner(LOG) + without_banner(OTHER),
        "WATCHDOG-20250521-2202.dmp\n" + LOG[LOG.index("BUGCHECK_CODE") :]
        + "WATCHDOG-20250522-0001.dmp  size 2 MB\n" + OTHER[OTHER.index("BUGCHECK_CODE") :],
        "".join(f"> {line}\n" for line in (LOG + OTHER).splitlines()),
    ],
    ids=["two sessions", "two analyses", "two headings", "two file names", "quoted"],
)  # fmt: skip
def test_facts_never_cross_from_one_dump_to_another(text: str) -> None:
    first, second = reports(text)
    assert first.bug_check is not None
    assert second.bug_check is not None
    assert (first.bug_check.code, first.process and first.process.name) == (0x141, "System")
    assert (second.bug_check.code, second.process and second.process.name) == (0x117, "dwm.exe")


@pytest.mark.parametrize(
    "text",
    [
        LOG + LOG[LOG.index("5: kd>") :],
        LOG + "5: kd> !analyze -show 117\nVIDEO_TDR_TIMEOUT_DETECTED (117)\nArguments:\nArg1: 0000000000000000\n",
        "Use !analyze -v to get detailed debugging information.\n\nBugCheck 141, {ffffa70647d06060, fffff807676b6740, "
        "0, ffffa7062a5bf140}\n\nProbably caused by : nvlddmkm.sys\n\n" + LOG[LOG.index("5: kd>") :],
    ],
    ids=["analysed twice", "a code looked up", "short and long"],
)
def test_one_dump_stays_one(text: str) -> None:
    [report] = reports(text)
    assert report.bug_check is not None
    assert report.bug_check.code == 0x141


def test_the_parts_of_a_text_are_the_whole_text() -> None:
    lines = repaired(LOG + OTHER).lines
    assert tuple(line for part in iter_sessions(lines) for line in part) == lines


def steps(text: str) -> int:
    """Lines of our own code that run over a text: what grows faster than the text shows here, whatever the machine."""
    import sys

    count = 0

    def trace(_frame: object, event: str, _: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        for engine in engines_of(text, None, "pasted.txt"):
            triage(engine)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "name", ["quoted", "times", "HTML", "Markdown", "wrapped at 76", "cut at 80", "all on one line"]
)
def test_the_work_grows_with_the_text_and_no_faster(name: str) -> None:
    # one dump with much to say: what is repeated contradicts nothing
    text = DAMAGE[name] + "\n"
    once, twice = steps(text * 4), steps(text * 8)
    assert twice < 2.3 * once
