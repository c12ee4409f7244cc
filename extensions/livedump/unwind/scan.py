"""What lies on a stack, word by word: where unwind data is missing, the next frame out is guessed from it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from livedump.images.module_images import ModuleImages
from livedump.model.addresses import MAX_U64, PAGE_SIZE
from livedump.model.errors import MemoryGap

WORD = 8


def iter_values(images: ModuleImages, start: int, end: int, count: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each aligned slot from ``start`` to ``end`` with the values of ``count`` slots from there on.

    They are fewer before a gap. Raises MemoryGap where the stack begins with one, or where it comes to one.
    """
    address = start + WORD - 1 & -WORD
    end = min(end, MAX_U64)
    while address + WORD <= end:
        size = min(end, (address | PAGE_SIZE - 1) + 1) - address & -WORD
        words = _read_words(images, address, size + (count - 1) * WORD)
        size = min(size, len(words) * WORD)
        for index in range(size // WORD):
            yield address + WORD * index, words[index : index + count]
        address += size


def _read_words(images: ModuleImages, address: int, size: int) -> tuple[int, ...]:
    # The values of ``size`` bytes; of those before a gap, if there are any.
    try:
        data = images.read(address, size)
    except MemoryGap as gap:
        held = min(gap.address - address, size) & -WORD
        if held <= 0:
            raise
        data = images.read(address, held)
    return struct.unpack(f"<{len(data) // WORD}Q", data)
