"""The names that an image exports."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import NamedTuple

from livedump.images import c_image as c
from livedump.images.image import Image, read_name
from livedump.model.addresses import Memory
from livedump.model.errors import DamagedDump, MemoryGap, NotKnown
from livedump.model.fields import U16, u32_array

MAX_EXPORTS = 0x10000
MAX_EXPORT_NAME = 0x400


class Export(NamedTuple):
    """One exported name."""

    rva: int
    name: str


class ExportTable:
    """The exported names of one image, by RVA. Forwarders and unnamed exports are not in it."""

    def __init__(self, memory: Memory, image: Image) -> None:
        """Reads the tables; names are read when they are asked for.

        Raises:
            MemoryGap: a page of the tables is missing.
            NotKnown: the image exports nothing.
            DamagedDump: the tables make no sense.
        """
        self._memory = memory
        self._base = image.base
        self._names = _named_functions(memory, image)
        self._starts = [rva for rva, _ in self._names]

    def find(self, rva: int) -> Export | None:
        """The nearest export at or below ``rva``; None when there is none or its name is missing."""
        entry = bisect_right(self._starts, rva) - 1
        if entry < 0:
            return None
        start, name_rva = self._names[entry]
        try:
            name = read_name(self._memory, self._base + name_rva, MAX_EXPORT_NAME)
        except MemoryGap:
            return None
        return Export(start, name) if name else None


def _named_functions(memory: Memory, image: Image) -> list[tuple[int, int]]:
    # RVAs of functions and of their names, by the former.
    table = image.exports
    if table is None or table.size < c.EXPORT_DIRECTORY.size:
        raise NotKnown("the image exports nothing")
    fields = c.EXPORT_DIRECTORY.unpack(memory.read(image.base + table.start, c.EXPORT_DIRECTORY.size))
    function_count, name_count, functions_rva, names_rva, ordinals_rva = fields
    if max(function_count, name_count) > MAX_EXPORTS:
        raise DamagedDump(f"the image claims {max(function_count, name_count)} exports")
    functions = u32_array(memory.read(image.base + functions_rva, 4 * function_count))
    names = u32_array(memory.read(image.base + names_rva, 4 * name_count))
    ordinals = memory.read(image.base + ordinals_rva, 2 * name_count)
    first: dict[int, int] = {}  # of several names of one function; dbghelp's own choice follows no rule
    for (index,), name_rva in zip(struct.iter_unpack(U16, ordinals), names):
        if index < len(functions) and not table.start <= functions[index] < table.end:
            first.setdefault(functions[index], name_rva)
    return sorted(first.items())
