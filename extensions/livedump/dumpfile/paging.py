"""The walk of x64 page tables: a virtual address to a physical one, or the level that failed and how.

References: ``machine.x64`` for the bits. Levels have the names that ``!pte`` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, Protocol

from livedump.machine import x64
from livedump.machine.page_tables import Level
from livedump.machine.x64 import FIFTH_LEVEL, LAST_LEVEL, TOP_LEVELS
from livedump.model.addresses import PAGE_SIZE, Memory
from livedump.model.errors import MemoryGap

CACHED_PAGES = 4096
CACHED_TABLES = 1024


class PhysicalPages(Memory, Protocol):
    """Physical memory of a dump: bytes by physical address."""

    def holds_page(self, pfn: int) -> bool:
        """Whether the dump holds that page."""


TABLE_SHIFT = 9
"""A table has 2 ** 9 entries."""
TABLE_REACH = PAGE_SIZE << TABLE_SHIFT
"""What a table of the last level covers."""
_ENTRIES = Struct(f"<{1 << TABLE_SHIFT}Q")


class Translation(NamedTuple):
    """What a walk found for one virtual address."""

    frame: int | None
    """Physical address of the page, or of the table, that the walk reached; None when it ended early."""
    size: int
    """Bytes, aligned, for which this is the answer."""
    large: bool = False
    """Whether the frame is a page of 2 MiB or 1 GiB."""
    reason: str | None = None
    """``MemoryGap.NOT_PRESENT`` or ``NOT_CAPTURED`` when the walk ended early."""
    level: str | None = None
    """Where it ended early; None when the address is one that no table can map."""


class PageTables:
    """The four levels of page tables below one directory table base. Answers are kept, a bounded number of them."""

    def __init__(self, physical: Memory, directory_table_base: int) -> None:
        self._physical = physical
        self._root = directory_table_base & x64.PTE_FRAME
        self._page = lru_cache(maxsize=CACHED_PAGES)(self._resolve_page)
        self._table = lru_cache(maxsize=CACHED_TABLES)(self._resolve_table)

    def translate(self, address: int) -> int:
        """The physical address behind a virtual one, whether or not the dump holds that page.

        Raises:
            MemoryGap: an entry says that the page is not present, or its table was not captured; with the level.
        """
        found = self._page(address // PAGE_SIZE)
        if found.frame is None:
            raise MemoryGap(address, found.reason or MemoryGap.NOT_PRESENT, found.level)
        return found.frame | address % PAGE_SIZE

    def iter_answers(self, address: int, end: int) -> Iterator[Translation]:
        """The same of a whole range, as values: each 4 KiB page, or how much is missing and why, in order.

        Each table is read once.
        """
        while address < end:
            table = self._table(address // TABLE_REACH)
            size = table.size if table.frame is None else TABLE_REACH
            following = address - address % size + size
            if table.frame is None:
                yield table
            else:
                yield from self._iter_pages(table, address // PAGE_SIZE, -(-min(end, following) // PAGE_SIZE))
            address = following

    def _iter_pages(self, table: Translation, first: int, end: int) -> Iterator[Translation]:
        """The answers for pages of one table."""
        entries = None if table.large or table.frame is None else _read_table(self._physical, table.frame)
        if entries is None:
            pages = range(first, end if table.large else first + 1)  # without the table all have one answer
            yield from map(self._page, pages)
            return
        start = first % len(entries)
        for entry in entries[start : start + end - first]:
            yield Translation(_frame_of(entry), PAGE_SIZE) if _leads_on(entry) else _NO_PAGE

    def _resolve_page(self, page: int) -> Translation:
        table = self._table(page >> TABLE_SHIFT)
        if table.frame is None:
            return table
        if table.large:
            return Translation(table.frame | page * PAGE_SIZE % table.size, PAGE_SIZE)
        return _walk(self._physical, table.frame, page * PAGE_SIZE, LAST_LEVEL)

    def _resolve_table(self, number: int) -> Translation:
        address = number * TABLE_REACH
        if address >> 47 not in (0, 0x1FFFF):  # not canonical: no table can map it
            return Translation(None, TABLE_REACH, reason=MemoryGap.NOT_PRESENT)
        return _walk(self._physical, self._root, address, TOP_LEVELS)


_NO_PAGE = Translation(None, PAGE_SIZE, reason=MemoryGap.NOT_PRESENT, level=LAST_LEVEL[0].name)


def page_table_levels(physical: Memory, directory_table_base: int, kernel_address: int) -> int:
    """4 or 5: how deep the tables are in which ``kernel_address``, one that must be mapped, is found.

    Nothing in the dump's header is documented to say so, and CR4 can only be read through these tables. In a system
    with five levels the topmost table has next to nothing where four levels expect the entry of a kernel address.
    """
    root = directory_table_base & x64.PTE_FRAME
    four = _walk(physical, root, kernel_address, TOP_LEVELS)
    if four.reason != MemoryGap.NOT_PRESENT or four.level != TOP_LEVELS[0].name:
        return 4
    five = _walk(physical, root, kernel_address, FIFTH_LEVEL + TOP_LEVELS)
    return 4 if five.frame is None else 5


def _walk(physical: Memory, table: int, address: int, levels: tuple[Level, ...]) -> Translation:
    size = 0
    for level in levels:
        size = 1 << level.shift
        entry = _read_entry(physical, table, address >> level.shift)
        if entry is None:
            return Translation(None, size << TABLE_SHIFT, reason=MemoryGap.NOT_CAPTURED, level=level.name)
        if not _leads_on(entry):
            return Translation(None, size, reason=MemoryGap.NOT_PRESENT, level=level.name)
        if level.may_be_large and entry & x64.PTE_VALID and entry & x64.PTE_LARGE:
            return Translation(entry & x64.PTE_FRAME & -size, size, large=True)
        table = _frame_of(entry)
    return Translation(table, size)


def _read_entry(physical: Memory, table: int, index: int) -> int | None:
    try:
        data = physical.read(table + index % (1 << TABLE_SHIFT) * x64.PTE_SIZE, x64.PTE_SIZE)
    except MemoryGap:
        return None
    return int.from_bytes(data, "little")


def _read_table(physical: Memory, table: int) -> tuple[int, ...] | None:
    try:
        return _ENTRIES.unpack(physical.read(table, PAGE_SIZE))
    except MemoryGap:
        return None


def _leads_on(entry: int) -> bool:
    if entry & x64.PTE_VALID:
        return True
    return bool(entry & x64.PTE_TRANSITION) and not entry & x64.PTE_PROTOTYPE


def _frame_of(entry: int) -> int:
    return entry & (x64.PTE_FRAME if entry & x64.PTE_VALID else x64.PTE_TRANSITION_FRAME)
