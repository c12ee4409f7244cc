"""Which frames make a signature: ``signature_skip.txt`` and ``signature_join.txt``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from livedump.reference.capture_frames import FramePattern, parse_frame_pattern
from livedump.reference.entries import Entry, iter_entries


class FrameList:
    """The patterns of one list, found by name without asking each."""

    def __init__(self, patterns: Iterable[FramePattern]) -> None:
        self._exact: set[str] = set()
        self._starred: dict[str, list[FramePattern]] = {}
        for pattern in patterns:
            if pattern.end is None:
                self._exact.add(pattern.start)
            else:
                self._starred.setdefault(pattern.start.partition("!")[0], []).append(pattern)

    def matches(self, name: str) -> bool:
        """Whether the list has ``module!function``, or ``module`` for a frame without a name; small letters first."""
        if name in self._exact:
            return True
        return any(pattern.matches(name) for pattern in self._starred.get(name.partition("!")[0], ()))


def is_skipped(name: str) -> bool:
    """Whether ``signature_skip.txt`` has the frame.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _frame_list("skip").matches(name)


def is_joined(name: str) -> bool:
    """Whether ``signature_join.txt`` has the frame, so that the next one is added.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _frame_list("join").matches(name)


def read_frame_list(path: Path) -> tuple[FramePattern, ...]:
    """All patterns of a file in the format of ``signature_skip.txt``, in file order.

    Raises:
        BadEntry: names the line: no pattern, a module in capitals, or one that stands above already.
    """
    patterns: dict[FramePattern, None] = {}
    for entry in iter_entries(path):
        pattern = _pattern(path.stem, entry)
        if pattern in patterns:
            raise entry.bad(f"{entry.text} stands above already")
        patterns[pattern] = None
    return tuple(patterns)


@cache
def _frame_list(name: str) -> FrameList:
    return FrameList(read_frame_list(Path(__file__).with_name(f"signature_{name}.txt")))


def _pattern(section: str, entry: Entry) -> FramePattern:
    module = entry.text.partition("!")[0]
    if module != module.lower():
        raise entry.bad(f"expected the module in small letters, got {entry.text!r}")
    if "!" in entry.text:
        return parse_frame_pattern(section, entry)
    if "*" in module or " " in module:
        raise entry.bad(f"expected module!function or a module alone, got {entry.text!r}")
    return FramePattern(section, module, None)
