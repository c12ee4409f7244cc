"""Symptoms from the output of the debugger's own commands, wherever in a text it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from livedump.engines.text.locks import parse_locks
from livedump.engines.text.memory_use import PoolTags, parse_pool_tags, parse_totals
from livedump.engines.text.processes import parse_processes
from livedump.engines.text.stack import iter_stack_tables
from livedump.engines.text.thread_stacks import SaidThread, iter_grouped_stacks, iter_listed_stacks
from livedump.engines.text.thread_tables import (
    RunningRow,
    ThreadRow,
    iter_mex_processes,
    iter_mex_threads,
    parse_handle_counts,
    parse_running,
)
from livedump.model.addresses import PAGE_SIZE
from livedump.model.frames import Stack
from livedump.model.listing import Listing
from livedump.model.memory_use import HandleUse, MemoryFacts, Totals
from livedump.model.processors import Process
from livedump.model.said import SaidSymptoms
from livedump.model.thread_states import ThreadState
from livedump.model.threads import Census, Clock, ProcessorUse, ProcessUse, Thread
from livedump.model.waits import WaitFacts

NOT_LISTED = "the text holds only what the debugger was asked for"
NO_ADDRESS = 0
"""Of a structure that the text does not place; where no structure can be."""
_MEX_STATES = {"Running": ThreadState.RUNNING, "Ready": ThreadState.READY, "Standby": ThreadState.STANDBY}

_MARKS = ("[stats]:", "Proc.Thread", "Prcbs", "Resource @", "total locks", "Allocs", "b)", "CSwitches", "HandleCount")
"""One of them stands in the output of each command that is read."""


class _Read(NamedTuple):
    """What each reader found."""

    running: tuple[RunningRow, ...]
    mex: tuple[ThreadRow, ...]
    listed: tuple[SaidThread, ...]
    grouped: tuple[SaidThread, ...]
    locks: WaitFacts | None
    totals: Totals | None
    tags: PoolTags | None
    handles: Mapping[int, int]
    """By EPROCESS."""


def tells_symptoms(lines: Sequence[str]) -> bool:
    """Whether the text holds output of the commands that tell of symptoms, and be it nothing else."""
    # Lines are many, and most texts have none of these words.
    return any(mark in line for line in lines for mark in _MARKS) and read_symptoms(lines) is not None


def read_symptoms(lines: Sequence[str]) -> SaidSymptoms | None:
    """What the output of ``!running``, ``!locks``, ``!vm``, ``!poolused``, ``!stacks``, ``!process 0 0`` and of MEX's
    ``!running``, ``!us`` and ``!tl`` tells; None when the text holds none that tells of a symptom."""
    listed = parse_processes(lines) or ()
    read = _Read(
        parse_running(lines),
        tuple(iter_mex_threads(lines)),
        tuple(iter_listed_stacks(lines)),
        tuple(iter_grouped_stacks(lines)),
        parse_locks(lines),
        parse_totals(lines),
        parse_pool_tags(lines),
        parse_handle_counts(lines) if listed else {},
    )
    sources = dict(_sources(read))
    if not sources:
        return None
    processes = _processes(lines, listed, read)
    census = Census(
        clock=Clock(None, None, None, None, None, None),
        processors=Listing(tuple(_processors(read)), NOT_LISTED),
        processes=Listing(tuple(processes.values()), NOT_LISTED),
        threads=Listing(tuple(_threads(read, processes).values()), NOT_LISTED),
        requester=None,
    )
    return SaidSymptoms(
        census,
        _processor_stacks(lines, {each.number for each in read.running}),
        {each.address: each.stack for each in (*read.grouped, *read.listed) if each.stack},
        read.locks,
        _memory(read, processes),
        sources,
    )


def _sources(read: _Read) -> Iterator[tuple[str, str]]:
    # Each analysis with the commands that told of it.
    on_processors = any(each.state == "Running" for each in read.mex)
    if read.running or on_processors:
        yield "processors", "!running" if read.running else "MEX !running"
    if read.listed or read.grouped:
        names = (("!stacks", read.listed), ("MEX !us", read.grouped))
        yield "stacks", ", ".join(name for name, found in names if found)
    if read.locks:
        yield "waits", "!locks"
    counted = (("!vm", read.totals), ("!poolused", read.tags), ("!process 0 0", read.handles))
    if any(found for _, found in counted):
        yield "memory", ", ".join(name for name, found in counted if found)


def _processors(read: _Read) -> Iterator[ProcessorUse]:
    for row in read.running:
        yield _processor(row.number, row.prcb, row.current, row.next or 0, row.idle)
    if read.running:
        return
    seen: set[int] = set()
    for each in read.mex:
        if each.state == "Running" and each.processor not in seen:
            seen.add(each.processor)
            # The idle thread of a processor that does something else is not listed; it is another one.
            idle = each.thread if each.process_id == 0 else NO_ADDRESS
            yield _processor(each.processor, NO_ADDRESS, each.thread, None, idle)


def _processor(number: int, prcb: int, current: int, following: int | None, idle: int | None) -> ProcessorUse:
    return ProcessorUse(
        number=number,
        prcb=prcb,
        group=None,
        current_thread=current,
        next_thread=following or None,
        idle_thread=idle,
        kernel_ticks=None,
        user_ticks=None,
        dpc_ticks=None,
        interrupt_ticks=None,
        interrupt_count=None,
        system_calls=None,
        context_switches=None,
        dpc_count=None,
        dpc_queue_depth=None,
        dpc_queue=Listing((), NOT_LISTED),
        active_dpc=None,
        dpc_routine_active=None,
        dpc_ticks_now=None,
        dpc_limit_ticks=None,
        mhz=None,
    )


def _processes(lines: Sequence[str], listed: Iterable[Process], read: _Read) -> dict[int, ProcessUse]:
    # By EPROCESS: those of !process 0 0 first, then those that only another table names.
    found: dict[int, ProcessUse] = {}
    for process in listed:
        if process.address is not None:
            handles = read.handles.get(process.address)
            found[process.address] = _process(process.address, process.name, process.process_id, handles)
    for row in iter_mex_processes(lines):
        found.setdefault(row.address, _process(row.address, row.name, row.process_id, None))
    for each in read.listed:
        if each.process is not None:
            found.setdefault(each.process, _process(each.process, each.process_name, each.process_id, None))
    return found


def _process(address: int, name: str | None, number: int | None, handles: int | None) -> ProcessUse:
    return ProcessUse(
        address=address,
        name=name,
        process_id=number,
        parent_id=None,
        directory_table_base=None,
        created=None,
        exited=None,
        active_threads=None,
        kernel_ticks=None,
        user_ticks=None,
        cycles=None,
        object_table=None,
        handles=handles,
        session=None,
        peb=None,
        commit_pages=None,
        commit_peak_pages=None,
        working_set_pages=None,
        virtual_size=None,
        nonpaged_quota=None,
        paged_quota=None,
        locked_pages=None,
    )


def _threads(read: _Read, processes: Mapping[int, ProcessUse]) -> dict[int, Thread]:
    # By ETHREAD. What runs is told by !running; of two tables that have a thread the one that tells more comes first.
    by_id: dict[int | None, int] = {each.process_id: each.address for each in processes.values()}
    by_id[None] = NO_ADDRESS
    found: dict[int, Thread] = {}
    for said in (*read.listed, *read.grouped):
        process = said.process if said.process is not None else by_id.get(said.process_id, NO_ADDRESS)
        found.setdefault(said.address, _thread(said, process))
    for row in read.mex:
        known = found.get(row.thread) or _unknown(row.thread)
        found[row.thread] = known._replace(
            process=by_id.get(row.process_id, known.process),
            process_id=row.process_id,
            thread_id=row.thread_id,
            state=_MEX_STATES[row.state],
            priority=row.priority,
            next_processor=row.processor,
        )
    for each in read.running:
        for address, priority, state in _of_row(each):
            known = found.get(address) or _unknown(address)
            found[address] = known._replace(priority=priority, state=state, next_processor=each.number)
    return found


def _of_row(row: RunningRow) -> Iterator[tuple[int, int | None, ThreadState]]:
    yield row.current, row.priority, ThreadState.RUNNING
    if row.next:
        yield row.next, row.next_priority, ThreadState.STANDBY


def _thread(said: SaidThread, process: int) -> Thread:
    return _unknown(said.address)._replace(
        process=process,
        process_id=said.process_id,
        thread_id=said.thread_id,
        state=said.state,
        stack_resident=not said.paged_out,
    )


def _unknown(address: int) -> Thread:
    return Thread(
        address=address,
        process=NO_ADDRESS,
        process_id=None,
        thread_id=None,
        state=None,
        wait_reason=None,
        wait_mode_user=None,
        alertable=None,
        wait_ticks=None,
        priority=None,
        base_priority=None,
        kernel_ticks=None,
        user_ticks=None,
        cycles=None,
        context_switches=None,
        next_processor=None,
        affinity=None,
        kernel_stack=None,
        initial_stack=None,
        stack_base=None,
        stack_limit=None,
        stack_resident=None,
        teb=None,
        start_address=None,
        win32_start_address=None,
        created=None,
        suspend_count=None,
        terminated=None,
    )


def _processor_stacks(lines: Sequence[str], numbers: Iterable[int]) -> dict[int, Stack]:
    # The stacks under the rows of !running -t, and those of prompts that were switched to a processor.
    found: dict[int, Stack] = {}
    wanted = frozenset(numbers)
    for table in iter_stack_tables(lines) if wanted else ():
        if table.processor in wanted and table.processor is not None and not table.moved:
            found.setdefault(table.processor, table.stack)
    return found


def _memory(read: _Read, processes: Mapping[int, ProcessUse]) -> MemoryFacts | None:
    if read.totals is None and read.tags is None and not read.handles:
        return None
    totals, tags = read.totals or Totals(), read.tags
    if tags:
        totals = totals._replace(
            nonpaged_pool=_pages(totals.nonpaged_pool, tags.nonpaged_bytes),
            paged_pool=_pages(totals.paged_pool, tags.paged_bytes),
        )
    return MemoryFacts(
        totals=totals,
        tags=Listing(tags.tags if tags else (), None if tags else NOT_LISTED),
        largest_blocks=Listing((), NOT_LISTED),
        handles=tuple(HandleUse(each.name, each.process_id, each.handles) for each in processes.values()),
        object_types=Listing((), NOT_LISTED),
    )


def _pages(known: int | None, size: int | None) -> int | None:
    # What !vm counts is the pool itself. Of a system that is newer than the debugger it may count too little; no pool
    # is smaller than what its tags hold together.
    return known if size is None else max(known or 0, size // PAGE_SIZE)
