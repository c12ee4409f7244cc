"""The transcript engine: saved logs of any encoding, with any number of sessions, and of any malice."""

from __future__ import annotations

import codecs
import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livedump.analysis.triage import triage
from livedump.engines import transcript as cdb_transcript
from livedump.engines.text import repair
from livedump.engines.text.encoding import decode_transcript
from livedump.engines.transcript import TranscriptEngine, looks_like_transcript, read_transcripts
from livedump.model.bug_check import BugCheck
from livedump.model.errors import DamagedDump, DumpError, NotAKernelDump, NotKnown, UnreadableFile
from livedump.model.findings import Confidence
from tests.effort import at_most
from tests.engines.transcripts import saved_transcript, transcript

QUESTIONS = (
    "dump", "system", "bug_check", "stack", "modules", "unloaded_modules", "processors", "processes",
    "requesting_process", "holds_user_pages", "regions",
)  # fmt: skip


def session(name: str, code: int, *, stack: bool = True) -> str:
    frames = """\
0: kd> k
 # Child-SP          RetAddr           Call Site
00 fffffc05`f6f5a310 00000000`00000000 nt!IopLiveDumpCollectPages+0xd9
"""
    return f"""\

Microsoft (R) Windows Debugger Version 10.0.26100.1 AMD64
Copyright (c) Microsoft Corporation. All rights reserved.

Loading Dump File [C:\\dumps\\{name}]
Kernel Bitmap Dump File: Kernel address space is available, User address space may not be available.

Windows 10 Kernel Version 26100 MP (4 procs) Free x64
Product: Server, suite: TerminalServer SingleUserTS
Kernel base = 0xfffff801`77e00000 PsLoadedModuleList = 0xfffff801`78727400
Debug session time: Wed May 21 22:02:37.150 2025 (UTC + 2:00)
System Uptime: 5 days 17:24:28.832
0: kd> .bugcheck
Bugcheck code {code:08X}
Arguments 00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004
{frames if stack else ""}"""


def engine(text: str) -> TranscriptEngine:
    return transcript(text)


def test_one_session_answers() -> None:
    one = engine(session("one.dmp", 0x161))
    assert one.bug_check() == BugCheck(0x161, (1, 2, 3, 4))
    assert one.dump().path == "C:\\dumps\\one.dmp"
    assert (one.dump().type, one.dump().size, one.dump().truncated) == (6, None, None)
    assert len(one.stack().frames) == 1


def test_each_session_of_a_log_answers_for_itself() -> None:
    text = session("one.dmp", 1) + session("two.dmp", 2, stack=False)
    text += "\nLoading Dump File [C:\\broken.dmp]\nCould not open dump file [C:\\broken.dmp], Win32 error 0n2\n"
    one, two, broken = read_transcripts(text, "saved.log")
    assert [each.bug_check().code for each in (one, two)] == [1, 2]
    assert [each.has_stack() for each in (one, two)] == [True, False]
    with pytest.raises(DamagedDump, match="Win32 error 0n2"):
        broken.dump()


def test_a_log_opened_after_the_dump_has_no_banner() -> None:
    text = "Opened log file 'c:\\saved.log'\n0: kd> .bugcheck\nBugcheck code 00000161\nArguments 1 2 3 4\n"
    assert engine(text).bug_check() == BugCheck(0x161, (1, 2, 3, 4))
    assert engine(text).dump().path == "saved.log"


def test_commands_before_a_first_loading_are_a_session_of_their_own() -> None:
    text = "0: kd> .bugcheck\nBugcheck code 00000007\nArguments 1 2 3 4\n" + session("one.dmp", 0x161)
    assert engine(text).bug_check().code == 0x161


def test_what_is_missing_is_said_with_the_command_that_helps() -> None:
    with pytest.raises(NotKnown, match="no list of all modules; run `lm t n` and save the log again"):
        engine(session("one.dmp", 0x161)).modules()
    with pytest.raises(NotKnown, match="no stack of processor 3; run `~3s; k`"):
        engine(session("one.dmp", 0x161)).stack(3)
    with pytest.raises(NotKnown, match=r"run `\.bugcheck`"):
        engine("0: kd> k").bug_check()


def test_a_transcript_has_no_memory() -> None:
    one = engine(session("one.dmp", 0x161))
    for ask in (lambda: one.read(0, 1), one.regions, lambda: one.tally_pages(0, 1)):
        with pytest.raises(NotKnown, match="transcript engine reads no memory"):
            ask()


def test_a_truncated_dump_is_reported_as_such() -> None:
    warning = "\nWARNING: Dump file has been truncated.  Data may be missing.\n\nWindows 10"
    text = session("one.dmp", 1).replace("\n\nWindows 10", warning)
    assert engine(text).dump().truncated is True


def test_a_log_about_a_process_is_refused() -> None:
    text = "Loading Dump File [C:\\a.dmp]\nUser Mini Dump File: Only registers, stack and portions of memory\n"
    with pytest.raises(NotAKernelDump, match="user-mode dump"):
        engine(text).dump()


def test_the_frame_of_a_module_without_symbols_gets_its_address() -> None:
    text = session("one.dmp", 1).replace("nt!IopLiveDumpCollectPages+0xd9", "nt+0x3fd6f0")
    assert engine(text).stack().frames[0].instruction == 0xFFFFF80177E00000 + 0x3FD6F0


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("latin-1"),
        lambda text: text.replace("\n", "\r\n").encode("latin-1"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "big-endian utf-16", "latin-1", "carriage returns"],
)
def test_encodings_of_logs(tmp_path: Path, encode: object) -> None:
    assert callable(encode)
    data = encode(session("ünicode.dmp", 0x161))
    saved = tmp_path / "saved.log"
    saved.write_bytes(data)
    assert looks_like_transcript(data)
    one = saved_transcript(saved)
    assert one.dump().path == "C:\\dumps\\ünicode.dmp"
    assert one.bug_check().code == 0x161


def test_an_odd_byte_at_the_end_of_utf16_does_no_harm() -> None:
    assert decode_transcript(codecs.BOM_UTF16_LE + "k".encode("utf-16-le") + b"x").startswith("k")


@pytest.mark.parametrize(
    "head",
    [
        b"Microsoft (R) Windows Debugger Version 10.0.26100.1 AMD64",
        b"Opened log file 'c:\\x.log'\r\n",
        b"2: kd> k\n",
        b"lkd> k\n",
        b"BUGCHECK_CODE:  144\n",
        b" # Child-SP          RetAddr               Call Site\n",
    ],
)
def test_debugger_output_is_recognised(head: bytes) -> None:
    assert looks_like_transcript(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"PAGEDU64" + b"Bugcheck code 00000161" * 100,
        b"MDMP" + bytes(100),
        b"Dear support,\nmy machine is slow.\n",
        b"Bugcheck code 00000161\0",
        b"# kd> is the prompt of the debugger",
        bytes(range(256)) * 4,
    ],
)
def test_other_files_are_not(head: bytes) -> None:
    assert not looks_like_transcript(head)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        saved_transcript(tmp_path / "none.log")
    with pytest.raises(UnreadableFile):
        saved_transcript(tmp_path)


def test_of_a_huge_file_the_beginning_is_read_and_the_rest_is_said_to_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdb_transcript, "MAX_BYTES", 1 << 20)
    saved = tmp_path / "huge.log"
    saved.write_bytes(session("one.dmp", 0x141).encode() + b"k\n" * (1 << 19))
    report = triage(saved_transcript(saved))
    assert report.bug_check == BugCheck(0x141, (1, 2, 3, 4))
    assert any("behind the first 1 MiB was not read" in note for note in report.notes)
    assert Confidence.CERTAIN not in {
        report.origin and report.origin.confidence,
        *(f.confidence for f in report.findings),
    }


def test_lines_behind_the_limit_are_said_to_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MAX_LINES", 30)
    [first] = read_transcripts(session("one.dmp", 0x141) + "k\n" * 30 + session("two.dmp", 0x117), "saved.log")
    assert first.bug_check().code == 0x141
    assert any("line 31 and what follows were not read" in doubt for doubt in first.told().doubts)


def ask_everything(text: str) -> None:
    try:
        one = engine(text)
    except DumpError:
        return
    for question in QUESTIONS:
        with contextlib.suppress(DumpError):
            getattr(one, question)()


LINES = st.sampled_from(
    [
        *session("one.dmp", 0x161).splitlines(),
        "STACK_TEXT:", "Arg1: 1", "Arg2:", "BUGCHECK_P1: 5", "DUMP_HEADER64:",
        "start             end                 module name", "Unloaded modules:", "KiProcessorBlock entries:",
        "fffff807`5bc0e000 fffff807`5cc54000   nt       ntkrnlmp.exe 5DEE2B07 (This is", "PROCESS ffffa705dc563040",
        "0: kd> !process 0 0", "0: kd> !process -1 0", "?: kd> .thread x;k", "    DirBase: 1 Cid: zz", "BugCheck 1, {}",
        "Attributes          ffffffffffffffffff", "Debug session time: Wed May 99 99:99:99.999 9999 (UTC + 99:99)",
        "System Uptime: 9999999 days 99:99:99.999", "BugCheckParameter1  1", "01 (Inline Function) --------`--------",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES | st.text(max_size=60), max_size=60))
def test_any_mixture_of_lines_is_answered_or_refused(lines: list[str]) -> None:
    ask_everything("\n".join(lines))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_can_be_asked_whether_they_are_a_log(data: bytes) -> None:
    looks_like_transcript(data)
    ask_everything(decode_transcript(data))


@pytest.mark.parametrize(
    "line",
    [
        " " * 5000,
        "0" * 5000,
        "0 " * 2500,
        "fffffc05`f6f5a310 " * 250,
        " # Child-SP RetAddr Call Site",
        "00 fffffc05`f6f5a310 fffff801`781565d5" + " :" * 2000,
        "00 fffffc05`f6f5a310 fffff801`781565d5 nt!" + "[" * 5000 + " @ ]",
        "start  \nfffff801`00000000 fffff801`00001000 m " + "Sun " * 1000,
        "start  \nfffff801`00000000 fffff801`00001000 m " + " *****" * 500,
        "0: kd> " + ".thread;" * 600,
        "Loading Dump File [x]",
        "PROCESS ffffa705dc563040",
        ".process " * 300,
        "Kernel Version " * 200,
        "+0x000 " * 400,
        "rip=0 " * 400,
        "BugCheck 1, {" + "1, " * 500,
    ],
    ids=lambda line: line[:16].strip() or "spaces",
)
def test_a_megabyte_of_any_line_takes_no_time_to_speak_of(line: str) -> None:
    text = (line + "\n") * ((1 << 20) // (len(line) + 1))
    with at_most(100):
        ask_everything(text)
