"""Asks an engine for what the analyses look at, within a limit of time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Callable, NamedTuple, TypeVar

from livedump.analysis.roles import with_roles
from livedump.model.engine import Engine, KeepGoing
from livedump.model.errors import DumpError, NotKnown
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.processors import Processor
from livedump.model.said import SaidSymptoms, TellsSymptoms
from livedump.model.thread_states import ThreadState

if TYPE_CHECKING:
    from livedump.analysis.symptoms.scene import Scene
    from livedump.model.threads import Census, Thread

Answer = TypeVar("Answer")
_NOT_TOLD = NotKnown("what drivers owe is not read from debugger text")
Tell = Callable[[str], None]
"""Shows a few words of how far it is."""

SECONDS = 10.0
"""For one dump, unless something else is asked for; a server with 5,000 threads takes two."""


def time_limit(seconds: float) -> KeepGoing:
    """Whether less than that has passed since this was asked for."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def gather(engine: Engine, live: bool | None, keep_going: KeepGoing, tell: Tell = lambda _: None) -> Scene:
    """One pass, the stacks of all processors, and those of all threads that do not run; ``tell`` is told what is next.

    Raises:
        DumpError: there is no pass: the dump, or the engine, does not hold what it needs.
    """
    if isinstance(engine, TellsSymptoms):
        return _said_scene(engine.said_symptoms(), live)
    tell("threads,")
    census = engine.census(keep_going)
    from livedump.analysis.symptoms.scene import Scene  # noqa: PLC0415 - many dumps have no census

    processors = tuple(_find_processors(engine))
    tell(f"stacks of {len(census.threads):,},")
    stacks = _thread_stacks(engine, census, keep_going)
    tell("locks, memory, requests")
    return Scene(
        census=census,
        live=live,
        processor_stacks=dict(_processor_stacks(engine, processors)),
        registers={each.number: each.registers for each in processors if each.registers is not None},
        thread_stacks=stacks.found,
        no_stack=stacks.missing,
        modules=_find_modules(engine),
        name_of=engine.code_name,
        waits=_or_error(lambda: engine.waits(census, keep_going)),
        requests=_or_error(lambda: engine.requests(census, keep_going)),
        memory=_or_error(lambda: engine.memory_use(census, keep_going)),
        ended_early=stacks.ended_early,
    )


def _said_scene(said: SaidSymptoms, live: bool | None) -> Scene:
    from livedump.analysis.symptoms.scene import Scene  # noqa: PLC0415 - most texts tell nothing of symptoms

    return Scene(
        census=said.census,
        live=live,
        processor_stacks={number: with_roles(stack) for number, stack in said.processor_stacks.items()},
        registers={},
        thread_stacks=said.thread_stacks,
        no_stack={},
        modules=(),
        name_of=_no_name,
        waits=said.waits or _NOT_TOLD,
        requests=_NOT_TOLD,
        memory=said.memory or _NOT_TOLD,
        said=said.sources,
    )


def _no_name(_: int) -> str | None:
    return None


class _Stacks(NamedTuple):
    found: dict[int, Stack]
    missing: dict[int, str]
    ended_early: str | None


def _thread_stacks(engine: Engine, census: Census, keep_going: KeepGoing) -> _Stacks:
    found: dict[int, Stack] = {}
    missing: dict[int, str] = {}
    asked = [thread for thread in census.threads if _has_stack(thread)]
    for index, thread in enumerate(asked):
        if not keep_going():
            late = f"the time limit was reached: the stacks of {len(asked) - index:,} threads were not looked at"
            return _Stacks(found, missing, late)
        try:
            found[thread.address] = engine.thread_stack(thread)
        except DumpError as error:
            missing[thread.address] = str(error)
    return _Stacks(found, missing, None)


def _has_stack(thread: Thread) -> bool:
    # That of a thread that runs is its processor's.
    return thread.state is not ThreadState.RUNNING and not thread.terminated and not thread.stack_paged_out


def _find_processors(engine: Engine) -> Iterable[Processor]:
    try:
        return engine.processors()
    except DumpError:
        return ()


def _processor_stacks(engine: Engine, processors: Iterable[Processor]) -> Iterable[tuple[int, Stack]]:
    for each in processors:
        try:
            yield each.number, with_roles(engine.stack(each.number))
        except DumpError:  # that processor's own frame is not known, and is said to be
            continue


def _or_error(question: Callable[[], Answer]) -> Answer | DumpError:
    try:
        return question()
    except DumpError as error:
        return error


def _find_modules(engine: Engine) -> tuple[Module, ...]:
    try:
        return engine.modules().items
    except DumpError:
        return ()
