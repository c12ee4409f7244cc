"""Physical memory of a dump: which page stands where in the file, one builder for each kind of dump.

References: ``c_pages`` for the layouts. Nothing here grows with the number of pages: what finds a page is a table of
runs from the header, a bitmap (``page_bitmap``), or ranges (``page_ranges``), and the last two are looked at no further
than the pages asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

from livedump.dumpfile import c_pages
from livedump.dumpfile.c_dump import HEADER_SIZE_64
from livedump.dumpfile.memory import read_pieces
from livedump.dumpfile.page_bitmap import BitmapIndex
from livedump.dumpfile.source import ByteSource, read_exactly
from livedump.model.addresses import PAGE_SIZE
from livedump.model.dump import DUMP_KINDS, DumpKind
from livedump.model.errors import DamagedDump, MemoryGap, Unsupported

if TYPE_CHECKING:

    class PageIndex(Protocol):
        """Where a page stands among the pages of the file."""

        @property
        def page_count(self) -> int:
            """Pages that the dump promises."""

        def position_of(self, pfn: int) -> int | None:
            """How many pages stand before this one in the file; None when the dump does not hold it."""

        def count(self) -> int | None:
            """How many pages are marked, counted; None where that would take too long."""


CACHED_PAGES = 256
MAX_PFN = 1 << 40
"""x64 and ARM64 have 52 bits of physical address at most."""
MAX_BITS = 1 << 32
"""Longest bitmap that is read: 16 TiB of memory, half a gigabyte of bitmap."""
MAX_RANGES = 1 << 22


class PhysicalMemory:
    """Bytes by physical address."""

    def __init__(
        self, source: ByteSource, index: PageIndex, first_page_offset: int, filler: bytes | None = None
    ) -> None:
        """``filler`` is what stands in the file, a whole page long, for a page that its writer could not read."""
        self.first_page_offset = first_page_offset
        self._filler = filler
        self._source = source
        self._index = index
        self._page = lru_cache(maxsize=CACHED_PAGES)(self._read_page)

    @property
    def page_count(self) -> int:
        """Pages that the dump promises."""
        return self._index.page_count

    @cached_property
    def pages_counted(self) -> int | None:
        """Pages that what tells their places marks, counted; None where that would take too long."""
        return self._index.count()

    @property
    def pages_in_file(self) -> int:
        """Pages that fit into the file as long as it is: fewer than promised when it was cut short."""
        return max(0, min(self.page_count, (self._source.size - self.first_page_offset) // PAGE_SIZE))

    @property
    def end_offset(self) -> int:
        """File offset behind the last promised page, where secondary data begins."""
        return self.first_page_offset + self.page_count * PAGE_SIZE

    def offset_of(self, pfn: int) -> int | None:
        """File offset of a page; None when the dump does not hold it or the file ends before it.

        Raises:
            DamagedDump: what tells the pages' places contradicts itself.
        """
        if self.first_page_offset + PAGE_SIZE > self._source.size:  # cut before its first page, maybe in the index
            return None
        position = self._index.position_of(pfn)
        if position is None:
            return None
        offset = self.first_page_offset + position * PAGE_SIZE
        return offset if offset + PAGE_SIZE <= self._source.size else None

    def holds_page(self, pfn: int) -> bool:
        """Whether the dump holds that page. Where there is a filler the page is read for it."""
        return self.offset_of(pfn) is not None and (self._filler is None or self._page(pfn) is not None)

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at a physical address.

        Raises:
            DamagedDump: the size is absurd, or what tells the pages' places contradicts itself.
            MemoryGap: the first byte that the dump does not hold.
        """
        return read_pieces(self._read_piece, address, size)

    def close(self) -> None:
        """Lets go of the pages that are kept; one that is wanted again is read again."""
        self._page.cache_clear()

    def _read_piece(self, address: int, size: int) -> bytes:
        page = self._page(address // PAGE_SIZE)
        if page is None:
            raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
        start = address % PAGE_SIZE
        return page[start : start + size]

    def _read_page(self, pfn: int) -> bytes | None:
        offset = self.offset_of(pfn)
        page = None if offset is None else read_exactly(self._source, offset, PAGE_SIZE, f"page {pfn:#x}")
        return None if page == self._filler else page


def physical_memory(
    source: ByteSource, dump_type: int, body_offset: int, runs: tuple[tuple[int, int], ...]
) -> PhysicalMemory:
    """Physical memory of a dump.

    Args:
        source: the file.
        dump_type: as the header stores it.
        body_offset: where the header ends: 0x2000, or 0x1000 in a dump of a 32-bit system.
        runs: first page and page count of each run in the header's memory block; used by full dumps (type 1) only.

    Raises:
        Unsupported: a dump of this kind holds no physical memory, or the kind is not known.
        DamagedDump: what tells the pages' places contradicts itself.
    """
    build = _BUILDERS.get(DUMP_KINDS.get(dump_type, DumpKind.UNKNOWN))
    if build is None:
        raise Unsupported(_NO_MEMORY.get(dump_type, f"dump type {dump_type:#x} is none that Windows or WinDbg writes"))
    return build(source, dump_type, body_offset, runs)


class RunIndex:
    """Pages in runs, one run behind the other in the file."""

    def __init__(self, runs: Iterable[tuple[int, int]], position: int = 0) -> None:
        rows = sorted(_placed(runs, position))
        for (first, count, _), (following, _, _) in zip(rows, rows[1:]):
            if first + count > following:
                raise DamagedDump(f"the runs of pages at {first:#x} and {following:#x} overlap")
        self.page_count = sum(count for _, count, _ in rows)
        self._firsts = array("Q", [first for first, _, _ in rows])
        self._counts = array("Q", [count for _, count, _ in rows])
        self._positions = array("Q", [place for _, _, place in rows])

    def position_of(self, pfn: int) -> int | None:
        """How many pages stand before this one in the file; None when no run holds it."""
        row = bisect_right(self._firsts, pfn) - 1
        if row < 0:
            return None
        within = pfn - self._firsts[row]
        return self._positions[row] + within if within < self._counts[row] else None

    def count(self) -> int:
        """Pages in all runs."""
        return self.page_count


def _placed(runs: Iterable[tuple[int, int]], position: int) -> Iterator[tuple[int, int, int]]:
    for first, count in runs:
        if first + count > MAX_PFN:
            raise DamagedDump(f"a run of {count:#x} pages at page {first:#x}: no machine has so much memory")
        if count:
            yield first, count, position
        position += count


def _full(source: ByteSource, dump_type: int, body_offset: int, runs: tuple[tuple[int, int], ...]) -> PhysicalMemory:
    if not runs:
        raise DamagedDump(f"a dump of type {dump_type:#x} without runs of physical memory in its header")
    return PhysicalMemory(source, RunIndex(runs), body_offset)


def _bitmap(source: ByteSource, dump_type: int, body_offset: int, _runs: tuple[tuple[int, int], ...]) -> PhysicalMemory:
    header = read_exactly(source, body_offset, c_pages.BITMAP.bitmap, "bitmap header")
    _check_signature(header, 0, c_pages.BITMAP_SIGNATURES, body_offset)
    layout = _bitmap_layout(header, dump_type, body_offset)
    bits, pages, first = (field.read(header) for field in (layout.bit_count, layout.page_count, layout.first_page))
    bitmap = body_offset + layout.bitmap
    _check_first_page(first, bitmap + (bits + 7) // 8, f"a bitmap of {bits:#x} bits")
    if bits > MAX_BITS:
        raise Unsupported(f"the bitmap has {bits:#x} bits; up to {MAX_BITS:#x} (16 TiB of memory) are read")
    if pages > bits:
        raise DamagedDump(f"the bitmap of {bits:#x} bits is said to mark {pages:#x} pages")
    return PhysicalMemory(source, BitmapIndex(source, bitmap, bits, pages), first)


def _bitmap_layout(header: bytes, dump_type: int, body_offset: int) -> c_pages.BitmapLayout:
    old_size = c_pages.SUMMARY_HEADER_SIZE.read(header)
    if DUMP_KINDS[dump_type] is not DumpKind.KERNEL_SUMMARY or not old_size or old_size % PAGE_SIZE:
        return c_pages.BITMAP
    return c_pages.SUMMARY_64 if body_offset == HEADER_SIZE_64 else c_pages.SUMMARY_32


def _ranges(source: ByteSource, _type: int, body_offset: int, _runs: tuple[tuple[int, int], ...]) -> PhysicalMemory:
    from livedump.dumpfile.page_ranges import RangeIndex  # noqa: PLC0415 - few dumps are of that kind

    header = read_exactly(source, body_offset, c_pages.RANGES, "range header")
    _check_signature(header, c_pages.RANGE_SIGNATURE_OFFSET, (c_pages.RANGE_SIGNATURE,), body_offset)
    first, metadata = c_pages.RANGE_FIRST_PAGE.read(header), c_pages.RANGE_METADATA_SIZE.read(header)
    table = body_offset + c_pages.RANGES
    if first != body_offset + c_pages.RANGE_METADATA + metadata:
        raise DamagedDump(f"{metadata:#x} bytes of ranges should end at the first page, which is at {first:#x}")
    count, pages = c_pages.RANGE_COUNT.read(header), c_pages.RANGE_TOTAL_PAGES.read(header)
    if count > MAX_RANGES:
        raise DamagedDump(f"{count:#x} ranges of pages; no dump has more than {MAX_RANGES:#x}")
    _check_behind(first, table + count * c_pages.RANGE_SIZE, f"its {count:#x} ranges")
    return PhysicalMemory(source, RangeIndex(source, table, count, pages), first, c_pages.UNREAD_PAGE)


def _check_signature(header: bytes, offset: int, expected: tuple[bytes, ...], body_offset: int) -> None:
    found = header[offset : offset + 8]
    names = [signature + c_pages.VALID_BODY for signature in expected]
    if found not in names:
        wanted = " or ".join(name.decode("ascii") for name in names)
        raise DamagedDump(f"expected {wanted} at {body_offset + offset:#x}, got {found.hex(' ')}")


def _check_first_page(first: int, earliest: int, what: str) -> None:
    if first % PAGE_SIZE:
        raise DamagedDump(f"the first page is said to be at {first:#x}, which is no multiple of {PAGE_SIZE:#x}")
    _check_behind(first, earliest, what)


def _check_behind(first: int, earliest: int, what: str) -> None:
    if first < earliest:
        raise DamagedDump(f"the first page is said to be at {first:#x}, before the end of {what} at {earliest:#x}")


_Builder = Callable[[ByteSource, int, int, "tuple[tuple[int, int], ...]"], PhysicalMemory]
_BUILDERS: dict[DumpKind, _Builder] = {
    DumpKind.FULL: _full,
    DumpKind.KERNEL_SUMMARY: _bitmap,
    DumpKind.BITMAP_FULL: _bitmap,
    DumpKind.BITMAP_KERNEL: _bitmap,
    DumpKind.AUTOMATIC: _bitmap,
    DumpKind.RANGE_KERNEL: _ranges,
    DumpKind.RANGE_KERNEL_USER: _ranges,
    DumpKind.RANGE_FULL: _ranges,
}
_NO_MEMORY = {
    3: "a header-only dump (type 3) holds no memory",
    4: "a triage dump (type 4) holds pieces of virtual memory, no physical pages",
}
