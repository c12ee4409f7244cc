"""What the analyses of symptoms look at: one pass over the kernel, and what each of them asks for beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Optional, Protocol, TypeVar

from livedump.model.errors import DumpError, NotKnown
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.listing import Listing
from livedump.model.memory_use import MemoryFacts
from livedump.model.patience import KeepGoing, until_interrupted, why_ended
from livedump.model.processors import Registers
from livedump.model.requests import RequestFacts
from livedump.model.threads import Census, ProcessUse, Thread
from livedump.model.waits import WaitFacts

Answer = TypeVar("Answer")
NameOf = Callable[[int], Optional[str]]
"""``module!function`` at an address of code, without an offset; None where it lies in no module."""


class Look(Protocol):
    """Where the parts of a scene come from, each read when it is asked for. Each raises a DumpError when it is not."""

    def processor_stacks(self) -> Mapping[int, Stack]:
        """By number, with roles; without those that cannot be had."""

    def registers(self) -> Mapping[int, Registers]:
        """Of each processor, as far as they were saved."""

    def thread_stack(self, thread: Thread) -> Stack:
        """Of a thread that does not run."""

    def waits(self) -> WaitFacts:
        """What threads wait for, and who holds it."""

    def memory(self) -> MemoryFacts:
        """Commit, pools and their tags, handles, objects."""

    def requests(self) -> RequestFacts:
        """Requests of threads, and work queues."""

    def modules(self) -> Listing[Module]:
        """Loaded modules in load order, kernel first."""


@dataclass(frozen=True)
class Scene:
    """One instant of one machine. What no analysis asks for is not read."""

    census: Census
    live: bool | None
    """Whether the dump was taken while Windows kept running: then all processors stand in the corral."""
    look: Look
    keep_going: KeepGoing
    name_of: NameOf
    said: Mapping[str, str] | None = None
    """Of a text: the commands that told, by analysis. None where the kernel itself was looked at."""
    _stacks: dict[int, Stack] = field(default_factory=dict)
    _no_stack: dict[int, str] = field(default_factory=dict)
    _late: set[int] = field(default_factory=set)

    @cached_property
    def processor_stacks(self) -> Mapping[int, Stack]:
        """By number, with roles; without those that cannot be had."""
        return self._in_time(self.look.processor_stacks) or {}

    @cached_property
    def registers(self) -> Mapping[int, Registers]:
        """Of each processor, as far as they were saved."""
        return self._in_time(self.look.registers) or {}

    @cached_property
    def waits(self) -> WaitFacts | DumpError:
        """What threads wait for, or why that is not known."""
        return self._or_error(self.look.waits)

    @cached_property
    def memory(self) -> MemoryFacts | DumpError:
        """What memory is used for, or why that is not known."""
        return self._or_error(self.look.memory)

    @cached_property
    def requests(self) -> RequestFacts | DumpError:
        """What drivers owe, or why that is not known."""
        return self._or_error(self.look.requests)

    @cached_property
    def modules(self) -> Listing[Module]:
        """Loaded modules; the problem says as well why they are not known."""
        found = self._or_error(self.look.modules)
        return Listing((), str(found)) if isinstance(found, DumpError) else found

    def stack_of(self, thread: int) -> Stack | None:
        """The stack of a thread that does not run, by its ETHREAD; None where there is none, or no time to look."""
        if thread not in self._stacks and thread not in self._no_stack:
            self._find_stack(thread)
        return self._stacks.get(thread)

    def why_no_stack(self, thread: int) -> str | None:
        """Why a stack that was looked for is not there."""
        return self._no_stack.get(thread)

    @property
    def ended_early(self) -> str | None:
        """Which stacks were not looked at for want of time; None when all were that were asked for."""
        if not self._late:
            return None
        return f"{why_ended(self.keep_going)}: the stacks of {len(self._late):,} threads were not looked at"

    def _find_stack(self, address: int) -> None:
        thread = self.threads.get(address)
        if thread is None or (self.said is None and not thread.has_stack):
            return
        try:
            found = self._in_time(lambda: self.look.thread_stack(thread))
        except DumpError as error:
            self._no_stack[address] = str(error)
            return
        if found is None:
            self._late.add(address)
        else:
            self._stacks[address] = found

    def _in_time(self, question: Callable[[], Answer]) -> Answer | None:
        with until_interrupted(self.keep_going):
            return question() if self.keep_going() else None
        return None

    def _or_error(self, question: Callable[[], Answer]) -> Answer | DumpError:
        try:
            found = self._in_time(question)
        except DumpError as error:
            return error
        return NotKnown(f"{why_ended(self.keep_going)} before this was looked at") if found is None else found

    @cached_property
    def processes(self) -> Mapping[int, ProcessUse]:
        """By EPROCESS."""
        return {process.address: process for process in self.census.processes}

    @cached_property
    def threads(self) -> Mapping[int, Thread]:
        """By ETHREAD."""
        return {thread.address: thread for thread in self.census.threads}

    def process_of(self, thread: Thread | None) -> ProcessUse | None:
        """The process of a thread."""
        return self.processes.get(thread.process) if thread else None

    def process_name(self, thread: Thread | None) -> str | None:
        """Its name."""
        process = self.process_of(thread)
        return process.name if process else None

    def is_requester(self, thread: int | None) -> bool:
        """Whether that thread took the dump: nothing that it does is a symptom."""
        return thread is not None and thread == self.census.requester and self.live is not False

    def module_of(self, address: int | None) -> str | None:
        """The module at an address of code."""
        name = self.name_of(address) if address else None
        return name.partition("!")[0] if name else None

    def waited_seconds(self, thread: Thread) -> float | None:
        """How long a thread has waited, for an object or for a processor."""
        return self.census.clock.seconds_since(thread.wait_ticks)


def thread_text(scene: Scene, address: int) -> str:
    """``thread 1c54.1d10 of clussvc.exe``: ids as the debugger prints them, in hex."""
    thread = scene.threads.get(address)
    if thread is None:
        return f"thread {address:x}"
    name = scene.process_name(thread) or "an unnamed process"
    if thread.process_id is None or thread.thread_id is None:
        return f"thread {address:x} of {name}"
    return f"thread {thread.process_id:x}.{thread.thread_id:x} of {name}"


def short_thread_text(scene: Scene, address: int) -> str:
    """``1c54.1d10 clussvc.exe``: the same where there is little room."""
    return thread_text(scene, address).replace("thread ", "", 1).replace(" of ", " ", 1)
