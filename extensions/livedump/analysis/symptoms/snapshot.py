"""All counts of one dump in one record: what a comparison with another dump of the machine needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from livedump.analysis.symptoms.scene import Scene
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError
from livedump.model.listing import ListProblem
from livedump.model.memory_use import MemoryFacts, PoolTag, Totals
from livedump.model.snapshot import (
    Driver,
    ProcessCounts,
    ProcessorCounts,
    Snapshot,
    TagCounts,
    ThreadCounts,
)
from livedump.model.threads import ProcessorUse, ProcessUse, Thread


def snapshot_of(scene: Scene) -> Snapshot | None:
    """The counts; None of a text, which tells too little of them."""
    if scene.said is not None:
        return None
    census = scene.census
    memory = None if isinstance(scene.memory, DumpError) else scene.memory
    return Snapshot(
        requester=census.requester if scene.live is not False else None,
        processors=tuple(_processor(scene, each) for each in census.processors),
        processes=tuple(map(_process, (each for each in census.processes if not each.is_idle))),
        threads=_threads([each for each in census.threads if not _is_idle(scene, each)]),
        totals=memory.totals if memory else Totals(),
        tags=_tags([each for each in memory.tags if _holds_a_page(each)] if memory else []),
        object_types=memory.object_types.items if memory else (),
        drivers=tuple(
            Driver(each.name, each.base, each.size, each.timestamp) for each in scene.modules if not each.user
        ),
        problems=tuple(_problems(scene, memory)),
    )


def _problems(scene: Scene, memory: MemoryFacts | None) -> Iterator[ListProblem]:
    lists = {
        "processors": scene.census.processors.problem,
        "processes": scene.census.processes.problem,
        "threads": scene.census.threads.problem,
        "pool tags": memory.tags.problem if memory else str(scene.memory),
        "object types": memory.object_types.problem if memory else str(scene.memory),
        "stacks": scene.ended_early,
        "drivers": scene.modules.problem,
    }
    return (ListProblem(what, problem) for what, problem in lists.items() if problem)


def _is_idle(scene: Scene, thread: Thread) -> bool:
    process = scene.process_of(thread)
    return process is not None and process.is_idle


def _threads(threads: Sequence[Thread]) -> ThreadCounts:
    return ThreadCounts(
        addresses=tuple(each.address for each in threads),
        processes=tuple(each.process for each in threads),
        process_ids=tuple(each.process_id for each in threads),
        ids=tuple(each.thread_id for each in threads),
        created=tuple(each.created for each in threads),
        kernel_ticks=tuple(each.kernel_ticks for each in threads),
        user_ticks=tuple(each.user_ticks for each in threads),
        cycles=tuple(each.cycles for each in threads),
        switches=tuple(each.context_switches for each in threads),
        states=tuple(each.state for each in threads),
        wait_reasons=tuple(each.wait_reason if each.waits else None for each in threads),
        interruptible=tuple(_interruptible(each) for each in threads),
        since_ticks=tuple(each.wait_ticks for each in threads),
    )


def _interruptible(thread: Thread) -> bool | None:
    if thread.wait_mode_user or thread.alertable:
        return True
    return None if None in (thread.wait_mode_user, thread.alertable) else False


def _process(use: ProcessUse) -> ProcessCounts:
    return ProcessCounts(
        address=use.address,
        name=use.name,
        id=use.process_id,
        created=use.created,
        zombie=use.zombie,
        threads=use.active_threads,
        kernel_ticks=use.kernel_ticks,
        user_ticks=use.user_ticks,
        cycles=use.cycles,
        handles=use.handles,
        commit_pages=use.commit_pages,
    )


def _processor(scene: Scene, use: ProcessorUse) -> ProcessorCounts:
    idle = scene.threads.get(use.idle_thread) if use.idle_thread else None
    return ProcessorCounts(
        number=use.number,
        thread=use.current_thread,
        kernel_ticks=use.kernel_ticks,
        user_ticks=use.user_ticks,
        dpc_ticks=use.dpc_ticks,
        interrupt_ticks=use.interrupt_ticks,
        idle_ticks=idle.kernel_ticks if idle else None,
        interrupts=use.interrupt_count,
        dpcs=use.dpc_count,
        switches=use.context_switches,
        system_calls=use.system_calls,
        mhz=use.mhz,
    )


def _holds_a_page(tag: PoolTag) -> bool:
    return max(tag.nonpaged_bytes, tag.paged_bytes) >= PAGE_SIZE


def _tags(tags: Sequence[PoolTag]) -> TagCounts:
    return TagCounts(
        tags=tuple(each.tag for each in tags),
        nonpaged_bytes=tuple(each.nonpaged_bytes for each in tags),
        nonpaged_blocks=tuple(each.nonpaged_blocks for each in tags),
        nonpaged_allocations=tuple(each.nonpaged_allocations for each in tags),
        paged_bytes=tuple(each.paged_bytes for each in tags),
        paged_blocks=tuple(each.paged_blocks for each in tags),
        paged_allocations=tuple(each.paged_allocations for each in tags),
    )
