"""One pass over processors, processes and threads: each is read once, as one block.

References: the lists and their bounds are those that ``!process 0 0`` and ``!running`` walk; fields in ``tasks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Optional

from livedump.kernel.handles import HandleCounter
from livedump.kernel.linked_list import ListWalk, walk_list
from livedump.kernel.processes import SMALLEST_PROCESS, most_processes
from livedump.kernel.tasks import (
    CROSS_THREAD_TERMINATED,
    SHARED_DATA_ADDRESS,
    SHARED_READY_QUEUE,
    USER_MODE,
    EProcess,
    EThread,
    KDpc,
    KDpcData,
    KPrcb,
    SharedData,
)
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u32, find_u64
from livedump.model.addresses import is_kernel_address
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.listing import Listing, joined_problems
from livedump.model.patience import KeepGoing, until_interrupted, why_ended
from livedump.model.thread_states import ThreadState
from livedump.model.threads import Census, Clock, ProcessorUse, ProcessUse, QueuedDpc, Thread
from livedump.model.times import find_moment

PROCESSES_AT_ONCE = 1024
"""For which no clock is asked: few systems have more, and what they are is worth more than their threads."""
MAX_THREADS = 1_000_000
"""Of all processes together."""
MAX_THREADS_OF_ONE = 1 << 18
SMALLEST_THREAD = SMALLEST_PROCESS
MAX_QUEUED_DPCS = 4096
MAX_NAMED = 8
"""Processors, or processes, that one message names."""

AddressOf = Callable[[str], Optional[int]]
"""Where a variable of the kernel is, by its name; None where that is not known."""


class CensusTaker:
    """Takes the census of one dump."""

    def __init__(self, memory: TypedMemory, address_of: AddressOf, keep_going: KeepGoing) -> None:
        self._memory = memory
        self._address_of = address_of
        self._keep_going = keep_going
        self._counter = HandleCounter(memory, address_of)

    def take(self, prcbs: Sequence[tuple[int, int]], process_list: int, capturing_processor: int | None) -> Census:
        """Everything that the pass finds.

        ``prcbs`` are the processors' numbers and KPRCBs, ``process_list`` is PsActiveProcessHead, and the processor
        with ``capturing_processor``'s number, if it is known, is the one that took the dump.

        Raises:
            NotKnown: nothing tells where the fields of a process or a thread stand; the message says what was tried.
            MemoryGap: the head of the list of processes is missing.
        """
        for kind, path in ((EProcess, "ActiveProcessLinks"), (EThread, "ThreadListEntry"), (KPrcb, "CurrentThread")):
            self._memory.offset(kind.type_name, path)
        processors = tuple(self._processor(number, KPrcb(self._memory, prcb)) for number, prcb in prcbs)
        processes = self._processes(process_list, processors)
        return Census(
            self.clock(),
            Listing(processors),
            processes,
            self._threads(processes, processors),
            next((each.current_thread for each in processors if each.number == capturing_processor), None),
        )

    def clock(self) -> Clock:
        """The system's clocks."""
        shared = SharedData(self._memory, SHARED_DATA_ADDRESS)
        booted = find_u64(self._memory, self._address_of("KeBootTime"))
        bias = find_u64(self._memory, self._address_of("KeBootTimeBias"))
        return Clock(
            ticks=shared.ticks,
            tick_length=find_u32(self._memory, self._address_of("KeMaximumIncrement")) or None,
            system_time=find_moment(shared.system_time),
            interrupt_time=shared.interrupt_time,
            # Where the clock was set back the bias is negative, in 64 bits.
            boot_time=None if booted is None else find_moment((booted - (bias or 0)) % (1 << 64)),
            boot_id=shared.boot_id,
        )

    def _processor(self, number: int, prcb: KPrcb) -> ProcessorUse:
        queues = prcb.dpc_data or ()
        normal = queues[0] if queues else None
        return ProcessorUse(
            number=number,
            prcb=prcb.address,
            group=prcb.group,
            current_thread=prcb.current_thread or None,
            next_thread=prcb.next_thread or None,
            idle_thread=prcb.idle_thread or None,
            kernel_ticks=prcb.kernel_ticks,
            user_ticks=prcb.user_ticks,
            dpc_ticks=prcb.dpc_ticks,
            interrupt_ticks=prcb.interrupt_ticks,
            interrupt_count=prcb.interrupt_count,
            system_calls=prcb.system_calls,
            context_switches=prcb.context_switches,
            dpc_count=_total(queue.count for queue in queues),
            dpc_queue_depth=_total(queue.queue_depth for queue in queues),
            dpc_queue=Listing((), "its DPC queues are not known") if normal is None else self._dpcs(normal),
            active_dpc=next(filter(None, (_active(queue) for queue in queues)), None),
            dpc_routine_active=prcb.dpc_routine_active,
            dpc_ticks_now=prcb.dpc_ticks_now,
            dpc_limit_ticks=prcb.dpc_limit_ticks or None,
            mhz=prcb.mhz or None,
        )

    def _dpcs(self, queue: KDpcData) -> Listing[QueuedDpc]:
        # A list that ends in a null from Windows 8.1 on, a ring with its head before.
        expected = queue.queue_depth
        if expected is None:
            return Listing((), "its DPC queue is not captured")
        found: dict[int, QueuedDpc] = {}
        link = queue.first
        while link and link != queue.address and link not in found and len(found) < min(expected, MAX_QUEUED_DPCS):
            try:
                dpc = KDpc.around(self._memory, link, "DpcListEntry")
            except DumpError as error:
                return Listing(tuple(found.values()), str(error))
            found[link] = QueuedDpc(dpc.address, dpc.routine)
            link = find_u64(self._memory, link)
        missing = expected - len(found)
        problem = f"{missing} of {expected} queued DPCs were not found" if missing > 0 else None
        return Listing(tuple(found.values()), problem)

    def _processes(self, head: int, processors: Iterable[ProcessorUse]) -> Listing[ProcessUse]:
        walk = walk_list(self._memory, head, most_processes(self._memory))
        links = self._memory.offset(EProcess.type_name, "ActiveProcessLinks")
        idle = self._idle_process(processors)
        first = () if idle is None else (self._process(EProcess(self._memory, idle)),)
        here: list[ProcessUse] = []
        for index, entry in enumerate(walk.entries):
            if index % PROCESSES_AT_ONCE == PROCESSES_AT_ONCE - 1 and not self._keep_going():
                late = f"{why_ended(self._keep_going)}: {len(walk.entries) - index:,} processes were not looked at"
                return Listing((*first, *here), joined_problems(walk.problem, late))
            if entry - links != idle:
                here.append(self._process(EProcess(self._memory, entry - links)))
        found = (*first, *here)
        lost = None if walk.problem else self._lost_process(found, processors)
        return Listing(found, joined_problems(walk.problem, None if first else "the idle process is missing", lost))

    def _lost_process(self, found: Iterable[ProcessUse], processors: Iterable[ProcessorUse]) -> str | None:
        # What runs belongs to a process that is on the list; where that is not so, others may be missing too.
        listed = {each.address for each in found}
        running = ((each.number, each.current_thread) for each in processors if each.current_thread)
        owners = ((number, EThread(self._memory, thread).process) for number, thread in running)
        lost = next((number for number, owner in owners if owner and owner not in listed), None)
        return None if lost is None else f"the process that runs on processor {lost} is not on the list"

    def _idle_process(self, processors: Iterable[ProcessorUse]) -> int | None:
        threads = (each.idle_thread for each in processors)
        owners = (EThread(self._memory, thread).process for thread in threads if thread is not None)
        return next((owner for owner in owners if owner), None)

    def _process(self, process: EProcess) -> ProcessUse:
        quota = process.quota or (None, None)
        tables, handles = process.directory_table_base, process.object_table
        return ProcessUse(
            address=process.address,
            name=process.name,
            process_id=process.process_id,
            parent_id=process.parent_id,
            directory_table_base=tables,
            created=process.created if process.process_id else None,
            exited=process.exited if process.exit_time else None,
            active_threads=process.active_threads,
            kernel_ticks=process.kernel_ticks,
            user_ticks=process.user_ticks,
            cycles=process.cycles,
            object_table=handles,
            handles=self._counter.count(handles) if handles else handles,
            session=self._session(process.session),
            peb=process.peb or None,
            commit_pages=process.commit_pages,
            commit_peak_pages=process.commit_peak_pages,
            working_set_pages=process.working_set_pages,
            virtual_size=process.virtual_size,
            nonpaged_quota=quota[0],
            paged_quota=quota[1],
            locked_pages=process.locked_pages,
        )

    def _session(self, address: int | None) -> int | None:
        # The kernel's own name for a session's record has changed; a process points to it by whichever it has.
        place = self._memory.find(EProcess.type_name, "Session")
        kind = place.type.of if place else None
        number = self._memory.find(kind.name, "SessionId") if kind and kind.name else None
        return find_u32(self._memory, address + number.offset) if address and number else None

    def _threads(self, processes: Listing[ProcessUse], processors: Iterable[ProcessorUse]) -> Listing[Thread]:
        threads: list[Thread] = []
        problems: list[str] = []
        walked, most = 0, self._memory.room_for(MAX_THREADS, SMALLEST_THREAD)
        for process in processes:
            if not self._keep_going() or len(threads) >= most:
                break
            with until_interrupted(self._keep_going):
                problems += self._take_threads(process, threads, most)
                walked += 1
        if len(problems) > MAX_NAMED:
            problems[MAX_NAMED:] = [f"and {len(problems) - MAX_NAMED:,} more processes like these"]
        if walked < len(processes):
            problems.append(f"the threads of {len(processes) - walked} processes were not looked at")
        else:
            problems += _lost_threads(threads, processors)
        return Listing(tuple(threads), joined_problems(processes.problem, *problems))

    def _take_threads(self, process: ProcessUse, threads: list[Thread], most: int) -> list[str]:
        before = len(threads)
        head = process.address + self._memory.offset(EProcess.type_name, "ThreadListHead")
        walk = self._thread_links(head, min(MAX_THREADS_OF_ONE, most - before))
        threads += self._threads_of(process.address, walk.entries)
        problem = joined_problems(walk.problem, _fewer_threads(process, len(threads) - before))
        return [f"{process.name or 'a process'} ({process.process_id}): {problem}"] if problem else []

    def _thread_links(self, head: int, most: int) -> ListWalk:
        try:
            return walk_list(self._memory, head, most)
        except MemoryGap as gap:
            return ListWalk((), f"its list of threads is missing: {gap}", ())

    def _threads_of(self, process: int, links: Iterable[int]) -> Iterator[Thread]:
        entry = self._memory.offset(EThread.type_name, "ThreadListEntry")
        return (read_thread(self._memory, link - entry, process) for link in links if is_kernel_address(link - entry))


def read_thread(memory: TypedMemory, address: int, process: int) -> Thread:
    """The thread whose ETHREAD is at ``address``; None for each part that is missing."""
    thread = EThread(memory, address)
    state, flags, mode = thread.state, thread.cross_thread_flags, thread.wait_mode
    next_processor = thread.next_processor
    return Thread(
        address=address,
        process=process,
        process_id=thread.process_id,
        thread_id=thread.thread_id,
        state=state,
        wait_reason=thread.wait_reason,
        wait_mode_user=None if mode is None else mode == USER_MODE,
        alertable=thread.alertable,
        wait_ticks=thread.wait_ticks,
        priority=thread.priority,
        base_priority=thread.base_priority,
        kernel_ticks=thread.kernel_ticks,
        user_ticks=thread.user_ticks,
        cycles=thread.cycles,
        context_switches=thread.context_switches,
        next_processor=None if next_processor is None else next_processor & ~SHARED_READY_QUEUE,
        affinity=_affinity(thread) if state is not None and state.wants_processor else None,
        kernel_stack=thread.kernel_stack,
        initial_stack=thread.initial_stack,
        stack_base=thread.stack_base,
        stack_limit=thread.stack_limit,
        stack_resident=thread.stack_resident,
        teb=thread.teb or None,
        start_address=thread.start_address or None,
        win32_start_address=thread.win32_start_address or None,
        created=thread.created,
        suspend_count=thread.suspend_count,
        terminated=_terminated(state, flags),
    )


def _fewer_threads(process: ProcessUse, listed: int) -> str | None:
    # A list may have threads that have ended, and no fewer than those that have not. Of Idle nobody counts them.
    active = process.active_threads
    if active is None or listed >= active or process.is_idle:
        return None
    return f"{listed:,} of its {active:,} threads are on its list"


def _lost_threads(threads: Iterable[Thread], processors: Iterable[ProcessorUse]) -> Iterator[str]:
    # What runs must be on a list; where it is not, others may be missing too.
    listed = {thread.address for thread in threads}
    lost = [each.number for each in processors if each.current_thread and each.current_thread not in listed]
    if lost:
        numbers = ", ".join(map(str, lost[:MAX_NAMED]))
        yield f"the current thread of processor {numbers} is on the list of no process"


def _active(queue: KDpcData) -> QueuedDpc | None:
    dpc = queue.active
    return QueuedDpc(dpc.address, dpc.routine) if dpc else None


def _affinity(thread: EThread) -> int | None:
    # The first group of processors alone: what a starved thread may run on elsewhere is not asked.
    mask = thread.affinity
    if mask is not None:
        return mask
    groups = thread.affinity_of_groups
    bitmap = groups.bitmap if groups else None
    return bitmap[0] if bitmap else None


def _terminated(state: ThreadState | None, flags: int | None) -> bool | None:
    if state is ThreadState.TERMINATED:
        return True
    return None if flags is None else bool(flags & CROSS_THREAD_TERMINATED)


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
