"""Physical pages and the page tables that map them.

Pages are handed out in an order that scatters them: a dump whose neighbours in virtual memory are neighbours in the
file would hide an arithmetic fault of its reader.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

PAGE = 0x1000
LARGE_PAGE = 0x200000
PRESENT_KERNEL = 0x63
PRESENT_USER = 0x67
LARGE = 0x80
SELF_MAP_INDEX = 0x1FB
"""Slot of the root table that maps the tables themselves: PteBase 0xfffffd8000000000."""


def pages_of(address: int, size: int) -> range:
    """Addresses of the pages that ``size`` bytes at ``address`` touch."""
    return range(address & -PAGE, address + size, PAGE)


class PhysicalMemory:
    """Pages of the made-up machine by PFN."""

    def __init__(self, runs: Iterable[tuple[int, int]], seed: int = 161) -> None:
        """``runs`` are (first PFN, count) of the memory that the machine has."""
        self.runs = tuple(runs)
        self.pages: dict[int, bytearray] = {}
        self._free = [pfn for first, count in self.runs for pfn in range(first, first + count)]
        random.Random(seed).shuffle(self._free)
        self._previous = -1

    def new_page(self) -> int:
        """PFN of a fresh page of zeros that is no neighbour of the page handed out before."""
        for position in range(len(self._free) - 1, -1, -1):
            if abs(self._free[position] - self._previous) > 1:
                return self._take(self._free.pop(position))
        return self._take(self._free.pop())

    def new_large_page(self) -> int:
        """First PFN of an aligned free block of 2 MB; its pages exist only once they are written."""
        free = set(self._free)
        for first in sorted(free):
            block = range(first, first + LARGE_PAGE // PAGE)
            if first % len(block) == 0 and free.issuperset(block):
                self._free = [pfn for pfn in self._free if pfn not in block]
                return first
        raise MemoryError("no free block of 2 MB")

    def page(self, pfn: int) -> bytearray:
        """Contents of a page; one of zeros if nothing was written there yet."""
        return self.pages.setdefault(pfn, bytearray(PAGE))

    def _take(self, pfn: int) -> int:
        self._previous = pfn
        self.page(pfn)
        return pfn


@dataclass(frozen=True)
class Region:
    """A named stretch of virtual memory, so that a scenario can leave it out by name."""

    name: str
    address: int
    size: int
    directory_base: int


class EntryBits(NamedTuple):
    """What stands beside the address in entries of page tables."""

    kernel_page: int
    user_page: int
    kernel_table: int
    user_table: int
    large: int
    """Of a kernel page of 2 MB."""
    frame: int
    """Mask of the address."""


class AddressSpace:
    """Four levels of page tables over one physical memory. Those of x64."""

    bits = EntryBits(
        PRESENT_KERNEL, PRESENT_USER, PRESENT_KERNEL, PRESENT_USER, PRESENT_KERNEL | LARGE, 0x000FFFFFFFFFF000
    )

    @staticmethod
    def is_large(entry: int) -> bool:
        """Whether an entry of the third level maps 2 MB itself."""
        return bool(entry & LARGE)

    def __init__(self, physical: PhysicalMemory, kernel: AddressSpace | None = None) -> None:
        """``kernel``: the address space whose upper half this one shares."""
        self.physical = physical
        self.directory_base = physical.new_page() * PAGE
        self._kernel = kernel
        self._write_entry(self.directory_base, SELF_MAP_INDEX, self.directory_base | self.bits.kernel_table)

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` at ``address``, mapping the pages that are not mapped yet."""
        position = 0
        while position < len(data):
            offset = (address + position) % PAGE
            count = min(PAGE - offset, len(data) - position)
            page = self.physical.page(self.map_page(address + position))
            page[offset : offset + count] = data[position : position + count]
            position += count

    def read(self, address: int, size: int) -> bytes:
        """Bytes that were written before."""
        pieces = []
        for page_address in pages_of(address, size):
            start, end = max(address, page_address), min(address + size, page_address + PAGE)
            pfn = self.find_pfn(page_address)
            if pfn is None:
                raise KeyError(hex(page_address))
            pieces.append(self.physical.page(pfn)[start - page_address : end - page_address])
        return b"".join(pieces)

    def map_page(self, address: int) -> int:
        """PFN of the page at ``address``, which is mapped if it was not."""
        pfn = self.find_pfn(address)
        return self._map_new(address) if pfn is None else pfn

    def map_large(self, address: int) -> None:
        """Map the 2 MB around ``address`` with one entry."""
        first = self.physical.new_large_page()
        table = self._table(address, 2)
        self._write_entry(table, (address >> 21) & 0x1FF, (first * PAGE) | self.bits.large)

    def find_pfn(self, address: int) -> int | None:
        """PFN of the page at ``address``, or None where nothing is mapped."""
        table = self._root(address)
        for level in (39, 30, 21, 12):
            entry = self._read_entry(table, (address >> level) & 0x1FF)
            if not entry & 1:
                return None
            table = entry & self.bits.frame
            if level == 21 and self.is_large(entry):
                return (table & -LARGE_PAGE) // PAGE + ((address >> 12) & 0x1FF)
        return table // PAGE

    def table_pages(self, address: int) -> Iterator[int]:
        """PFNs of the tables that lead to ``address``, root first."""
        table = self._root(address)
        for level in (39, 30, 21, 12):
            yield table // PAGE
            entry = self._read_entry(table, (address >> level) & 0x1FF)
            if not entry & 1 or (level == 21 and self.is_large(entry)):
                return
            table = entry & self.bits.frame

    def share_kernel_half(self) -> None:
        """Copy the upper half of the kernel's root table, once that is complete."""
        if self._kernel is not None:
            for index in range(256, 512):
                if index != SELF_MAP_INDEX:
                    self._write_entry(self.directory_base, index, self._read_entry(self._kernel.directory_base, index))

    def _root(self, address: int) -> int:
        upper = address >> 63
        return self._kernel.directory_base if upper and self._kernel is not None else self.directory_base

    def _map_new(self, address: int) -> int:
        table = self._table(address, 3)
        pfn = self.physical.new_page()
        leaf = self.bits.kernel_page if address >> 63 else self.bits.user_page
        self._write_entry(table, (address >> 12) & 0x1FF, (pfn * PAGE) | leaf)
        return pfn

    def _table(self, address: int, depth: int) -> int:
        """Physical address of the table ``depth`` levels below the root, made where it is missing."""
        table = self._root(address)
        flags = self.bits.kernel_table if address >> 63 else self.bits.user_table
        for level in (39, 30, 21)[:depth]:
            index = (address >> level) & 0x1FF
            entry = self._read_entry(table, index)
            if not entry & 1:
                entry = (self.physical.new_page() * PAGE) | flags
                self._write_entry(table, index, entry)
            table = entry & self.bits.frame
        return table

    def _read_entry(self, table: int, index: int) -> int:
        return int.from_bytes(self.physical.page(table // PAGE)[8 * index : 8 * index + 8], "little")

    def _write_entry(self, table: int, index: int, entry: int) -> None:
        self.physical.page(table // PAGE)[8 * index : 8 * index + 8] = entry.to_bytes(8, "little")


class Arena:
    """Hands out kernel virtual addresses one after another, so that structures cross pages as they do in pool."""

    def __init__(self, space: AddressSpace, start: int) -> None:
        self._space = space
        self._next = start

    def place(self, data: bytes, alignment: int = 0x10) -> int:
        """Address of ``data``, written to fresh memory."""
        address = self.reserve(len(data), alignment)
        self._space.write(address, data)
        return address

    def reserve(self, size: int, alignment: int = 0x10) -> int:
        """Address of ``size`` bytes that nothing else will get."""
        address = -(-self._next // alignment) * alignment
        self._next = address + size
        return address


def present_pages(pages: Mapping[int, bytearray], dropped: Iterable[int]) -> dict[int, bytes]:
    """Pages less the ``dropped`` PFNs, in rising order."""
    missing = set(dropped)
    return {pfn: bytes(pages[pfn]) for pfn in sorted(pages) if pfn not in missing}
