"""Pool tags, summed as the kernel sums them, large allocations, and the drivers whose code holds a tag.

Each processor counts by itself, and a block is often freed on another than it was allocated on: a single processor's
count may be negative, and only the sum over all, modulo the width of a counter, says anything.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Optional

from livedump.images.image import read_image
from livedump.kernel.rows import Row, iter_rows
from livedump.kernel.structure import Structure, member
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u64, read_bytes
from livedump.machine.machine import Machine, machine_of
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.findings import Confidence
from livedump.model.images import Module
from livedump.model.listing import Listing, joined_problems
from livedump.model.machines import MAX_PROCESSORS, machine_name
from livedump.model.memory_use import BigBlock, PoolTag, TagOwner
from livedump.model.patience import KeepGoing, why_ended
from livedump.model.text import clean_text

AddressOf = Callable[[str], Optional[int]]
MAX_TAGS = 1 << 17
MAX_BIG_BLOCKS = 1 << 22
LARGEST = 10
PROTECTED = 0x80000000
"""In a key: only who knows the tag may free the block."""
BLOCK_FREE = 1
"""In POOL_TRACKER_BIG_PAGES.Va."""
MAX_CODE = 64 << 20
"""Bytes of drivers' code that are searched for tags."""
POINTER_SIZE = 8
NOT_OWNERS = frozenset({"nt", "hal"})
"""Their code names the tags of many others."""


class PoolTracker(Structure):
    """What one processor counted for one tag."""

    type_name = "_POOL_TRACKER_TABLE"
    key = member("Key", int)
    nonpaged_allocations = member("NonPagedAllocs", int)
    nonpaged_frees = member("NonPagedFrees", int)
    nonpaged_bytes = member("NonPagedBytes", int)
    paged_allocations = member("PagedAllocs", int)
    paged_frees = member("PagedFrees", int)
    paged_bytes = member("PagedBytes", int)


class BigPages(Structure):
    """An allocation of a page or more."""

    type_name = "_POOL_TRACKER_BIG_PAGES"
    start = member("Va", int)
    key = member("Key", int)
    bytes = member("NumberOfBytes", int)


_COUNTERS = (
    PoolTracker.nonpaged_allocations,
    PoolTracker.nonpaged_frees,
    PoolTracker.nonpaged_bytes,
    PoolTracker.paged_allocations,
    PoolTracker.paged_frees,
    PoolTracker.paged_bytes,
)


class TagReader:
    """Reads the tables of tags of one dump."""

    def __init__(self, memory: TypedMemory, address_of: AddressOf, keep_going: KeepGoing) -> None:
        self._memory = memory
        self._address_of = address_of
        self._keep_going = keep_going
        self._masks = [(1 << 8 * (each.place(memory, PoolTracker).type.size or 8)) - 1 for each in _COUNTERS]
        self._problems: list[str] = []

    def read(self, processors: int) -> Listing[PoolTag]:
        """All tags, the largest first.

        Raises:
            DumpError: it is not known where the tables are, or the first of them is missing.
        """
        count = self._u64("PoolTrackTableSize")
        size = PoolTracker.size(self._memory)
        if not 0 < count <= self._memory.room_for(MAX_TAGS, size):
            raise NotKnown(f"a table of {count} pool tags makes no sense")
        most = self._memory.room_for(MAX_PROCESSORS, size * count)
        sums: dict[int, list[int]] = {}
        keys = self._keys(count)
        for table in self._tables(min(processors, most)):
            if not self._keep_going():
                self._problems.append(f"{why_ended(self._keep_going)}: not all processors' pool counters were added")
                break
            self._add(sums, keys, table, count)
        self._add_expansion(sums)
        tags = [self._tag(key, values) for key, values in sums.items()]
        tags.sort(key=lambda tag: -(tag.nonpaged_bytes + tag.paged_bytes))
        return Listing(tuple(tags), joined_problems(*self._problems))

    def _u64(self, name: str) -> int:
        address = self._address_of(name)
        if address is None:
            raise NotKnown(f"it is not known where nt!{name} is")
        return int.from_bytes(read_bytes(self._memory, address, 8), "little")

    def _keys(self, count: int) -> list[int]:
        table = self._u64("PoolTrackTable")
        rows = iter_rows(self._memory, PoolTracker, table, count, (PoolTracker.key, PoolTracker.nonpaged_allocations))
        keys = [0 if row is None else row[0] & 0xFFFFFFFF for row in rows]
        if not any(keys):
            raise MemoryGap(table, MemoryGap.NOT_CAPTURED)
        return keys

    def _tables(self, processors: int) -> Iterator[int]:
        array = self._address_of("ExPoolTagTables")
        if array is None:
            self._problems.append("it is not known where the processors' pool counters are: only the first are here")
            yield self._u64("PoolTrackTable")
            return
        for number in range(min(processors, MAX_PROCESSORS)):
            table = find_u64(self._memory, array + number * POINTER_SIZE)
            if table:
                yield table
            elif table is None:
                self._problems.append(f"the pool counters of processor {number} are not captured")

    def _add(self, sums: dict[int, list[int]], keys: Sequence[int], table: int, count: int) -> None:
        missing = 0
        for key, row in zip(keys, iter_rows(self._memory, PoolTracker, table, count, _COUNTERS)):
            if row is None:
                missing += 1
            elif key:
                _add_row(sums, key, row)
        if missing:
            self._problems.append(f"{missing:,} of {count:,} pool counters of a processor are not captured")

    def _add_expansion(self, sums: dict[int, list[int]]) -> None:
        # Tags that found no room; not counted by processors.
        try:
            table, count = self._u64("PoolTrackTableExpansion"), self._u64("PoolTrackTableExpansionSize")
            if count > MAX_TAGS:
                self._problems.append(f"an expansion table of {count} pool tags makes no sense")
            elif table:
                self._add_keyed(sums, table, count)
        except NotKnown:  # a kernel without one
            return
        except DumpError as error:
            self._problems.append(f"the expansion table of pool tags is not captured: {error}")

    def _add_keyed(self, sums: dict[int, list[int]], table: int, count: int) -> None:
        missing = 0
        for row in iter_rows(self._memory, PoolTracker, table, count, (PoolTracker.key, *_COUNTERS)):
            if row is None:
                missing += 1
            elif row[0]:
                _add_row(sums, row[0] & 0xFFFFFFFF, row[1:])
        if missing:
            self._problems.append(f"{missing:,} of {count:,} entries of the expansion table are not captured")

    def _tag(self, key: int, values: Sequence[int]) -> PoolTag:
        sums = [value & mask for value, mask in zip(values, self._masks)]
        nonpaged, nonpaged_frees, nonpaged_bytes, paged, paged_frees, paged_bytes = sums
        return PoolTag(
            tag_text(key),
            nonpaged_bytes if nonpaged > nonpaged_frees else 0,
            max(nonpaged - nonpaged_frees, 0),
            paged_bytes if paged > paged_frees else 0,
            max(paged - paged_frees, 0),
            nonpaged,
            paged,
        )


def _add_row(sums: dict[int, list[int]], key: int, row: Sequence[int]) -> None:
    kept = sums.get(key)
    if kept is None:
        sums[key] = list(row)
    else:
        for at, value in enumerate(row):
            kept[at] += value


def tag_text(key: int) -> str:
    """The four characters of a tag; what is not plainly visible is written out."""
    return clean_text((key & ~PROTECTED).to_bytes(4, "little").decode("latin-1"))


def read_largest_blocks(memory: TypedMemory, address_of: AddressOf) -> Listing[BigBlock]:
    """The ten largest allocations of a page and more.

    Raises:
        DumpError: it is not known where they are listed.
    """
    where = [address_of(name) for name in ("PoolBigPageTable", "PoolBigPageTableSize")]
    if None in where:
        raise NotKnown("it is not known where large pool allocations are listed")
    table, count = (find_u64(memory, each) for each in where)
    if table is None or count is None or count > memory.room_for(MAX_BIG_BLOCKS, BigPages.size(memory)):
        raise NotKnown("the table of large pool allocations is not captured, or makes no sense")
    missing = 0

    def used() -> Iterator[Row]:
        nonlocal missing
        for row in iter_rows(memory, BigPages, table, count, (BigPages.bytes, BigPages.start, BigPages.key)):
            if row is None:
                missing += 1
            elif row[1] and not row[1] & BLOCK_FREE:
                yield row

    largest = heapq.nlargest(LARGEST, used())
    problem = f"{missing:,} of {count:,} entries are not captured" if missing else None
    blocks = (BigBlock(address, tag_text(key & 0xFFFFFFFF), size) for size, address, key in largest)
    return Listing(tuple(blocks), problem)


def find_tag_owners(
    memory: TypedMemory, modules: Iterable[Module], tags: Iterable[str], keep_going: KeepGoing
) -> dict[str, tuple[TagOwner, ...]]:
    """The drivers whose code holds each tag as a number. Of one it is likely the tag's owner, of several possibly.

    Only code that the dump holds is searched, 64 MiB at most.
    """
    wanted = {tag: tag.encode("latin-1", "replace") for tag in tags if len(tag) == 4}
    found: dict[str, list[str]] = {tag: [] for tag in wanted}
    left = memory.room_for(MAX_CODE, 1)
    for module in modules:
        if module.user or module.name.lower() in NOT_OWNERS or left <= 0 or not keep_going():
            continue
        for code, machine in _code_of(memory, module, left):
            left -= len(code)
            for tag, pattern in wanted.items():
                if module.name not in found[tag] and machine.holds_number(code, pattern):
                    found[tag].append(module.name)
    return {tag: _owners(names) for tag, names in found.items() if names}


def _owners(names: Sequence[str]) -> tuple[TagOwner, ...]:
    confidence = Confidence.LIKELY if len(names) == 1 else Confidence.POSSIBLE
    return tuple(TagOwner(name, confidence) for name in names)


def _code_of(memory: TypedMemory, module: Module, most: int) -> Iterator[tuple[bytes, Machine]]:
    # At most so many bytes of each section, and whose code it is.
    try:
        image = read_image(memory, module.base)
        machine = machine_of(machine_name(image.machine))
    except DumpError:
        return
    for section in image.sections:
        if section.executable:
            yield _held(memory, module.base + section.span.start, min(section.span.size, module.size, most)), machine


def _held(memory: TypedMemory, start: int, size: int) -> bytes:
    # Page by page, for parts of a driver's code are paged out; a tag that lies across two of them is found too.
    try:
        return read_bytes(memory, start, size)
    except DumpError:
        pages = range(start, start + size, PAGE_SIZE)
        return b"".join(memory.read_prefix(page, min(PAGE_SIZE, start + size - page)) for page in pages)
