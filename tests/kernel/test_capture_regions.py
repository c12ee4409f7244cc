"""Where the structures lie that a live dump captures."""

from __future__ import annotations

import pytest

from livedump.kernel.capture_regions import iter_fixed_regions, iter_kernel_regions, iter_stack_regions
from livedump.kernel.kdbg import read_kdbg
from livedump.model.holdings import CapturedPart, Region
from tests.kernel.kernel_memory import KDBG_AT, PAGE, Pages, kdbg_bytes, typed

HEAD, BLOCK = 0xFFFFF807_5C838770, 0xFFFFF807_5C90BCC0
ENTRIES = tuple(0xFFFFD20B_F9040000 + 0x1110 * number for number in range(3))
PRCBS = (0xFFFFF807_5AD55180, 0xFFFF9B00_02300180)
THREAD, STACK = 0xFFFFD20B_FC13C080, 0xFFFFA704_EEB66000


def kernel() -> Pages:
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes(PsLoadedModuleList=HEAD, KiProcessorBlock=BLOCK))
    memory.link((HEAD, *ENTRIES))
    memory.write_u64(BLOCK, *PRCBS)
    memory.write_u64(THREAD + 0x30, STACK, STACK + 0x6000)
    return memory


def regions_of(memory: Pages, structure: CapturedPart, count: int | None = 2) -> list[tuple[int, int]]:
    found = iter_kernel_regions(typed(memory), read_kdbg(memory, KDBG_AT), count)
    return [(region.address, region.size) for region in found if region.structure is structure]


def test_the_header_places_three() -> None:
    assert list(iter_fixed_regions(KDBG_AT, 0x7108E002)) == [
        Region(CapturedPart.DEBUGGER_BLOCK, KDBG_AT, 0x18),
        Region(CapturedPart.SHARED_DATA, 0xFFFFF780_00000000, PAGE),  # KI_USER_SHARED_DATA of wdm.h, x64
        Region(CapturedPart.PAGE_DIRECTORY, 0x7108E000, PAGE, physical=True),
    ]


def test_a_header_without_page_tables_places_two() -> None:
    assert len(list(iter_fixed_regions(KDBG_AT, None))) == 2


def test_the_debugger_data_block_leads_to_the_others() -> None:
    memory = kernel()
    assert regions_of(memory, CapturedPart.DEBUGGER_BLOCK) == [(KDBG_AT, 0x380)]
    assert regions_of(memory, CapturedPart.PROCESSOR_BLOCK) == [(BLOCK, 16)]
    assert regions_of(memory, CapturedPart.PRCBS) == [(prcb, 0xAF00) for prcb in PRCBS]
    assert regions_of(memory, CapturedPart.MODULE_LIST) == [(HEAD, 16), *((entry, 0x88) for entry in ENTRIES)]


def test_a_missing_entry_is_among_the_regions() -> None:
    memory = kernel()
    memory.drop(ENTRIES[1])
    assert (ENTRIES[1], 0x88) in regions_of(memory, CapturedPart.MODULE_LIST)


def test_a_missing_list_and_a_missing_array_are_among_the_regions() -> None:
    memory = kernel()
    memory.drop(HEAD)
    memory.drop(BLOCK)
    assert regions_of(memory, CapturedPart.MODULE_LIST) == [(HEAD, 16)]
    assert regions_of(memory, CapturedPart.PROCESSOR_BLOCK) == [(BLOCK, 16)]
    assert regions_of(memory, CapturedPart.PRCBS) == []


def test_what_the_block_does_not_place_is_left_out() -> None:
    memory = kernel()
    memory.write(KDBG_AT, kdbg_bytes())
    assert regions_of(memory, CapturedPart.MODULE_LIST) == regions_of(memory, CapturedPart.PROCESSOR_BLOCK) == []


def test_any_count_of_processors_is_survived() -> None:
    assert regions_of(kernel(), CapturedPart.PROCESSOR_BLOCK, 0xFFFFFFFF) == [(BLOCK, 2048 * 8)]


@pytest.mark.parametrize(
    ("thread", "rsp", "size"),
    [
        (THREAD, STACK + 0x5C88, 0x378),
        (THREAD, STACK, 0x6000),
        (THREAD, STACK + 0x6000, 8),
        (THREAD, STACK - 8, 8),
        (None, STACK + 0x5C88, 8),
        (0xFFFFD20B_00000000, STACK + 0x5C88, 8),
    ],
)
def test_the_stack_reaches_from_its_pointer_to_its_end(thread: int | None, rsp: int, size: int) -> None:
    memory = kernel()
    found = list(iter_stack_regions(typed(memory), thread, rsp))
    assert found == [Region(CapturedPart.STACK, rsp, size, whole=size != 8)]  # 8: only its beginning is known
