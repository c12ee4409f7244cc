"""Virtual memory: reads across pages, gaps, and how much of a range is there."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest

from livedump.dumpfile.memory import MAX_READ, MAX_STRETCHES, VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.machine import x64
from livedump.model.errors import DamagedDump, DumpError, MemoryGap, Unsupported
from livedump.model.holdings import PageTally
from tests.dumpfile.page_files import PAGE, check_reads, page_bytes, seeded
from tests.dumpfile.page_tables import KERNEL, PROTOTYPE, TRANSITION, Tables
from tests.effort import at_most

KERNEL_BASE = 0xFFFFF801_77E00000
USER_BASE = 0x7FFC_D2560000
MIB2 = 1 << 21


def physical(tables: Tables) -> PhysicalMemory:
    return physical_memory(tables.source(), 6, 0x2000, ())


def memory_of(tables: Tables) -> VirtualMemory:
    return VirtualMemory(physical(tables), tables.root * PAGE, x64.MACHINE.page_tables)


def scattered(rng: random.Random) -> tuple[Tables, dict[int, bytes]]:
    """Small pages of both halves and two large ones, all of them apart in physical memory; some not captured."""
    tables, model = Tables(), {}
    frames = rng.sample(range(0x5000, 0x9000), 60)
    for number, pfn in enumerate(frames[:40]):
        base = KERNEL_BASE if number % 3 else USER_BASE
        page = base // PAGE + number // 6 * 7 + number % 6
        tables.map(page * PAGE, pfn, TRANSITION if number % 5 == 0 else KERNEL)
        if number % 11:
            tables.fill(pfn)
            model[page] = page_bytes(pfn)
    for large in (KERNEL_BASE + 4 * MIB2, KERNEL_BASE + 5 * MIB2):
        first = 0x10000 if large % (2 * MIB2) else 0xA000
        tables.map(large, first, shift=21)
        for inside in [0, 1, 2, 300, 510, 511]:
            tables.fill(first + inside)
            model[large // PAGE + inside] = page_bytes(first + inside)
    return tables, model


@pytest.mark.parametrize("seed", range(4))
def test_reads_agree_with_the_model_and_do_not_depend_on_how_they_are_cut(seed: int) -> None:
    rng = seeded(seed)
    tables, model = scattered(rng)
    check_reads(memory_of(tables).read, model, rng, 150)


@pytest.mark.parametrize("seed", range(2))
def test_a_tally_counts_the_pages_that_can_be_read(seed: int) -> None:
    rng = seeded(seed)
    tables, model = scattered(rng)
    memory = memory_of(tables)
    for _ in range(100):
        first, count = rng.choice(sorted(model)) - rng.randrange(4), rng.randrange(1, 9)
        reasons = Counter(_reason(memory, page * PAGE) for page in range(first, first + count))
        tally = memory.tally_pages(first * PAGE + rng.randrange(PAGE), (count - 1) * PAGE + 1)
        assert tally == PageTally(reasons[None], reasons["not present"], reasons["not captured"], 0)
        assert reasons[None] == sum(page in model for page in range(first, first + count))


def _reason(memory: VirtualMemory, address: int) -> str | None:
    try:
        memory.read(address, PAGE)
    except MemoryGap as gap:
        return gap.reason
    return None


def test_a_page_that_was_not_captured_differs_from_one_that_was_not_present() -> None:
    tables = Tables()
    tables.map(KERNEL_BASE, 0x777)
    tables.map(KERNEL_BASE + PAGE, 0x778, PROTOTYPE)
    memory = memory_of(tables)
    with pytest.raises(MemoryGap) as lost:
        memory.read(KERNEL_BASE + 0x10, 8)
    assert (lost.value.address, lost.value.reason, lost.value.level) == (KERNEL_BASE + 0x10, "not captured", None)
    with pytest.raises(MemoryGap) as absent:
        memory.read(KERNEL_BASE + PAGE, 8)
    assert (absent.value.reason, absent.value.level) == ("not present", "PTE")
    assert memory.translate(KERNEL_BASE + 0x10) == 0x777010


def test_two_large_pages_are_read_across_their_border() -> None:
    tables = Tables()
    tables.map(KERNEL_BASE, 0x10000, shift=21)
    tables.map(KERNEL_BASE + MIB2, 0x8000, shift=21)
    tables.fill(0x101FF, 0x8000)
    border = KERNEL_BASE + MIB2
    read = memory_of(tables).read(border - 16, 32)
    assert read == page_bytes(0x101FF)[-16:] + page_bytes(0x8000)[:16]


def test_pages_of_a_range_are_counted_by_what_became_of_them() -> None:
    tables = Tables()
    for page in range(4):
        tables.map(KERNEL_BASE + page * PAGE, 0x700 + page)
    tables.fill(0x700, 0x702)
    tables.map(KERNEL_BASE + 5 * PAGE, 0x800, PROTOTYPE)
    tally = memory_of(tables).tally_pages(KERNEL_BASE + 0x10, 6 * PAGE)
    # pages 0 and 2 are there, 1 and 3 were left out, 4 to 6 have no valid entry
    assert tally == PageTally(present=2, not_present=3, not_captured=2, not_visited=0)


def test_large_holes_are_counted_at_once() -> None:
    tables = Tables()
    tables.map(KERNEL_BASE, 0x700)
    tables.fill(0x700)
    with at_most(100):
        tally = memory_of(tables).tally_pages(KERNEL_BASE, 1 << 36)
        assert tally == PageTally(present=1, not_present=(1 << 24) - 1, not_captured=0, not_visited=0)


def test_a_survey_is_bounded_and_says_what_it_left_out() -> None:
    tables = Tables()
    for index in range(512):  # every walk ends in the same page: 2 ** 35 present pages in each half
        tables.set_entry(tables.root, index << 39, 39, tables.root * PAGE | KERNEL)
    memory = memory_of(tables)
    with at_most(300):
        tally = memory.tally_pages(0, 1 << 47)
        assert tally == PageTally(MAX_STRETCHES, 0, 0, (1 << 35) - MAX_STRETCHES)


@pytest.mark.parametrize("size", [1 << 63, MAX_READ + 1, -1])
def test_absurd_sizes_are_refused(size: int) -> None:
    tables = Tables()
    tables.map(KERNEL_BASE, 0x700)
    with pytest.raises(DamagedDump):
        memory_of(tables).read(KERNEL_BASE, size)


def test_nothing_is_read_where_nothing_is_asked_for() -> None:
    assert memory_of(Tables()).read(0x1000, 0) == b""


def test_a_read_that_runs_over_the_top_of_memory_is_a_gap() -> None:
    tables = Tables()
    tables.map((1 << 64) - PAGE, 0x700)
    tables.fill(0x700)
    with pytest.raises(MemoryGap) as caught:
        memory_of(tables).read((1 << 64) - 8, 16)
    assert caught.value.address == 1 << 64


def test_tables_of_another_machine_or_depth_are_refused() -> None:
    five = Tables(levels=5)
    five.map(KERNEL_BASE, 0x700)
    with pytest.raises(Unsupported, match="LA57"):
        virtual_memory(physical(five), five.root * PAGE, "x64", KERNEL_BASE)
    with pytest.raises(Unsupported, match="x86 systems"):
        virtual_memory(physical(five), five.root * PAGE, "x86", KERNEL_BASE)


def test_tables_of_four_levels_are_read() -> None:
    tables = Tables()
    tables.map(KERNEL_BASE, 0x700)
    tables.fill(0x700)
    memory = virtual_memory(physical(tables), tables.root * PAGE, "x64", KERNEL_BASE)
    assert memory.read(KERNEL_BASE + 4, 8) == page_bytes(0x700)[4:12]


@pytest.mark.parametrize("seed", range(3))
def test_tables_of_noise_give_an_answer_or_a_dump_error(seed: int) -> None:
    rng = seeded(seed)
    tables = Tables(root=0x11)
    for pfn in range(0x10, 0x40):
        entries = [rng.randrange(0x10, 0x40) << 12 | rng.randrange(1 << 12) for _ in range(512)]
        tables.pages[pfn] = bytearray(struct.pack("<512Q", *entries))
    memory = memory_of(tables)
    for _ in range(500):
        address = rng.getrandbits(64) if rng.random() < 0.5 else rng.getrandbits(47)
        try:
            memory.read(address, rng.choice((8, 5000)))
        except DumpError:
            continue
