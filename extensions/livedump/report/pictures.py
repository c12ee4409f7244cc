"""What a document shows to the eye, where a format has pictures: bars, paths, and amounts over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Union


class Part(NamedTuple):
    """A part of a bar."""

    name: str
    share: float
    """Of the whole bar, from 0 to 1."""
    mark: str = ""
    """A word for colours: ``good``, ``warn`` or ``bad``."""


class Bar(NamedTuple):
    """A label, its parts from the left, and what they come to."""

    label: str
    parts: tuple[Part, ...]
    value: str


class Bars(NamedTuple):
    """Amounts side by side."""

    title: str
    bars: tuple[Bar, ...]


class Step(NamedTuple):
    """One box of a path, and the word on the arrow that leads on from it."""

    lines: tuple[str, ...]
    mark: str = ""
    onward: str = ""


class Paths(NamedTuple):
    """What leads to what; each path begins on a line of its own."""

    title: str
    paths: tuple[tuple[Step, ...], ...]


class Moment(NamedTuple):
    """One dump of several."""

    label: str
    seconds: float
    """Since the first one."""
    link: str = ""
    """The anchor of what is said of that dump alone; empty where there is none."""


class Curve(NamedTuple):
    """One amount, moment by moment."""

    name: str
    values: tuple[float | None, ...]
    """None where it is not known."""


class Trend(NamedTuple):
    """Amounts of one unit over all moments, the most important curve first."""

    title: str
    unit: str
    """``bytes`` or what is counted."""
    curves: tuple[Curve, ...]
    rate: str = ""
    """``+118 MiB a minute``; empty where nothing moves."""
    told: str = ""
    """From what to what."""
    ahead: str = ""
    """What comes of it when it goes on: then it is drawn to go on."""
    limit: float | None = None
    limit_name: str = ""
    mark: str = ""
    """A word for colours: ``warn`` or ``bad``."""


class Trends(NamedTuple):
    """What became of amounts over time; the first is the one to look at, where any moves."""

    title: str
    moments: tuple[Moment, ...]
    trends: tuple[Trend, ...]


Picture = Union[Bars, Paths, Trends]


def shown_moments(count: int, most: int) -> Sequence[int]:
    """Which of so many moments are shown: all, or ``most`` of them, evenly from the first to the last."""
    return range(count) if count <= most else [number * (count - 1) // (most - 1) for number in range(most)]
