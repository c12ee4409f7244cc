"""Where a thread goes on that does not run: what the context switch leaves behind.

On x64 that lies on the thread's stack, on ARM64 in the thread itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.kernel.structure import Structure, member
from livedump.kernel.typed_memory import TypedMemory
from livedump.machine.machine import Machine, StackedSwitchFrame
from livedump.model.addresses import is_kernel_address
from livedump.model.errors import NotKnown
from livedump.model.processors import Registers

if TYPE_CHECKING:
    from livedump.model.threads import Thread


class SwitchFrame(Structure):
    """KTHREAD.SwitchFrame.

    Source: public symbols of nt for ARM64, in which every KTHREAD has one; a thread in a dump of build 22000, where
    Return leads into nt and Fp points 0x50 above KernelStack, as far as KEXCEPTION_FRAME has its own fp (kxarm64.h).
    The debugger takes fp and pc from the same places, and as stack pointer an address 0x20 higher.
    """

    type_name = "_KSWITCH_FRAME"
    frame_pointer = member("Fp", int)
    return_address = member("Return", int)


def switched_out(memory: TypedMemory, thread: Thread, machine: Machine) -> Registers:
    """The registers with which a thread goes on; of the general ones only the frame pointer is known.

    Raises:
        NotKnown: its stack is not in memory, or what is there makes no sense.
        MemoryGap: the dump does not hold it.
    """
    if thread.stack_paged_out:
        raise NotKnown("its kernel stack is paged out")
    at, low, high = thread.kernel_stack, thread.stack_limit, thread.stack_base
    if at is None or not at:
        raise NotKnown("it is not known where its kernel stack is")
    size = machine.switch_frame.size if machine.switch_frame else 0
    if low is not None and high is not None and not low <= at <= high - size:
        raise NotKnown("its stack pointer lies outside of its stack")
    back, frame_pointer = _saved(memory, thread.address, at, machine.switch_frame)
    back = machine.code_address(back)
    if not is_kernel_address(back):
        raise NotKnown("its stack holds no frame of a context switch")
    return machine.resumed(back, at + size, frame_pointer)


def _saved(memory: TypedMemory, thread: int, stack: int, stacked: StackedSwitchFrame | None) -> tuple[int, int]:
    # The return address and the frame pointer.
    if stacked is not None:
        data = memory.read(stack, stacked.size)
        return stacked.return_address.read(data), stacked.frame_pointer.read(data)
    frame = SwitchFrame(memory, thread + memory.offset("_KTHREAD", "SwitchFrame"))
    return frame.read(SwitchFrame.return_address), frame.read(SwitchFrame.frame_pointer)
