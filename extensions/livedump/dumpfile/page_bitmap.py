"""Which physical pages a bitmap marks, and where each stands among them, without reading more of it than needed.

The bitmap stays in the file. Beside it grows a directory with one number for each 4 KiB of bitmap (128 MiB of
memory): how many pages stand before. It is extended as far as the pages that are asked for, never at opening.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from zlib import adler32

from livedump.dumpfile.source import ByteSource
from livedump.model.errors import DamagedDump

CHUNK = 0x1000
"""Bytes of bitmap behind each number of the directory; count_bits is right up to 65520 bits, 0x1FFE bytes."""
CHUNKS_PER_READ = 64
CACHED_CHUNKS = 64
MAX_COUNTED = 32 << 20
"""Bytes of bitmap that are counted through: 1 TiB of memory, in less than 0.1 s."""

_ALL_CLEAR = bytes(CHUNK)
_BITS_OF_BYTE = bytes(bin(byte).count("1") for byte in range(256))


class BitmapIndex:
    """Pages marked by a bitmap, lowest bit first, stored in rising order."""

    def __init__(self, source: ByteSource, offset: int, bit_count: int, page_count: int) -> None:
        self._source = source
        self._offset = offset
        self._bit_count = bit_count
        self.page_count = page_count
        """As the header says; nobody counted."""
        self._before = array("Q", [0])
        self._chunk = lru_cache(maxsize=CACHED_CHUNKS)(self._read_chunk)

    def position_of(self, pfn: int) -> int | None:
        """How many pages stand before this one in the file; None when the bitmap does not mark it.

        Raises:
            DamagedDump: the bitmap marks more pages than the header says.
        """
        if not 0 <= pfn < self._bit_count:
            return None
        number, bit = divmod(pfn, CHUNK * 8)
        chunk = self._chunk(number)
        byte = chunk[bit >> 3] if bit >> 3 < len(chunk) else 0
        if not byte >> (bit & 7) & 1:
            return None
        self._count_up_to(number)
        below = byte & (1 << (bit & 7)) - 1
        position = self._before[number] + count_bits(chunk[: bit >> 3]) + bin(below).count("1")
        if position >= self.page_count:
            raise DamagedDump(f"page {pfn:#x} is number {position + 1} of the {self.page_count} that the dump promises")
        return position

    def count(self) -> int | None:
        """How many pages the bitmap marks, up to MAX_COUNTED bytes of it; None of a longer one."""
        size = (self._bit_count + 7) // 8
        if size > MAX_COUNTED:
            return None
        total = 0
        for start in range(0, size, CHUNKS_PER_READ * CHUNK):
            data = self._source.read_at(self._offset + start, min(CHUNKS_PER_READ * CHUNK, size - start))
            total += sum(count_bits(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK))
        return total

    def _read_chunk(self, number: int) -> bytes:
        return self._source.read_at(self._offset + number * CHUNK, CHUNK)

    def _count_up_to(self, number: int) -> None:
        while len(self._before) <= number:
            done = len(self._before) - 1
            wanted = min(number - done, CHUNKS_PER_READ)
            data = self._source.read_at(self._offset + done * CHUNK, wanted * CHUNK)
            for start in range(0, wanted * CHUNK, CHUNK):
                self._before.append(self._before[-1] + count_bits(data[start : start + CHUNK]))


def count_bits(data: bytes) -> int:
    """How many bits are set in at most CHUNK bytes.

    Adler-32 keeps, in its low half, one more than the sum of the bytes modulo 65521: the fastest way of the standard
    library to add up small bytes, faster than ``int.bit_count``, which Python 3.9 does not have.
    """
    return 0 if data == _ALL_CLEAR else (adler32(data.translate(_BITS_OF_BYTE)) & 0xFFFF) - 1
