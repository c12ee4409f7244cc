"""What the dump was taken for, as far as its code, its parameters and its origin tell: where an engineer begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from livedump.analysis.symptoms.requests import request_text, requests_of_threads
from livedump.analysis.symptoms.scene import Scene, thread_text
from livedump.analysis.symptoms.stacks import frame_name, wait_function
from livedump.model.amounts import count_text, seconds_text
from livedump.model.dump import Scope
from livedump.model.findings import OriginKind
from livedump.model.report import Report
from livedump.model.symptoms import Symptom, SymptomKind
from livedump.model.thread_states import ThreadState
from livedump.model.threads import ProcessUse, Thread
from livedump.model.waits import Waits
from livedump.reference.starting_points import starting_point

ABOUT_STORAGE = (OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS, OriginKind.FAILOVER_CLUSTER, OriginKind.STORPORT)
"""Who takes a dump because storage does not answer."""
KINDS_OF: Mapping[str, frozenset[SymptomKind]] = {
    "requests": frozenset({SymptomKind.PENDING_IO}),
    "waits": frozenset({SymptomKind.DEADLOCK, SymptomKind.BLOCKED, SymptomKind.ORPHAN_LOCK, SymptomKind.WORK_QUEUE}),
}
"""The findings of an analysis with which one may begin."""


class Occasion(NamedTuple):
    """Why there is a dump at all."""

    analysis: str | None = None
    """With which one to begin; None where nothing tells."""
    named: tuple[tuple[int, str, int], ...] = ()
    """Number of the parameter, kind of thing as in ``starting_points.txt``, value."""
    kernel_stacks: bool = False
    """Whether only kernel stacks were to be captured."""


def occasion_of(report: Report) -> Occasion:
    """The occasion of the dump that a report is about."""
    check = report.bug_check
    point = starting_point(check.base_code) if check and report.live else None
    stacks = report.scope is Scope.KERNEL_STACKS
    if check is None or point is None:
        storage = report.origin is not None and report.origin.kind in ABOUT_STORAGE
        return Occasion("requests" if storage else None, kernel_stacks=stacks)
    values = ((number, kind, check.parameters[number - 1]) for number, kind in point.parameters)
    return Occasion(point.analysis, tuple((number, kind, each) for number, kind, each in values if each), stacks)


class Subject(NamedTuple):
    """Threads and objects of one concern, found in the machine."""

    threads: frozenset[int]
    objects: frozenset[int]
    texts: tuple[str, ...] = ()
    """One for each thread or process, the most exact first."""

    def is_of(self, symptom: Symptom) -> bool:
        """Whether a finding is about it."""
        return not (self.threads.isdisjoint(symptom.threads) and self.objects.isdisjoint(symptom.objects))


def about(findings: Iterable[Symptom], occasion: Occasion) -> Subject:
    """What the analysis to begin with has findings on: who waits behind such a thread is of the same concern."""
    own = [each for each in findings if each.kind in KINDS_OF.get(occasion.analysis or "", ())]
    threads = frozenset(thread for each in own for thread in each.threads)
    return Subject(threads, frozenset(each for finding in own for each in finding.objects))


def find_subject(scene: Scene, occasion: Occasion, waits: Waits) -> Subject:
    """What the parameters name. A thread says more than its process, which is left out then."""
    threads = [(number, thread) for number, kind, each in occasion.named for thread in _threads(scene, kind, each)]
    objects = frozenset(value for _, kind, value in occasion.named if kind == "object")
    texts = [_thread_subject(scene, waits, number, thread) for number, thread in threads]
    nowhere = "is on no list" if scene.census.threads.problem is None else "is on no list that could be read to its end"
    lost = [f"thread {value:x}, which parameter {number} names, {nowhere}" for number, value in _lost(scene, occasion)]
    if threads:
        return Subject(frozenset(thread.address for _, thread in threads), objects, tuple(texts + lost))
    processes = [(number, each) for number, kind, value in occasion.named for each in _processes(scene, kind, value)]
    members = {each.address for each in scene.census.threads if each.process in {at for _, at in processes}}
    texts = [_process_subject(scene, number, each) for number, each in processes]
    return Subject(frozenset(members), objects, tuple(lost + texts))


def _threads(scene: Scene, kind: str, value: int) -> Iterator[Thread]:
    if kind == "thread" and value in scene.threads:
        yield scene.threads[value]
    if kind == "thread-id":
        yield from (each for each in scene.census.threads if each.thread_id == value)


def _lost(scene: Scene, occasion: Occasion) -> Iterator[tuple[int, int]]:
    for number, kind, value in occasion.named:
        if kind in ("thread", "thread-id") and not any(_threads(scene, kind, value)):
            yield number, value


def _processes(scene: Scene, kind: str, value: int) -> Iterator[int]:
    if kind == "process" and value in scene.processes:
        yield value
    if kind == "process-id":
        yield from (each.address for each in scene.census.processes if each.process_id == value)


def _thread_subject(scene: Scene, waits: Waits, number: int, thread: Thread) -> str:
    behind = next((chain.behind for chain in waits.chains if thread.address in chain.heads), 0)
    others = f"; {count_text(behind, 'thread')} wait{'s' if behind == 1 else ''} behind it" if behind else ""
    return f"{thread_text(scene, thread.address)}, which parameter {number} names, {_doing(scene, thread)}{others}"


def _doing(scene: Scene, thread: Thread) -> str:
    since = seconds_text(scene.waited_seconds(thread))
    if thread.state is ThreadState.RUNNING:
        return "runs"
    if not thread.waits:
        return "is not known to wait" if thread.state is None else f"is {thread.state.name.lower()} since {since}"
    stack = scene.stack_of(thread.address)
    where = wait_function([frame_name(frame) for frame in stack.frames]) if stack else None
    owed = requests_of_threads(scene).get(thread.address)
    pending = f" with {request_text(owed)}" if owed else ""
    return f"waits{f' in {where}' if where else ''}{pending} for at least {since}"


def _process_subject(scene: Scene, number: int, process: int) -> str:
    found = scene.processes[process]
    name = found.name or "an unnamed process"
    ident = "" if found.process_id is None else f" (id {found.process_id})"
    return f"process {name}{ident}, which parameter {number} names, {_how_many_threads(scene, found)}"


def _how_many_threads(scene: Scene, process: ProcessUse) -> str:
    if scene.census.threads.problem is None:
        count: int | None = sum(each.process == process.address for each in scene.census.threads)
    else:
        count = process.active_threads  # its own: not all that it counts may have been seen
    return "has threads that are not all known" if count is None else f"has {count_text(count, 'thread')}"
