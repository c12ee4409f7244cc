"""Processors by their PRCBs, and which of them wrote the dump."""

from __future__ import annotations

import struct

import pytest

from livedump.kernel.kdbg import Kdbg, read_kdbg
from livedump.kernel.processors import (
    find_capturing_processor,
    prcb_addresses,
    processors,
)
from livedump.kernel.threads import find_attached_process, find_stack_limits
from livedump.machine import x64
from livedump.machine.machine import Machine
from livedump.model.errors import MemoryGap, NotKnown
from livedump.model.listing import Listing
from livedump.model.machines import MAX_PROCESSORS
from livedump.model.processors import Processor, Registers
from livedump.unwind.walk import StackLimits
from tests.kernel.kernel_memory import KDBG_AT, PAGE, Pages, amd64_context, kdbg_bytes, typed

BLOCK = 0xFFFFF807_5C90BFF0
"""The second and all further pointers lie on the next page."""
PRCBS = (0xFFFFF807_5AD55180, 0xFFFF9B00_02300180, 0xFFFF9B00_023C0180)
THREADS = tuple(0xFFFFD20B_FC13C080 + 0x1000 * number for number in range(3))
IDLE = tuple(0xFFFFF807_5C935A00 + 0x1000 * number for number in range(3))
CONTEXTS = tuple(0xFFFFBD01_AC9A5340 + 0x2000 * number for number in range(3))
STACKS = tuple(0xFFFFA704_EEB66000 + 0x8000 * number for number in range(3))
PROCESS = 0xFFFFD20B_FC53E080
RIP = 0xFFFFF807_5C00B6F0


def machine() -> Pages:
    """Three processors: 0 runs a thread, 1 its idle thread, 2 a thread; contexts where the PRCBs point to."""
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes(KiProcessorBlock=BLOCK))
    memory.write_u64(BLOCK, *PRCBS, 0)
    for number, prcb in enumerate(PRCBS):
        memory.write(prcb, bytes(0x6C0))
        memory.write_u64(prcb + 8, IDLE[1] if number == 1 else THREADS[number])
        memory.write_u64(prcb + 0x18, IDLE[number])
        memory.write_u64(prcb + 0x85C0, CONTEXTS[number])
        memory.write(CONTEXTS[number], amd64_context(RIP + number, STACKS[number] + 0x5C88, fill=100 * number))
    for thread, stack in zip(THREADS, STACKS):
        memory.write_u64(thread + 0x30, stack, stack + 0x6000)
        memory.write_u64(thread + 0xB8, PROCESS)
    return memory


def kdbg_of(memory: Pages) -> Kdbg:
    return read_kdbg(memory, KDBG_AT)


def all_of(memory: Pages, count: int | None = 3, machine: Machine | None = x64.MACHINE) -> Listing[Processor]:
    return processors(typed(memory), kdbg_of(memory).processor_block, count, machine)


def test_processors_by_number() -> None:
    found = all_of(machine())
    assert [each.number for each in found] == [0, 1, 2]
    assert [each.prcb for each in found] == list(PRCBS)
    assert [each.idle for each in found] == [False, True, False]
    assert found[2].current_thread == THREADS[2]


def test_registers_come_in_the_order_of_the_context() -> None:
    expected = (200, 201, 202, 203, STACKS[2] + 0x5C88, *range(205, 216))
    assert all_of(machine())[2].registers == x64.registers(RIP + 2, expected)


def test_without_a_count_the_array_ends_at_zero() -> None:
    assert len(all_of(machine(), count=None)) == 3


def test_a_count_larger_than_the_array_finds_no_more_processors() -> None:
    assert len(all_of(machine(), count=0x20)) == 3


@pytest.mark.parametrize("count", [0, 0xFFFFFFFF])
def test_any_count_is_survived(count: int) -> None:
    memory = machine()
    assert len(prcb_addresses(typed(memory), kdbg_of(memory).processor_block, count)) <= MAX_PROCESSORS


def test_a_missing_prcb_leaves_its_processor_unknown() -> None:
    memory = machine()
    memory.drop(PRCBS[1])
    processor = all_of(memory)[1]
    assert (processor.prcb, processor.current_thread, processor.idle) == (PRCBS[1], None, None)


def test_half_of_the_array_may_be_missing() -> None:
    memory = machine()
    memory.drop(BLOCK + 0x10)
    assert [each.number for each in all_of(memory)] == [0, 1]


def test_a_missing_array_is_a_gap_and_an_unknown_one_not_known() -> None:
    memory = machine()
    memory.drop(BLOCK)
    with pytest.raises(MemoryGap):
        all_of(memory)
    memory.write(KDBG_AT, kdbg_bytes())
    with pytest.raises(NotKnown):
        all_of(memory)


def test_an_old_build_saves_its_context_inside_of_the_prcb() -> None:
    memory = machine()
    memory.write_u64(PRCBS[0] + 0x85C0, 0)
    memory.write(PRCBS[0] + 0x1F0, amd64_context(RIP, STACKS[0] + 0x100))
    registers = all_of(memory)[0].registers
    assert registers is not None
    assert registers.stack_pointer == STACKS[0] + 0x100


def test_of_two_contexts_that_of_kernel_code_counts() -> None:
    memory = machine()
    memory.write(CONTEXTS[0], amd64_context(0x7FFC_D2563054, 0x7B_B6F7F838))
    memory.write(PRCBS[0] + 0x1F0, amd64_context(RIP, STACKS[0] + 0x100))
    registers = all_of(memory)[0].registers
    assert registers is not None
    assert registers.instruction == RIP


def test_of_two_good_contexts_the_pointed_one_counts() -> None:
    memory = machine()
    memory.write(PRCBS[0] + 0x1F0, amd64_context(RIP + 0x99, STACKS[0] + 0x100))
    registers = all_of(memory)[0].registers
    assert registers is not None
    assert registers.instruction == RIP


def test_a_processor_in_user_mode_has_a_user_context() -> None:
    memory = machine()
    memory.write(CONTEXTS[0], amd64_context(0x7FFC_D2563054, 0x7B_B6F7F838))
    registers = all_of(memory)[0].registers
    assert registers is not None
    assert registers.instruction == 0x7FFC_D2563054


@pytest.mark.parametrize(
    "context",
    [
        bytes(0x4D0),
        amd64_context(RIP, STACKS[0], flags=0x45474150 & ~1),
        amd64_context(RIP, STACKS[0], flags=0x400007),  # ARM64
        amd64_context(RIP, STACKS[0], flags=0x10000A),  # without control registers
        amd64_context(0, STACKS[0]),
        amd64_context(RIP, 0),
        amd64_context(RIP, STACKS[0] + 3),
        amd64_context(0x1234_5678_9ABC_DEF0, STACKS[0]),
        amd64_context(RIP, 2**63),
    ],
)
def test_what_is_no_context_gives_no_registers(context: bytes) -> None:
    memory = machine()
    memory.write(CONTEXTS[0], context)
    assert all_of(memory)[0].registers is None


def test_a_context_with_just_its_registers_is_enough() -> None:
    memory = machine()
    at = 0xFFFFBD01_AD000F00
    memory.write(at, amd64_context(RIP, STACKS[0]))
    memory.drop(at + 0x100)
    memory.write_u64(PRCBS[0] + 0x85C0, at)
    assert all_of(memory)[0].registers is not None


@pytest.mark.parametrize("pointer", [1, 2**63, 2**64 - 8, 2**64 - 0x4D0])
def test_any_pointer_to_a_context_is_survived(pointer: int) -> None:
    memory = machine()
    memory.write_u64(PRCBS[0] + 0x85C0, pointer)
    assert all_of(memory)[0].registers is None


def test_registers_of_other_machines_are_not_read() -> None:
    assert [each.registers for each in all_of(machine(), machine=None)] == [None] * 3


def test_a_thread_knows_its_stack_and_its_process() -> None:
    memory = machine()
    assert find_stack_limits(typed(memory), THREADS[1]) == StackLimits(STACKS[1], STACKS[1] + 0x6000)
    assert find_attached_process(typed(memory), THREADS[1]) == PROCESS


@pytest.mark.parametrize("bounds", [(0, 0), (STACKS[0], STACKS[0]), (STACKS[1], STACKS[0]), (0, 2**63), (0, 2**64 - 1)])
def test_stack_bounds_without_sense_are_not_known(bounds: tuple[int, int]) -> None:
    memory = machine()
    memory.write_u64(THREADS[0] + 0x30, *bounds)
    assert find_stack_limits(typed(memory), THREADS[0]) is None


def header(rsp: int) -> Registers:
    return x64.registers(RIP, (0, 0, 0, 0, rsp, *range(11)))


def test_the_processor_that_wrote_the_dump_runs_on_the_stack_in_the_header() -> None:
    memory = machine()
    found = find_capturing_processor(typed(memory), all_of(memory), header(STACKS[2] + 0x310))
    assert found is not None
    assert found.number == 2


def test_it_may_be_told_by_its_saved_context_on_another_stack() -> None:
    memory = machine()
    memory.write(CONTEXTS[1], amd64_context(RIP, 0xFFFFF807_70000000))
    found = all_of(memory)
    registers = found[1].registers
    assert registers is not None
    assert find_capturing_processor(typed(memory), found, registers) == found[1]


def test_the_end_of_one_stack_is_not_the_start_of_the_next() -> None:
    memory = machine()
    assert find_capturing_processor(typed(memory), all_of(memory), header(STACKS[0] + 0x6000)) is None


def test_two_processors_on_one_stack_tell_nothing() -> None:
    memory = machine()
    memory.write_u64(PRCBS[0] + 8, THREADS[2])
    assert find_capturing_processor(typed(memory), all_of(memory), header(STACKS[2] + 0x310)) is None


def test_the_only_processor_wrote_the_dump() -> None:
    memory = machine()
    alone = all_of(memory, count=1)
    assert find_capturing_processor(typed(memory), alone, header(0x1000)) == alone[0]
    lost = (alone[0]._replace(current_thread=None, registers=None),)
    assert find_capturing_processor(typed(memory), lost, header(0x1000)) == lost[0]


def test_two_thousand_processors_of_nothing_are_survived() -> None:
    memory = machine()
    memory.write(BLOCK, struct.pack("<Q", 2**63) * 2 * PAGE)
    assert len(all_of(memory, count=0xFFFFFFFF)) == MAX_PROCESSORS
