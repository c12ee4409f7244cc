"""One thread, found by its address or its id: what ``!thread`` shows, and whose lock it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from livedump.analysis.roles import with_roles
from livedump.analysis.symptoms.gathering import take_census
from livedump.model.addresses import MAX_U64
from livedump.model.errors import DumpError, NotKnown
from livedump.model.frames import Stack
from livedump.model.listing import Listing
from livedump.model.patience import KeepGoing, Time, patience_of, until_interrupted
from livedump.model.thread_states import ThreadState
from livedump.model.thread_view import ThreadView
from livedump.model.threads import U32_TICKS, Census, Clock, Thread, wait_reason_name
from livedump.model.waits import ThreadWait

if TYPE_CHECKING:
    from livedump.model.engine import Engine

Matches = Callable[[Thread], bool]


class _Shown(NamedTuple):
    stack: Stack | None
    problem: str | None


def show_thread(engine: Engine, thread: str | None = None, time: Time = None) -> ThreadView:
    """The thread with that address or id; the one that took the dump unless something is said.

    Numbers are hexadecimal, as the debugger prints them, an id may be decimal where no thread has it in hexadecimal;
    ``0n`` and ``0x`` say which. ``172c.47c`` is a thread of a process. ``time`` is in seconds.

    Raises:
        NotKnown: it is no number, or no thread has it.
        DumpError: the dump, or the engine, does not hold what tells of threads.
    """
    readings = tuple(_readings(thread)) if thread is not None else ()
    keep_going = patience_of(time)
    census = take_census(engine, keep_going)
    found = _requester(census) if thread is None else _find(census, thread, readings)
    return _view(engine, census, found, keep_going)


def _readings(text: str) -> Iterator[Matches]:
    # What the text may mean, the likeliest first.
    process, mark, rest = text.replace("`", "").strip().lower().rpartition(".")
    try:
        if mark:
            ids = int(process, 16), int(rest, 16)
            yield lambda each: (each.process_id, each.thread_id) == ids
        elif rest.startswith("0n"):
            yield _has_number(int(rest[2:], 10))
        else:
            yield _has_number(int(rest, 16))
            if rest.isdecimal():
                yield _has_number(int(rest, 10))
    except ValueError:
        raise NotKnown(
            f"{text!r} is no address or id of a thread: give its ETHREAD, its id in hexadecimal, as in 47c or "
            "172c.47c, or its id in decimal, as in 0n1148"
        ) from None


def _has_number(number: int) -> Matches:
    if not 0 <= number <= MAX_U64:
        raise ValueError
    return lambda each: number in (each.address, each.thread_id)


def _requester(census: Census) -> Thread:
    found = next((each for each in census.threads if each.address == census.requester), None)
    if found is None:
        raise NotKnown(f"it is not known which thread took the dump: give the address or the id of one{_doubt(census)}")
    return found


def _find(census: Census, text: str, readings: tuple[Matches, ...]) -> Thread:
    for matches in readings:
        found = next(filter(matches, census.threads), None)
        if found is not None:
            return found
    raise NotKnown(
        f"no thread of the dump has the address or id {text}; 'livedump running' and 'livedump stacks --idle' show "
        f"those of all threads{_doubt(census)}"
    )


def _doubt(census: Census) -> str:
    return f"; not all threads may be known: {census.threads.problem}" if census.threads.problem else ""


def _view(engine: Engine, census: Census, thread: Thread, keep_going: KeepGoing) -> ThreadView:
    names = {each.address: each.name for each in census.processes}
    facts, clock, stack = engine.thread_facts(thread), census.clock, _stack(engine, census, thread)
    attached = None if facts.attached_process == thread.process else facts.attached_process
    waiting = _ticks_since(clock, thread.wait_ticks)
    return ThreadView(
        thread=thread.address,
        process_id=thread.process_id,
        thread_id=thread.thread_id,
        process=thread.process,
        process_name=names.get(thread.process),
        attached_process=attached,
        attached_name=names.get(attached) if attached is not None else None,
        teb=facts.teb,
        win32_thread=facts.win32_thread,
        state=thread.state.title if thread.state else None,
        processor=_processor(census, thread),
        requester=thread.address == census.requester,
        wait_reason=wait_reason_name(thread.wait_reason) if thread.waits and thread.wait_reason is not None else None,
        user_mode=thread.wait_mode_user if thread.waits else None,
        alertable=thread.alertable if thread.waits else None,
        objects=facts.objects,
        lock=_lock(engine, census, thread, keep_going),
        requests=facts.requests,
        wait_start_ticks=thread.wait_ticks,
        wait_ticks=waiting,
        wait_seconds=clock.seconds(waiting),
        context_switches=thread.context_switches,
        ideal_processor=facts.ideal_processor,
        user_seconds=clock.seconds(thread.user_ticks),
        kernel_seconds=clock.seconds(thread.kernel_ticks),
        created=thread.created,
        start_address=thread.start_address,
        start=_name(engine, thread.start_address),
        win32_start_address=thread.win32_start_address,
        win32_start=_name(engine, thread.win32_start_address),
        stack_init=thread.initial_stack,
        stack_current=thread.kernel_stack,
        stack_base=thread.stack_base,
        stack_limit=thread.stack_limit,
        priority=thread.priority,
        base_priority=thread.base_priority,
        suspend_count=thread.suspend_count,
        stack=stack.stack,
        stack_problem=stack.problem,
    )


def _ticks_since(clock: Clock, ticks: int | None) -> int | None:
    return None if clock.ticks is None or ticks is None else (clock.ticks - ticks) % U32_TICKS


def _running_on(census: Census, thread: Thread) -> int | None:
    return next((each.number for each in census.processors if each.current_thread == thread.address), None)


def _processor(census: Census, thread: Thread) -> int | None:
    running = _running_on(census, thread)
    wants = thread.state is not None and thread.state.wants_processor
    return thread.next_processor if running is None and wants else running


def _stack(engine: Engine, census: Census, thread: Thread) -> _Shown:
    number = _running_on(census, thread)
    if number is None and thread.stack_paged_out:
        return _Shown(None, "the kernel stack is paged out")
    if number is None and (thread.terminated or thread.state is ThreadState.TERMINATED):
        return _Shown(None, "the thread has ended")
    try:
        return _Shown(engine.thread_stack(thread) if number is None else with_roles(engine.stack(number)), None)
    except DumpError as error:
        return _Shown(None, str(error))


def _lock(engine: Engine, census: Census, thread: Thread, keep_going: KeepGoing) -> ThreadWait | None:
    if not thread.waits:
        return None
    waits: Listing[ThreadWait] = Listing(())
    with suppress(DumpError), until_interrupted(keep_going):  # what the thread itself tells is shown all the same
        waits = engine.waits(census, keep_going).waits
    return next((each for each in waits if each.thread == thread.address and each.object.kind.owned), None)


def _name(engine: Engine, address: int | None) -> str | None:
    try:
        return engine.code_name(address) if address else None
    except DumpError:
        return None
