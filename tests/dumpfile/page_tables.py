"""Page tables made by hand, written from the processors' manuals without the package's walk."""

from __future__ import annotations

import struct

from tests.dumpfile.page_files import PAGE, BytesSource, bitmap_file, page_bytes

VALID, LARGE, PROTOTYPE, TRANSITION = 1, 1 << 7, 1 << 10, 1 << 11
NO_EXECUTE = 1 << 63
KERNEL = 0x63  # valid, writable, accessed, dirty
TOP = {4: 39, 5: 48}


class Tables:
    """Physical pages by number, the first table among them; every entry may be set to anything. Those of x64."""

    table_flags = KERNEL
    page_flags = KERNEL
    large_flags = KERNEL | LARGE
    pfn_mask = 0xFFFFFFFFFF

    def __init__(self, root: int = 0x50, levels: int = 4) -> None:
        self.root = root
        self.levels = levels
        self.pages: dict[int, bytearray] = {root: bytearray(PAGE)}
        self._free = iter(range(0x1000, 0x4000, 7))

    def map(self, address: int, pfn: int, flags: int | None = None, shift: int = 12) -> None:
        """One page of 4 KiB (shift 12), 2 MiB (21) or 1 GiB (30)."""
        table = self.root
        for above in range(TOP[self.levels], shift, -9):
            entry = self.entry(table, address, above)
            if not entry & VALID:
                entry = next(self._free) * PAGE | self.table_flags
                self.set_entry(table, address, above, entry)
                self.pages[entry // PAGE] = bytearray(PAGE)
            table = entry >> 12 & self.pfn_mask
        if flags is None:
            flags = self.large_flags if shift > 12 else self.page_flags
        elif shift > 12:
            flags |= LARGE
        self.set_entry(table, address, shift, pfn * PAGE | flags)

    def entry(self, table: int, address: int, shift: int) -> int:
        value: int = struct.unpack_from("<Q", self.pages[table], (address >> shift & 511) * 8)[0]
        return value

    def set_entry(self, table: int, address: int, shift: int, value: int) -> None:
        struct.pack_into("<Q", self.pages[table], (address >> shift & 511) * 8, value)

    def table_of(self, address: int, shift: int) -> int:
        """The page number of the table that ``shift`` of an address indexes."""
        table = self.root
        for above in range(TOP[self.levels], shift, -9):
            table = self.entry(table, address, above) >> 12 & self.pfn_mask
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


class Arm64Tables(Tables):
    """The same of ARM64 with 4 KiB pages: descriptors of tables, pages and blocks, with what Windows sets in them."""

    table_flags = 3
    page_flags = 1 << 54 | 1 << 10 | 3 << 8 | 3  # unprivileged execute never, accessed, inner shareable, page
    large_flags = 1 << 54 | 1 << 10 | 3 << 8 | 1
    pfn_mask = 0xFFFFFFFFF
