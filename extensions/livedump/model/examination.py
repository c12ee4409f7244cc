"""Everything that was looked for in the machine, and what of it is worth an engineer's eye."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.memory_use import MemoryUse
from livedump.model.report import Problem
from livedump.model.requests import Requests
from livedump.model.running import Running
from livedump.model.snapshot import Snapshot
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import LOOKED, Symptom
from livedump.model.threads import Clock
from livedump.model.waits import Waits


class Symptoms(NamedTuple):
    """What was going on. Each analysis says itself whether it could look."""

    findings: tuple[Symptom, ...]
    """The most important first, five at most."""
    more_findings: int
    """How many others there are."""
    processors: Running
    stacks: StackSurvey
    waits: Waits
    memory: MemoryUse
    requests: Requests
    first: str | None = None
    """The analysis to begin with, as the dump was taken for that; None where nothing tells."""
    subject: tuple[str, ...] = ()
    """What became of the threads and processes that the parameters name."""
    clock: Clock | None = None
    """The machine's clocks at the instant of the dump; None where nobody could look."""
    snapshot: Snapshot | None = None
    """All counts, for a comparison with another dump; None where the kernel itself was not looked at."""

    @property
    def looked(self) -> bool:
        """Whether any analysis could look."""
        return any(each.state in LOOKED for each in self.analyses)

    @property
    def looked_everywhere(self) -> bool:
        """Whether each of them could: only then that nothing was found means that nothing stands out."""
        return all(each.state in LOOKED for each in self.analyses)

    @property
    def analyses(self) -> tuple[Running | StackSurvey | Waits | MemoryUse | Requests, ...]:
        """What each analysis saw."""
        return (self.processors, self.waits, self.requests, self.stacks, self.memory)


def _unanswered(record: Running | StackSurvey | Waits | MemoryUse | Requests) -> Problem | None:
    return None if record.state in LOOKED else Problem(record.state.value, record.reason or record.summary)


class RunningFindings(NamedTuple):
    """Who runs, and what of it is trouble."""

    findings: tuple[Symptom, ...]
    processors: Running

    @property
    def unanswered(self) -> Problem | None:
        """Why nothing could be looked at; None where something was."""
        return _unanswered(self.processors)


class StackFindings(NamedTuple):
    """What threads wait in, and which of them for too long."""

    findings: tuple[Symptom, ...]
    stacks: StackSurvey

    @property
    def unanswered(self) -> Problem | None:
        """Why nothing could be looked at; None where something was."""
        return _unanswered(self.stacks)


class WaitFindings(NamedTuple):
    """Who waits for whom, and where nothing moves."""

    findings: tuple[Symptom, ...]
    waits: Waits

    @property
    def unanswered(self) -> Problem | None:
        """Why nothing could be looked at; None where something was."""
        return _unanswered(self.waits)


class MemoryFindings(NamedTuple):
    """What memory is used for, and what of it is too much."""

    findings: tuple[Symptom, ...]
    memory: MemoryUse

    @property
    def unanswered(self) -> Problem | None:
        """Why nothing could be looked at; None where something was."""
        return _unanswered(self.memory)


class RequestFindings(NamedTuple):
    """What drivers owe, and since when at least."""

    findings: tuple[Symptom, ...]
    requests: Requests

    @property
    def unanswered(self) -> Problem | None:
        """Why nothing could be looked at; None where something was."""
        return _unanswered(self.requests)
