"""The stacks of all threads, like ones together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.symptoms import AnalysisState
from livedump.model.text_kinds import ProcessName, SymbolText


@dataclass(frozen=True)
class StackGroup:
    """Threads that stand at the same place."""

    frames: tuple[SymbolText, ...]
    """``module!function``, innermost first, down to user mode."""
    count: int
    longest_wait_seconds: float | None
    threads: tuple[Address, ...]
    """The longest waiting first."""
    processes: tuple[ProcessName, ...]
    """Whose threads they are, each name once, the most frequent first."""
    waits_in: SymbolText | None
    """The first frame that is not the waiting itself: what an engineer reads first."""
    idle_pool: bool
    """Whether threads stand there that have nothing to do."""
    guessed: bool = False
    """Whether some frame was found by searching the stack."""


class StackSurvey(NamedTuple):
    """What all threads that do not run are waiting in."""

    state: AnalysisState
    reason: str | None
    summary: str
    threads: int = 0
    """Threads that were looked at."""
    unique: int = 0
    """Different stacks."""
    paged_out: int = 0
    """Threads whose stack is not in memory."""
    not_captured: int = 0
    """Threads whose stack the dump does not hold."""
    idle_pool: int = 0
    """Threads that have nothing to do; their groups are marked."""
    groups: tuple[StackGroup, ...] = ()
    """The largest first, then the longest waiting."""
