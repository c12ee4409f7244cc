"""The transcript engine: a dump that is known only from text, a saved debugger log or what people paste of one.

A text may be about several dumps: each has an engine of its own, over its own lines. Where one is asked for, it is of
those with a bug check and a stack the last, else of those with a bug check, else the last of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from livedump.engines.text.answers import TextAnswers
from livedump.engines.text.blame import words_for_live
from livedump.engines.text.bug_check import UNKNOWN, Claim
from livedump.engines.text.encoding import decode_transcript
from livedump.engines.text.lines import parse_prompt
from livedump.engines.text.names import title_path
from livedump.engines.text.recognise import what_it_looks_like
from livedump.engines.text.repair import Repaired, repaired
from livedump.engines.text.said import read_symptoms, tells_symptoms
from livedump.engines.text.sessions import iter_sessions
from livedump.engines.text.stack import find_bug_check_arguments, find_stack, is_user_stack, with_instruction
from livedump.engines.text.target import is_user_mode, parse_dump_path
from livedump.model.dump import Dump
from livedump.model.errors import DamagedDump, NotAKernelDump, NotKnown, UnreadableFile
from livedump.model.frames import Stack
from livedump.model.said import SaidSymptoms
from livedump.model.told import Told

MAX_BYTES = 16 << 20
HEAD_BYTES = 64 << 10
"""How much of a file ``looks_like_transcript`` wants to see."""
MAX_DOUBTS = 8

_NOT_OPENED = ("Could not open dump file", "Could not match Dump File signature", "DebugClient cannot open DumpFile")
_NOTHING_SAID = (
    "debugger text does not hold the kernel's structures: what went on in the machine needs the dump, or the output of "
    "!running, !locks, !vm, !poolused and !stacks"
)
_DUMPS = (b"PAGE", b"MDMP", b"PK\x03\x04", b"MSCF")
_MARKS = (
    "Microsoft (R) Windows Debugger Version", "Loading Dump File [", "Opened log file '", "Kernel base = 0x",
    "Bugcheck Analysis", "Bugcheck code ", "BUGCHECK_CODE:", "BUGCHECK_P1:", "BUGCHECK_STR:", "STACK_TEXT:",
    "STACK_TEXT (", "DUMP_FILE_ATTRIBUTES:", "FAILURE_BUCKET_ID:", "Child-SP", "ChildEBP", "Bugcheck.Code.",
    "Exception Analysis", "Probably caused by",
)  # fmt: skip


_SURE = (
    *_MARKS[:3], "Bugcheck Analysis", "STACK_TEXT", "FAILURE_BUCKET_ID", "Child-SP", "BUGCHECK_CODE", "PROCESS_NAME:",
)  # fmt: skip


class TranscriptEngine(TextAnswers):
    """What one text says of one dump. Its answers are the text's: nothing is checked against a dump."""

    name = "transcript"

    def __init__(self, lines: Sequence[str], whole: Repaired, path: str) -> None:
        """Over the ``lines`` of ``whole`` that are about one dump; ``path`` is used where they do not name the dump."""
        self._lines = lines
        self._path = path
        self._flaws = (*whole.repairs, *whole.limits)

    def lines(self, command: str) -> Sequence[str]:  # noqa: ARG002 - a log is read whole for each question
        """All that the text holds of the dump: what belongs to which command is told by shape."""
        return self._lines

    def not_held(self, what: str, command: str) -> NotKnown:
        """What to run so that the transcript will hold the answer."""
        return NotKnown(f"the transcript holds no {what}; run `{command}` and save the log again")

    def dump_path(self) -> str:
        """The path of the dump as the log names it, else that of the log."""
        return self._named_path() or self._path

    def dump(self) -> Dump:
        """The file as a container, as far as the text tells.

        Raises:
            NotAKernelDump: the text is about a process, or a dump of one.
            DamagedDump: the debugger could not open the dump, and nothing is told of it.
        """
        if self._stack and self.bug_check_claim.code is None and is_user_stack(self._stack):
            raise NotAKernelDump("the stack is that of a user-mode process; a kernel dump is needed")
        refused = next((line for line in self._lines if line.lstrip().startswith(_NOT_OPENED)), None)
        if refused and self._stack is None and self.bug_check_claim.code is None:
            raise DamagedDump(f"{self.dump_path()}: the debugger could not open the dump: {refused.strip()}")
        found = super().dump()
        # The debugger notices a missing end only: that it was silent is no word on what else is not there.
        return found._replace(reported_truncated=found.reported_truncated or None)

    def stack(self, processor: int | None = None) -> Stack:
        """The call stack of one processor; of the one that wrote the dump when None.

        Raises:
            NotKnown: the text holds no such stack.
        """
        if processor is not None or self._stack is None:
            return super().stack(processor)
        return with_instruction(self._stack, self._innermost_instruction(self._stack))

    @cached_property
    def _stack(self) -> Stack | None:
        return find_stack(self._lines)

    def has_stack(self) -> bool:
        """Whether the text holds a stack."""
        return self._stack is not None

    def told(self) -> Told:
        """Whom the debugger blames, what it calls the dump, and what is wrong with the text."""
        analysis, claim = self._analysis, self.bug_check_claim
        words = (analysis and analysis.live_words) or words_for_live(None, (), self._named_path())
        doubts = [f"the text was repaired: {', '.join(self._flaws)}"] if self._flaws else []
        doubts += [claim.doubt] if claim.doubt else []
        doubts += [each for each in (analysis.doubts if analysis else ()) if each not in doubts]
        blame = analysis.blame if analysis else None
        return Told(
            source="the debugger",
            live=True if words else None,
            live_words=words or None,
            blame=blame,
            doubts=tuple(doubts[:MAX_DOUBTS]),
            dump_path=self._named_path(),
        )

    def said_symptoms(self) -> SaidSymptoms:
        """What the debugger printed of processors, stacks, waits and memory.

        Raises:
            NotKnown: the text holds no output of the commands that tell of them.
        """
        found = read_symptoms(self._lines)
        if found is None:
            raise NotKnown(_NOTHING_SAID)
        return found

    def bug_check_claims(self) -> Iterator[Claim]:
        """What each place of the text says of it, the plainest first; the stack's own arguments last."""
        yield from super().bug_check_claims()
        code, *known = find_bug_check_arguments(self._lines) or (None,)
        if code is not None:
            yield Claim(code, (*known, *UNKNOWN)[:4], "the code is the first argument of KeBugCheckEx on the stack")

    def tells_something(self) -> bool:
        """Whether anything can be judged: a code, a stack, the system, what went on; or a process, which is refused."""
        lines = self._lines
        known = self.bug_check_claim.code is not None or self._header is not None
        known = known or self._stack is not None or is_user_mode(lines) or parse_dump_path(lines) is not None
        return known or tells_symptoms(lines)

    def _named_path(self) -> str | None:
        analysis = self._analysis
        title = next((found for line in self._lines[:40] if ".dmp" in line and (found := title_path(line))), None)
        return parse_dump_path(self._lines) or (analysis.dump_name if analysis else None) or title


def read_transcripts(text: str, path: str, left_out: str | None = None) -> tuple[TranscriptEngine, ...]:
    """An engine for each dump that the text tells of, in its order; ``left_out`` says what of it was not read.

    Raises:
        NotAKernelDump: the text tells nothing of any kernel dump; the message says what it looks like.
    """
    whole = _with_limit(repaired(text), left_out)
    telling = transcripts_of(whole, path)
    if not telling:
        raise NotAKernelDump(f"{path}: not a kernel dump, and no word on one; {what_it_looks_like(whole.lines)}")
    return telling


def transcripts_of(whole: Repaired, path: str) -> tuple[TranscriptEngine, ...]:
    """An engine for each dump that the lines tell of, in their order; empty where they tell of none."""
    engines = [TranscriptEngine(lines, whole, path) for lines in iter_sessions(whole.lines)]
    return tuple(engine for engine in engines if engine.tells_something())


def has_debugger_marks(lines: Sequence[str]) -> bool:
    """Whether the debugger's own words stand in the text, and not only a record that it has in common with others."""
    return any("kd>" in line[:12] or any(mark in line for mark in _SURE) for line in lines)


def read_text(path: str) -> tuple[str, str | None]:
    """The text of a file, at most MAX_BYTES of it, and a word on what was not read.

    Raises:
        UnreadableFile: the operating system does not give us the file.
    """
    try:
        with Path(path).open("rb") as file:
            return decode_bounded(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from error


def decode_bounded(data: bytes) -> tuple[str, str | None]:
    """The text of the first MAX_BYTES, and a word on what was not read; None where that is all."""
    left_out = f"what stands behind the first {MAX_BYTES >> 20} MiB was not read" if len(data) > MAX_BYTES else None
    return decode_transcript(data[:MAX_BYTES]), left_out


def looks_like_transcript(head: bytes) -> bool:
    """Whether a file that begins with these bytes is debugger output; the first HEAD_BYTES are enough."""
    if head.startswith(_DUMPS):
        return False
    text = decode_transcript(head[:HEAD_BYTES])
    if "\0" in text:
        return False
    if any(mark in text for mark in _MARKS):
        return True
    whole = repaired(text)
    if any(map(parse_prompt, whole.lines)):
        return True
    return TranscriptEngine(whole.lines, whole, "").tells_something()


def _with_limit(whole: Repaired, left_out: str | None) -> Repaired:
    return whole._replace(limits=(left_out, *whole.limits)) if left_out else whole
