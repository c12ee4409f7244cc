"""Dumps of one boot of one machine, told together: what became of it from the first to the last."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.difference import Change, Difference
from livedump.model.findings import Confidence
from livedump.model.text_kinds import FilePath


class Line(NamedTuple):
    """One amount, dump by dump."""

    name: str
    values: tuple[int | None, ...]
    """None where the dump does not tell."""


class Course(NamedTuple):
    """What became of one thing of the machine over all dumps."""

    title: str
    """``Nonpaged pool``, ``Handles of svchost.exe (1184)``."""
    unit: str
    """``bytes`` or what is counted."""
    lines: tuple[Line, ...]
    """The thing itself, then what of it moved most."""
    amount: int | None
    """From the first dump to the last."""
    per_minute: float | None
    summary: str
    """From what to what, and what of it moved most."""
    outlook: str | None
    """What comes of it when it goes on; None where nothing does."""
    limit: int | None
    """Up to where it can grow; None where there is no such number."""
    confidence: Confidence | None
    """That of the finding which says that it grows; None where none does."""


class SeriesDump(NamedTuple):
    """One instant of the series."""

    path: FilePath
    copies: tuple[FilePath, ...]
    """Other files of the same instant."""
    captured_at: datetime | None
    """By the machine's clock, which can be set."""
    seconds: float
    """Since the first dump, by interrupt time."""


class Series(NamedTuple):
    """All dumps of one boot, in the order of their time."""

    summary: str
    """``6 dumps of one boot over 25 min``."""
    dumps: tuple[SeriesDump, ...]
    """Two at least."""
    seconds: float
    """From the first to the last."""
    steps: tuple[Difference, ...]
    """Each dump against the one before it."""
    whole: Difference
    """The last against the first; what each step of several shows is certain here."""
    courses: tuple[Course, ...]
    """What grows first."""

    @property
    def findings(self) -> tuple[Change, ...]:
        """What is worth an engineer's eye of the whole, the most important first."""
        return self.whole.findings


class SeriesPlace(NamedTuple):
    """Where one dump stands in its series, and what became of the machine up to it."""

    number: int
    """Of the series among those of one batch, from 1."""
    place: int
    """Of the dump, from 1; copies have the same."""
    dumps: int
    seconds: float
    """Since the first dump."""
    difference: Difference | None
    """From the dump before; None of the first."""
    whole: Difference | None
    """From the first dump; only of the last of three or more."""
    courses: tuple[Course, ...]
    """Only of the last."""
