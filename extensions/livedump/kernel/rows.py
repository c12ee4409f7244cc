"""Tables of structures, read as rows of numbers: for those that have a hundred thousand entries."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from operator import itemgetter

from livedump.kernel.decoding import number_format
from livedump.kernel.structure import Declared, Structure
from livedump.kernel.typed_memory import TypedMemory
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import MemoryGap, NotKnown

MAX_ROWS = 1 << 22
ROWS_AT_ONCE = 1 << 16
"""Bytes that are read in one piece; where one is missing, its rows are read one by one."""

Row = tuple[int, ...]
"""Values in the order in which the members were asked for."""


def iter_rows(
    memory: TypedMemory, kind: type[Structure], address: int, count: int, members: Sequence[Declared[int]]
) -> Iterator[Row | None]:
    """The rows of the table of ``count`` structures at ``address``, in order; None for one that is missing.

    ``members`` are two or more whole numbers of their own: no bits, no halves.

    Raises:
        NotKnown: nothing tells how large a structure is or where a member stands, or the table claims to be endless.
    """
    if count > MAX_ROWS:
        raise NotKnown(f"a table of {count} {kind.type_name} is longer than any that is read")
    layout, order = _row_layout(memory, kind, members)
    pick = itemgetter(*order)
    at_once = max(ROWS_AT_ONCE // layout.size, 1)
    for first in range(0, count, at_once):
        rows, start = min(at_once, count - first), address + first * layout.size
        try:
            data = memory.read(start, rows * layout.size)
        except MemoryGap:
            yield from _held_rows(memory, layout, pick, range(start, start + rows * layout.size, layout.size))
        else:
            yield from map(pick, layout.iter_unpack(data))


def _held_rows(
    memory: TypedMemory, layout: struct.Struct, pick: itemgetter[Row], addresses: range
) -> Iterator[Row | None]:
    # One by one; a page that is missing is met once, not once for each row on it.
    behind_gap = 0
    for address in addresses:
        if address < behind_gap:
            yield None
            continue
        try:
            yield pick(layout.unpack(memory.read(address, layout.size)))
        except MemoryGap as gap:
            behind_gap = (gap.address | PAGE_SIZE - 1) + 1
            yield None


def _row_layout(
    memory: TypedMemory, kind: type[Structure], members: Sequence[Declared[int]]
) -> tuple[struct.Struct, list[int]]:
    """The layout of one row, and which of its values belongs to each member."""
    places = [declared.place(memory, kind) for declared in members]
    standing = sorted(set(places), key=lambda place: place.offset)
    text, at = "<", 0
    for place in standing:
        if place.offset < at or place.bits is not None:
            raise NotKnown(f"{kind.type_name}.{place.name} is no number of its own in this build")
        text += f"{place.offset - at}x{number_format(place)[1:]}"
        at = place.offset + (place.type.size or 0)
    size = memory.size(kind.type_name)
    return struct.Struct(f"{text}{max(size - at, 0)}x"), [standing.index(place) for place in places]
