"""Processors: who runs below the capture, who waits for one, where their time went since boot.

A snapshot is one instant: what is on a processor is one sample for each of them, and shares of time are since boot, so
that only two dumps give a rate. In a live dump DPC state is the capture's own work and is evidence of nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from livedump.analysis.roles import machinery_end
from livedump.analysis.symptoms.processor_shares import idle_ticks, is_ranked, share_of, total_ticks
from livedump.analysis.symptoms.processor_trouble import find_processor_trouble
from livedump.analysis.symptoms.said import said_by
from livedump.analysis.symptoms.scene import Scene
from livedump.model.amounts import count_text
from livedump.model.frames import Frame
from livedump.model.listing import joined_problems
from livedump.model.running import BusyProcess, BusyThread, ReadyThread, Running, RunningProcessor
from livedump.model.symptoms import AnalysisState, Symptom
from livedump.model.threads import ProcessorUse, ProcessUse, Thread

TOP = 10
"""Threads and processes that are listed by the time that they took."""


@said_by("processors", judged=False)
def examine_processors(scene: Scene) -> tuple[Running, tuple[Symptom, ...]]:
    """What each processor did, ready threads, and who took most time; what of it is trouble."""
    processors = tuple(_running(scene, each) for each in scene.census.processors)
    ready = tuple(sorted(_ready(scene), key=lambda each: -(each.seconds or 0)))
    running = Running(
        state=AnalysisState.FOUND if processors else AnalysisState.NOT_CAPTURED,
        reason=joined_problems(scene.census.threads.problem, *_queue_problems(scene)),
        summary=_summary(processors, ready, whole=scene.census.threads.problem is None),
        processors=processors,
        ready=ready,
        top_threads=tuple(_top_threads(scene)),
        top_processes=tuple(_top_processes(scene)),
    )
    return running, tuple(find_processor_trouble(scene, running))


def _queue_problems(scene: Scene) -> Iterator[str]:
    for each in scene.census.processors:
        if each.dpc_queue.problem:
            yield f"processor {each.number}: {each.dpc_queue.problem}"


def _running(scene: Scene, use: ProcessorUse) -> RunningProcessor:
    thread = scene.threads.get(use.current_thread) if use.current_thread else None
    process = scene.process_of(thread)
    frames = _own_frames(scene, use.number)
    return RunningProcessor(
        number=use.number,
        thread=use.current_thread,
        thread_id=thread.thread_id if thread else None,
        process=process.name if process else None,
        process_id=process.process_id if process else None,
        priority=thread.priority if thread else None,
        idle=None if None in (use.current_thread, use.idle_thread) else use.current_thread == use.idle_thread,
        requester=scene.is_requester(use.current_thread),
        own_frame=frames[0].call_site if frames else None,
        frames=frames,
        dpc_percent=_percent(scene, use, use.dpc_ticks),
        interrupt_percent=_percent(scene, use, use.interrupt_ticks),
        idle_percent=_percent(scene, use, idle_ticks(scene, use)),
        dpc_queue_depth=use.dpc_queue_depth,
        dpc_queue_modules=_modules(scene, (dpc.routine for dpc in use.dpc_queue)),
        interrupts_per_second=_per_second(scene, use.interrupt_count),
    )


def _own_frames(scene: Scene, number: int) -> tuple[Frame, ...]:
    stack = scene.processor_stacks.get(number)
    return stack.frames[machinery_end(stack.frames) :] if stack else ()


def _percent(scene: Scene, use: ProcessorUse, ticks: int | None) -> float | None:
    total = total_ticks(scene, use)
    return None if ticks is None or not total else round(100 * ticks / total, 1)


def _per_second(scene: Scene, count: int | None) -> float | None:
    seconds = scene.census.clock.seconds(scene.census.clock.ticks)
    return None if count is None or not seconds else round(count / seconds, 1)


def _modules(scene: Scene, routines: Iterable[int | None]) -> tuple[str, ...]:
    named = Counter(filter(None, map(scene.module_of, routines)))
    return tuple(name for name, _ in named.most_common())


def _ready(scene: Scene) -> Iterator[ReadyThread]:
    for thread in scene.census.threads:
        process = scene.process_of(thread)
        if thread.state is None or not thread.state.wants_processor or (process and process.is_idle):
            continue
        yield ReadyThread(
            thread.address,
            thread.thread_id,
            process.name if process else None,
            thread.process_id,
            thread.priority,
            scene.waited_seconds(thread),
            thread.next_processor,
        )


def _top_threads(scene: Scene) -> Iterator[BusyThread]:
    counted = (thread for thread in scene.census.threads if thread.ticks is not None and is_ranked(scene, thread))
    for thread in sorted(counted, key=lambda each: (-(each.ticks or 0), -(each.cycles or 0)))[:TOP]:
        yield _busy_thread(scene, thread)


def _busy_thread(scene: Scene, thread: Thread) -> BusyThread:
    clock, share = scene.census.clock, share_of(scene, thread)
    return BusyThread(
        thread=thread.address,
        thread_id=thread.thread_id,
        process=scene.process_name(thread),
        process_id=thread.process_id,
        kernel_seconds=clock.seconds(thread.kernel_ticks),
        user_seconds=clock.seconds(thread.user_ticks),
        cycles=thread.cycles,
        percent=None if share is None else round(100 * share, 1),
        start=scene.name_of(thread.start_address) if thread.start_address else None,
    )


def _top_processes(scene: Scene) -> Iterator[BusyProcess]:
    clock = scene.census.clock
    counted = [each for each in scene.census.processes if each.ticks is not None and not each.is_idle]
    for each in sorted(counted, key=_process_rank)[:TOP]:
        kernel, user = clock.seconds(each.kernel_ticks), clock.seconds(each.user_ticks)
        yield BusyProcess(each.name, each.process_id, each.address, kernel, user, each.cycles)


def _process_rank(process: ProcessUse) -> tuple[int, int]:
    return -(process.ticks or 0), -(process.cycles or 0)


def _summary(processors: Sequence[RunningProcessor], ready: Sequence[ReadyThread], *, whole: bool) -> str:
    idle = sum(each.idle is True for each in processors)
    busy = sum(each.busy for each in processors)
    unknown = sum(each.idle is None for each in processors)
    known = f", {unknown:,} not known" if unknown else ""
    nobody = "; nobody waits for one" if whole else "; nobody is seen to wait for one"
    waiting = f"; {count_text(len(ready), 'thread')} ready to run" if ready else nobody
    return f"{count_text(len(processors), 'processor')}: {busy:,} busy, {idle:,} idle{known}{waiting}"
