"""Marks around each command, and what the debugger's refusals mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from livedump.engines.run.session import Session, command_file, parse_session, refuse_unopened
from livedump.engines.text.lines import split_lines
from livedump.model.errors import DamagedDump, NotAKernelDump, UnreadableFile, Unsupported

MARK = "0123456789abcdef"


def test_the_command_file_quits_at_its_end() -> None:
    assert command_file(["k", "~1s\nk"], "M") == ".echo M<0\nk\n.echo M>0\n.echo M<1\n~1s\nk\n.echo M>1\nq\n"


def session_of(text: str, *names: str) -> Session:
    return parse_session(split_lines(text), MARK, names)


def test_each_command_gets_its_own_lines() -> None:
    text = f"banner\nkd> .echo {MARK}<0\n{MARK}<0\nkd> k\nstack\nkd> .echo {MARK}>0\n{MARK}>0\n"
    text += f"kd> .echo {MARK}<1\n{MARK}<1\nkd> lm\nlist\n{MARK}>1\nquit:\n"
    found = session_of(text, "stack", "modules")
    assert found.outputs["stack"] == ("kd> k", "stack", f"kd> .echo {MARK}>0")
    assert found.outputs["modules"] == ("kd> lm", "list")
    assert found.banner == ("banner", f"kd> .echo {MARK}<0")


def test_a_command_without_an_end_is_left_out() -> None:
    found = session_of(f"{MARK}<0\none\n{MARK}>0\n{MARK}<1\nhalf of two", "one", "two")
    assert dict(found.outputs) == {"one": ("one",)}
    assert found.last_words == "one half of two"


def test_marks_inside_of_lines_are_not_marks() -> None:
    found = session_of(f"{MARK}<0\nImage: x{MARK}>0\nrest\n{MARK}>0\n", "one")
    assert found.outputs["one"] == (f"Image: x{MARK}>0", "rest")


# Each as 10.0.15063 printed it.
CORRUPT = 'Could not open dump file [C:\\x], Win32 error 0n1392\n    "File or directory corrupt."\n'
UNKNOWN = (
    "Could not match Dump File signature - invalid file format\n"
    'Could not open dump file [C:\\x], Win32 error 0n87\n    "Invalid parameter."\n'
)
MISSING = 'Could not open dump file [C:\\x], Win32 error 0n2\n    "File not found."\n'
FAILED = "Debuggee initialization failed, HRESULT 0x80070570\n"
KERNEL = b"PAGEDU64" + bytes(8192)


@pytest.mark.parametrize(
    ("said", "content", "error", "words"),
    [
        (CORRUPT, KERNEL, DamagedDump, 'Could not open dump file, Win32 error 0n1392; "File or directory corrupt."'),
        (UNKNOWN, KERNEL, Unsupported, "Could not match Dump File signature - invalid file format; "),
        (UNKNOWN, b"PAGEDU64" + bytes(100), DamagedDump, "Could not match Dump File signature"),
        (UNKNOWN, b"hello", NotAKernelDump, "Could not match Dump File signature"),
        (CORRUPT, b"MDMP" + bytes(100), NotAKernelDump, "File or directory corrupt"),
        (MISSING, KERNEL, UnreadableFile, "File not found"),
        ("", KERNEL, DamagedDump, "Debuggee initialization failed, HRESULT 0x80070570"),
    ],
    ids=["corrupt", "unknown", "cut header", "no dump", "user dump", "missing", "no words"],
)
def test_refusals(tmp_path: Path, said: str, content: bytes, error: type[Exception], words: str) -> None:
    dump = tmp_path / "name.dmp"
    dump.write_bytes(content)
    refused = session_of(f"Loading Dump File [C:\\x]\n{said}{FAILED}", "k")
    with pytest.raises(error) as caught:
        refuse_unopened(refused, dump)
    assert words in str(caught.value)
    assert "the debugger cannot open name.dmp" in str(caught.value)


def test_an_opened_dump_is_no_refusal(tmp_path: Path) -> None:
    refuse_unopened(session_of("Loading Dump File [C:\\x]\nKernel Bitmap Dump File\n", "k"), tmp_path)
