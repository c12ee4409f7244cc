"""Processors: what each logical processor was doing, by its PRCB.

A live dump stops every processor but the one that takes it with a DPC, which saves a CONTEXT in the processor's PRCB.
The processor that takes the dump has its CONTEXT in the dump header; what its PRCB holds may be old.
"""

from __future__ import annotations

from collections.abc import Iterable

from livedump.kernel import c_kernel as c
from livedump.kernel.tasks import KPrcb
from livedump.kernel.threads import find_stack_limits
from livedump.kernel.typed_memory import TypedMemory
from livedump.machine.machine import Machine
from livedump.model.addresses import is_kernel_address
from livedump.model.errors import MemoryGap, NotKnown
from livedump.model.listing import Listing, joined_problems
from livedump.model.machines import MAX_PROCESSORS
from livedump.model.processors import Processor, Registers


def processors(
    memory: TypedMemory, array: int | None, count: int | None, machine: Machine | None
) -> Listing[Processor]:
    """All logical processors by number, from KiProcessorBlock at ``array``.

    ``count`` is as the dump header says, None where it does not.

    A processor whose PRCB is missing is there, with nothing known of it. Registers are read where the
    ``machine`` is one whose contexts are.

    Raises:
        NotKnown: it is not known where the processors are.
        MemoryGap: KiProcessorBlock is missing.
    """
    blocks = prcb_addresses(memory, array, count)
    found = tuple(read_processor(memory, prcb, number, machine) for number, prcb in enumerate(blocks) if prcb)
    return Listing(found, joined_problems(_too_few(len(found), count), _nothing_known(found)))


def prcb_addresses(memory: TypedMemory, array: int | None, count: int | None) -> tuple[int, ...]:
    """KiProcessorBlock: the address of each processor's PRCB, ``count`` of them or as many as there are before a 0.

    Raises:
        NotKnown: the debugger data block does not say where it is.
        MemoryGap: it is missing.
    """
    if array is None:
        raise NotKnown("the debugger data block does not say where KiProcessorBlock is")
    wanted = min(count or MAX_PROCESSORS, MAX_PROCESSORS) * c.POINTER_SIZE
    data = memory.read_prefix(array, wanted)
    if len(data) < c.POINTER_SIZE:
        raise MemoryGap(array, MemoryGap.NOT_CAPTURED)
    blocks = [c.POINTER.read(data, at) for at in range(0, len(data) - 7, c.POINTER_SIZE)]
    return tuple(blocks[: blocks.index(0)] if count is None and 0 in blocks else blocks)


def read_processor(memory: TypedMemory, address: int, number: int, machine: Machine | None) -> Processor:
    """What the PRCB at ``address`` says; None for each part that is missing."""
    prcb = KPrcb(memory, address)
    return Processor(
        number=number,
        prcb=address,
        current_thread=prcb.current_thread or None,
        idle_thread=prcb.idle_thread or None,
        registers=_saved_registers(prcb, machine) if machine else None,
    )


def find_capturing_processor(memory: TypedMemory, found: Iterable[Processor], registers: Registers) -> Processor | None:
    """The processor that wrote the dump: whose current thread's stack, or whose saved context, fits ``registers``.

    ``registers`` are those of the dump header. None when no processor fits, or several do.
    """
    candidates = list(found)
    on_stack = [each for each in candidates if _runs_on_stack(memory, each, registers.stack_pointer)]
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


def _runs_on_stack(memory: TypedMemory, processor: Processor, rsp: int) -> bool:
    thread = processor.current_thread
    limits = find_stack_limits(memory, thread) if thread is not None else None
    return limits is not None and limits.low <= rsp < limits.high


def _saved_registers(prcb: KPrcb, machine: Machine) -> Registers | None:
    # Current builds save where the PRCB points to, older ones inside of the PRCB; the unused place holds zeros.
    places = (prcb.context, prcb.find_address_of("ProcessorState.ContextFrame"))
    found = [registers for place in places if (registers := _plausible_registers(prcb.memory, place, machine))]
    return max(found, key=_kernel_registers, default=None)


def _plausible_registers(memory: TypedMemory, address: int | None, machine: Machine) -> Registers | None:
    data = memory.read_prefix(address, machine.control_size) if address else b""
    registers = machine.parse_saved(data) if len(data) == machine.control_size else None
    if registers is None:
        return None
    places = (registers.instruction, registers.stack_pointer)
    sane = all(map(_canonical, places)) and registers.stack_pointer % c.POINTER_SIZE == 0
    return registers if sane and all(places) else None


def _kernel_registers(registers: Registers) -> int:
    return is_kernel_address(registers.instruction) + is_kernel_address(registers.stack_pointer)


def _canonical(address: int) -> bool:
    # of 57 bits, which holds for 48 too
    return address >> 56 in (0, 0xFF)
