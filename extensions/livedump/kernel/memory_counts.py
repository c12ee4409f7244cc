"""Totals of memory: commit, page lists, pools, locked pages, system PTEs.

Source: public symbols of nt. Up to Windows 8.1 each is a variable of its own; later they are members of
MiSystemPartition and MiState. Which of them a build has is asked of its symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

from livedump.kernel.structure import Structure, member
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u64
from livedump.model.errors import NotKnown
from livedump.model.memory_use import Totals

AddressOf = Callable[[str], Optional[int]]
MAX_POOL_NODES = 64
HEAPS_OF_NODE = 4
NONPAGED_HEAPS, PAGED_HEAPS = (0, 1), (2, 3)
POINTER_SIZE = 8


class MiPartition(Structure):
    """A partition of memory; the system's own is the only one that counts."""

    type_name = "_MI_PARTITION"
    committed = member("Vp.TotalCommittedPages", int)
    commit_limit = member("Vp.TotalCommitLimit", int)
    commit_peak = member("Commit.PeakCommitment", int)
    available = member("Vp.AvailablePages", int)
    physical = member("Vp.NumberOfPhysicalPages", int)


class MiSystemInformation(Structure):
    """The state of the memory manager."""

    type_name = "_MI_SYSTEM_INFORMATION"
    nonpaged_commit = member("Vs.NonPagedPoolCommit", int)
    nonpaged_allocated = member("Pools.AllocatedNonPagedPool", int)
    paged_pool = member("Vs.PagedPoolInfo.AllocatedPagedPool", int)
    locked = member("Vs.MdlPagesAllocated", int)
    system_ptes = member("Vs.SystemPteInfo.TotalSystemPtes", int)
    free_system_ptes = member("Vs.SystemPteInfo.TotalFreeSystemPtes", int)
    system_pte_failures = member("Vs.SystemPteInfo.PteFailures", int)


class PagedPoolInfo(Structure):
    """The paged pool, before Windows 10."""

    type_name = "_MM_PAGED_POOL_INFO"
    allocated = member("AllocatedPagedPool", int)


class SystemPteType(Structure):
    """System PTEs, before Windows 10."""

    type_name = "_MI_SYSTEM_PTE_TYPE"
    total = member("TotalSystemPtes", int)
    free = member("TotalFreeSystemPtes", int)
    failures = member("PteFailures", int)


class PoolHeapState(Structure):
    """The heaps that pools are made of, from Windows 10 1809 on."""

    type_name = "_EX_POOL_HEAP_MANAGER_STATE"
    pool_count = member("NumberOfPools", int)


class SegmentHeap(Structure):
    """One heap."""

    type_name = "_SEGMENT_HEAP"
    large_pages = member("LargeCommittedPages", int)
    pages = member("MemStats.TotalCommittedPages", int)


def read_totals(memory: TypedMemory, address_of: AddressOf) -> Totals:
    """All totals, each None where the dump or its symbols do not tell; absurd ones are left out."""
    partition = _at(MiPartition, memory, address_of("MiSystemPartition"))
    state = _at(MiSystemInformation, memory, address_of("MiState"))
    ptes = _at(SystemPteType, memory, address_of("MiSystemPteInfo"))
    paged = _at(PagedPoolInfo, memory, address_of("MmPagedPoolInfo"))

    def variable(name: str) -> int | None:
        return find_u64(memory, address_of(name))

    physical = _first(partition and partition.physical, variable("MmNumberOfPhysicalPages"))
    limit = _first(partition and partition.commit_limit, variable("MmTotalCommitLimit"))
    heaps = dict(_heap_pages(memory, address_of("ExPoolState")))
    nonpaged = (
        state and state.nonpaged_commit,
        state and state.nonpaged_allocated,
        variable("MmAllocatedNonPagedPool"),
        _sum(heaps, NONPAGED_HEAPS),
    )
    paged_pool = (state and state.paged_pool, paged and paged.allocated, _sum(heaps, PAGED_HEAPS))
    locked = _first(state and state.locked, variable("MmMdlPagesAllocated"))
    return Totals(
        committed=_sane(_first(partition and partition.committed, variable("MmTotalCommittedPages")), limit),
        commit_limit=limit,
        commit_peak=_first(partition and partition.commit_peak, variable("MmPeakCommitment")),
        available=_sane(_first(partition and partition.available, variable("MmAvailablePages")), physical),
        physical=physical,
        nonpaged_pool=_largest(nonpaged, physical),
        paged_pool=_largest(paged_pool, limit),
        locked=_sane(locked, physical),
        system_ptes=_first(state and state.system_ptes, ptes and ptes.total),
        free_system_ptes=_first(state and state.free_system_ptes, ptes and ptes.free),
        system_pte_failures=_first(state and state.system_pte_failures, ptes and ptes.failures),
    )


def _at(kind: type[Structure], memory: TypedMemory, address: int | None) -> Any:
    return None if address is None else kind(memory, address)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _sane(value: int | None, most: int | None) -> int | None:
    # A counter that claims more than there can be is damaged, or read in the wrong place.
    return None if value is not None and most is not None and value > most else value


def _largest(values: Iterable[int | None], most: int | None) -> int | None:
    known = [value for value in (_sane(each, most) for each in values) if value is not None]
    return max(known, default=None)


def _sum(heaps: dict[int, int], which: Iterable[int]) -> int | None:
    found = [heaps[each] for each in which if each in heaps]
    return sum(found) if found else None


def _heap_pages(memory: TypedMemory, address: int | None) -> Iterator[tuple[int, int]]:
    """Number of the heap in its node, and its pages, summed over all nodes."""
    if address is None:
        return
    pages: dict[int, int] = {}
    try:
        for number, heap in _iter_heaps(memory, address):
            found = (heap.large_pages, heap.pages)
            if None not in found:
                pages[number] = pages.get(number, 0) + sum(each or 0 for each in found)
    except NotKnown:  # builds before have pools of another kind
        return
    yield from pages.items()


def _iter_heaps(memory: TypedMemory, address: int) -> Iterator[tuple[int, SegmentHeap]]:
    nodes = memory.offset(PoolHeapState.type_name, "PoolNode")
    size = memory.size("_EX_HEAP_POOL_NODE")
    heaps = memory.offset("_EX_HEAP_POOL_NODE", "Heaps")
    count = PoolHeapState(memory, address).pool_count or 0
    for node in range(min(count, MAX_POOL_NODES)):
        for number in range(HEAPS_OF_NODE):
            heap = find_u64(memory, address + nodes + node * size + heaps + number * POINTER_SIZE)
            if heap:
                yield number, SegmentHeap(memory, heap)
