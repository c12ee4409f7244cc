"""A part of a record, for whoever can take in only so much: its lists from some item on, of a length that fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from livedump.model.frames import Frame
from livedump.model.listing import Listing
from livedump.model.symptoms import Symptom

MAX_FRAMES = 32
MAX_INSIDE = 8
"""Items of a list inside of another one's."""
WHOLE = (Frame, Symptom)
"""Items of lists that are not divided: half a stack misleads, and without its findings an answer says the opposite."""


class Page(NamedTuple):
    """One part."""

    record: Any
    following: int | None
    """From which item on the next page goes; None when nothing follows."""
    cut: int
    """Items inside of lists that no page shows."""


def fitting_page(record: Any, start: int, count: int, fits: Callable[[Any], bool]) -> Page:
    """The page from item ``start`` on, of ``count`` items or as many fewer as it takes to fit; at least one."""
    while True:
        page = _Cutter(start, count).page(record)
        if count == 1 or fits(page.record):
            return page
        count = max(1, count // 2)


class _Cutter:
    def __init__(self, start: int, count: int) -> None:
        self._start = start
        self._end = start + count
        self._inside = min(MAX_INSIDE, count)
        self._more = False
        self._cut = 0

    def page(self, record: Any) -> Page:
        found = self._part(record, inside=False)
        return Page(found, self._end if self._more else None, self._cut)

    def _part(self, value: Any, inside: bool) -> Any:
        if isinstance(value, Listing):
            return Listing(self._part(value.items, inside), value.problem)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._part(each, inside) for each in value))
        if isinstance(value, tuple):
            return tuple(self._part(each, inside=True) for each in self._chosen(value, inside))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in dataclasses.fields(value)]
            return dataclasses.replace(value, **{name: self._part(getattr(value, name), inside) for name in names})
        return value

    def _chosen(self, items: tuple[Any, ...], inside: bool) -> tuple[Any, ...]:
        if isinstance(items[:1], tuple) and all(isinstance(each, (int, type(None))) for each in items):
            return items if len(items) <= MAX_INSIDE else self._first(items, MAX_INSIDE)
        if items and isinstance(items[0], WHOLE) and not inside:
            return self._first(items, MAX_FRAMES)
        if inside:
            return self._first(items, self._inside)
        self._more = self._more or len(items) > self._end
        return items[self._start : self._end]

    def _first(self, items: tuple[Any, ...], count: int) -> tuple[Any, ...]:
        self._cut += max(0, len(items) - count)
        return items[:count]
