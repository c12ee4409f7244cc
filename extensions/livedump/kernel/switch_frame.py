"""Where a thread goes on that does not run: the frame that the context switch leaves on its stack.

Source: KSWITCH_FRAME of the ReactOS headers; it is in no public PDB. That it holds on Windows is seen in debugger
transcripts: the first frame of every waiting thread has its stack pointer 0x40 above KTHREAD.KernelStack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.machine import x64
from livedump.model.addresses import Memory, is_kernel_address
from livedump.model.errors import NotKnown
from livedump.model.fields import U64, Field
from livedump.model.processors import Registers

if TYPE_CHECKING:
    from livedump.model.threads import Thread

SIZE = 0x40
RBP = Field(0x30, U64)
RETURN = Field(0x38, U64)
"""Where KiSwapContext goes on, or where a thread begins that never ran."""


def switched_out(memory: Memory, thread: Thread) -> Registers:
    """The registers with which an x64 thread goes on; of the general ones only rbp and rsp are known, the others 0.

    Raises:
        NotKnown: its stack is not in memory, or what is there makes no sense.
        MemoryGap: the dump does not hold it.
    """
    if thread.stack_paged_out:
        raise NotKnown("its kernel stack is paged out")
    at, low, high = thread.kernel_stack, thread.stack_limit, thread.stack_base
    if at is None or not at:
        raise NotKnown("it is not known where its kernel stack is")
    if low is not None and high is not None and not low <= at <= high - SIZE:
        raise NotKnown("its stack pointer lies outside of its stack")
    frame = memory.read(at, SIZE)
    if not is_kernel_address(RETURN.read(frame)):
        raise NotKnown("its stack holds no frame of a context switch")
    general = [0] * len(x64.GENERAL_REGISTERS)
    general[x64.RSP], general[x64.RBP] = at + SIZE, RBP.read(frame)
    return x64.registers(RETURN.read(frame), tuple(general))
