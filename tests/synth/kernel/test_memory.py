"""Pool tags over all processors, totals, big allocations and handles, read by a reader of a few lines."""

from __future__ import annotations

import pytest

from tests.synth.kernel.counters import key_of
from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS, layout_of
from tests.synth.kernel.scenarios import build

pytestmark = pytest.mark.usefixtures("compiler")
COUNTERS = ("NonPagedAllocs", "NonPagedFrees", "NonPagedBytes", "PagedAllocs", "PagedFrees", "PagedBytes")


def summed_tags(reader: KernelReader) -> dict[int, tuple[int, ...]]:
    """Key -> counters, added over all processors with their wrap."""
    processors = len(reader.truth.processors)
    tables = [reader.memory.pointer(reader.truth.names["global:ExPoolTagTables"] + 8 * n) for n in range(processors)]
    assert tables[0] == reader.variable("PoolTrackTable")
    size = reader.layout.size("_POOL_TRACKER_TABLE")
    found = {}
    for slot in range(reader.variable("PoolTrackTableSize")):
        key = reader.field("_POOL_TRACKER_TABLE.Key", tables[0] + size * slot)
        if key:
            found[key] = tuple(summed(reader, [table + size * slot for table in tables], name) for name in COUNTERS)
    expansion = reader.variable("PoolTrackTableExpansion")
    for slot in range(reader.variable("PoolTrackTableExpansionSize")):
        key = reader.field("_POOL_TRACKER_TABLE.Key", expansion + size * slot)
        if key:
            found[key] = tuple(summed(reader, [expansion + size * slot], name) for name in COUNTERS)
    return found


def summed(reader: KernelReader, entries: list[int], name: str) -> int:
    """One counter over all processors."""
    path = f"_POOL_TRACKER_TABLE.{name}"
    return sum(reader.field(path, entry) for entry in entries) % (1 << 8 * reader.layout.place(path).size)


@pytest.mark.parametrize("build_name", BUILDS)
def test_tags_add_up_over_all_processors(build_name: str) -> None:
    dump = build("nonpaged-leak", build_name)
    expected = {key_of(tag): (*tag.nonpaged, *tag.paged) for tag in dump.truth.system.tags}
    assert summed_tags(KernelReader(dump)) == expected


def test_one_processor_alone_may_count_less_than_nothing() -> None:
    dump = build("nonpaged-leak", "22000")
    reader = KernelReader(dump)
    last = reader.memory.pointer(dump.truth.names["global:ExPoolTagTables"] + 8 * 3)
    size = reader.layout.size("_POOL_TRACKER_TABLE")
    counts = [reader.signed("_POOL_TRACKER_TABLE.NonPagedAllocs", last + size * slot) for slot in range(64)]
    assert min(counts) < 0


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", ["quiet", "commit-exhaustion"])
def test_totals_stand_where_the_build_keeps_them(name: str, build_name: str) -> None:
    dump = build(name, build_name)
    reader, memory, names = KernelReader(dump), dump.truth.system.memory, dump.truth.names
    if "MiSystemPartition" not in reader.layout.globals:
        assert reader.variable("MmTotalCommittedPages") == memory.committed
        assert reader.variable("MmTotalCommitLimit") == memory.limit
        assert reader.variable("MmAvailablePages") == memory.available
        return
    partition = names["global:MiSystemPartition"]
    assert reader.field("_MI_PARTITION.Vp.TotalCommittedPages", partition) == memory.committed
    assert reader.field("_MI_PARTITION.Vp.TotalCommitLimit", partition) == memory.limit
    assert reader.field("_MI_PARTITION.Vp.AvailablePages", partition) == memory.available
    assert reader.field("_MI_PARTITION.Commit.PeakCommitment", partition) == memory.peak
    state = names["global:MiState"]
    assert reader.field("_MI_SYSTEM_INFORMATION.Vs.NonPagedPoolCommit", state) == memory.nonpaged_pool


@pytest.mark.parametrize("build_name", [name for name in BUILDS if layout_of(name).has("_SEGMENT_HEAP")])
def test_heaps_hold_the_pools(build_name: str) -> None:
    dump = build("quiet", build_name)
    reader, memory = KernelReader(dump), dump.truth.system.memory
    start = dump.truth.names["global:ExPoolState"]
    pages = []
    for index in range(4):
        heap = reader.field(f"_EX_POOL_HEAP_MANAGER_STATE.PoolNode[0].Heaps[{index}]", start)
        large = reader.field("_SEGMENT_HEAP.LargeCommittedPages", heap)
        pages.append(large + reader.field("_SEGMENT_HEAP.MemStats.TotalCommittedPages", heap))
    assert (pages[0] + pages[1], pages[2] + pages[3]) == (memory.nonpaged_pool, memory.paged_pool)


@pytest.mark.parametrize("build_name", BUILDS)
def test_big_allocations_are_listed(build_name: str) -> None:
    dump = build("nonpaged-leak", build_name)
    reader = KernelReader(dump)
    table, size = reader.variable("PoolBigPageTable"), reader.layout.size("_POOL_TRACKER_BIG_PAGES")
    found = [
        (reader.field("_POOL_TRACKER_BIG_PAGES.Va", table + size * slot),
         reader.field("_POOL_TRACKER_BIG_PAGES.NumberOfBytes", table + size * slot))
        for slot in range(len(dump.truth.system.big_pages))
    ]  # fmt: skip
    assert found == [(each.address | each.free, each.size) for each in dump.truth.system.big_pages]


@pytest.mark.parametrize("build_name", BUILDS)
def test_handles_add_up_over_the_free_lists(build_name: str) -> None:
    dump = build("handle-leak", build_name)
    reader = KernelReader(dump)
    process = dump.truth.process("svchost")
    table = reader.field("_EPROCESS.ObjectTable", process.address)
    if reader.layout.has("_HANDLE_TABLE.HandleCount"):
        assert reader.field("_HANDLE_TABLE.HandleCount", table) == process.handle_count
        return
    start = table + reader.layout.at("_HANDLE_TABLE.FreeLists")
    count = reader.variable("ExpFreeListCount", 4) if "ExpFreeListCount" in reader.layout.globals else 2
    total = sum(reader.signed("_HANDLE_TABLE_FREE_LIST.HandleCount", start + 0x40 * index) for index in range(count))
    assert total == process.handle_count == 112_142


@pytest.mark.parametrize("build_name", BUILDS)
def test_a_driver_holds_the_tags_that_it_asks_with(build_name: str) -> None:
    dump = build("nonpaged-leak", build_name)
    reader = KernelReader(dump)
    code = reader.memory.read(dump.truth.module_bases["lab"] + 0x1000, 0x800)
    assert b"Leak" in code
    other = reader.memory.read(dump.truth.module_bases["labnic"] + 0x1000, 0x400)
    assert b"Leak" not in other
    assert b"LNic" in other
