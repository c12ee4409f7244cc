"""The walk of x64 page tables, one test for each trap."""

from __future__ import annotations

import pytest

from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.dumpfile.paging import PageTables, find_other_form
from livedump.machine import x64
from livedump.model.errors import MemoryGap
from tests.dumpfile.page_files import PAGE
from tests.dumpfile.page_tables import KERNEL, NO_EXECUTE, PROTOTYPE, TRANSITION, Tables

FORM = x64.MACHINE.page_tables
ADDRESS = 0xFFFFF801_77E01000
GIB, MIB2 = 1 << 30, 1 << 21
LEVEL_SHIFTS = [("PXE", 39), ("PPE", 30), ("PDE", 21), ("PTE", 12)]


def physical(tables: Tables) -> PhysicalMemory:
    return physical_memory(tables.source(), 6, 0x2000, ())


def walk(tables: Tables) -> PageTables:
    return PageTables(physical(tables), tables.root * PAGE, FORM)


def gap_of(tables: Tables, address: int) -> MemoryGap:
    with pytest.raises(MemoryGap) as caught:
        walk(tables).translate(address)
    return caught.value


def mapped(flags: int = KERNEL) -> Tables:
    tables = Tables()
    tables.map(ADDRESS, 0x777, flags)
    return tables


def test_a_small_page() -> None:
    assert walk(mapped()).translate(ADDRESS + 0x123) == 0x777123


def test_bits_above_the_frame_are_not_part_of_it() -> None:
    assert walk(mapped(KERNEL | NO_EXECUTE | 0x7FF << 52)).translate(ADDRESS) == 0x777000


def test_the_low_bits_of_a_directory_table_base_are_not_part_of_it() -> None:
    tables = mapped()
    assert PageTables(physical(tables), tables.root * PAGE | 2, FORM).translate(ADDRESS) == 0x777000


@pytest.mark.parametrize(("shift", "size"), [(21, MIB2), (30, GIB)])
def test_large_pages(shift: int, size: int) -> None:
    tables = Tables()
    tables.map(ADDRESS & -size, 3 * size // PAGE, shift=shift)
    assert walk(tables).translate(ADDRESS + 0x45) == 3 * size + (ADDRESS + 0x45) % size


@pytest.mark.parametrize(("shift", "size"), [(21, MIB2), (30, GIB)])
def test_bit_12_of_a_large_page_is_a_memory_type_not_an_address(shift: int, size: int) -> None:
    tables = Tables()
    tables.map(ADDRESS & -size, 5 * size // PAGE, KERNEL | 1 << 12, shift=shift)
    assert walk(tables).translate(ADDRESS & -size) == 5 * size


def test_the_large_bit_means_something_else_in_a_pte() -> None:
    assert walk(mapped(KERNEL | 1 << 7)).translate(ADDRESS) == 0x777000


def test_a_transition_page_still_has_its_contents() -> None:
    assert walk(mapped(TRANSITION)).translate(ADDRESS + 8) == 0x777008


def test_what_lies_above_the_frame_of_a_transition_entry_is_ignored() -> None:
    assert walk(mapped(TRANSITION | 0xABCD << 48)).translate(ADDRESS) == 0x777000


def test_a_page_table_in_transition_is_walked() -> None:
    tables = mapped()
    table = tables.table_of(ADDRESS, 12)
    tables.set_entry(tables.table_of(ADDRESS, 21), ADDRESS, 21, table * PAGE | TRANSITION | 1 << 7)
    assert walk(tables).translate(ADDRESS) == 0x777000


@pytest.mark.parametrize("flags", [0, PROTOTYPE, PROTOTYPE | TRANSITION, 0x80], ids=str)
def test_page_file_and_prototype_entries_are_not_present(flags: int) -> None:
    gap = gap_of(mapped(flags), ADDRESS + 0x10)
    assert (gap.address, gap.reason, gap.level) == (ADDRESS + 0x10, MemoryGap.NOT_PRESENT, "PTE")


@pytest.mark.parametrize(("level", "shift"), LEVEL_SHIFTS)
def test_an_empty_entry_names_its_level(level: str, shift: int) -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(ADDRESS, shift), ADDRESS, shift, 0)
    gap = gap_of(tables, ADDRESS)
    assert (gap.reason, gap.level) == (MemoryGap.NOT_PRESENT, level)


@pytest.mark.parametrize(("level", "shift"), LEVEL_SHIFTS)
def test_a_table_that_was_not_captured_names_its_level(level: str, shift: int) -> None:
    tables = mapped()
    del tables.pages[tables.table_of(ADDRESS, shift)]
    tables.fill(1)
    gap = gap_of(tables, ADDRESS)
    assert (gap.address, gap.reason, gap.level) == (ADDRESS, MemoryGap.NOT_CAPTURED, level)


def test_a_frame_beyond_all_memory_is_not_captured() -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(ADDRESS, 21), ADDRESS, 21, 0xFFFFFFFFFF << 12 | KERNEL)
    assert gap_of(tables, ADDRESS).reason == MemoryGap.NOT_CAPTURED


@pytest.mark.parametrize("address", [1 << 47, 0xFFFF7FFF_FFFFFFFF, 0x00FFF801_77E01000, 1 << 64, (1 << 64) + 0x1000])
def test_addresses_that_are_not_canonical_are_not_present(address: int) -> None:
    tables = mapped()
    tables.set_entry(tables.root, address, 39, tables.entry(tables.root, ADDRESS, 39))
    gap = gap_of(tables, address)
    assert (gap.address, gap.reason, gap.level) == (address, MemoryGap.NOT_PRESENT, None)


def test_both_halves_are_walked() -> None:
    tables = mapped()
    tables.map(0x7FFC_D2563000, 0x888)
    assert walk(tables).translate(0x7FFC_D2563054) == 0x888054


def test_a_table_that_points_to_itself_ends_after_four_levels() -> None:
    tables = Tables()
    for index in range(512):
        tables.set_entry(tables.root, index << 39, 39, tables.root * PAGE | KERNEL)
    assert walk(tables).translate(ADDRESS) == tables.root * PAGE


def test_the_size_of_an_answer_is_what_it_covers() -> None:
    def size_at(address: int) -> int:
        return next(walk(tables).iter_answers(address, address + 1)).size

    tables = mapped()
    assert size_at(ADDRESS) == PAGE
    assert size_at(ADDRESS + MIB2) == MIB2  # no PDE
    assert size_at(ADDRESS + GIB) == GIB  # no PPE
    assert size_at(0x1000) == 1 << 39  # no PXE
    del tables.pages[tables.table_of(ADDRESS, 21)]
    assert size_at(ADDRESS) == GIB  # the whole table of PDEs is gone


def test_four_levels_are_recognised() -> None:
    assert find_other_form(physical(mapped()), mapped().root * PAGE, ADDRESS, FORM) is None


def test_five_levels_are_recognised() -> None:
    tables = Tables(levels=5)
    tables.map(ADDRESS, 0x777)
    assert find_other_form(physical(tables), tables.root * PAGE, ADDRESS, FORM) == "five levels of page tables (LA57)"


@pytest.mark.parametrize(("_", "shift"), LEVEL_SHIFTS)
def test_four_damaged_levels_are_not_taken_for_five(_: str, shift: int) -> None:
    tables = mapped()
    tables.set_entry(tables.table_of(ADDRESS, shift), ADDRESS, shift, 0)
    assert find_other_form(physical(tables), tables.root * PAGE, ADDRESS, FORM) is None


def test_bits_of_an_entry() -> None:
    # Intel SDM volume 3A, table 4-20, and `dt nt!_MMPTE_TRANSITION`.
    assert (x64.PTE_VALID, x64.PTE_LARGE) == (0x1, 0x80)
    assert (x64.PTE_PROTOTYPE, x64.PTE_TRANSITION) == (0x400, 0x800)
