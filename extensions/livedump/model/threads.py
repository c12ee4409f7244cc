"""Threads, processes and processors as one pass over the kernel's lists finds them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.listing import Listing
from livedump.model.text_kinds import ProcessName
from livedump.model.thread_states import ThreadState

IDLE_PROCESS_ID = 0
U32_TICKS = 1 << 32
"""Ticks of threads are counted in 32 bits: they wrap after 777 days."""


WAIT_REASONS = (
    "Executive", "FreePage", "PageIn", "PoolAllocation", "DelayExecution", "Suspended", "UserRequest", "WrExecutive",
    "WrFreePage", "WrPageIn", "WrPoolAllocation", "WrDelayExecution", "WrSuspended", "WrUserRequest", "WrEventPair",
    "WrQueue", "WrLpcReceive", "WrLpcReply", "WrVirtualMemory", "WrPageOut", "WrRendezvous", "WrKeyedEvent",
    "WrTerminated", "WrProcessInSwap", "WrCpuRateControl", "WrCalloutStack", "WrKernel", "WrResource", "WrPushLock",
    "WrMutex", "WrQuantumEnd", "WrDispatchInt", "WrPreempted", "WrYieldExecution", "WrFastMutex", "WrGuardedMutex",
    "WrRundown", "WrAlertByThreadId", "WrDeferredPreempt", "WrPhysicalFault", "WrIoRing", "WrMdlCache", "WrRcu",
)  # fmt: skip
"""KWAIT_REASON by number. Sources: public symbols of nt up to WrIoRing; the System Informer project's headers for
the last two."""


def wait_reason_name(number: int) -> str:
    """``WrResource`` for 27; a number that no known build has stays one."""
    return WAIT_REASONS[number] if 0 <= number < len(WAIT_REASONS) else str(number)


class Clock(NamedTuple):
    """The system's clocks at the instant of the dump; they stand still while it is taken. None: not captured."""

    ticks: int | None
    """Since boot."""
    tick_length: int | None
    """Units of 100 ns; usually 156250."""
    system_time: datetime | None
    """UTC. Can be set; differences between dumps are taken of the interrupt time."""
    interrupt_time: int | None
    """Units of 100 ns since boot, without sleep."""
    boot_time: datetime | None
    """UTC, corrected for what the clock was set by since."""
    boot_id: int | None
    """Number of the boot; from Windows 10 1607."""

    def seconds(self, ticks: int | None) -> float | None:
        """So many ticks in seconds."""
        return None if ticks is None or self.tick_length is None else ticks * self.tick_length / 10_000_000

    def seconds_since(self, ticks: int | None) -> float | None:
        """How long ago the low half of the tick count was ``ticks``; the count wraps."""
        if ticks is None or self.ticks is None:
            return None
        return self.seconds((self.ticks - ticks) % U32_TICKS)


class Thread(NamedTuple):
    """One ETHREAD. None: its page is not captured, or nothing tells where this build keeps it."""

    address: Address
    process: Address
    """EPROCESS on whose list it stands."""
    process_id: int | None
    thread_id: int | None
    state: ThreadState | None
    wait_reason: int | None
    """Number of WAIT_REASONS; stale unless the thread waits."""
    wait_mode_user: bool | None
    alertable: bool | None
    wait_ticks: int | None
    """Low half of the tick count when the wait began, or when the thread became ready."""
    priority: int | None
    base_priority: int | None
    kernel_ticks: int | None
    user_ticks: int | None
    cycles: int | None
    """Time stamp counter, without the present run."""
    context_switches: int | None
    next_processor: int | None
    """Without the mark of a shared ready queue."""
    affinity: int | None
    """Bits of the processors of its group; None where this build keeps it elsewhere."""
    kernel_stack: Address | None
    """Where a thread that does not run has its switch frame."""
    initial_stack: Address | None
    stack_base: Address | None
    stack_limit: Address | None
    stack_resident: bool | None
    teb: Address | None
    start_address: Address | None
    win32_start_address: Address | None
    created: datetime | None
    suspend_count: int | None
    terminated: bool | None

    @property
    def waits(self) -> bool:
        """Whether it waits for something other than a processor."""
        return self.state is ThreadState.WAITING

    @property
    def stack_paged_out(self) -> bool:
        """Whether its kernel stack is not in memory."""
        return self.stack_resident is False or self.state is ThreadState.TRANSITION

    @property
    def has_stack(self) -> bool:
        """Whether a kernel stack of its own can be there: that of a thread that runs is its processor's."""
        return self.state is not ThreadState.RUNNING and not self.terminated and not self.stack_paged_out

    @property
    def ticks(self) -> int | None:
        """Kernel and user time together, in ticks."""
        if self.kernel_ticks is None or self.user_ticks is None:
            return None
        return self.kernel_ticks + self.user_ticks


class ProcessUse(NamedTuple):
    """One EPROCESS, and what it uses. Pages are of 4 KiB."""

    address: Address
    name: ProcessName | None
    """Fifteen characters at most."""
    process_id: int | None
    parent_id: int | None
    directory_table_base: Address | None
    created: datetime | None
    exited: datetime | None
    """None also when it runs."""
    active_threads: int | None
    kernel_ticks: int | None
    user_ticks: int | None
    cycles: int | None
    object_table: Address | None
    """HANDLE_TABLE; 0 when it has none any more."""
    handles: int | None
    session: int | None
    """None also when it belongs to none."""
    peb: Address | None
    commit_pages: int | None
    commit_peak_pages: int | None
    working_set_pages: int | None
    virtual_size: int | None
    nonpaged_quota: int | None
    """Bytes."""
    paged_quota: int | None
    locked_pages: int | None

    @property
    def is_idle(self) -> bool:
        """Whether it is the process of the idle threads."""
        return self.process_id == IDLE_PROCESS_ID

    @property
    def zombie(self) -> bool:
        """Whether it has ended and is still listed: somebody holds it."""
        return not self.is_idle and (self.exited is not None or self.active_threads == 0)

    @property
    def ticks(self) -> int | None:
        """Kernel and user time together, in ticks."""
        if self.kernel_ticks is None or self.user_ticks is None:
            return None
        return self.kernel_ticks + self.user_ticks


class QueuedDpc(NamedTuple):
    """A DPC that waits on a processor's queue, or runs."""

    address: Address
    """KDPC."""
    routine: Address | None


class ProcessorUse(NamedTuple):
    """One KPRCB: what runs, and where its time went since boot. Times are ticks."""

    number: int
    prcb: Address
    group: int | None
    current_thread: Address | None
    next_thread: Address | None
    """Chosen to run next; None where there is none."""
    idle_thread: Address | None
    kernel_ticks: int | None
    """All time in kernel mode: idle, DPCs and interrupts are part of it."""
    user_ticks: int | None
    dpc_ticks: int | None
    interrupt_ticks: int | None
    interrupt_count: int | None
    system_calls: int | None
    context_switches: int | None
    dpc_count: int | None
    dpc_queue_depth: int | None
    dpc_queue: Listing[QueuedDpc]
    active_dpc: QueuedDpc | None
    """The one that runs; in a live dump, on all processors but one, that which the capture put there."""
    dpc_routine_active: bool | None
    """Set by the corral of a live dump on every processor but that which took it."""
    dpc_ticks_now: int | None
    """Ticks in the DPC that runs."""
    dpc_limit_ticks: int | None
    mhz: int | None


class ThreadKey(NamedTuple):
    """What tells a thread from another that later gets the same memory."""

    address: Address
    process_id: int | None
    thread_id: int | None
    created: datetime | None


class Census(NamedTuple):
    """Everything that one pass over processors, processes and threads found."""

    clock: Clock
    processors: Listing[ProcessorUse]
    processes: Listing[ProcessUse]
    """The idle process first, then the others in the system's own order."""
    threads: Listing[Thread]
    """Those of the idle process first, then process by process."""
    requester: Address | None
    """ETHREAD that took the dump; left out of every ranking."""
