"""Threads: where their stacks are, and whose address space they are in."""

from __future__ import annotations

from livedump.kernel.tasks import EThread
from livedump.kernel.typed_memory import TypedMemory
from livedump.unwind.walk import StackLimits

MAX_KERNEL_STACK = 0x200000


def find_stack_limits(memory: TypedMemory, thread: int) -> StackLimits | None:
    """The kernel stack of the thread at ``thread``; None where it is missing or makes no sense."""
    found = EThread(memory, thread)
    limit, base = found.stack_limit, found.stack_base
    if limit is None or base is None or not 0 < base - limit <= MAX_KERNEL_STACK:
        return None
    return StackLimits(limit, base)


def find_attached_process(memory: TypedMemory, thread: int) -> int | None:
    """The EPROCESS in whose address space the thread runs; None where it is missing."""
    return EThread(memory, thread).attached_process or None
