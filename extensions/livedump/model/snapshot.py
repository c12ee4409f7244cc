"""What one dump counted, whole: so that another dump of the same machine can be held against it.

Counts of threads and pool tags stand column by column, all columns in one order: there are thousands of them, and a
report that is kept must stay small. None is not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address, Bits32
from livedump.model.listing import ListProblem
from livedump.model.memory_use import ObjectTypeUse, Totals
from livedump.model.text_kinds import CodeText, ModuleName, ProcessName
from livedump.model.thread_states import ThreadState


class ThreadCounts(NamedTuple):
    """All threads, in the order of the census; those of the idle process are left out."""

    addresses: tuple[Address, ...] = ()
    processes: tuple[Address, ...] = ()
    """EPROCESS of each."""
    process_ids: tuple[int | None, ...] = ()
    ids: tuple[int | None, ...] = ()
    created: tuple[datetime | None, ...] = ()
    kernel_ticks: tuple[int | None, ...] = ()
    user_ticks: tuple[int | None, ...] = ()
    cycles: tuple[int | None, ...] = ()
    switches: tuple[int | None, ...] = ()
    """How often each was switched to."""
    states: tuple[ThreadState | None, ...] = ()
    wait_reasons: tuple[int | None, ...] = ()
    """Number of WAIT_REASONS; None also of a thread that does not wait."""
    interruptible: tuple[bool | None, ...] = ()
    """Whether it waits in user mode or alertable, so that something else may end the wait."""
    since_ticks: tuple[int | None, ...] = ()
    """Low half of the tick count when the wait began, or when the thread became ready."""


class ProcessCounts(NamedTuple):
    """One process. Pages are of 4 KiB."""

    address: Address
    name: ProcessName | None
    id: int | None
    created: datetime | None
    zombie: bool
    """Whether it has ended and is still listed."""
    threads: int | None
    """That have not ended."""
    kernel_ticks: int | None
    user_ticks: int | None
    cycles: int | None
    handles: int | None
    commit_pages: int | None


class ProcessorCounts(NamedTuple):
    """One processor. Counts are since boot, in 32 bits that start anew."""

    number: int
    thread: Address | None
    """That was current."""
    kernel_ticks: int | None
    """All time in kernel mode: idle, DPCs and interrupts are part of it."""
    user_ticks: int | None
    dpc_ticks: int | None
    interrupt_ticks: int | None
    idle_ticks: int | None
    interrupts: int | None
    dpcs: int | None
    switches: int | None
    system_calls: int | None
    mhz: int | None


class TagCounts(NamedTuple):
    """All pool tags that hold a page or more."""

    tags: tuple[CodeText, ...] = ()
    nonpaged_bytes: tuple[int, ...] = ()
    nonpaged_blocks: tuple[int, ...] = ()
    nonpaged_allocations: tuple[int | None, ...] = ()
    """Since boot."""
    paged_bytes: tuple[int, ...] = ()
    paged_blocks: tuple[int, ...] = ()
    paged_allocations: tuple[int | None, ...] = ()


class Driver(NamedTuple):
    """One loaded image of kernel mode."""

    name: ModuleName
    base: Address
    size: int
    timestamp: Bits32 | None


class Snapshot(NamedTuple):
    """One instant of one machine in numbers."""

    requester: Address | None
    """ETHREAD that took the dump; None also of a dump that nobody on the machine took."""
    processors: tuple[ProcessorCounts, ...]
    processes: tuple[ProcessCounts, ...]
    """Without the idle process."""
    threads: ThreadCounts
    totals: Totals
    tags: TagCounts
    object_types: tuple[ObjectTypeUse, ...]
    drivers: tuple[Driver, ...]
    problems: tuple[ListProblem, ...] = ()
    """Which of these lists may not be whole, and why."""

    def lacks(self, what: str) -> bool:
        """Whether something may be missing of that list."""
        return any(each.what == what for each in self.problems)

    @property
    def whole(self) -> bool:
        """Whether all columns are equally long, as they are unless somebody has edited what was kept."""
        return all(len({*map(len, columns)}) == 1 for columns in (self.threads, self.tags))
