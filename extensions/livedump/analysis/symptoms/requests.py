"""Requests: what drivers owe, and since when at least.

A request bears no time. That its thread has waited for so long, in a wait that nobody's work ends, is a lower bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from livedump.analysis.symptoms.scene import Scene, thread_text
from livedump.analysis.symptoms.stacks import KERNEL_WAITS, LONG_WAIT_SECONDS, frame_name
from livedump.model.amounts import count_text, seconds_text
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence
from livedump.model.requests import DriverRequests, PendingRequest, Request, Requests, major_name
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind
from livedump.reference.waiting_drivers import is_patient, is_storage
from livedump.reference.waiting_frames import is_idle_pool

SHOWN = 200
STORAGE_SECONDS = 60
"""After which a disk's own time limit should have ended a request."""
DIRECTORY_CONTROL, NOTIFY_CHANGE = 0xC, 2
"""A request to be told of changes, which waits until there is one."""


def examine_requests(scene: Scene) -> tuple[Requests, tuple[Symptom, ...]]:
    """Requests that are pending, by driver, and those that have been for too long."""
    if isinstance(scene.requests, DumpError):
        return Requests(AnalysisState.NOT_KNOWN, str(scene.requests), "not known"), ()
    found = scene.requests.requests
    pending = sorted((_pending(scene, each) for each in found), key=lambda each: -(each.waits_seconds or 0))
    if not found and found.problem:
        return Requests(AnalysisState.NOT_CAPTURED, found.problem, "not captured"), ()
    requests = Requests(
        state=AnalysisState.FOUND if found else AnalysisState.NONE,
        reason=found.problem,
        summary=_summary(pending, whole=found.problem is None),
        pending=tuple(pending[:SHOWN]),
        by_driver=tuple(_by_driver(pending)),
        device_stacks=scene.requests.device_stacks,
        more_pending=max(0, len(pending) - SHOWN),
    )
    return requests, tuple(_stuck(scene, found))


def requests_of_threads(scene: Scene) -> Mapping[int, Sequence[Request]]:
    """Requests that a driver still has, by the thread that sent them."""
    found: defaultdict[int, list[Request]] = defaultdict(list)
    if not isinstance(scene.requests, DumpError):
        for each in scene.requests.requests:
            if not each.completed and each.driver:
                found[each.thread].append(each)
    return found


def request_text(requests: Sequence[Request]) -> str:
    """``1 write pending in stornvme``."""
    return f"{_asked(requests)} pending in {requests[0].driver}"


def _asked(requests: Sequence[Request]) -> str:
    majors = {each.major for each in requests}
    only = majors.pop() if len(majors) == 1 else None
    name = "request" if only is None else major_name(only).replace("IRP_MJ_", "").lower().replace("_", " ")
    return count_text(len(requests), name)


def _pending(scene: Scene, request: Request) -> PendingRequest:
    thread = scene.threads.get(request.thread)
    return PendingRequest(
        irp=request.irp,
        driver=request.driver,
        driver_name=request.driver_name,
        device=request.device,
        file=request.file,
        volume=request.volume,
        major=None if request.major is None else major_name(request.major),
        thread=request.thread,
        process=scene.process_name(thread),
        waits_seconds=scene.waited_seconds(thread) if thread and thread.waits else None,
        completed=request.completed,
        cancelled=request.cancelled,
    )


def _by_driver(pending: Iterable[PendingRequest]) -> Iterator[DriverRequests]:
    groups: defaultdict[str | None, list[PendingRequest]] = defaultdict(list)
    for each in pending:
        if not each.completed:
            groups[each.driver].append(each)
    for driver, requests in sorted(groups.items(), key=lambda group: -len(group[1])):
        longest = max((each.waits_seconds or 0 for each in requests), default=None)
        yield DriverRequests(driver, len(requests), longest, len({each.device for each in requests}))


def _stuck(scene: Scene, requests: Iterable[Request]) -> Iterator[Symptom]:
    groups: defaultdict[str, list[Request]] = defaultdict(list)
    for each in requests:
        if each.driver and _waits_too_long(scene, each, each.driver):
            groups[each.driver].append(each)
    for driver, stuck in groups.items():
        yield _pending_io(scene, driver, stuck)


def _waits_too_long(scene: Scene, request: Request, driver: str) -> bool:
    thread = scene.threads.get(request.thread)
    if request.completed or thread is None or not thread.waits or is_patient(driver):
        return False
    if (request.major, request.minor) == (DIRECTORY_CONTROL, NOTIFY_CHANGE):
        return False
    seconds = scene.waited_seconds(thread)
    if seconds is None or seconds < LONG_WAIT_SECONDS or thread.wait_reason not in KERNEL_WAITS:
        return False
    stack = scene.stack_of(request.thread)
    return stack is None or not is_idle_pool(frame_name(frame) for frame in stack.frames)


def _pending_io(scene: Scene, driver: str, stuck: Sequence[Request]) -> Symptom:
    ordered = sorted(stuck, key=lambda each: -(scene.waited_seconds(scene.threads[each.thread]) or 0))
    first = ordered[0]
    seconds = scene.waited_seconds(scene.threads[first.thread]) or 0
    storage = is_storage(driver)
    cancelled = sum(each.cancelled for each in stuck)
    ignored = f"; {cancelled} of them {'was' if cancelled == 1 else 'were'} cancelled in vain" if cancelled else ""
    threads = tuple(dict.fromkeys(each.thread for each in ordered))
    who = thread_text(scene, threads[0])
    others = f" and {count_text(len(threads) - 1, 'other thread')}" if len(threads) > 1 else ""
    names = dict.fromkeys(scene.process_name(scene.threads[thread]) for thread in threads)
    text = f"driver {driver} owes {_asked(ordered)} to {who}{others}, pending for at least "
    fact = f"the request {first.irp:x} is with {driver}, and its thread waits"
    return Symptom(
        SymptomKind.PENDING_IO,
        f"{text}{seconds_text(seconds)}{ignored}",
        Confidence.LIKELY if storage and seconds > STORAGE_SECONDS else Confidence.POSSIBLE,
        (Evidence("pending-io", fact, f"!irp {first.irp:x}"),),
        threads=threads,
        objects=tuple(each.irp for each in ordered),
        modules=(driver,),
        processes=tuple(name for name in names if name),
        count=len(stuck),
        subject=driver,
        weight=len(stuck) * 10 + seconds / 60,
    )


def _summary(pending: Sequence[PendingRequest], *, whole: bool) -> str:
    open_ones = [each for each in pending if not each.completed]
    if not open_ones:
        return f"no request is {'pending' if whole else 'seen'} on the list of a thread"
    drivers = {each.driver for each in open_ones}
    longest = max((each.waits_seconds or 0 for each in open_ones), default=0)
    return (
        f"{count_text(len(open_ones), 'request')} pending in {count_text(len(drivers), 'driver')}, "
        f"for the longest its thread has waited {seconds_text(longest)}"
    )
