"""All analyses of symptoms of one dump, and the findings in the order of their weight."""

from __future__ import annotations

from collections.abc import Iterable

from livedump.analysis.symptoms.gathering import SECONDS, gather, time_limit
from livedump.analysis.symptoms.memory import examine_memory
from livedump.analysis.symptoms.processors import examine_processors
from livedump.analysis.symptoms.requests import examine_requests
from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.symptoms.stacks import survey_stacks
from livedump.analysis.symptoms.waits import examine_waits, explained_threads
from livedump.model.engine import Engine
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.examination import Symptoms
from livedump.model.memory_use import MemoryUse
from livedump.model.requests import Requests
from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind
from livedump.model.waits import Waits

MAX_FINDINGS = 5
ORDER = tuple(SymptomKind)
"""Of findings that are equally sure: what stops work first, then what slows it, then what will stop it."""


def examine(engine: Engine, live: bool | None, seconds: float = SECONDS) -> Symptoms:
    """What was going on in the machine; what cannot be known is said, never guessed."""
    try:
        scene = gather(engine, live, time_limit(seconds))
    except DumpError as error:
        return nothing_known(error)
    return judge(scene)


def judge(scene: Scene) -> Symptoms:
    """The same of what was gathered."""
    processors, on_processors = examine_processors(scene)
    stacks, in_stacks = survey_stacks(scene)
    waits, in_waits = examine_waits(scene)
    requests, of_requests = examine_requests(scene)
    explained = explained_threads(waits) | {thread for each in (*in_waits, *of_requests) for thread in each.threads}
    unexplained = [each for each in in_stacks if not explained.intersection(each.threads)]
    memory, of_memory = examine_memory(scene)
    findings = ranked((*on_processors, *unexplained, *in_waits, *of_memory, *of_requests))
    more = max(0, len(findings) - MAX_FINDINGS)
    return Symptoms(findings[:MAX_FINDINGS], more, processors, stacks, waits, memory, requests)


def ranked(findings: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """The surest first; of equally sure ones by kind, then by weight."""
    return tuple(sorted(findings, key=lambda each: (each.confidence.rank, ORDER.index(each.kind), -each.weight)))


def nothing_known(error: DumpError) -> Symptoms:
    """What there is to say when there was no pass over the kernel."""
    state = AnalysisState.NOT_CAPTURED if isinstance(error, MemoryGap) else AnalysisState.NOT_KNOWN
    said = (state, str(error), "not known")
    return Symptoms((), 0, Running(*said), StackSurvey(*said), Waits(*said), MemoryUse(*said), Requests(*said))
