"""What the analyses of symptoms look at: one pass over the kernel, and stacks, gathered once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Optional

from livedump.model.errors import DumpError
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.memory_use import MemoryFacts
from livedump.model.processors import Registers
from livedump.model.requests import RequestFacts
from livedump.model.threads import Census, ProcessUse, Thread
from livedump.model.waits import WaitFacts

NameOf = Callable[[int], Optional[str]]
"""``module!function`` at an address of code, without an offset; None where it lies in no module."""


@dataclass(frozen=True)
class Scene:
    """One instant of one machine."""

    census: Census
    live: bool | None
    """Whether the dump was taken while Windows kept running: then all processors stand in the corral."""
    processor_stacks: Mapping[int, Stack]
    """By number, with roles; without those that cannot be had."""
    registers: Mapping[int, Registers]
    """Of each processor, as far as they were saved."""
    thread_stacks: Mapping[int, Stack]
    """Of threads that do not run, by ETHREAD."""
    no_stack: Mapping[int, str]
    """Why there is none, by ETHREAD."""
    modules: Sequence[Module]
    name_of: NameOf
    waits: WaitFacts | DumpError
    """Or why they are not known."""
    memory: MemoryFacts | DumpError
    """The same."""
    requests: RequestFacts | DumpError
    """The same."""
    said: Mapping[str, str] | None = None
    """Of a text: the commands that told, by analysis. None where the kernel itself was looked at."""
    ended_early: str | None = None
    """What was not looked at for want of time; None when all was."""

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


def seconds_text(seconds: float | None) -> str:
    """As an engineer says it: ``0.5 s``, ``93 s``, ``12 min 5 s``, ``2 d 3 h``; ``an unknown time``."""
    if seconds is None:
        return "an unknown time"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, name, small, small_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (120, "min", 1, "s")):
        if whole >= size:
            unit = 60 if name == "min" else size
            rest = whole % unit // small
            return f"{whole // unit} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


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


def count_text(count: int, what: str) -> str:
    """``1 thread``, ``40 threads``, ``2 processes``."""
    plural = "es" if what.endswith("s") else "s"
    return f"{count:,} {what}{'' if count == 1 else plural}"
