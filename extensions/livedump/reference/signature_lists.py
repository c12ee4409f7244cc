"""Which frames, and which parameters of a bug check, make a signature: ``signature_*.txt``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from livedump.reference.capture_frames import FramePattern, parse_frame_pattern
from livedump.reference.entries import Entry, iter_entries

NOT_DRIVERS = frozenset({"nt", "hal"})
"""Modules that a parameter points into without blaming them."""


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


def driver_parameter(code: int) -> int | None:
    """The number, 1 to 4, of the parameter that points into the responsible driver; None where none does.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _driver_parameters().get(code)


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


def read_driver_parameters(path: Path) -> dict[int, int]:
    """Numbers of parameters by code, from a file in the format of ``signature_drivers.txt``.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    numbers: dict[int, int] = {}
    for entry in iter_entries(path):
        code, _, number = entry.text.partition(" ")
        if number.strip() not in {"1", "2", "3", "4"}:
            raise entry.bad(f"expected a code and a number from 1 to 4, like 0x141 2, got {entry.text!r}")
        if entry.hexadecimal(code) in numbers:
            raise entry.bad(f"{code} stands above already")
        numbers[entry.hexadecimal(code)] = int(number)
    return numbers


@cache
def _frame_list(name: str) -> FrameList:
    return FrameList(read_frame_list(Path(__file__).with_name(f"signature_{name}.txt")))


@cache
def _driver_parameters() -> dict[int, int]:
    return read_driver_parameters(Path(__file__).with_name("signature_drivers.txt"))


def _pattern(section: str, entry: Entry) -> FramePattern:
    module = entry.text.partition("!")[0]
    if module != module.lower():
        raise entry.bad(f"expected the module in small letters, got {entry.text!r}")
    if "!" in entry.text:
        return parse_frame_pattern(section, entry)
    if "*" in module or " " in module:
        raise entry.bad(f"expected module!function or a module alone, got {entry.text!r}")
    return FramePattern(section, module, None)
