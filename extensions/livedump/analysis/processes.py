"""All processes with what they use: what ``!process 0 0`` shows, and their threads by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from livedump.analysis.listings import listing_of
from livedump.analysis.symptoms.gathering import take_census
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError
from livedump.model.listing import Listing
from livedump.model.patience import Time, patience_of
from livedump.model.processes import ListedProcess, Processes
from livedump.model.processors import Process
from livedump.model.thread_states import ThreadState
from livedump.model.threads import Census, Clock, ProcessUse, Thread

if TYPE_CHECKING:
    from livedump.model.engine import Engine

RUNNING, READY, WAITING = "running", "ready", "waiting"


def list_processes(engine: Engine, time: Time = None) -> Processes:
    """All processes, what they use as far as that is known, and the one whose thread asked for the dump.

    ``time`` is in seconds.

    Raises:
        DumpError: neither the list nor the process that asked can be had.
    """
    requester = _requester(engine)
    found = engine.processes() if requester is None else listing_of(engine.processes)
    try:
        census = take_census(engine, patience_of(time))
    except DumpError as error:
        return Processes(Listing(tuple(ListedProcess(*each) for each in found), found.problem), requester, str(error))
    described = tuple(_described(found, census))
    return Processes(Listing(described, found.problem), requester, census.threads.problem)


def _requester(engine: Engine) -> Process | None:
    try:
        return engine.requesting_process()
    except DumpError:
        return None


def _described(found: Iterable[Process], census: Census) -> Iterable[ListedProcess]:
    uses = {each.address: each for each in census.processes}
    states = _states_by_process(census.threads)
    for each in found:
        use = uses.get(each.address) if each.address is not None else None
        listed = ListedProcess(*each)
        yield listed if use is None else _with_use(listed, use, _counts(use, states), census.clock)


def _states_by_process(threads: Iterable[Thread]) -> Mapping[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for each in threads:
        found.setdefault(each.process, Counter())[_state(each)] += 1
    return found


def _counts(use: ProcessUse, states: Mapping[int, Counter[str]]) -> Mapping[str, int | None]:
    # A process without a thread on its list has none, or its list was not looked at.
    if use.address not in states and use.active_threads != 0:
        return {}
    counted = states.get(use.address, Counter())
    return {state: counted[state] for state in (RUNNING, READY, WAITING)}


def _state(thread: Thread) -> str:
    if thread.state is ThreadState.RUNNING:
        return RUNNING
    if thread.state is not None and thread.state.wants_processor:
        return READY
    return WAITING if thread.waits else ""


def _with_use(listed: ListedProcess, use: ProcessUse, counts: Mapping[str, int | None], clock: Clock) -> ListedProcess:
    return listed._replace(
        parent_id=use.parent_id,
        session=use.session,
        threads=use.active_threads,
        running=counts.get(RUNNING),
        ready=counts.get(READY),
        waiting=counts.get(WAITING),
        handles=use.handles,
        commit=None if use.commit_pages is None else use.commit_pages * PAGE_SIZE,
        created=use.created,
        exited=use.exited,
        elapsed_seconds=_elapsed(use, clock),
        kernel_seconds=clock.seconds(use.kernel_ticks),
        user_seconds=clock.seconds(use.user_ticks),
    )


def _elapsed(use: ProcessUse, clock: Clock) -> float | None:
    end = use.exited or clock.system_time
    return (end - use.created).total_seconds() if end and use.created else None
