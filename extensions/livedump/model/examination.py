"""Everything that was looked for in the machine, and what of it is worth an engineer's eye."""

from __future__ import annotations

from dataclasses import dataclass

from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import Symptom
from livedump.model.waits import Waits


@dataclass(frozen=True)
class Symptoms:
    """What was going on. Each analysis says itself whether it could look."""

    findings: tuple[Symptom, ...]
    """The most important first, five at most."""
    more_findings: int
    """How many others there are."""
    processors: Running
    stacks: StackSurvey
    waits: Waits


@dataclass(frozen=True)
class RunningFindings:
    """Who runs, and what of it is trouble."""

    findings: tuple[Symptom, ...]
    processors: Running


@dataclass(frozen=True)
class StackFindings:
    """What threads wait in, and which of them for too long."""

    findings: tuple[Symptom, ...]
    stacks: StackSurvey


@dataclass(frozen=True)
class WaitFindings:
    """Who waits for whom, and where nothing moves."""

    findings: tuple[Symptom, ...]
    waits: Waits
