"""x64 page tables made by hand, written from the processor's manual without the package's walk."""

from __future__ import annotations

import struct

from tests.dumpfile.page_files import PAGE, BytesSource, bitmap_file, page_bytes

VALID, LARGE, PROTOTYPE, TRANSITION = 1, 1 << 7, 1 << 10, 1 << 11
NO_EXECUTE = 1 << 63
KERNEL = 0x63  # valid, writable, accessed, dirty
TOP = {4: 39, 5: 48}


class Tables:
    """Physical pages by number, the first table among them; every entry may be set to anything."""

    def __init__(self, root: int = 0x50, levels: int = 4) -> None:
        self.root = root
        self.levels = levels
        self.pages: dict[int, bytearray] = {root: bytearray(PAGE)}
        self._free = iter(range(0x1000, 0x4000, 7))

    def map(self, address: int, pfn: int, flags: int = KERNEL, shift: int = 12) -> None:
        """One page of 4 KiB (shift 12), 2 MiB (21) or 1 GiB (30)."""
        table = self.root
        for above in range(TOP[self.levels], shift, -9):
            entry = self.entry(table, address, above)
            if not entry & VALID:
                entry = next(self._free) * PAGE | KERNEL
                self.set_entry(table, address, above, entry)
                self.pages[entry // PAGE] = bytearray(PAGE)
            table = entry >> 12 & 0xFFFFFFFFFF
        self.set_entry(table, address, shift, pfn * PAGE | flags | (LARGE if shift > 12 else 0))

    def entry(self, table: int, address: int, shift: int) -> int:
        value: int = struct.unpack_from("<Q", self.pages[table], (address >> shift & 511) * 8)[0]
        return value

    def set_entry(self, table: int, address: int, shift: int, value: int) -> None:
        struct.pack_into("<Q", self.pages[table], (address >> shift & 511) * 8, value)

    def table_of(self, address: int, shift: int) -> int:
        """The page number of the table that ``shift`` of an address indexes."""
        table = self.root
        for above in range(TOP[self.levels], shift, -9):
            table = self.entry(table, address, above) >> 12 & 0xFFFFFFFFFF
        return table

    def fill(self, *pfns: int) -> None:
        """Captures these pages, each with contents of its own."""
        for pfn in pfns:
            self.pages[pfn] = bytearray(page_bytes(pfn))

    def source(self) -> BytesSource:
        """A type 6 dump of all pages."""
        data = bytearray(bitmap_file(sorted(self.pages)))
        first = len(data) - len(self.pages) * PAGE
        for place, pfn in enumerate(sorted(self.pages)):
            data[first + place * PAGE : first + (place + 1) * PAGE] = self.pages[pfn]
        return BytesSource(bytes(data))
