"""A reader of x64 bitmap dumps in forty lines, so that the generator is not checked by what it is made to check."""

from __future__ import annotations

import struct
from pathlib import Path

PAGE = 0x1000


class PlainDump:
    """Physical and virtual memory of a dump of type 5 or 6."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.first_page, self.page_count, self.bit_count = struct.unpack_from("<QQQ", self.data, 0x2020)
        bits = self.data[0x2038 : 0x2038 + (self.bit_count + 7) // 8]
        self.pfns = [pfn for pfn in range(self.bit_count) if bits[pfn // 8] >> pfn % 8 & 1]
        self.position = {pfn: index for index, pfn in enumerate(self.pfns)}
        self.directory_base = self.u64(0x10)

    def u64(self, offset: int) -> int:
        """Number at a file offset."""
        return int.from_bytes(self.data[offset : offset + 8], "little")

    def page(self, pfn: int) -> bytes:
        """A page by PFN. Raises: ValueError when the file lacks it."""
        if pfn not in self.position:
            raise ValueError(f"page {pfn:#x} is not in the dump")
        offset = self.first_page + PAGE * self.position[pfn]
        return self.data[offset : offset + PAGE]

    def pfn_of(self, address: int) -> int | None:
        """PFN behind a virtual address, or None where the tables map nothing."""
        table = self.directory_base >> 12
        for shift in (39, 30, 21, 12):
            index = address >> shift & 0x1FF
            entry = int.from_bytes(self.page(table)[8 * index : 8 * index + 8], "little")
            if not entry & 1:
                return None
            table = entry >> 12 & 0xFFFFFFFFF
            if shift == 21 and entry & 0x80:
                return (table & ~0x1FF) + (address >> 12 & 0x1FF)
        return table

    def read(self, address: int, size: int) -> bytes:
        """Virtual memory."""
        pieces = b""
        while len(pieces) < size:
            position = address + len(pieces)
            pfn = self.pfn_of(position)
            assert pfn is not None, f"{position:#x} is not mapped"
            pieces += self.page(pfn)[position % PAGE :]
        return pieces[:size]

    def pointer(self, address: int) -> int:
        """A 64-bit value in virtual memory."""
        return int.from_bytes(self.read(address, 8), "little")

    def text(self, unicode_string: int) -> str:
        """Text of a UNICODE_STRING."""
        length = int.from_bytes(self.read(unicode_string, 2), "little")
        return self.read(self.pointer(unicode_string + 8), length).decode("utf-16-le")

    def ring(self, head: int, limit: int = 100) -> list[int]:
        """Entries of a doubly linked list, at most ``limit``."""
        entries = [self.pointer(head)]
        while entries[-1] != head and len(entries) < limit:
            assert self.pointer(self.pointer(entries[-1]) + 8) == entries[-1], "the way back differs from the way there"
            entries.append(self.pointer(entries[-1]))
        return entries[:-1]
