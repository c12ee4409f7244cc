"""Asks an engine for what the analyses look at, within a limit of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Callable, TypeVar

from livedump.analysis.roles import with_roles
from livedump.model.errors import DumpError, NotKnown
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.listing import Listing
from livedump.model.patience import KeepGoing, until_interrupted, why_ended
from livedump.model.processors import Processor, Registers
from livedump.model.said import SaidSymptoms, TellsSymptoms

if TYPE_CHECKING:
    from livedump.analysis.symptoms.scene import Scene
    from livedump.model.engine import Engine
    from livedump.model.memory_use import MemoryFacts
    from livedump.model.requests import RequestFacts
    from livedump.model.threads import Census, Thread
    from livedump.model.waits import WaitFacts

Answer = TypeVar("Answer")
_NOT_TOLD = NotKnown("what drivers owe is not read from debugger text")
Tell = Callable[[str], None]
"""Shows a few words of how far it is."""


def gather(engine: Engine, live: bool | None, keep_going: KeepGoing, tell: Tell = lambda _: None) -> Scene:
    """One pass over processors, processes and threads; the rest is read when it is asked for, if there is time left.

    ``tell`` is told what is read next. The engine stays open for as long as the scene is looked at.

    Raises:
        DumpError: there is no pass: the dump, or the engine, does not hold what it needs.
    """
    if isinstance(engine, TellsSymptoms):
        return _said_scene(engine.said_symptoms(), live, keep_going)
    tell("threads")
    census = take_census(engine, keep_going)
    from livedump.analysis.symptoms.scene import Scene  # noqa: PLC0415 - many dumps have no census

    return Scene(census, live, _EngineLook(engine, census, keep_going, tell), keep_going, engine.code_name)


def take_census(engine: Engine, keep_going: KeepGoing) -> Census:
    """Processors, processes and threads in one pass, as far as there is time.

    Raises:
        DumpError: the dump, or the engine, does not hold what it needs.
    """
    with until_interrupted(keep_going):
        return engine.census(keep_going)
    raise NotKnown(f"{why_ended(keep_going)} before any thread was looked at")


class _EngineLook:
    """What an engine answers about one census."""

    def __init__(self, engine: Engine, census: Census, keep_going: KeepGoing, tell: Tell) -> None:
        self._engine = engine
        self._census = census
        self._keep_going = keep_going
        self._tell = tell
        self._told = False

    def processor_stacks(self) -> Mapping[int, Stack]:
        """Of all processors whose stacks can be had."""
        return dict(self._processor_stacks())

    def registers(self) -> Mapping[int, Registers]:
        """Those that were saved."""
        return {each.number: each.registers for each in self._processors if each.registers is not None}

    def thread_stack(self, thread: Thread) -> Stack:
        """As the engine walks it."""
        if not self._told:
            self._tell(f"stacks of {len(self._census.threads):,}")
            self._told = True
        return self._engine.thread_stack(thread)

    def waits(self) -> WaitFacts:
        """As the engine reads them."""
        self._tell("locks")
        return self._engine.waits(self._census, self._keep_going)

    def memory(self) -> MemoryFacts:
        """As the engine reads it."""
        self._tell("memory")
        return self._engine.memory_use(self._census, self._keep_going)

    def requests(self) -> RequestFacts:
        """As the engine reads them."""
        self._tell("requests")
        return self._engine.requests(self._census, self._keep_going)

    def modules(self) -> Listing[Module]:
        """As the engine lists them."""
        return self._engine.modules()

    @cached_property
    def _processors(self) -> Listing[Processor]:
        try:
            return self._engine.processors()
        except DumpError as error:
            return Listing((), str(error))

    def _processor_stacks(self) -> Iterator[tuple[int, Stack]]:
        for each in self._processors:
            try:
                yield each.number, with_roles(self._engine.stack(each.number))
            except DumpError:  # that processor's own frame is not known, and is said to be
                continue


def _said_scene(said: SaidSymptoms, live: bool | None, keep_going: KeepGoing) -> Scene:
    from livedump.analysis.symptoms.scene import Scene  # noqa: PLC0415 - most texts tell nothing of symptoms

    return Scene(said.census, live, _SaidLook(said), keep_going, lambda _: None, said.sources)


class _SaidLook:
    """What a text tells."""

    def __init__(self, said: SaidSymptoms) -> None:
        self._said = said

    def processor_stacks(self) -> Mapping[int, Stack]:
        """Those that the text shows."""
        return {number: with_roles(stack) for number, stack in self._said.processor_stacks.items()}

    def registers(self) -> Mapping[int, Registers]:
        """None."""
        return {}

    def thread_stack(self, thread: Thread) -> Stack:
        """One that the text shows."""
        if thread.address not in self._said.thread_stacks:
            raise NotKnown("the text shows no stack of it")
        return self._said.thread_stacks[thread.address]

    def waits(self) -> WaitFacts:
        """Those that the text shows."""
        return _told(self._said.waits)

    def memory(self) -> MemoryFacts:
        """What the text shows of it."""
        return _told(self._said.memory)

    def requests(self) -> RequestFacts:
        """None."""
        raise _NOT_TOLD

    def modules(self) -> Listing[Module]:
        """None: those that a text lists are in its report."""
        raise _NOT_TOLD


def _told(answer: Answer | None) -> Answer:
    if answer is None:
        raise _NOT_TOLD
    return answer
