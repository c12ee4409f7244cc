"""The walk of page tables: a virtual address to a physical one, or the level that failed and how.

References: ``machine.x64`` and ``machine.arm64`` for the bits. Levels have the names that ``!pte`` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from livedump.machine.page_tables import INDEX_BITS, Level, TableForm
from livedump.model.addresses import PAGE_SIZE, Memory
from livedump.model.errors import MemoryGap

if TYPE_CHECKING:

    class PhysicalPages(Memory, Protocol):
        """Physical memory of a dump: bytes by physical address."""

        def holds_page(self, pfn: int) -> bool:
            """Whether the dump holds that page."""


CACHED_PAGES = 4096
CACHED_TABLES = 1024


TABLE_REACH = PAGE_SIZE << INDEX_BITS
"""What a table of the last level covers."""
ENTRY_SIZE = 8
_ENTRIES = Struct(f"<{1 << INDEX_BITS}Q")


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
    entry: int | None = None
    """The entry there, when it is one that is worth showing."""


class PageTables:
    """The four levels of page tables below one directory table base. Answers are kept, a bounded number of them."""

    def __init__(self, physical: Memory, directory_table_base: int, form: TableForm) -> None:
        self._physical = physical
        self._form = form
        self._root = directory_table_base & form.root_mask
        self._no_page = Translation(None, PAGE_SIZE, reason=MemoryGap.NOT_PRESENT, level=form.last.name)
        self._page = lru_cache(maxsize=CACHED_PAGES)(self._resolve_page)
        self._table = lru_cache(maxsize=CACHED_TABLES)(self._resolve_table)

    def translate(self, address: int) -> int:
        """The physical address behind a virtual one, whether or not the dump holds that page.

        Raises:
            MemoryGap: an entry says that the page is not present, or its table was not captured; with the level.
        """
        found = self._page(address // PAGE_SIZE)
        if found.frame is None:
            raise MemoryGap(address, found.reason or MemoryGap.NOT_PRESENT, found.level, found.entry)
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
        leads_on, frame, no_page = self._form.last.leads_on, self._form.frame, self._no_page
        for entry in entries[start : start + end - first]:
            yield Translation(frame(entry), PAGE_SIZE) if leads_on(entry) else no_page

    def _resolve_page(self, page: int) -> Translation:
        table = self._table(page >> INDEX_BITS)
        if table.frame is None:
            return table
        if table.large:
            return Translation(table.frame | page * PAGE_SIZE % table.size, PAGE_SIZE)
        return _walk(self._physical, table.frame, page * PAGE_SIZE, self._form, (self._form.last,))

    def _resolve_table(self, number: int) -> Translation:
        address = number * TABLE_REACH
        if address >> 47 not in (0, 0x1FFFF):  # not canonical: no table can map it
            return Translation(None, TABLE_REACH, reason=MemoryGap.NOT_PRESENT)
        return _walk(self._physical, self._root, address, self._form, self._form.top)


def find_other_form(physical: Memory, directory_table_base: int, kernel_address: int, form: TableForm) -> str | None:
    """Which other form the tables have in which ``kernel_address``, one that must be mapped, is found; None: this one.

    Nothing in the dump's header is documented to say so, and the registers that do can only be read through these
    tables. In a system with another form the topmost table has next to nothing where the entry of a kernel address is
    expected.
    """
    root = directory_table_base & form.root_mask
    found = _walk(physical, root, kernel_address, form, form.top)
    if found.reason != MemoryGap.NOT_PRESENT or found.level != form.top[0].name:
        return None
    fitting = (
        each for each in form.others if _walk(physical, root, kernel_address, form, each.levels).frame is not None
    )
    return next((each.name for each in fitting), None)


def _walk(physical: Memory, table: int, address: int, form: TableForm, levels: tuple[Level, ...]) -> Translation:
    size = 0
    for level in levels:
        size = 1 << level.shift
        entry = _read_entry(physical, table, address >> level.shift & (1 << level.index_bits) - 1)
        if entry is None:
            return Translation(None, size << level.index_bits, reason=MemoryGap.NOT_CAPTURED, level=level.name)
        if not level.leads_on(entry):
            shown = entry if form.shows_software_entries else None
            return Translation(None, size, reason=MemoryGap.NOT_PRESENT, level=level.name, entry=shown)
        table = form.frame(entry)
        if level.is_large is not None and level.is_large(entry):
            return Translation(table & -size, size, large=True)
    return Translation(table, size)


def _read_entry(physical: Memory, table: int, index: int) -> int | None:
    try:
        data = physical.read(table + index * ENTRY_SIZE, ENTRY_SIZE)
    except MemoryGap:
        return None
    return int.from_bytes(data, "little")


def _read_table(physical: Memory, table: int) -> tuple[int, ...] | None:
    try:
        return _ENTRIES.unpack(physical.read(table, PAGE_SIZE))
    except MemoryGap:
        return None
