"""What memory is used for: commit, page lists, pools, pool tags per processor, big allocations, system PTEs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from tests.synth.kernel.layout import Record
from tests.synth.kernel.spec import BigPage, Memory, Tag
from tests.synth.kernel.world import World
from tests.synth.memory import PAGE

VARIABLES: Mapping[str, str] = {
    "MmTotalCommittedPages": "committed",
    "MmTotalCommitLimit": "limit",
    "MmPeakCommitment": "peak",
    "MmAvailablePages": "available",
    "MmResidentAvailablePages": "resident_available",
    "MmNumberOfPhysicalPages": "physical",
    "MmAllocatedNonPagedPool": "nonpaged_pool",
    "MmSharedCommit": "shared_commit",
    "MmProcessCommit": "process_commit",
    "MmDriverCommit": "driver_commit",
    "MmMdlPagesAllocated": "locked",
}
"""Numbers that are variables of their own in the builds before 14393."""
LISTS: Mapping[str, str] = {
    "MmZeroedPageListHead": "zeroed",
    "MmFreePageListHead": "free",
    "MmStandbyPageListHead": "standby",
    "MmModifiedPageListHead": "modified",
}
PARTITION: Mapping[str, str] = {
    "Vp.TotalCommittedPages": "committed",
    "Vp.TotalCommitLimit": "limit",
    "Vp.SharedCommit": "shared_commit",
    "Vp.AvailablePages": "available",
    "Vp.ResidentAvailablePages": "resident_available",
    "Vp.NumberOfPhysicalPages": "physical",
    "Commit.PeakCommitment": "peak",
    "PageLists.ZeroedPageListHead.Total": "zeroed",
    "PageLists.FreePageListHead.Total": "free",
    "PageLists.StandbyPageListHead.Total": "standby",
    "PageLists.StandbyPageListByPriority[5].Total": "standby",
    "PageLists.ModifiedPageListNoReservation.Total": "modified",
}
"""Members of MiSystemPartition, from 14393."""
STATE: Mapping[str, str] = {
    "Vs.SharedCommit": "shared_commit",
    "Vs.ProcessCommit": "process_commit",
    "Vs.DriverCommit": "driver_commit",
    "Vs.MdlPagesAllocated": "locked",
    "Vs.NonPagedPoolCommit": "nonpaged_pool",
    "Vs.PagedPoolInfo.AllocatedPagedPool": "paged_pool",
    "Vs.SystemPteInfo.TotalSystemPtes": "ptes",
    "Vs.SystemPteInfo.TotalFreeSystemPtes": "free_ptes",
    "Vs.SystemPteInfo.PteFailures": "pte_failures",
}
"""Members of MiState, from 14393."""
FEWER = 500
"""Pages that the allocator's own count of the nonpaged pool lacks."""
HEAP_SHARES = ((0, 0.6, "nonpaged_pool"), (1, 0.4, "nonpaged_pool"), (2, 0.7, "paged_pool"), (3, 0.3, "paged_pool"))
"""(heap of a pool node, its share, of which pool)."""
NONPAGED_TYPE, PAGED_TYPE = 0x200, 1


def write_totals(world: World) -> None:
    """Totals of the system, where the build keeps them."""
    memory = world.system.memory
    for name, member in VARIABLES.items():
        world.set_global(name, getattr(memory, member))
    for name, member in LISTS.items():
        world.set_global(name, getattr(memory, member))
    _write_members(world, "MiSystemPartition", "_MI_PARTITION", PARTITION)
    _write_members(world, "MiState", "_MI_SYSTEM_INFORMATION", STATE)
    if world.has_global("MiState"):
        _write_number(world, "MiState", "_MI_SYSTEM_INFORMATION.Pools.AllocatedNonPagedPool", _allocated(memory))
    if world.has_global("MmPagedPoolInfo"):
        _write_number(world, "MmPagedPoolInfo", "_MM_PAGED_POOL_INFO.AllocatedPagedPool", memory.paged_pool)
    if world.has_global("MiSystemPteInfo"):
        for name, value in (
            ("TotalSystemPtes", memory.ptes),
            ("TotalFreeSystemPtes", memory.free_ptes),
            ("PteFailures", memory.pte_failures),
        ):
            _write_number(world, "MiSystemPteInfo", f"_MI_SYSTEM_PTE_TYPE.{name}", value)


def _allocated(memory: Memory) -> int:
    return max(memory.nonpaged_pool - FEWER, 0)


def _write_members(world: World, variable: str, type_name: str, members: Mapping[str, str]) -> None:
    if not world.has_global(variable):
        return
    for path, member in members.items():
        if world.layout.has(f"{type_name}.{path}"):
            _write_number(world, variable, f"{type_name}.{path}", getattr(world.system.memory, member))


def _write_number(world: World, variable: str, path: str, value: int) -> None:
    place = world.layout.place(path)
    raw = (value & (1 << 8 * place.size) - 1).to_bytes(place.size, "little")
    world.put(world.global_address(variable) + place.offset, raw)


def write_pools(world: World) -> None:
    """Segment heaps where the build has them, pool descriptors where it has those."""
    if world.has_global("ExPoolState") and world.layout.has("_SEGMENT_HEAP"):
        _write_heaps(world)
    if world.has_global("NonPagedPoolDescriptor") and world.layout.has("_POOL_DESCRIPTOR"):
        _write_descriptors(world)


def _write_heaps(world: World) -> None:
    _write_number(world, "ExPoolState", "_EX_POOL_HEAP_MANAGER_STATE.NumberOfPools", 1)
    for index, share, pool in HEAP_SHARES:
        pages = round(getattr(world.system.memory, pool) * share)
        record = world.record("_SEGMENT_HEAP").put(
            Signature=0xDDEE_DDEE, LargeCommittedPages=pages // 3, MemStats__TotalCommittedPages=pages - pages // 3
        )
        address = world.allocate(f"heap:{index}", len(record.data), "ExHp", "tables")
        world.put(address, bytes(record))
        path = f"_EX_POOL_HEAP_MANAGER_STATE.PoolNode[0].Heaps[{index}]"
        _write_number(world, "ExPoolState", path, address)


def _write_descriptors(world: World) -> None:
    vector = []
    memory = world.system.memory
    for name, kind, pages in (("nonpaged", 0, memory.nonpaged_pool), ("paged", 1, memory.paged_pool)):
        record = world.record("_POOL_DESCRIPTOR").put(PoolType=kind)
        record.put_known(TotalPages=pages, TotalBytes=pages * PAGE, PagesAllocated=pages, BytesAllocated=pages * PAGE)
        if name == "nonpaged":
            address = world.global_address("NonPagedPoolDescriptor")
        else:
            address = world.allocate("descriptor:paged", len(record.data), "Pool", "tables")
        world.put(address, bytes(record))
        vector.append(address)
    world.set_global("PoolVector", struct.pack("<2Q", *vector))
    world.set_global("ExpNumberOfPagedPools", struct.pack("<I", 0))
    world.set_global("ExpNumberOfNonPagedPools", struct.pack("<I", 1))


def write_tags(world: World) -> None:
    """Tag tables of every processor, the first of which carries the keys for all, and the expansion table."""
    system = world.system
    tables = [_tag_table(world, processor) for processor in range(len(system.processors))]
    world.set_global("ExPoolTagTables", struct.pack(f"<{len(tables)}Q", *tables))
    world.set_global("PoolTrackTable", tables[0])
    world.set_global("PoolTrackTableSize", system.memory.tag_table_size)
    world.set_global("PoolTrackTableMask", system.memory.tag_table_size - 2)
    expansion = [tag for tag in system.tags if tag.expansion]
    entries = [bytes(_tag_entry(world, tag, 0, 1)) for tag in expansion]
    size = world.layout.size("_POOL_TRACKER_TABLE")
    raw = b"".join(entries).ljust(size * system.memory.expansion_table_size, b"\0")
    world.set_global("PoolTrackTableExpansion", _place_table(world, "tags:expansion", raw))
    world.set_global("PoolTrackTableExpansionSize", system.memory.expansion_table_size)


def tag_slots(tags: tuple[Tag, ...], size: int) -> dict[int, Tag]:
    """Slot of each tag in a table of ``size``: where its hash leads or behind; ``Ovfl`` has the last."""
    slots: dict[int, Tag] = {}
    for tag in tags:
        if tag.expansion:
            continue
        slot = size - 1 if tag.tag == "Ovfl" else zlib.crc32(tag.tag.encode()) % (size - 1)
        while slot in slots:
            slot = (slot + 1) % (size - 1)
        slots[slot] = tag
    return slots


def _tag_table(world: World, processor: int) -> int:
    memory, processors = world.system.memory, len(world.system.processors)
    size = world.layout.size("_POOL_TRACKER_TABLE")
    raw = bytearray(size * memory.tag_table_size)
    for slot, tag in tag_slots(world.system.tags, memory.tag_table_size).items():
        raw[size * slot : size * slot + size] = bytes(_tag_entry(world, tag, processor, processors))
    return _place_table(world, f"tags:{processor}", bytes(raw))


def _place_table(world: World, name: str, raw: bytes) -> int:
    address = world.reserve("tables", max(len(raw), PAGE), PAGE)
    world.put(address, raw)
    world.names[name] = address
    world.mark(name, address, len(raw))
    return address


def key_of(tag: Tag) -> int:
    """The tag as the kernel stores it."""
    return int.from_bytes(tag.tag.encode("latin-1").ljust(4), "little") | int(tag.protected) << 31


def _tag_entry(world: World, tag: Tag, processor: int, processors: int) -> Record:
    """One processor's share. What is skewed is negative somewhere, which only the sum over all makes right."""
    record = Record(world.layout, "_POOL_TRACKER_TABLE")
    if processor == 0:
        _put_wrapped(record, "Key", key_of(tag))
    skew = tag.skew * ((processor == 0) - (processor == processors - 1)) if processors > 1 else 0
    for pool, (allocs, frees, size) in (("NonPaged", tag.nonpaged), ("Paged", tag.paged)):
        used = bool(allocs)
        _put_wrapped(record, f"{pool}Allocs", _share(allocs, processor, processors) + skew * used)
        _put_wrapped(record, f"{pool}Frees", _share(frees, processor, processors) - skew * used)
        _put_wrapped(record, f"{pool}Bytes", _share(size, processor, processors) + 256 * skew * used)
    return record


def _share(total: int, processor: int, processors: int) -> int:
    return total // processors + (total % processors if processor == 0 else 0)


def _put_wrapped(record: Record, name: str, value: int) -> None:
    bits = 8 * record.layout.place(f"_POOL_TRACKER_TABLE.{name}").size
    record.at(name, value & (1 << bits) - 1)


def write_big_pages(world: World) -> None:
    """The table of allocations of a page and more, and the first bytes of those that lead somewhere."""
    entries = [bytes(_big_page(world, each)) for each in world.system.big_pages]
    count = 64
    while count < len(entries):
        count *= 2
    raw = b"".join(entries).ljust(count * world.layout.size("_POOL_TRACKER_BIG_PAGES"), b"\0")
    world.set_global("PoolBigPageTable", _place_table(world, "big pages", raw))
    world.set_global("PoolBigPageTableSize", count)
    for each in world.system.big_pages:
        if each.points_to and not each.free:
            target = world.address(each.points_to)
            world.put(each.address, struct.pack("<QQQQ", each.size, target, each.address + 0x40, 0))
            world.mark(f"big:{each.address:x}", each.address, PAGE)


def _big_page(world: World, each: BigPage) -> Record:
    record = Record(world.layout, "_POOL_TRACKER_BIG_PAGES").put(
        Va=each.address | int(each.free),
        Key=int.from_bytes(each.tag.encode("latin-1").ljust(4), "little"),
        NumberOfBytes=each.size,
    )
    record.put_known(PoolType=NONPAGED_TYPE if each.nonpaged else PAGED_TYPE, PoolFlags=0x40 if each.nonpaged else 1)
    if each.process:
        record.put_known(ProcessBilled=world.address(f"process:{each.process}"))
    return record
