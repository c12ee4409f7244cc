"""Frames that stand on the stack because a dump was being taken, from ``capture_frames.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from livedump.model.frames import Role
from livedump.reference.entries import Entry, iter_sections

THREAD_START = "thread-start"
CORRAL = "corral"


class FramePattern(NamedTuple):
    """A line of the file: a function, or all functions whose name starts and ends alike."""

    section: str
    """``capture``, ``request``, ``corral`` or ``thread-start``."""
    start: str
    """``module!function`` before its star."""
    end: str | None
    """What follows the star; None without a star."""

    def matches(self, name: str) -> bool:
        """Whether ``module!function`` is meant."""
        if self.end is None:
            return name == self.start
        return len(name) >= len(self.start) + len(self.end) and name.startswith(self.start) and name.endswith(self.end)


def find_role(module: str, symbol: str) -> Role | None:
    """What a frame of that function was doing, by its name alone; None when the file does not tell.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _ROLES.get(_find_section(module, symbol) or "")


def is_thread_start(module: str, symbol: str) -> bool:
    """Whether every thread of the system has that function near the bottom of its stack: it tells nothing.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _find_section(module, symbol) == THREAD_START


def leads_into_corral(module: str, symbol: str) -> bool:
    """Whether a processor came through that function into the corral of a live dump, if it is in there.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _find_section(module, symbol) == CORRAL


def read_frame_patterns(path: Path) -> tuple[FramePattern, ...]:
    """All patterns of a file in the format of ``capture_frames.txt``, in file order.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    patterns = []
    for section in iter_sections(path):
        if section.title.text not in _SECTIONS:
            raise section.title.bad(f"expected a section of {', '.join(_SECTIONS)}, got {section.title.text!r}")
        patterns += [parse_frame_pattern(section.title.text, entry) for entry in section.entries()]
    return tuple(patterns)


def parse_frame_pattern(section: str, entry: Entry) -> FramePattern:
    """The pattern that ``module!function``, with one star at most behind the ``!``, stands for.

    Raises:
        BadEntry: the entry is not of that shape.
    """
    module, _, symbol = entry.text.partition("!")
    if not module or not symbol or "*" in module or " " in entry.text or symbol.count("*") > 1:
        raise entry.bad(f"expected module!function with one * at most, got {entry.text!r}")
    start, star, end = entry.text.partition("*")
    return FramePattern(section, start, end if star else None)


_ROLES = {"capture": Role.CAPTURE, "request": Role.REQUEST}
_SECTIONS = (*_ROLES, CORRAL, THREAD_START)


@cache
def _patterns() -> tuple[FramePattern, ...]:
    return read_frame_patterns(Path(__file__).with_name("capture_frames.txt"))


def _find_section(module: str, symbol: str) -> str | None:
    name = f"{module}!{symbol}"
    return next((pattern.section for pattern in _patterns() if pattern.matches(name)), None)
