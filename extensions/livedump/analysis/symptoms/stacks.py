"""Stacks of all threads that do not run: like ones together, those that have nothing to do apart.

Idle pools are most threads of any machine; what is left is worth reading, the largest group first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from livedump.analysis.symptoms.said import said_by
from livedump.analysis.symptoms.scene import Scene, thread_text
from livedump.model.amounts import count_text, seconds_text
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.stack_survey import StackGroup, StackSurvey
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind
from livedump.model.thread_states import ThreadState
from livedump.model.threads import WAIT_REASONS, Thread
from livedump.reference.waiting_frames import is_idle_pool, is_waiting

LONG_WAIT_SECONDS = 30
"""Ours: a wait in kernel mode that no user can have asked for."""
_KERNEL_WAITS = (
    "Executive", "WrExecutive", "PageIn", "WrPageIn", "WrPageOut", "WrVirtualMemory", "FreePage", "WrFreePage",
)  # fmt: skip
KERNEL_WAITS = frozenset(map(WAIT_REASONS.index, _KERNEL_WAITS))
"""Reasons for which the kernel waits on its own account."""


@said_by("stacks", judged=False)
def survey_stacks(scene: Scene) -> tuple[StackSurvey, tuple[Symptom, ...]]:
    """The groups of stacks, and long waits that nothing explains."""
    waiting = [thread for thread in scene.census.threads if _is_asked(scene, thread)]
    there = [(thread, stack) for thread in waiting if (stack := scene.stack_of(thread.address)) is not None]
    paged_out = sum(thread.stack_paged_out for thread in waiting)
    groups = group_stacks(scene, there)
    survey = StackSurvey(
        state=_state(waiting, there, scene),
        reason=_reason(scene, waiting, there, paged_out),
        summary=_summary(len(waiting), groups, paged_out, whole=scene.census.threads.problem is None),
        threads=len(waiting),
        unique=len(groups),
        paged_out=paged_out,
        not_captured=len(waiting) - len(there) - paged_out,
        idle_pool=sum(group.count for group in groups if group.idle_pool),
        groups=groups,
    )
    return survey, tuple(_long_waits(scene, groups))


def group_stacks(scene: Scene, stacks: Iterable[tuple[Thread, Stack]]) -> tuple[StackGroup, ...]:
    """Threads by their frames, down to user mode and without offsets; the largest group first."""
    members: defaultdict[tuple[str, ...], list[Thread]] = defaultdict(list)
    guessed: set[tuple[str, ...]] = set()
    keys: dict[tuple[int | None, ...], tuple[str, ...]] = {}
    for thread, stack in stacks:
        key = _key(stack.frames, keys)
        members[key].append(thread)
        if any(frame.trust is Trust.SCAN for frame in stack.frames):
            guessed.add(key)
    groups = (_group(scene, key, threads, key in guessed) for key, threads in members.items())
    return tuple(sorted(groups, key=lambda group: (-group.count, -(group.longest_wait_seconds or 0), group.frames)))


def frame_name(frame: Frame) -> str:
    """``module!function``; the module with an offset where there are no symbols."""
    return f"{frame.module}!{frame.symbol}" if frame.symbol else frame.call_site


class _Place(NamedTuple):
    # What decides whether a group of threads has anything to do.
    names: tuple[str, ...]
    start: str | None


def _is_asked(scene: Scene, thread: Thread) -> bool:
    idle = (process := scene.process_of(thread)) is not None and process.is_idle
    return not idle and thread.state is not ThreadState.RUNNING and not thread.terminated


def _key(frames: Sequence[Frame], known: dict[tuple[int | None, ...], tuple[str, ...]]) -> tuple[str, ...]:
    places = tuple(frame.instruction for frame in frames)
    # A text may name places without their addresses; those say nothing of which place it is.
    found = None if None in places else known.get(places)
    if found is None:
        kernel = (frame for frame in frames if frame.kernel_mode is not False)
        found = known[places] = tuple(frame_name(frame) for frame in kernel)
    return found


def _group(scene: Scene, names: tuple[str, ...], threads: list[Thread], guessed: bool) -> StackGroup:
    waits = {thread.address: scene.waited_seconds(thread) for thread in threads}
    ordered = sorted(threads, key=lambda thread: (-(waits[thread.address] or 0), thread.address))
    known = [seconds for seconds in waits.values() if seconds is not None]
    processes = Counter(filter(None, (scene.process_name(thread) for thread in threads)))
    place = _Place(names, scene.name_of(threads[0].start_address) if threads[0].start_address else None)
    return StackGroup(
        frames=names,
        count=len(threads),
        longest_wait_seconds=max(known, default=None),
        threads=tuple(thread.address for thread in ordered),
        processes=tuple(name for name, _ in processes.most_common()),
        waits_in=wait_function(names),
        idle_pool=_has_nothing_to_do(place),
        guessed=guessed,
    )


def wait_function(names: Sequence[str]) -> str | None:
    """The first frame that is not the waiting itself."""
    return next((name for name in names if not is_waiting(name)), None)


def first_driver(frames: Iterable[Frame]) -> str | None:
    """The first module on a stack that is not the kernel: whose wait it is. A guessed frame blames nobody."""
    for frame in frames:
        if frame.trust is Trust.SCAN or frame.kernel_mode is False:
            return None
        if frame.module not in (None, "nt", "hal"):
            return frame.module
    return None


def _has_nothing_to_do(place: _Place) -> bool:
    # A system thread that waits in the very function it was started at waits for work.
    waits_in = wait_function(place.names)
    return is_idle_pool(place.names) or (waits_in is not None and waits_in == place.start)


def _long_waits(scene: Scene, groups: Sequence[StackGroup]) -> Iterable[Symptom]:
    for group in groups:
        if group.idle_pool or group.guessed:
            continue
        long = [address for address in group.threads if _waits_long(scene, scene.threads[address])]
        if long:
            yield _long_wait(scene, group, long)


def _waits_long(scene: Scene, thread: Thread) -> bool:
    seconds = scene.waited_seconds(thread)
    if seconds is None or seconds < LONG_WAIT_SECONDS or not thread.waits or thread.wait_reason not in KERNEL_WAITS:
        return False
    return thread.wait_mode_user is False and thread.alertable is not True and not scene.is_requester(thread.address)


def _long_wait(scene: Scene, group: StackGroup, threads: Sequence[int]) -> Symptom:
    first = scene.threads[threads[0]]
    seconds = scene.waited_seconds(first)
    who = thread_text(scene, first.address)
    others = f" and {count_text(len(threads) - 1, 'more thread')}" if len(threads) > 1 else ""
    where = group.waits_in or "the kernel"
    text = f"{who}{others} waited in {where} for {seconds_text(seconds)}, in kernel mode and not alertable"
    fact = f"{count_text(len(threads), 'thread')} with one stack, waiting at least {LONG_WAIT_SECONDS} s in {where}"
    module = where.partition("!")[0]
    return Symptom(
        SymptomKind.LONG_WAIT,
        text,
        Confidence.POSSIBLE,
        (Evidence("long-wait", fact, f"!thread {first.address:x}"),),
        threads=tuple(threads),
        objects=_waited_for(scene, threads),
        modules=(module,) if module != "nt" else (),
        processes=group.processes,
        count=len(threads),
        subject=where,
        weight=len(threads) * (seconds or 0),
    )


def _waited_for(scene: Scene, threads: Iterable[int]) -> tuple[int, ...]:
    # Each object once; none of a thread that waits for several.
    if isinstance(scene.waits, DumpError):
        return ()
    objects = {wait.thread: wait.object.address for wait in scene.waits.waits}
    return tuple(dict.fromkeys(objects[each] for each in threads if each in objects))


def _state(waiting: Sequence[Thread], there: Sequence[object], scene: Scene) -> AnalysisState:
    if there:
        return AnalysisState.FOUND
    if waiting:
        return AnalysisState.NOT_CAPTURED
    return AnalysisState.NOT_KNOWN if scene.census.threads.problem else AnalysisState.NONE


def _reason(scene: Scene, waiting: Sequence[Thread], there: Sequence[object], paged_out: int) -> str | None:
    missing = len(waiting) - len(there) - paged_out
    first = next(filter(None, (scene.why_no_stack(each.address) for each in waiting)), None)
    lacking = f"{count_text(missing, 'stack')} not captured: {first}" if missing > 0 and first else None
    return "; ".join(filter(None, (scene.census.threads.problem, scene.ended_early, lacking))) or None


def _summary(threads: int, groups: Sequence[StackGroup], paged_out: int, *, whole: bool) -> str:
    if not threads:
        return "no thread is listed but those that run" if whole else "not known"
    idle = sum(group.count for group in groups if group.idle_pool)
    busy = sum(not group.idle_pool for group in groups)
    out = f", {paged_out:,} paged out" if paged_out else ""
    return (
        f"{count_text(threads, 'thread')} not running: {idle:,} have nothing to do, "
        f"the others stand at {count_text(busy, 'different place')}{out}"
    )
