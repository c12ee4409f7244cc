"""Dump bodies made by hand for these tests: written from the format's description, without the package's layouts.

Every page has contents of its own at every offset, so that a byte read from the wrong place is a wrong byte.
"""

from __future__ import annotations

import random
import struct
from typing import Callable, Union

PAGE = 4096
BODY = 0x2000


class BytesSource:
    """A file in memory that counts what was read of it."""

    path = "made-up"

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.bytes_read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        piece = self.data[offset : offset + size]
        self.bytes_read += len(piece)
        return piece

    def close(self) -> None:
        pass


def page_bytes(pfn: int) -> bytes:
    """Eight-byte words that say the page and the word."""
    return b"".join(struct.pack("<IHH", pfn & 0xFFFFFFFF, pfn >> 32 & 0xFFFF, word) for word in range(PAGE // 8))


def model_of(pfns: list[int]) -> dict[int, bytes]:
    return {pfn: page_bytes(pfn) for pfn in pfns}


def bitmap_file(  # one parameter for each thing that can be wrong with a bitmap dump
    pfns: list[int],
    *,
    bits: int | None = None,
    signature: bytes = b"SDMPDUMP",
    first_page: int | None = None,
    stated_bits: int | None = None,
    stated_pages: int | None = None,
    bitmaps: int = 1,
    body: int = BODY,
    tail: bytes = b"",
) -> bytes:
    """Types 5 and 6: header of 0x38 bytes, bitmap (several with the secure kernel running), pages in rising order."""
    bits = max(pfns) + 1 if bits is None else bits
    bitmap = bytearray((bits + 7) // 8)
    for pfn in pfns:
        bitmap[pfn // 8] |= 1 << pfn % 8
    room = -(-(body + 0x38 + len(bitmap) * bitmaps) // PAGE) * PAGE
    header = signature + bytes(0x18)
    header += struct.pack(
        "<QQQ",
        room if first_page is None else first_page,
        len(pfns) if stated_pages is None else stated_pages,
        bits if stated_bits is None else stated_bits,
    )
    start = bytes(body) + header + bytes(bitmap) + b"\xff" * len(bitmap) * (bitmaps - 1)
    return start.ljust(room, b"\0") + b"".join(map(page_bytes, sorted(pfns))) + tail


def summary_file(pfns: list[int], *, body: int = BODY) -> bytes:
    """Type 2 before Windows 8: six u32, a bitmap descriptor of 16 bytes (8 in a 32-bit dump), the bitmap."""
    bits = max(pfns) + 1
    bitmap = bytearray((bits + 7) // 8)
    for pfn in pfns:
        bitmap[pfn // 8] |= 1 << pfn % 8
    descriptor = struct.pack("<IIQ", bits, 0, 0xFFFFFA8000001000) if body == 0x2000 else struct.pack("<II", bits, 0)
    room = -(-(body + 24 + len(descriptor) + len(bitmap)) // PAGE) * PAGE
    header = b"SDMPDUMP" + struct.pack("<IIII", 1, room, bits, len(pfns)) + descriptor
    return (bytes(body) + header + bytes(bitmap)).ljust(room, b"\0") + b"".join(map(page_bytes, sorted(pfns)))


def run_file(runs: list[tuple[int, int]], *, body: int = BODY) -> bytes:
    """Type 1: the runs of the header, one behind the other."""
    return bytes(body) + b"".join(page_bytes(first + n) for first, count in runs for n in range(count))


def range_file(
    ranges: list[tuple[int, int]],
    *,
    total: int | None = None,
    count: int | None = None,
    spare: int = 0,
    behind: bytes = b"",
) -> bytes:
    """Types 8, 9 and 0xA. ``spare`` bytes of room behind the ranges begin with ``behind``; ``total`` and ``count`` are
    what the header says of pages and ranges where that is not the truth."""
    table = b"".join(struct.pack("<QQ", first, pages) for first, pages in ranges)
    first_page = BODY + 0x30 + len(table) + spare
    stated = sum(pages for _, pages in ranges) if total is None else total
    words = struct.pack("<IIQ", len(ranges) if count is None else count, 0x55555555, stated)
    header = struct.pack("<I8sIQQ", 0x40, b"RDMPDUMP", 0, first_page - 0x2020, first_page) + words
    start = (bytes(BODY) + header + table + behind).ljust(first_page, b"\0")
    return start + b"".join(page_bytes(first + n) for first, pages in ranges for n in range(pages))


def runs_of(pfns: list[int]) -> list[tuple[int, int]]:
    """Neighbouring pages as (first, count)."""
    runs: list[tuple[int, int]] = []
    for pfn in sorted(pfns):
        if runs and sum(runs[-1]) == pfn:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((pfn, 1))
    return runs


def scattered_pages(rng: random.Random, count: int, limit: int) -> list[int]:
    """Page numbers from 1 up in groups of one to five neighbours with holes between them."""
    pfns: set[int] = set()
    while len(pfns) < count:
        first = rng.randrange(1, limit - 5)
        pfns.update(range(first, first + rng.randrange(1, 6)))
    return sorted(pfns)


def seeded(seed: int) -> random.Random:
    """A source of the same choices in every run."""
    return random.Random(seed)


Outcome = Union[bytes, tuple[str, int]]


def expected(pages: dict[int, bytes], address: int, size: int) -> Outcome:
    """What a read must give: the bytes, or the address of the first that is missing."""
    data = bytearray()
    for at in range(address, address + size):
        page = pages.get(at // PAGE)
        if page is None:
            return ("gap", at)
        data.append(page[at % PAGE])
    return bytes(data)


def outcome(read: Callable[[int, int], bytes], address: int, size: int) -> Outcome:
    from livedump.model.errors import MemoryGap

    try:
        return read(address, size)
    except MemoryGap as gap:
        return ("gap", gap.address)


def check_reads(read: Callable[[int, int], bytes], pages: dict[int, bytes], rng: random.Random, rounds: int) -> None:
    """Compares reads with the model, whole and cut in two; half of all ends are on or beside a page boundary."""
    numbers = sorted(pages)
    for _ in range(rounds):
        start = _place(rng, rng.choice(numbers))
        end = max(start, _place(rng, start // PAGE + rng.randrange(4)))
        cut = min(max(start, _place(rng, rng.randrange(start // PAGE, end // PAGE + 1))), end)
        whole = outcome(read, start, end - start)
        assert whole == expected(pages, start, end - start), (hex(start), hex(end))
        first, second = outcome(read, start, cut - start), outcome(read, cut, end - cut)
        if isinstance(first, bytes) and isinstance(second, bytes):
            assert first + second == whole, (hex(start), hex(cut), hex(end))
        else:
            assert whole == (second if isinstance(first, bytes) else first), (hex(start), hex(cut), hex(end))


def _place(rng: random.Random, page: int) -> int:
    if rng.random() < 0.5:
        return page * PAGE + rng.choice((-1, 0, 1))
    return page * PAGE + rng.randrange(PAGE)
