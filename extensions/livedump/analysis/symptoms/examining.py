"""All analyses of symptoms of one dump, and the findings in the order of their weight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from livedump.analysis.symptoms.gathering import SECONDS, gather, time_limit
from livedump.analysis.symptoms.memory import examine_memory
from livedump.analysis.symptoms.occasion import Occasion, Subject, about, find_subject
from livedump.analysis.symptoms.processors import examine_processors
from livedump.analysis.symptoms.requests import examine_requests
from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.symptoms.stacks import survey_stacks
from livedump.analysis.symptoms.waits import examine_waits, explained_threads
from livedump.model.engine import Engine
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.examination import Symptoms
from livedump.model.listing import joined_problems
from livedump.model.memory_use import MemoryUse
from livedump.model.requests import Requests
from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind
from livedump.model.waits import Waits

MAX_FINDINGS = 5
UNKNOWN_OCCASION = Occasion()
STACKS_ONLY = (
    "a dump of kernel stacks holds counters of memory at most, no pool, handles and objects; "
    "Task Manager's 'Full live kernel memory dump' holds them"
)
ORDER = tuple(SymptomKind)
"""Of findings that are equally sure: what stops work first, then what slows it, then what will stop it."""


def examine(
    engine: Engine, live: bool | None, seconds: float = SECONDS, occasion: Occasion = UNKNOWN_OCCASION
) -> Symptoms:
    """What was going on in the machine; what cannot be known is said, never guessed."""
    try:
        scene = gather(engine, live, time_limit(seconds))
    except DumpError as error:
        return nothing_known(error)
    return judge(scene, occasion)


def judge(scene: Scene, occasion: Occasion = UNKNOWN_OCCASION) -> Symptoms:
    """The same of what was gathered."""
    processors, on_processors = examine_processors(scene)
    stacks, in_stacks = survey_stacks(scene)
    waits, in_waits = examine_waits(scene)
    requests, of_requests = examine_requests(scene)
    explained = explained_threads(waits) | {thread for each in (*in_waits, *of_requests) for thread in each.threads}
    unexplained = [each for each in in_stacks if not explained.intersection(each.threads)]
    memory, of_memory = examine_memory(scene)
    subject = find_subject(scene, occasion, waits)
    found = ranked((*on_processors, *unexplained, *in_waits, *of_memory, *of_requests))
    concern = about(found, occasion)
    findings = sorted(found, key=lambda each: _is_beside_the_point(each, subject, concern))
    if occasion.kernel_stacks:
        memory = replace(memory, reason=joined_problems(memory.reason, STACKS_ONLY))
    return Symptoms(
        findings=tuple(findings[:MAX_FINDINGS]),
        more_findings=max(0, len(findings) - MAX_FINDINGS),
        processors=processors,
        stacks=stacks,
        waits=waits,
        memory=memory,
        requests=requests,
        first=occasion.analysis,
        subject=subject.texts,
    )


def ranked(findings: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """The surest first; of equally sure ones by kind, then by weight."""
    return tuple(sorted(findings, key=lambda each: (each.confidence.rank, ORDER.index(each.kind), -each.weight)))


def _is_beside_the_point(symptom: Symptom, subject: Subject, concern: Subject) -> tuple[bool, int, bool]:
    # First what the parameters name, however sure it is; then of equally sure findings what the dump was taken for.
    return not subject.is_of(symptom), symptom.confidence.rank, not concern.is_of(symptom)


def nothing_known(error: DumpError) -> Symptoms:
    """What there is to say when there was no pass over the kernel."""
    state = AnalysisState.NOT_CAPTURED if isinstance(error, MemoryGap) else AnalysisState.NOT_KNOWN
    said = (state, str(error), "not known")
    return Symptoms((), 0, Running(*said), StackSurvey(*said), Waits(*said), MemoryUse(*said), Requests(*said))
