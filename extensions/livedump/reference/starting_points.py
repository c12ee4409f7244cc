"""Where to begin with a dump of a code, from ``starting_points.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from livedump.reference.entries import Entry, iter_entries

ANALYSES = ("processors", "waits", "requests", "stacks", "memory")
KINDS = ("thread", "thread-id", "process", "process-id", "object")


class StartingPoint(NamedTuple):
    """What the code is about."""

    analysis: str
    """One of ``ANALYSES``."""
    parameters: tuple[tuple[int, str], ...]
    """Numbers of parameters from 1, and which of ``KINDS`` each holds."""


def starting_point(code: int) -> StartingPoint | None:
    """Where to begin with a dump of that code; None when the code does not tell.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _points().get(code)


def read_starting_points(path: Path) -> dict[int, StartingPoint]:
    """Starting points by code, from a file in the format of ``starting_points.txt``.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    points: dict[int, StartingPoint] = {}
    for entry in iter_entries(path):
        code, _, rest = entry.text.partition(" ")
        analysis, *parameters = rest.split() or [""]
        if analysis not in ANALYSES:
            raise entry.bad(f"expected one of {', '.join(ANALYSES)} behind the code, got {analysis!r}")
        point = StartingPoint(analysis, tuple(_parse(entry, parameters)))
        if points.setdefault(entry.hexadecimal(code), point) is not point:
            raise entry.bad(f"{code} stands above already")
    return points


def _parse(entry: Entry, parameters: list[str]) -> Iterator[tuple[int, str]]:
    for each in parameters:
        number, _, kind = each.partition("=")
        if number not in ("1", "2", "3", "4") or kind not in KINDS:
            raise entry.bad(f"expected a parameter like 2=thread, got {each!r}; kinds are {', '.join(KINDS)}")
        yield int(number), kind


@cache
def _points() -> dict[int, StartingPoint]:
    return read_starting_points(Path(__file__).with_name("starting_points.txt"))
