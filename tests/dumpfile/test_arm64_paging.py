"""The walk of ARM64 page tables: descriptors by hand, from the Arm Architecture Reference Manual, D8.3."""

from __future__ import annotations

import struct

import pytest

from livedump.dumpfile.memory import VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.dumpfile.paging import PageTables
from livedump.machine import arm64
from livedump.model.errors import MemoryGap, Unsupported
from tests.dumpfile.page_files import PAGE, BytesSource, bitmap_file, page_bytes
from tests.dumpfile.page_tables import Arm64Tables

FORM = arm64.MACHINE.page_tables
KERNEL_BASE = 0xFFFFF801_77E01000
USER_BASE = 0x7FFC_D2563000
GIB, MIB2 = 1 << 30, 1 << 21
LEVEL_SHIFTS = [("PXE", 39), ("PPE", 30), ("PDE", 21), ("PTE", 12)]
VALID, TABLE = 1, 2


def physical(tables: Arm64Tables) -> PhysicalMemory:
    return physical_memory(tables.source(), 6, 0x2000, ())


def walk(tables: Arm64Tables, low_bits: int = 0) -> PageTables:
    return PageTables(physical(tables), tables.root * PAGE | low_bits, FORM)


def gap_of(tables: Arm64Tables, address: int) -> MemoryGap:
    with pytest.raises(MemoryGap) as caught:
        walk(tables).translate(address)
    return caught.value


def mapped(address: int = KERNEL_BASE) -> Arm64Tables:
    tables = Arm64Tables()
    tables.map(address, 0x777)
    return tables


@pytest.mark.parametrize("address", [KERNEL_BASE, USER_BASE])
def test_both_halves_lead_from_one_root(address: int) -> None:
    assert walk(mapped(address)).translate(address + 0x123) == 0x777123


def test_the_halves_do_not_meet() -> None:
    tables = mapped(KERNEL_BASE)
    tables.map(KERNEL_BASE & (1 << 47) - 1, 0x888)
    assert walk(tables).translate(KERNEL_BASE) == 0x777000
    assert walk(tables).translate(KERNEL_BASE & (1 << 47) - 1) == 0x888000


@pytest.mark.parametrize("extra", [0x0040_0000_0000_0000, 0x800, 0x0040_0000_0000_0801], ids=hex)
def test_an_address_space_number_and_the_place_of_the_upper_half_are_no_part_of_the_root(extra: int) -> None:
    # As TTBR0 0x00400000946aa000 and TTBR1 0x00400000946aa800 of a real dump, whose header says 0x946aa000.
    assert walk(mapped(), extra).translate(KERNEL_BASE) == 0x777000


def test_attributes_are_no_part_of_the_frame() -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(KERNEL_BASE, 12), KERNEL_BASE, 12, 0xFFF0_0000_0077_7FFF)
    assert walk(tables).translate(KERNEL_BASE) == 0x777000


@pytest.mark.parametrize(("shift", "size"), [(21, MIB2), (30, GIB)])
def test_blocks_take_their_lower_bits_from_the_address(shift: int, size: int) -> None:
    tables = Arm64Tables()
    tables.map(KERNEL_BASE & -size, 3 * size // PAGE, shift=shift)
    assert walk(tables).translate(KERNEL_BASE + 0x45) == 3 * size + (KERNEL_BASE + 0x45) % size


@pytest.mark.parametrize(("level", "shift"), [("PXE", 39), ("PTE", 12)])
def test_the_first_and_the_last_level_have_no_blocks(level: str, shift: int) -> None:
    tables = mapped()
    table = tables.table_of(KERNEL_BASE, shift)
    tables.set_entry(table, KERNEL_BASE, shift, tables.entry(table, KERNEL_BASE, shift) & ~TABLE)
    gap = gap_of(tables, KERNEL_BASE)
    assert (gap.reason, gap.level) == (MemoryGap.NOT_PRESENT, level)


@pytest.mark.parametrize(("level", "shift"), LEVEL_SHIFTS)
def test_an_empty_entry_names_its_level(level: str, shift: int) -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(KERNEL_BASE, shift), KERNEL_BASE, shift, 0)
    gap = gap_of(tables, KERNEL_BASE)
    assert (gap.reason, gap.level, str(gap)) == (
        MemoryGap.NOT_PRESENT,
        level,
        f"fffff801`77e01000 is not present at its {level}",
    )


@pytest.mark.parametrize(("level", "shift"), LEVEL_SHIFTS)
def test_a_table_that_was_not_captured_names_its_level(level: str, shift: int) -> None:
    tables = mapped()
    del tables.pages[tables.table_of(KERNEL_BASE, shift)]
    tables.fill(1)
    gap = gap_of(tables, KERNEL_BASE)
    assert (gap.address, gap.reason, gap.level) == (KERNEL_BASE, MemoryGap.NOT_CAPTURED, level)


@pytest.mark.parametrize("entry", [0x777000 | 1 << 11, 0x777000 | 1 << 10, 0x12_3456_0000_0400, 0x80])
def test_what_windows_keeps_in_an_entry_that_is_not_valid_is_shown_and_not_followed(entry: int) -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(KERNEL_BASE, 12), KERNEL_BASE, 12, entry)
    tables.fill(0x777)
    gap = gap_of(tables, KERNEL_BASE + 0x10)
    assert (gap.address, gap.reason, gap.entry) == (KERNEL_BASE + 0x10, MemoryGap.NOT_PRESENT, entry)
    assert str(gap) == f"fffff801`77e01010 is not present at its PTE (software entry {entry:#x})"
    with pytest.raises(MemoryGap, match=f"software entry {entry:#x}"):
        VirtualMemory(physical(tables), tables.root * PAGE, FORM).read(KERNEL_BASE, 8)


@pytest.mark.parametrize("address", [1 << 47, 0xFFFF7FFF_FFFFFFFF, 0x00FFF801_77E01000])
def test_addresses_outside_of_both_halves_are_not_present(address: int) -> None:
    tables = mapped()
    tables.set_entry(tables.root, address, 39, tables.entry(tables.root, KERNEL_BASE, 39))
    gap = gap_of(tables, address)
    assert (gap.reason, gap.level) == (MemoryGap.NOT_PRESENT, None)


def test_reads_and_tallies_go_through_pages_and_blocks() -> None:
    tables = mapped()
    tables.map(KERNEL_BASE + PAGE, 0x778)
    tables.map((KERNEL_BASE & -MIB2) + 2 * MIB2, 4 * MIB2 // PAGE, shift=21)
    tables.fill(0x777, 0x778, 4 * MIB2 // PAGE + 5)
    memory = virtual_memory(physical(tables), tables.root * PAGE, "ARM64", KERNEL_BASE)
    assert memory.read(KERNEL_BASE + 0xFFC, 8) == page_bytes(0x777)[-4:] + page_bytes(0x778)[:4]
    assert memory.read((KERNEL_BASE & -MIB2) + 2 * MIB2 + 5 * PAGE, 4) == page_bytes(4 * MIB2 // PAGE + 5)[:4]
    tally = memory.tally_pages(KERNEL_BASE, 4 * PAGE)
    assert (tally.present, tally.not_present, tally.not_captured) == (2, 2, 0)
    block = memory.tally_pages((KERNEL_BASE & -MIB2) + 2 * MIB2, MIB2)
    assert (block.present, block.not_captured) == (1, 511)


def larger_granule(page_shift: int, address: int) -> BytesSource:
    """A dump with ``address`` mapped by tables of larger pages: two whole levels below a root for both halves."""
    bits = page_shift - 3
    unit = (1 << page_shift) // PAGE
    tables = [0x1000 * unit, 0x2000 * unit, 0x3000 * unit]
    target = 0x30 * unit
    memory: dict[int, int] = {}
    shift = page_shift + 2 * bits
    for table, following in zip(tables, [*tables[1:], target]):
        limit = 48 - shift if table == tables[0] else bits
        memory[table * PAGE + (address >> shift & (1 << limit) - 1) * 8] = following * PAGE | VALID | TABLE
        shift -= bits
    pages: dict[int, bytearray] = {pfn: bytearray(PAGE) for table in tables for pfn in range(table, table + 2 * unit)}
    for place, entry in memory.items():
        struct.pack_into("<Q", pages[place // PAGE], place % PAGE, entry)
    data = bytearray(bitmap_file(sorted(pages)))
    return BytesSource(
        bytes(data[: len(data) - len(pages) * PAGE]) + b"".join(bytes(pages[pfn]) for pfn in sorted(pages))
    )


@pytest.mark.parametrize(("shift", "size"), [(14, 16), (16, 64)])
@pytest.mark.parametrize("address", [KERNEL_BASE, 0xFFFF8000_00010000, 0xFFFFFFFF_FFD00000])
def test_larger_granules_are_recognised_and_refused(shift: int, size: int, address: int) -> None:
    pages = physical_memory(larger_granule(shift, address), 6, 0x2000, ())
    root = 0x1000 * (1 << shift)
    with pytest.raises(Unsupported, match=f"this system ran with page tables of {size} KiB pages, which are not read"):
        virtual_memory(pages, root, "ARM64", address)


@pytest.mark.parametrize(("_", "shift"), LEVEL_SHIFTS)
def test_damaged_tables_are_not_taken_for_those_of_larger_granules(_: str, shift: int) -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(KERNEL_BASE, shift), KERNEL_BASE, shift, 0)
    memory = virtual_memory(physical(tables), tables.root * PAGE, "ARM64", KERNEL_BASE)
    with pytest.raises(MemoryGap):
        memory.read(KERNEL_BASE, 1)


@pytest.mark.parametrize(
    ("stored", "address"),
    [
        (0xFFFFF807_1BCF69F0, 0xFFFFF807_1BCF69F0),
        (0x00007FFC_D2563000, 0x00007FFC_D2563000),
        (0x5AB4F807_1BCF69F0, 0xFFFFF807_1BCF69F0),
        (0x0092F807_1BCF69F0, 0xFFFFF807_1BCF69F0),
        (0xFF657FFC_D2563000, 0x00007FFC_D2563000),
        (0x007FFFFC_D2563000, 0x00007FFC_D2563000),
        (0, 0),
    ],
    ids=hex,
)
def test_the_code_of_an_authenticated_address_is_taken_off(stored: int, address: int) -> None:
    assert arm64.code_address(stored) == address
