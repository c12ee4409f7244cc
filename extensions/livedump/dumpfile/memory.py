"""Reading across pages, and virtual memory as one set of page tables shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from livedump.dumpfile.paging import PageTables, Translation, find_other_form
from livedump.machine.machine import machine_of
from livedump.machine.page_tables import TableForm
from livedump.model.addresses import MAX_U64, PAGE_SIZE, Memory, format_address
from livedump.model.errors import DamagedDump, MemoryGap, Unsupported
from livedump.model.holdings import PageTally

if TYPE_CHECKING:
    from livedump.dumpfile.paging import PhysicalPages

MAX_READ = 32 << 20
"""No structure of a sound dump is larger; a size found in a dump may claim anything."""
MAX_TALLY = 1 << 16
"""Pages that are looked at one by one: 256 MiB."""
MAX_STRETCHES = 1 << 17
"""How many pages, or larger holes, one survey looks at: 512 MiB of small pages."""


def check_read_size(address: int, size: int) -> None:
    """Nothing, when a read of that size is sensible.

    Raises:
        DamagedDump: the size is larger than MAX_READ, or negative.
    """
    if not 0 <= size <= MAX_READ:
        raise DamagedDump(f"a read of {size:#x} bytes at {format_address(address)}: more than {MAX_READ:#x} at once")


def iter_pieces(address: int, size: int) -> Iterator[tuple[int, int]]:
    """Address and size of the part in each page that ``size`` bytes at ``address`` touch, in order."""
    end = address + size
    while address < end:
        piece = min(PAGE_SIZE - address % PAGE_SIZE, end - address)
        yield address, piece
        address += piece


def read_pieces(read_piece: Callable[[int, int], bytes], address: int, size: int) -> bytes:
    """``size`` bytes at ``address`` from a function that reads within one page.

    Raises:
        DamagedDump: the size is absurd.
        MemoryGap: whatever ``read_piece`` raises first.
    """
    if 0 < size <= PAGE_SIZE - address % PAGE_SIZE:
        return read_piece(address, size)
    check_read_size(address, size)
    return b"".join(read_piece(start, length) for start, length in iter_pieces(address, size))


class VirtualMemory:
    """Bytes by virtual address, through the page tables of one process: its own half and the system's."""

    def __init__(self, physical: PhysicalPages, directory_table_base: int, form: TableForm) -> None:
        self.directory_table_base = directory_table_base
        self._physical = physical
        self._tables = PageTables(physical, directory_table_base, form)

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``.

        Raises:
            DamagedDump: the size is absurd.
            MemoryGap: the first byte that the dump does not hold, why, and the level where the walk ended.
        """
        return read_pieces(self._read_piece, address, size)

    def translate(self, address: int) -> int:
        """The physical address behind a virtual one, whether or not the dump holds that page.

        Raises:
            MemoryGap: the page is not present, or the walk needs a table that the dump does not hold.
        """
        return self._tables.translate(address)

    def tally_pages(self, address: int, size: int) -> PageTally:
        """How many pages of a range are there, and why the others are not. Bounded; the tally says what was left.

        Page by page where there are pages, a whole table's reach at once where there are none.
        """
        first, end = address // PAGE_SIZE, (address + size + PAGE_SIZE - 1) // PAGE_SIZE
        pages: dict[str | None, int] = {None: 0, MemoryGap.NOT_PRESENT: 0, MemoryGap.NOT_CAPTURED: 0}
        page = first
        for answer in islice(self._tables.iter_answers(first * PAGE_SIZE, end * PAGE_SIZE), MAX_STRETCHES):
            of_answer = answer.size // PAGE_SIZE
            reach = min(of_answer - page % of_answer, end - page)
            pages[self._why_missing(answer)] += reach
            page += reach
        present, not_present, not_captured = pages.values()
        return PageTally(present, not_present, not_captured, end - page)

    def _read_piece(self, address: int, size: int) -> bytes:
        try:
            return self._physical.read(self._tables.translate(address), size)
        except MemoryGap as gap:
            raise MemoryGap(address, gap.reason, gap.level, gap.entry) from None

    def _why_missing(self, answer: Translation) -> str | None:
        if answer.frame is None:
            return answer.reason
        return None if self._physical.holds_page(answer.frame // PAGE_SIZE) else MemoryGap.NOT_CAPTURED


def virtual_memory(
    physical: PhysicalPages, directory_table_base: int, machine: str, kernel_address: int
) -> VirtualMemory:
    """Virtual memory of a dump; ``kernel_address`` is one that is known to be mapped, to tell how deep the tables are.

    Raises:
        Unsupported: page tables of this machine, or of this form, are not read.
    """
    form = machine_of(machine).page_tables
    other = find_other_form(physical, directory_table_base, kernel_address, form)
    if other is not None:
        raise Unsupported(f"this system ran with {other}, which are not read")
    return VirtualMemory(physical, directory_table_base, form)


def tally_by_reading(memory: Memory, address: int, size: int) -> PageTally:
    """How much of a range a memory holds that cannot be asked but by reading; 256 MiB at most."""
    first, end = address // PAGE_SIZE, -(-(address + size) // PAGE_SIZE)
    last = min(end, first + MAX_TALLY)
    found: dict[str | None, int] = {None: 0, MemoryGap.NOT_PRESENT: 0, MemoryGap.NOT_CAPTURED: 0}
    for page in range(first, last):
        start = max(address, page * PAGE_SIZE)
        reason = _gap_reason(memory, start, min(address + size, (page + 1) * PAGE_SIZE) - start)
        found[reason] += 1
    present, not_present, not_captured = found.values()
    return PageTally(present, not_present, not_captured, end - last)


def _gap_reason(memory: Memory, address: int, size: int) -> str | None:
    try:
        if address + size > MAX_U64 + 1:
            return MemoryGap.NOT_CAPTURED
        memory.read(address, size)
    except MemoryGap as gap:
        return MemoryGap.NOT_PRESENT if gap.reason == MemoryGap.NOT_PRESENT else MemoryGap.NOT_CAPTURED
    return None
