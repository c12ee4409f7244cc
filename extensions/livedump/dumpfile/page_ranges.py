"""Which physical pages stand in ranges, as debuggers write them, without keeping more of the ranges than needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from struct import unpack
from typing import NamedTuple

from livedump.dumpfile import c_pages
from livedump.dumpfile.page_runs import RunIndex
from livedump.dumpfile.source import ByteSource, read_exactly
from livedump.model.errors import DamagedDump

MAX_COUNTED = 1 << 18
"""Ranges that are added up."""
RANGES_PER_STRETCH = 4096
CACHED_STRETCHES = 256
"""A million ranges, in 25 MB."""
READ_COST = 256
"""Looks at a stretch in memory that take as long as reading one from the file."""
MAX_VAIN_LOOKS = 1 << 18
"""Looks at stretches that might hold a page and do not, but for the first one for a page: about a second. More of it is
work made on purpose, by ranges that lie across each other."""


class _Stretch(NamedTuple):
    # Some of the ranges of a range dump, in the file's order: where they stand, between which pages they lie at most,
    # how many pages stand before theirs.
    offset: int
    length: int
    low: int
    high: int
    position: int


class RangeIndex:
    """Pages in as many ranges as a debugger found: read from the file as needed, some thousands at a time."""

    def __init__(self, source: ByteSource, offset: int, count: int, page_count: int) -> None:
        self.page_count = page_count
        """Pages in all ranges, as the header promises."""
        self._source = source
        self._next = offset
        self._end = offset + count * c_pages.RANGE_SIZE
        self._pages_seen = 0
        self._reads = self._vain_looks = 0
        self._stretches: list[_Stretch] = []
        self._runs_of = lru_cache(maxsize=CACHED_STRETCHES)(self._read_runs)

    def count(self) -> int | None:
        """Pages in all ranges, added up; None of more than MAX_COUNTED ranges."""
        if (self._end - self._next) // c_pages.RANGE_SIZE > MAX_COUNTED:
            return None
        for _ in self._iter_stretches():
            pass
        return self._pages_seen

    def position_of(self, pfn: int) -> int | None:
        """How many pages stand before this one in the file; None when no range holds it.

        Raises:
            DamagedDump: the ranges overlap, or lie across each other everywhere.
        """
        looks = 0
        for stretch in self._iter_stretches():
            if stretch.low <= pfn < stretch.high:
                reads = self._reads
                position = self._runs_of(stretch).position_of(pfn)
                if position is not None:
                    return position
                self._count_vain((looks > 0) + READ_COST * (self._reads - reads))
                looks += 1
        return None

    def _count_vain(self, looks: int) -> None:
        self._vain_looks += looks
        if self._vain_looks > MAX_VAIN_LOOKS:
            raise DamagedDump(f"the ranges of pages lie across each other: {MAX_VAIN_LOOKS} looks at them in vain")

    def _iter_stretches(self) -> Iterator[_Stretch]:
        yield from self._stretches
        while self._next < self._end:
            stretch = self._survey_next()
            if stretch is not None:
                yield stretch

    def _survey_next(self) -> _Stretch | None:
        wanted = min(RANGES_PER_STRETCH, (self._end - self._next) // c_pages.RANGE_SIZE)
        firsts, counts = self._read_ranges(self._next, wanted)
        used = self._used(counts)
        stretch = None
        if used:
            low, high = min(firsts[:used]), max(firsts[:used]) + max(counts[:used])
            stretch = _Stretch(self._next, used, low, high, self._pages_seen)
            self._stretches.append(stretch)
        self._pages_seen += sum(counts[:used])
        self._next = self._next + wanted * c_pages.RANGE_SIZE if used == wanted else self._end
        return stretch

    def _used(self, counts: tuple[int, ...]) -> int:
        # The promised number of pages ends the ranges, too.
        before = accumulate(counts, initial=self._pages_seen)
        return sum(1 for pages, _ in zip(before, counts) if pages < self.page_count)

    def _read_ranges(self, offset: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        data = read_exactly(self._source, offset, count * c_pages.RANGE_SIZE, "table of page ranges")
        numbers = unpack(f"<{2 * count}Q", data)
        return numbers[0::2], numbers[1::2]

    def _read_runs(self, stretch: _Stretch) -> RunIndex:
        self._reads += 1
        return RunIndex(zip(*self._read_ranges(stretch.offset, stretch.length)), stretch.position)
