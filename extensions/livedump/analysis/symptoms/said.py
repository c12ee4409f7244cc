"""Analyses of what a text tells: marked as the debugger's word, a step less sure, and silent where it tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from livedump.analysis.symptoms.scene import Scene
from livedump.model.findings import Confidence
from livedump.model.memory_use import MemoryUse
from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import LOOKED, AnalysisState, Symptom
from livedump.model.waits import Waits

Record = TypeVar("Record", Running, StackSurvey, Waits, MemoryUse)
Examined = tuple[Record, tuple[Symptom, ...]]

COMMANDS = {
    "processors": "!running -it",
    "stacks": "!stacks 2",
    "waits": "!locks",
    "memory": "!vm 1; !poolused 2; !poolused 4",
}
"""What to run for each analysis, so that a text tells of it."""
_LESS_SURE = {Confidence.CERTAIN: Confidence.LIKELY, Confidence.LIKELY: Confidence.POSSIBLE}


def said_by(
    name: str, judged: bool = True
) -> Callable[[Callable[[Scene], Examined[Record]]], Callable[[Scene], Examined[Record]]]:
    """Makes of an analysis of the kernel one of a text too; without ``judged`` a text alone makes no finding."""

    def wrapped(examine: Callable[[Scene], Examined[Record]]) -> Callable[[Scene], Examined[Record]]:
        @wraps(examine)
        def examined(scene: Scene) -> Examined[Record]:
            record, findings = examine(scene)
            if scene.said is None:
                return record, findings
            source = scene.said.get(name)
            if source is None:
                return _untold(record, name), ()
            return _told(record, source), tuple(map(_less_sure, findings)) if judged else ()

        return examined

    return wrapped


def _untold(record: Record, name: str) -> Record:
    reason = f"the text holds no output of {COMMANDS[name]}; run it and save the log again"
    return type(record)(AnalysisState.NOT_KNOWN, reason, "not known")


def _told(record: Record, source: str) -> Record:
    summary = record.summary if record.state in LOOKED else "a part is told"
    return record._replace(
        state=AnalysisState.FOUND,
        reason=f"said by the debugger: output of {source}; what it does not print is not known",
        summary=f"{summary} (said by the debugger: {source})",
    )


def _less_sure(finding: Symptom) -> Symptom:
    return finding._replace(confidence=_LESS_SURE.get(finding.confidence, finding.confidence))
