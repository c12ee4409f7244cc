"""Processors: what each logical processor was doing, by its PRCB.

A live dump stops every processor but the one that takes it with a DPC, which saves a CONTEXT in the processor's PRCB.
The processor that takes the dump has its CONTEXT in the dump header; what its PRCB holds may be old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from livedump.kernel import c_kernel as c
from livedump.kernel.kdbg import Kdbg
from livedump.kernel.values import find_u64, read_prefix
from livedump.machine import x64
from livedump.model.addresses import Memory, is_kernel_address
from livedump.model.errors import MemoryGap, NotKnown
from livedump.model.listing import Listing, joined_problems
from livedump.model.machines import MAX_PROCESSORS, X64
from livedump.model.processors import Processor, Registers

MAX_KERNEL_STACK = 0x200000


class ControlRegisters(NamedTuple):
    """What the processor was set to."""

    cr0: int
    cr2: int
    cr3: int
    cr4: int

    @property
    def paging_levels(self) -> int:
        """4, or 5 when the processor uses 57-bit addresses."""
        return 5 if self.cr4 & x64.CR4_LA57 else 4


class StackBounds(NamedTuple):
    """The kernel stack of one thread."""

    limit: int
    """Lowest address."""
    base: int
    """First address above it."""


def processors(memory: Memory, kdbg: Kdbg, count: int | None, machine: str = X64) -> Listing[Processor]:
    """All logical processors by number; ``count`` as the dump header says, None where it does not.

    A processor whose PRCB is missing is there, with nothing known of it. Registers are read of x64 only.

    Raises:
        NotKnown: the debugger data block does not say where the processors are.
        MemoryGap: KiProcessorBlock is missing.
    """
    blocks = prcb_addresses(memory, kdbg, count)
    found = tuple(read_processor(memory, kdbg, prcb, number, machine) for number, prcb in enumerate(blocks) if prcb)
    return Listing(found, joined_problems(_too_few(len(found), count), _nothing_known(found)))


def prcb_addresses(memory: Memory, kdbg: Kdbg, count: int | None) -> tuple[int, ...]:
    """KiProcessorBlock: the address of each processor's PRCB, ``count`` of them or as many as there are before a 0.

    Raises:
        NotKnown: the debugger data block does not say where it is.
        MemoryGap: it is missing.
    """
    if kdbg.processor_block is None:
        raise NotKnown("the debugger data block does not say where KiProcessorBlock is")
    wanted = min(count or MAX_PROCESSORS, MAX_PROCESSORS) * c.POINTER_SIZE
    data = read_prefix(memory, kdbg.processor_block, wanted)
    if len(data) < c.POINTER_SIZE:
        raise MemoryGap(kdbg.processor_block, MemoryGap.NOT_CAPTURED)
    blocks = [c.POINTER.read(data, at) for at in range(0, len(data) - 7, c.POINTER_SIZE)]
    return tuple(blocks[: blocks.index(0)] if count is None and 0 in blocks else blocks)


def read_processor(memory: Memory, kdbg: Kdbg, prcb: int, number: int, machine: str = X64) -> Processor:
    """What the PRCB at ``prcb`` says; None for each part that is missing."""
    return Processor(
        number=number,
        prcb=prcb,
        current_thread=find_u64(memory, _at(prcb, kdbg.prcb_current_thread)) or None,
        idle_thread=find_u64(memory, _at(prcb, kdbg.prcb_idle_thread)) or None,
        registers=_saved_registers(memory, kdbg, prcb) if machine == X64 else None,
    )


def find_control_registers(memory: Memory, kdbg: Kdbg, prcb: int) -> ControlRegisters | None:
    """The control registers that an x64 processor saved in its PRCB; None where they are missing or all zero."""
    address = _at(prcb, kdbg.prcb_special_registers)
    data = read_prefix(memory, address, c.SPECIAL_CR0_TO_CR4.end) if address is not None else b""
    if len(data) < c.SPECIAL_CR0_TO_CR4.end or not any(data):
        return None
    return ControlRegisters(*c.SPECIAL_CR0_TO_CR4.read_all(data))


def find_stack_bounds(memory: Memory, kdbg: Kdbg, thread: int) -> StackBounds | None:
    """The kernel stack of the thread at ``thread``; None where it is missing or makes no sense."""
    limit = find_u64(memory, _at(thread, kdbg.kthread_stack_limit))
    base = find_u64(memory, _at(thread, kdbg.kthread_stack_base))
    if limit is None or base is None or not 0 < base - limit <= MAX_KERNEL_STACK:
        return None
    return StackBounds(limit, base)


def find_attached_process(memory: Memory, kdbg: Kdbg, thread: int) -> int | None:
    """The EPROCESS in whose address space the thread runs: its own, or one that it has attached to."""
    return find_u64(memory, _at(thread, kdbg.kthread_apc_process)) or None


def find_capturing_processor(
    memory: Memory, kdbg: Kdbg, found: Iterable[Processor], registers: Registers
) -> Processor | None:
    """The processor that wrote the dump: whose current thread's stack, or whose saved context, fits ``registers``.

    ``registers`` are those of the dump header. None when no processor fits, or several do.
    """
    candidates = list(found)
    on_stack = [each for each in candidates if _runs_on_stack(memory, kdbg, each, registers.stack_pointer)]
    same_context = [each for each in candidates if each.registers == registers]
    fitting = on_stack or same_context or (candidates if len(candidates) == 1 else [])
    return fitting[0] if len(fitting) == 1 else None


def _too_few(found: int, count: int | None) -> str | None:
    if count is None or found >= count:
        return None
    return f"the header tells of {count} processors; only {found} can be found"


def _nothing_known(found: Iterable[Processor]) -> str | None:
    lost = [str(each.number) for each in found if each.current_thread is None and each.idle_thread is None]
    return f"the block of processor {', '.join(lost[:8])} is not in the dump" if lost else None


def _runs_on_stack(memory: Memory, kdbg: Kdbg, processor: Processor, rsp: int) -> bool:
    thread = processor.current_thread
    bounds = find_stack_bounds(memory, kdbg, thread) if thread is not None else None
    return bounds is not None and bounds.limit <= rsp < bounds.base


def _saved_registers(memory: Memory, kdbg: Kdbg, prcb: int) -> Registers | None:
    # Current builds save where the PRCB points to, older ones inside of the PRCB; the unused place holds zeros.
    places = (find_u64(memory, _at(prcb, kdbg.prcb_context)), _at(prcb, kdbg.prcb_embedded_context))
    found = [registers for place in places if (registers := _plausible_registers(memory, place)) is not None]
    return max(found, key=_kernel_registers, default=None)


def _plausible_registers(memory: Memory, address: int | None) -> Registers | None:
    data = read_prefix(memory, address, x64.CONTEXT_RIP.end) if address else b""
    if len(data) < x64.CONTEXT_RIP.end:
        return None
    if x64.CONTEXT_FLAGS.read(data) & x64.CONTEXT_CONTROL != x64.CONTEXT_CONTROL:
        return None
    registers = x64.registers_in(data)
    places = (registers.instruction, registers.stack_pointer)
    sane = all(map(_canonical, places)) and registers.stack_pointer % c.POINTER_SIZE == 0
    return registers if sane and all(places) else None


def _kernel_registers(registers: Registers) -> int:
    return is_kernel_address(registers.instruction) + is_kernel_address(registers.stack_pointer)


def _canonical(address: int) -> bool:
    # of 57 bits, which holds for 48 too
    return address >> 56 in (0, 0xFF)


def _at(address: int, offset: int | None) -> int | None:
    return None if offset is None else address + offset
