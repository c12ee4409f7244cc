"""What the codes of live dumps and bug checks mean, from ``live_dump_codes.txt`` and ``bug_check_names.txt``."""

from __future__ import annotations

from enum import Enum
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from livedump.model.addresses import ShortHex
from livedump.model.bug_check import DEBUGGER_SEEN_BIT
from livedump.reference.entries import Entry, TitledEntries, iter_sections, read_names

NOT_DOCUMENTED = "not documented"
"""Stands for the meaning of a parameter that nobody has written down."""
KEPT = 128
"""Codes, known or not, for which the file is not read again."""


class CodeKind(Enum):
    """What documentation says about the use of a code."""

    LIVE = "live"
    """Live dumps only, by the documentation: never a real bug check."""
    BOTH = "both"
    """A bug check or a live dump."""
    BORROWED = "borrowed"
    """A bug check, by the documentation; some callers give it to live dumps too."""
    UNDOCUMENTED = "undocumented"
    """The Windows SDK has the name, no page tells more."""
    OBSERVED = "observed"
    """Seen in dumps; neither a page nor the Windows SDK has it, and the debugger prints no name."""
    NO_CODE = "no-code"
    """Zero: the caller gave none."""


_CAN_CRASH = {CodeKind.LIVE: False, CodeKind.BOTH: True, CodeKind.BORROWED: True}


class LiveCode(NamedTuple):
    """A code that live dumps carry. The code is the caller's word; by itself it proves nothing."""

    code: ShortHex
    name: str
    """As WinDbg prints it; ``(no code)`` for 0."""
    kind: CodeKind
    meaning: str
    """One sentence."""
    parameters: tuple[str, str, str, str]
    """What each parameter holds; NOT_DOCUMENTED where that is not known."""
    component: str
    """The part of Windows, or the tools, that report it."""
    folder: str | None
    """Folders below LiveKernelReports, divided by commas; None when not known."""
    source: str
    """Where these facts come from."""

    @property
    def can_crash(self) -> bool | None:
        """Whether a real bug check may carry the code; None when nobody says."""
        return _CAN_CRASH.get(self.kind)


_LIVE_CODES = Path(__file__).with_name("live_dump_codes.txt")


def find_live_code(code: int) -> LiveCode | None:
    """The facts about a live dump code, also when the mark of the kernel debugger was added; None: not one of them.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _live_code(code) or _live_code(code & ~DEBUGGER_SEEN_BIT)


def live_codes() -> tuple[LiveCode, ...]:
    """All live dump codes by number.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return read_live_codes(_LIVE_CODES)


def bug_check_name(code: int) -> str | None:
    """The name that WinDbg prints for a code, with or without the mark of the kernel debugger; None when it has none.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    names = _bug_check_names()
    return names.get(code) or names.get(code & ~DEBUGGER_SEEN_BIT)


def read_live_codes(path: Path) -> tuple[LiveCode, ...]:
    """All live dump codes of a file in the format of ``live_dump_codes.txt``, in file order.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    return tuple(_parse(section) for section in _read_sections(path).values())


@lru_cache(maxsize=KEPT)
def _live_code(code: int) -> LiveCode | None:
    """That of the file: only its own lines are looked at, and nothing else of the file is kept."""
    section = _read_sections(_LIVE_CODES).get(code)
    return None if section is None else _parse(section)


@cache
def _bug_check_names() -> dict[int, str]:
    return read_names(Path(__file__).with_name("bug_check_names.txt"))


def _read_sections(path: Path) -> dict[int, TitledEntries]:
    sections: dict[int, TitledEntries] = {}
    for section in iter_sections(path):
        number = section.title.text.partition(" ")[0]
        if sections.setdefault(section.title.hexadecimal(number), section) is not section:
            raise section.title.bad(f"{number} stands above already")
    return sections


_PARAMETERS = ("p1", "p2", "p3", "p4")
_NEEDED = ("kind", "meaning", "component", "source")
_KEYS = frozenset((*_NEEDED, *_PARAMETERS, "folder"))
_KINDS = {kind.value: kind for kind in CodeKind}


def _parse(section: TitledEntries) -> LiveCode:
    number, _, name = section.title.text.partition(" ")
    code = section.title.hexadecimal(number)
    if not name:
        raise section.title.bad("expected a code and its name, like [0x161 LIVE_SYSTEM_DUMP]")
    facts = _facts(section)
    p1, p2, p3, p4 = (facts[key].text if key in facts else NOT_DOCUMENTED for key in _PARAMETERS)
    meaning, component, source = (facts[key].text for key in _NEEDED[1:])
    folder = facts["folder"].text if "folder" in facts else None
    return LiveCode(code, name.strip(), _kind(facts["kind"]), meaning, (p1, p2, p3, p4), component, folder, source)


def _facts(section: TitledEntries) -> dict[str, Entry]:
    """Values by key: each entry's text is what stands behind the colon."""
    facts: dict[str, Entry] = {}
    for entry in section.entries():
        key, _, value = entry.text.partition(":")
        value = value.strip()
        if key not in _KEYS:
            raise entry.bad(f"expected one of {', '.join(sorted(_KEYS))} and a colon, got {key!r}")
        if not value or key in facts:
            raise entry.bad(f"{key} has no value" if not value else f"{key} stands above already")
        facts[key] = entry._replace(text=value)
    for key in _NEEDED:
        if key not in facts:
            raise section.title.bad(f"{section.title.text} has no line {key!r}")
    return facts


def _kind(entry: Entry) -> CodeKind:
    kind = _KINDS.get(entry.text)
    if kind is None:
        raise entry.bad(f"expected a kind of {', '.join(_KINDS)}, got {entry.text!r}")
    return kind
