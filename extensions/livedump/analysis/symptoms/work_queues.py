"""Work queues: which of them no longer work off what is queued, and where their workers stand.

Many queues look stuck at one instant. One is called so only when all of its workers are at work and none of them runs,
and nothing was worked off in the last round or there can be no more workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.symptoms.stacks import LONG_WAIT_SECONDS, first_driver, frame_name, wait_function
from livedump.model.amounts import count_text, seconds_text
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence
from livedump.model.requests import QueueFacts
from livedump.model.symptoms import Symptom, SymptomKind
from livedump.model.threads import Thread
from livedump.model.waits import WorkQueue
from livedump.reference.waiting_frames import is_idle_pool

MAX_ROUTINES = 8


def examine_work_queues(scene: Scene) -> tuple[tuple[WorkQueue, ...], tuple[Symptom, ...]]:
    """All queues, and those that are stuck."""
    if isinstance(scene.requests, DumpError):
        return (), ()
    queues = tuple(_queue(scene, each) for each in scene.requests.queues)
    findings = (_stuck(scene, *pair) for pair in zip(scene.requests.queues, queues) if pair[1].stuck)
    return queues, tuple(findings)


def _queue(scene: Scene, queue: QueueFacts) -> WorkQueue:
    workers = [scene.threads[each] for each in queue.workers if each in scene.threads]
    busy = [each for each in workers if not _waits_for_work(scene, each)]
    routines = Counter(name for name in map(scene.name_of, queue.items) if name)
    return WorkQueue(
        address=queue.address,
        node=queue.node,
        index=queue.index,
        pending=None if queue.items.problem and not queue.items else len(queue.items),
        threads=None if queue.workers.problem and not workers else len(workers),
        busy=len(busy),
        stuck=_is_stuck(scene, queue, workers, busy),
        routines=tuple(name for name, _ in routines.most_common(MAX_ROUTINES)),
        waits_in=_common_place(scene, busy),
        processed=queue.processed,
        workers=tuple(each.address for each in busy),
    )


def _waits_for_work(scene: Scene, thread: Thread) -> bool:
    stack = scene.stack_of(thread.address)
    return stack is not None and thread.waits and is_idle_pool(frame_name(frame) for frame in stack.frames)


def _is_stuck(scene: Scene, queue: QueueFacts, workers: Sequence[Thread], busy: Sequence[Thread]) -> bool | None:
    if not queue.items:
        return None if queue.items.problem else False
    if not workers or len(busy) < len(workers) or not all(each.waits for each in busy):
        return None if not workers else False
    # A list that is not whole may lack just the worker that works.
    if queue.workers.problem or any(scene.stack_of(each.address) is None for each in busy):
        return None
    idle = queue.processed is not None and queue.processed == queue.processed_last_pass
    full = queue.max_threads is not None and (queue.thread_count or len(workers)) >= queue.max_threads
    waited = min(scene.waited_seconds(each) or 0 for each in busy)
    return (idle or full) and waited >= LONG_WAIT_SECONDS


def _common_place(scene: Scene, threads: Iterable[Thread]) -> str | None:
    places = Counter(filter(None, _places(scene, threads)))
    return places.most_common(1)[0][0] if places else None


def _places(scene: Scene, threads: Iterable[Thread]) -> Iterator[str | None]:
    for each in threads:
        stack = scene.stack_of(each.address)
        yield wait_function([frame_name(frame) for frame in stack.frames]) if stack else None


def _stuck(scene: Scene, queue: QueueFacts, found: WorkQueue) -> Symptom:
    workers = sorted(queue.workers, key=lambda each: -(scene.waited_seconds(scene.threads[each]) or 0))
    longest = seconds_text(scene.waited_seconds(scene.threads[workers[0]]))
    where = f" in {found.waits_in}" if found.waits_in else ""
    all_workers = f"all {count_text(len(workers), 'worker')}" if len(workers) > 1 else "the only worker"
    blocked = f"{all_workers} of work queue {queue.index} (node {queue.node}) wait{'s' if len(workers) == 1 else ''}"
    stacks = filter(None, map(scene.stack_of, workers))
    modules = dict.fromkeys(first_driver(stack.frames) for stack in stacks)
    items = count_text(len(queue.items), "item")
    return Symptom(
        SymptomKind.WORK_QUEUE,
        f"{blocked}{where} for up to {longest} while {items} wait{'s' if len(queue.items) == 1 else ''}",
        Confidence.LIKELY,
        (
            Evidence("work-queue", f"{items} queued, {len(workers)} of {len(workers)} workers blocked", "!exqueue f"),
            Evidence("work-queue-progress", _progress(queue), f"dt nt!_EX_WORK_QUEUE {queue.address:x}"),
        ),
        threads=tuple(workers),
        objects=(queue.address,),
        modules=tuple(name for name in modules if name),
        count=len(queue.items),
        subject=next((name for name in modules if name), ""),
        weight=len(queue.items),
    )


def _progress(queue: QueueFacts) -> str:
    if queue.processed is not None and queue.processed == queue.processed_last_pass:
        return f"no item was worked off since the last look at the queue: {queue.processed:,} in all"
    return f"there are as many workers as there may be: {queue.max_threads}"
