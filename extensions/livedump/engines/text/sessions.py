"""The dumps that one text is about, each with its own lines: no fact of one is ever taken for another's.

A dump's loading begins a new one always. Elsewhere a text is cut where it contradicts itself: two codes, two parameters
or two file names cannot be one dump's. It is cut before the banner, the prompt or the heading that led to the
contradiction. Looking a code up, and analysing the same dump twice, contradicts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from livedump.engines.text.bug_check import HEADING
from livedump.engines.text.lines import parse_hex, parse_prompt
from livedump.engines.text.names import base_name, title_path

MAX_SESSIONS = 1000
HEADING_REACH = 60
"""Lines behind a heading within which its arguments begin."""

_SEEN_BY_DEBUGGER = 0x10000000
_OPENERS = re.compile(
    r"\s*(?:\*{20}|Microsoft \(R\) Windows Debugger|Opened log file|KEY_VALUES_STRING: 1|Use !analyze -v to get|={12}|"
    r"Mex External|Computer Name: |A fatal system error has occurred)"
)
_OPENING = frozenset("*MOKU=CA")
"""First letters of those: lines are many."""
_HEX = r"(?:0x)?([0-9a-fA-F`]{1,18})"
_LISTED = re.compile(rf"\s*(?:BugCheck|Bugcheck:|\*\*\* STOP:)\s+[`'\"]?{_HEX}[`'\"]?,? [({{]([^)}}]{{1,120}})[)}}]")
_WRITTEN = re.compile(
    r"\s*(?:[-*+]\s+)?[*_]{0,2}Bug ?[Cc]heck(?: [Cc]ode)?[*_]{0,2}\s?:[*_]{0,2}\s*"
    r"[`'\"]?0[xX]([0-9a-fA-F]{1,8})\W{0,3}$"
)
"""As somebody writes it who tells of a dump."""
_ARGUMENTS = re.compile(r"\s*Arguments ((?:(?:0x)?[0-9a-fA-F`]{1,18}\s*){1,4})$")
_LINES = {
    "A": tuple((f"Arg{n}", f"p{n}", re.compile(rf"\s*Arg{n}: {_HEX}(?:[,\s]|$)")) for n in range(1, 5)),
    "B": (
        ("command", "code", re.compile(rf"\s*Bugcheck code {_HEX}")),
        ("BUGCHECK_CODE", "code", re.compile(rf"\s*BUGCHECK_CODE:\s+{_HEX}")),
        *((f"BUGCHECK_P{n}", f"p{n}", re.compile(rf"\s*BUGCHECK_P{n}:\s+{_HEX}")) for n in range(1, 5)),
        ("written", "code", _WRITTEN),
    ),
    "D": (("session", "time", re.compile(r"\s*Debug session time: (.{4,60})")),),
    "F": (
        ("FILE_IN_CAB", "path", re.compile(r"\s*FILE_IN_CAB:\s+(\S{1,300})")),
        ("thread", "thread", re.compile(r"\s*FAULTING_THREAD:\s+(\S+)")),
        ("bucket", "bucket", re.compile(r"\s*FAILURE_BUCKET_ID:\s+(\S+)")),
    ),
    "K": (("base", "base", re.compile(r"\s*Kernel base = (\S{4,20})")),),
    "L": (("loading", "path", re.compile(r"\s*(?:Loading Dump File \[|Loading dump file )([^\]\r\n]{1,400})")),),
    "P": (("process", "process", re.compile(r"\s*PROCESS_NAME:\s+(\S+)")),),
    "*": (
        ("fatal", "code", re.compile(rf"\s*\*\*\* Fatal System Error: {_HEX}")),
        ("written", "code", _WRITTEN),
    ),
    "-": (("written", "code", _WRITTEN),),
}
"""By first letter: kind of line, what it tells, and how. Of each there is one for a dump."""
_NUMBERS = frozenset({"code", "p1", "p2", "p3", "p4"})
_GUESSES = frozenset({"process", "thread", "bucket", "stack"})
"""What may differ from one analysis of a dump to the next, once the context was changed."""
_SURE = ("path", "time")
"""Where one of these is known, guesses contradict nothing."""
_ROW = re.compile(r"\s*([0-9a-fA-F]{8}`?[0-9a-fA-F]{8}) [0-9a-fA-F]{8}`?[0-9a-fA-F]{8}")


class _Said(NamedTuple):
    """One fact, and the kind of line that tells it."""

    kind: str
    what: str
    value: object


@dataclass
class _Block:
    """Lines in which no kind of line stands twice."""

    start: int
    facts: dict[str, object] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    loads: bool = False
    """Whether a dump is loaded in it."""
    entered: bool = False
    """Whether a command was entered in it."""

    def takes(self, said: Sequence[_Said]) -> bool:
        """Whether none of it was said here before."""
        return not any(each.kind in self.kinds for each in said)

    def add(self, said: Sequence[_Said]) -> None:
        """Keeps what was said; of two the first."""
        for each in said:
            self.kinds.add(each.kind)
            self.facts.setdefault(each.what, each.value)
            self.loads = self.loads or each.kind == "loading"

    def absorb(self, other: _Block) -> None:
        """Becomes one with the block behind it."""
        self.facts = {**other.facts, **self.facts}
        self.loads = self.loads or other.loads
        self.entered = self.entered or other.entered


def iter_sessions(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The parts of a text that are each about one dump, in order, at most MAX_SESSIONS; together they are the text."""
    starts = [start for start, _ in zip(_iter_starts(_iter_blocks(lines)), range(MAX_SESSIONS))]
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        yield tuple(lines[start:end])


def _iter_starts(blocks: Iterator[_Block]) -> Iterator[int]:
    current = next(blocks)
    yield 0
    for block in blocks:
        if _is_other(current, block):
            yield block.start
            current = block
        else:
            current.absorb(block)


def _is_other(current: _Block, block: _Block) -> bool:
    if not block.loads:
        return contradicts(current.facts, block.facts)
    # dumpchk names the file before the debugger does.
    named_only = current.facts.keys() == {"path"} and current.facts == {"path": block.facts.get("path")}
    begun = (bool(current.facts) and not named_only) or current.entered
    return begun and not _is_reopened(current.facts, block.facts)


def _is_reopened(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return all(key in before and before[key] == after.get(key) for key in _SURE) and not contradicts(before, after)


def contradicts(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Whether the facts cannot be of one dump."""
    sure = any(key in before for key in _SURE)
    return any(
        key in before and before[key] != value and not (sure and key in _GUESSES) for key, value in after.items()
    )


def _iter_blocks(lines: Sequence[str]) -> Iterator[_Block]:
    block = _Block(0)
    lookup = False
    heading: tuple[int, int] | None = None
    for at, line in enumerate(lines):
        prompt = parse_prompt(line)
        if prompt:
            lookup = "-show" in prompt.command
        if lookup or not line:
            continue
        found = HEADING.match(line) if "(" in line and not prompt else None
        if found:
            heading = (at, int(found.group(1), 16))
        said = () if found or prompt else _said(lines, at)
        if said and "MEX" in block.kinds and any(each.kind == "MEX" for each in said):
            said = ()  # a system that crashed while it crashed has two codes
        start = at
        if heading and any(each.kind.startswith("Arg") for each in said):
            if at - heading[0] <= HEADING_REACH:
                start, said = heading[0], (_Said("heading", "code", _number("code", heading[1])), *said)
            heading = None
        if (said and not block.takes(said)) or (
            block.facts and _opens(line, prompt is not None and "!analyze" in prompt.command)
        ):
            yield block
            block = _Block(start)
        if said:
            block.add(said)
        block.entered = block.entered or prompt is not None
    yield block


def _opens(line: str, analyzes: bool) -> bool:
    return analyzes or (line.lstrip()[:1] in _OPENING and bool(_OPENERS.match(line)))


def _said(lines: Sequence[str], at: int) -> tuple[_Said, ...]:
    line = lines[at]
    first = line.lstrip()[:1]
    if first == "S" and "STACK_TEXT" in line[:60]:
        return _stack(lines[at + 1 : at + 4])
    for kind, what, pattern in _LINES.get(first, ()):
        found = pattern.match(line)
        if found:
            return (_Said(kind, what, _value(what, found.group(1))),)
    if first in "AB*":
        return _several(line)
    title = title_path(line) if ".dmp" in line or ".DMP" in line else None
    return (_Said("title", "path", base_name(title)),) if title else ()


def _several(line: str) -> tuple[_Said, ...]:
    # Lines that hold the code with all parameters, or these alone.
    listed, arguments = _LISTED.match(line), _ARGUMENTS.match(line)
    kind = "arguments" if not listed else "MEX" if line.lstrip().startswith("Bugcheck:") else "listed"
    words = (re.sub("[,`'\"]", " ", listed.group(2)) if listed else arguments.group(1) if arguments else "").split()
    said = [_Said(kind, f"p{n}", _value("p1", word)) for n, word in enumerate(words, 1)]
    return (*((_Said(kind, "code", _value("code", listed.group(1))),) if listed else ()), *said)


def _stack(below: Sequence[str]) -> tuple[_Said, ...]:
    found = next(filter(None, map(_ROW.match, below)), None)
    return (_Said("stack", "stack", found.group(1)),) if found else ()


def _value(what: str, text: str) -> object:
    if what == "path":
        return base_name(text)
    return _number(what, parse_hex(text)) if what in _NUMBERS else text.strip()


def _number(what: str, value: int | None) -> int | None:
    # Codes without the debugger's mark; parameters without the sign that some versions extend to 64 bits.
    if value is None:
        return None
    if what == "code":
        return value & ~_SEEN_BY_DEBUGGER
    return value & 0xFFFFFFFF if value >> 31 == 0x1FFFFFFFF else value
