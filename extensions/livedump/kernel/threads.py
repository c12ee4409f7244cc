"""Threads: where their stacks are, and whose address space they are in."""

from __future__ import annotations

from typing import NamedTuple

from livedump.kernel.tasks import EThread
from livedump.kernel.typed_memory import TypedMemory

MAX_KERNEL_STACK = 0x200000


class StackBounds(NamedTuple):
    """The kernel stack of one thread."""

    limit: int
    """Lowest address."""
    base: int
    """First address above it."""


def find_stack_bounds(memory: TypedMemory, thread: int) -> StackBounds | None:
    """The kernel stack of the thread at ``thread``; None where it is missing or makes no sense."""
    found = EThread(memory, thread)
    limit, base = found.stack_limit, found.stack_base
    if limit is None or base is None or not 0 < base - limit <= MAX_KERNEL_STACK:
        return None
    return StackBounds(limit, base)


def find_attached_process(memory: TypedMemory, thread: int) -> int | None:
    """The EPROCESS in whose address space the thread runs; None where it is missing."""
    return EThread(memory, thread).attached_process or None
