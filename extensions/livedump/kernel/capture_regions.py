"""Where the structures lie that a live dump captures first,."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.kernel import c_kernel as c
from livedump.kernel.kdbg import Kdbg
from livedump.kernel.linked_list import walk_list
from livedump.kernel.modules import MAX_MODULES
from livedump.kernel.processors import prcb_addresses
from livedump.kernel.threads import find_stack_limits
from livedump.kernel.typed_memory import TypedMemory
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.holdings import CapturedPart, Region
from livedump.model.machines import MAX_PROCESSORS


def iter_fixed_regions(debugger_block: int, directory_table_base: int | None) -> Iterator[Region]:
    """What can be placed without reading memory: by the dump's header, or always at the same address."""
    yield Region(CapturedPart.DEBUGGER_BLOCK, debugger_block, c.KDBG_HEADER_SIZE)
    yield Region(CapturedPart.SHARED_DATA, c.KI_USER_SHARED_DATA, PAGE_SIZE)
    if directory_table_base:
        root = directory_table_base & -PAGE_SIZE
        yield Region(CapturedPart.PAGE_DIRECTORY, root, PAGE_SIZE, physical=True)


def iter_kernel_regions(memory: TypedMemory, kdbg: Kdbg, processor_count: int | None) -> Iterator[Region]:
    """What the debugger data block leads to. Parts that are missing are among them; what they would lead to is not."""
    yield Region(CapturedPart.DEBUGGER_BLOCK, kdbg.address, min(kdbg.block_size, c.KDBG_LARGEST_SIZE))
    yield from _iter_module_list(memory, kdbg.loaded_module_list)
    yield from _iter_processors(memory, kdbg, processor_count)


def iter_stack_regions(memory: TypedMemory, thread: int | None, rsp: int) -> Iterator[Region]:
    """The stack in use, from ``rsp`` to the end of the stack of the thread; one word where that is not known."""
    limits = find_stack_limits(memory, thread) if thread is not None else None
    known = limits is not None and limits.low <= rsp < limits.high
    size = limits.high - rsp if limits and known else None
    yield Region(CapturedPart.STACK, rsp, size or c.POINTER_SIZE, whole=size is not None)


def _iter_module_list(memory: TypedMemory, head: int | None) -> Iterator[Region]:
    if head is None:
        return
    yield Region(CapturedPart.MODULE_LIST, head, c.LIST_ENTRY_SIZE)
    try:
        walk = walk_list(memory, head, MAX_MODULES)
    except MemoryGap:
        return
    for entry in (*walk.entries, *walk.unreadable):
        yield Region(CapturedPart.MODULE_LIST, entry, c.LDR_ENTRY_SIZE)


def _iter_processors(memory: TypedMemory, kdbg: Kdbg, count: int | None) -> Iterator[Region]:
    if kdbg.processor_block is None:
        return
    try:
        blocks = [prcb for prcb in prcb_addresses(memory, kdbg.processor_block, count) if prcb]
    except DumpError:
        blocks = []
    entries = min(count or len(blocks) or 1, MAX_PROCESSORS)
    yield Region(CapturedPart.PROCESSOR_BLOCK, kdbg.processor_block, entries * c.POINTER_SIZE)
    for prcb in blocks:
        size = kdbg.size_prcb
        yield Region(CapturedPart.PRCBS, prcb, size or c.POINTER_SIZE, whole=size is not None)
