"""The same machine some minutes later: one step from a system to the next, and what the step changed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.synth.kernel.spec import (
    RUNNING,
    WR_RESOURCE,
    Driver,
    Memory,
    ObjectType,
    Process,
    Processor,
    System,
    Tag,
    Thread,
)

FIVE_MINUTES = 19_200
"""In ticks."""
REWAIT = 256
"""Ticks after which who waits for an ERESOURCE waits again: four seconds."""
INTERRUPTS_PER_TICK = 40


@dataclass(frozen=True)
class Step:
    """What happens between two dumps. Threads that are named nowhere did a little and wait again."""

    ticks: int = FIVE_MINUTES
    still: tuple[str, ...] = ()
    """Threads that did not move at all."""
    busy: tuple[tuple[str, int, int], ...] = ()
    """(thread, ticks of kernel time, of user time) of those that ran."""
    tags: tuple[tuple[str, int, int, int], ...] = ()
    """(tag, allocations, frees, bytes) of nonpaged pool gained."""
    handles: tuple[tuple[str, str, int], ...] = ()
    """(process, object type, count) gained."""
    pages: tuple[tuple[str, int], ...] = ()
    """(member of Memory, pages) gained."""
    shares: tuple[tuple[int, int, int], ...] = ()
    """(processor, ticks of DPCs, ticks of interrupts)."""
    ended: tuple[str, ...] = ()
    started: tuple[Thread, ...] = ()
    ended_processes: tuple[str, ...] = ()
    """With all their threads."""
    started_processes: tuple[Process, ...] = ()
    unloaded: tuple[str, ...] = ()
    loaded: tuple[Driver, ...] = ()
    processed: tuple[tuple[str, int], ...] = ()
    """(work queue, items) that were processed; the others did nothing."""
    set_clock_seconds: int = 0


@dataclass(frozen=True)
class Change:
    """Something that differs between two dumps, by how much and how fast."""

    kind: str
    """``grows``, ``shrinks``, ``stuck``, ``runaway``, ``work-queue``, ``loaded``, ``unloaded``, ``dpc-time``..."""
    subject: str
    """Name of the thing: ``tag:Leak``, ``process:svchost``, ``thread:hog``, ``memory:committed``, ``processor:1``."""
    amount: int
    """In the subject's own unit: bytes, handles, pages, ticks."""
    per_minute: float


def step(system: System, change: Step) -> System:
    """The system after ``change``."""
    clock = replace(
        system.clock,
        ticks=system.clock.ticks + change.ticks,
        set_by_seconds=system.clock.set_by_seconds + change.set_clock_seconds,
    )
    if change.set_clock_seconds:
        clock = replace(clock, set_at_seconds=system.clock.uptime_seconds + 1)
    gone = {*change.ended_processes}
    threads = tuple(
        replace(thread, gone=True)
        if thread.key in change.ended or thread.process in gone
        else _later_thread(thread, change)
        for thread in system.threads
    )
    return replace(
        system,
        clock=clock,
        threads=(*threads, *change.started),
        processes=_later_processes(system, change),
        processors=tuple(
            _later_processor(number, processor, change) for number, processor in enumerate(system.processors)
        ),
        drivers=(
            *(replace(each, gone=True) if each.module in change.unloaded else each for each in system.drivers),
            *change.loaded,
        ),
        tags=tuple(_later_tag(tag, change) for tag in system.tags),
        object_types=tuple(_later_type(each, change) for each in system.object_types),
        memory=_later_memory(system, change),
        work_queues=tuple(
            replace(queue, processed_last_pass=queue.processed, processed=queue.processed + done)
            for queue in system.work_queues
            for done in [dict(change.processed).get(queue.key, 0)]
        ),
        expected=(),
    )


def _later_thread(thread: Thread, change: Step) -> Thread:
    gained = next(((kernel, user) for key, kernel, user in change.busy if key == thread.key), None)
    if thread.key in change.still:
        return replace(thread, since_ticks=thread.since_ticks + change.ticks)
    if gained is not None:
        kernel, user = gained
        return replace(
            thread,
            kernel_ticks=thread.kernel_ticks + kernel,
            user_ticks=thread.user_ticks + user,
            cycles=thread.cycles + 45_000_000 * (kernel + user),
            since_ticks=thread.since_ticks + change.ticks if thread.state == RUNNING else thread.since_ticks,
        )
    if thread.state == RUNNING:
        return replace(thread, kernel_ticks=thread.kernel_ticks + 5, switches=thread.switches + 40)
    if thread.reason == WR_RESOURCE and thread.waits:
        # It waits again every four seconds, which only looks like getting on.
        return replace(thread, switches=thread.switches + change.ticks // REWAIT)
    number = zlib.crc32(f"{thread.key} {thread.switches}".encode())
    return replace(
        thread,
        switches=thread.switches + 2 + number % 30,
        since_ticks=number % min(change.ticks, 5_000),
        kernel_ticks=thread.kernel_ticks + number % 3,
        cycles=thread.cycles + number % 100_000_000,
    )


def _later_processes(system: System, change: Step) -> tuple[Process, ...]:
    later = []
    for process in system.processes:
        gained = [(kind, count) for key, kind, count in change.handles if key == process.key]
        handles = tuple(
            (kind, count + sum(more for each, more in gained if each == kind)) for kind, count in process.handles
        )
        gone = process.gone or process.key in change.ended_processes
        cycles = process.cycles + sum(_cycles(system, process.key, change))
        later.append(replace(process, handles=handles, gone=gone, cycles=cycles))
    return (*later, *change.started_processes)


def _cycles(system: System, process: str, change: Step) -> Iterator[int]:
    """What the threads of a process took."""
    for thread in system.threads:
        if thread.process == process and not thread.gone:
            yield _later_thread(thread, change).cycles - thread.cycles


def _later_processor(number: int, processor: Processor, change: Step) -> Processor:
    user = sum(user for key, _, user in change.busy if key == processor.thread)
    busy = sum(kernel + user for key, kernel, user in change.busy if key == processor.thread)
    dpcs, interrupts = next(((dpc, isr) for each, dpc, isr in change.shares if each == number), (12, 4))
    return replace(
        processor,
        kernel_ticks=processor.kernel_ticks + change.ticks - user,
        user_ticks=processor.user_ticks + user,
        dpc_ticks=processor.dpc_ticks + dpcs,
        interrupt_ticks=processor.interrupt_ticks + interrupts,
        idle_ticks=processor.idle_ticks + max(change.ticks - busy - dpcs - interrupts - 100, 0),
        interrupt_count=processor.interrupt_count + INTERRUPTS_PER_TICK * change.ticks,
        system_calls=processor.system_calls + 700 * change.ticks,
        context_switches=processor.context_switches + 300 * change.ticks,
        dpc_count=processor.dpc_count + 50 * change.ticks,
    )


def _later_tag(tag: Tag, change: Step) -> Tag:
    for name, allocs, frees, size in change.tags:
        if name == tag.tag:
            old = tag.nonpaged
            return replace(tag, nonpaged=(old[0] + allocs, old[1] + frees, old[2] + size))
    allocs, frees, size = tag.nonpaged
    return replace(tag, nonpaged=(allocs + 400, frees + 400, size)) if allocs else tag


def _later_type(each: ObjectType, change: Step) -> ObjectType:
    more = sum(count for _, kind, count in change.handles if kind == each.name)
    handles, objects = each.handles + more, each.objects + more
    return replace(
        each,
        handles=handles,
        objects=objects,
        most_handles=max(handles, each.most_handles),
        most_objects=max(objects, each.most_objects),
    )


def _later_memory(system: System, change: Step) -> Memory:
    memory = system.memory
    later: dict[str, int] = {name: getattr(memory, name) + more for name, more in change.pages}
    return replace(memory, **later)


def changes(system: System, change: Step) -> tuple[Change, ...]:
    """What differs between ``system`` and the step after it, by arithmetic."""
    minutes = system.clock.seconds(change.ticks) / 60

    def rate(kind: str, subject: str, amount: int) -> Change:
        return Change(kind, subject, amount, amount / minutes)

    found = [rate("grows", f"tag:{tag}", size) for tag, _, _, size in change.tags if size]
    for process in dict.fromkeys(key for key, _, _ in change.handles):
        found.append(rate("grows", f"process:{process}", sum(n for key, _, n in change.handles if key == process)))
    found += [rate("grows" if more > 0 else "shrinks", f"memory:{name}", more) for name, more in change.pages]
    for key, kernel, user in change.busy:
        if kernel + user > 0.9 * change.ticks:
            found.append(rate("runaway", f"thread:{key}", kernel + user))
    found += [rate("stuck", f"thread:{key}", change.ticks) for key in change.still]
    for queue in system.work_queues:
        if queue.pending and not dict(change.processed).get(queue.key):
            found.append(rate("work-queue", f"queue:{queue.key}", len(queue.pending)))
    found += [
        rate("dpc-time", f"processor:{number}", dpc) for number, dpc, _ in change.shares if dpc > change.ticks // 20
    ]
    found += [
        rate("interrupt-time", f"processor:{number}", isr)
        for number, _, isr in change.shares
        if isr > change.ticks // 10
    ]
    found += [rate("unloaded", f"module:{module}", 1) for module in change.unloaded]
    found += [rate("loaded", f"module:{driver.module}", 1) for driver in change.loaded]
    return tuple(found)
