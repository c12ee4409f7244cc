"""How many handles processes have, and how many objects of each type there are.

Source: public symbols of nt. From Windows 8.1 on a handle table has several lists of free entries, each of which
counts; the symbols declare but the first. A single count may be negative.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Optional

from livedump.kernel.structure import Structure, member
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u32, find_u64
from livedump.model.addresses import PAGE_SIZE, is_kernel_address
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.listing import Listing
from livedump.model.memory_use import ObjectTypeUse

AddressOf = Callable[[str], Optional[int]]
MAX_FREE_LISTS = 1024
MAX_OBJECT_TYPES = 256
FIRST_TYPE = 2
"""The two in front of it are marks."""
POINTER_SIZE = 8
LEVEL = 3
"""In TableCode: how many levels of tables lead to the entries."""
DEEPEST, MAX_PAGES = 2, 1 << 16
ENTRIES_OF_A_PAGE, RESERVED_OF_A_PAGE = 256, 1


class HandleTable(Structure):
    """The handles of one process."""

    type_name = "_HANDLE_TABLE"
    count = member("HandleCount", int)
    next_needing_pool = member("NextHandleNeedingPool", int)


class HandleTableCode(Structure):
    """Where its entries are."""

    type_name = "_HANDLE_TABLE"
    code = member("TableCode", int)


class FreeList(Structure):
    """One of its lists of free entries."""

    type_name = "_HANDLE_TABLE_FREE_LIST"
    count = member("HandleCount", int)


class ObjectType(Structure):
    """A type of objects."""

    type_name = "_OBJECT_TYPE"
    name = member("Name", str)
    objects = member("TotalNumberOfObjects", int)
    handles = member("TotalNumberOfHandles", int)


class HandleCounter:
    """Counts the handles of processes."""

    def __init__(self, memory: TypedMemory, address_of: AddressOf) -> None:
        self._memory = memory
        self._lists = find_u32(memory, address_of("ExpFreeListCount"))
        found = memory.find(HandleTable.type_name, "FreeLists")
        self._free_lists = found.offset if found else None
        self._size = _size_of(memory, FreeList) if found else 0

    def count(self, table: int) -> int | None:
        """The handles in the table at that address; None where it is not captured."""
        handles = HandleTable(self._memory, table)
        if self._free_lists is None:
            return handles.count
        if not self._lists:
            return self._counted(table)
        starts = range(min(self._lists, MAX_FREE_LISTS))
        counts = [FreeList(self._memory, table + self._free_lists + at * self._size).count for at in starts]
        if None in counts:
            return None
        total = max(sum(each or 0 for each in counts), 0)
        needing = handles.next_needing_pool
        if needing is None:
            return total
        return min(total, needing // 4 * (ENTRIES_OF_A_PAGE - RESERVED_OF_A_PAGE) // ENTRIES_OF_A_PAGE)

    def _counted(self, table: int) -> int | None:
        # Where the symbols do not say how many lists there are: the entries themselves, page by page.
        code = HandleTableCode(self._memory, table).code
        if code is None:
            return None
        count = 0
        try:
            for page in self._pages(code & ~LEVEL, code & LEVEL):
                entries = struct.iter_unpack("<Q8x", self._memory.read(page, PAGE_SIZE))
                count += sum(1 for (entry,) in islice(entries, RESERVED_OF_A_PAGE, None) if entry)
        except DumpError:
            return None
        return count

    def _pages(self, start: int, level: int) -> Iterator[int]:
        pages = [start]
        for _ in range(min(level, DEEPEST)):
            tables = [self._memory.read(page, PAGE_SIZE) for page in pages]
            entries = (page for table in tables for (page,) in struct.iter_unpack("<Q", table) if page)
            pages = list(islice(dict.fromkeys(entries), MAX_PAGES))
        return iter(pages)


def _size_of(memory: TypedMemory, kind: type[Structure]) -> int:
    try:
        return kind.size(memory)
    except NotKnown:
        return 0


def read_object_types(memory: TypedMemory, address_of: AddressOf) -> Listing[ObjectTypeUse]:
    """All types of objects, in the order of their numbers.

    Raises:
        DumpError: it is not known where they are.
    """
    array = address_of("ObTypeIndexTable")
    if array is None:
        raise NotKnown("it is not known where the types of objects are")
    found: list[ObjectTypeUse] = []
    for index in range(FIRST_TYPE, MAX_OBJECT_TYPES):
        address = find_u64(memory, array + index * POINTER_SIZE)
        if address is None:
            raise MemoryGap(array + index * POINTER_SIZE, MemoryGap.NOT_CAPTURED)
        if not is_kernel_address(address):
            break
        kind = ObjectType(memory, address)
        try:
            name = kind.read(ObjectType.name)
        except DumpError as error:
            return Listing(tuple(found), f"the name of object type {index} is not captured: {error}")
        found.append(ObjectTypeUse(name, kind.objects, kind.handles))
    return Listing(tuple(found))
