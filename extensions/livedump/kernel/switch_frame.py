"""Where a thread goes on that does not run: the frame that the context switch leaves on its stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.machine.machine import Machine
from livedump.model.addresses import Memory, is_kernel_address
from livedump.model.errors import NotKnown
from livedump.model.processors import Registers

if TYPE_CHECKING:
    from livedump.model.threads import Thread


def switched_out(memory: Memory, thread: Thread, machine: Machine) -> Registers:
    """The registers with which a thread goes on; of the general ones only frame and stack pointer are known.

    Raises:
        NotKnown: its stack is not in memory, or what is there makes no sense.
        MemoryGap: the dump does not hold it.
    """
    if thread.stack_paged_out:
        raise NotKnown("its kernel stack is paged out")
    at, low, high = thread.kernel_stack, thread.stack_limit, thread.stack_base
    if at is None or not at:
        raise NotKnown("it is not known where its kernel stack is")
    frame = machine.switch_frame
    if low is not None and high is not None and not low <= at <= high - frame.size:
        raise NotKnown("its stack pointer lies outside of its stack")
    data = memory.read(at, frame.size)
    back = machine.code_address(frame.return_address.read(data))
    if not is_kernel_address(back):
        raise NotKnown("its stack holds no frame of a context switch")
    return machine.resumed(back, at + frame.size, frame.frame_pointer.read(data))
