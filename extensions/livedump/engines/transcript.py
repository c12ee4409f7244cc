"""The transcript engine: a dump that is known only from a saved debugger log.

A log may hold several sessions, one for each dump that was opened. One of them answers every question: of those
with a bug check and a stack the last, else of those with a bug check, else the last of all.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path

from livedump.engines.text.answers import TextAnswers
from livedump.engines.text.bug_check import analyzed_bug_check, parse_analysis, parse_bug_check
from livedump.engines.text.lines import parse_prompt, split_lines
from livedump.engines.text.stack import find_stack
from livedump.engines.text.target import parse_dump_header, parse_dump_path
from livedump.model.errors import NotKnown, UnreadableFile, Unsupported

MAX_BYTES = 16 << 20
MAX_SESSIONS = 1000
HEAD_BYTES = 64 << 10
"""How much of a file ``looks_like_transcript`` wants to see."""

_MARKS = (
    "Microsoft (R) Windows Debugger Version", "Loading Dump File [", "Opened log file '", "Kernel base = 0x",
    "Bugcheck Analysis", "Bugcheck code ", "BUGCHECK_CODE:", "BUGCHECK_P1:", "STACK_TEXT:", "STACK_TEXT (",
    "DUMP_FILE_ATTRIBUTES:", "FAILURE_BUCKET_ID:", "Child-SP",
)  # fmt: skip
_LOADED = "Loading Dump File ["


class TranscriptEngine(TextAnswers):
    """One debugger log. Its answers are the text's: nothing is checked against a dump."""

    name = "transcript"

    def __init__(self, text: str, path: str) -> None:
        """Reads the text; ``path`` is that of the log, used where the text does not name the dump."""
        self._path = path
        self._lines = _chosen_session(split_lines(text))

    @classmethod
    def from_file(cls, path: str) -> TranscriptEngine:
        """The engine over a saved log.

        Raises:
            UnreadableFile: the operating system does not give us the file.
            Unsupported: the file is larger than MAX_BYTES.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UnreadableFile(f"{path}: {error.strerror or error}") from error
        if len(data) > MAX_BYTES:
            raise Unsupported(f"{path} is larger than {MAX_BYTES >> 20} MB; save the part about one dump")
        return cls(decode_transcript(data), path)

    def lines(self, command: str) -> Sequence[str]:  # noqa: ARG002 - a log is read whole for each question
        """The whole session: what belongs to which command is told by shape."""
        return self._lines

    def not_held(self, what: str, command: str) -> NotKnown:
        """What to run so that the transcript will hold the answer."""
        return NotKnown(f"the transcript holds no {what}; run `{command}` and save the log again")

    def dump_path(self) -> str:
        """The path of the dump as the log names it, else that of the log."""
        analysis = parse_analysis(self._lines)
        return parse_dump_path(self._lines) or (analysis and analysis.dump_name) or self._path


def decode_transcript(data: bytes) -> str:
    """The text of a log: UTF-16 with its mark as ``.logopen /u`` writes it, UTF-8, or else Latin-1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def looks_like_transcript(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a debugger's output; the first HEAD_BYTES are enough."""
    if head.startswith((b"PAGE", b"MDMP", b"PK\x03\x04", b"MSCF")):
        return False
    text = decode_transcript(head[:HEAD_BYTES])
    if "\0" in text:
        return False
    return any(mark in text for mark in _MARKS) or any(map(parse_prompt, split_lines(text)))


def iter_sessions(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The parts of a log that are each about one dump, at most MAX_SESSIONS: a dump's loading begins a new one.

    What stands before the first loading is a session of its own only where commands were entered there.
    """
    starts = [at for at, line in enumerate(lines) if line.lstrip().startswith(_LOADED)][:MAX_SESSIONS]
    first = starts[0] if starts else len(lines)
    if not starts or any(map(parse_prompt, lines[:first])):
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        yield tuple(lines[start:end])


def _chosen_session(lines: Sequence[str]) -> tuple[str, ...]:
    sessions = list(iter_sessions(lines))
    return max(enumerate(sessions), key=lambda each: (_completeness(each[1]), each[0]))[1]


def _completeness(lines: Sequence[str]) -> int:
    header = parse_dump_header(lines)
    known = parse_bug_check(lines) or (header and header.bug_check) or analyzed_bug_check(lines)
    return 0 if known is None else 1 if find_stack(lines) is None else 2
