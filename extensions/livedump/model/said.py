"""What a saved text tells of symptoms: records as a pass over the kernel makes them, and which command told each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from livedump.model.frames import Stack
from livedump.model.memory_use import MemoryFacts
from livedump.model.threads import Census
from livedump.model.waits import WaitFacts


class SaidSymptoms(NamedTuple):
    """Only what the debugger printed. Whatever is not among it is not known, never known to be none."""

    census: Census
    processor_stacks: Mapping[int, Stack]
    """By number, without roles."""
    thread_stacks: Mapping[int, Stack]
    """By ETHREAD."""
    waits: WaitFacts | None
    memory: MemoryFacts | None
    sources: Mapping[str, str]
    """The commands whose output was read, by analysis: ``waits``: ``!locks``. An analysis that is not among them is
    not told of."""


@runtime_checkable
class TellsSymptoms(Protocol):
    """An engine that has no kernel to look at, and a text in which a debugger did."""

    def said_symptoms(self) -> SaidSymptoms:
        """What the text tells.

        Raises:
            NotKnown: it holds no output of any command that is read.
        """
