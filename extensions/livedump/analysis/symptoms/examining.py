"""All analyses of symptoms of one dump, and the findings in the order of their weight."""

from __future__ import annotations

from collections.abc import Iterable

from livedump.analysis.symptoms.memory import examine_memory
from livedump.analysis.symptoms.occasion import Occasion, Subject, about, find_subject
from livedump.analysis.symptoms.processors import examine_processors
from livedump.analysis.symptoms.requests import examine_requests
from livedump.analysis.symptoms.scene import Scene
from livedump.analysis.symptoms.snapshot import snapshot_of
from livedump.analysis.symptoms.stacks import survey_stacks
from livedump.analysis.symptoms.waits import examine_waits, explained_threads
from livedump.model.examination import Symptoms
from livedump.model.listing import joined_problems
from livedump.model.memory_use import MemoryUse
from livedump.model.symptoms import Symptom, SymptomKind

MAX_FINDINGS = 5
UNKNOWN_OCCASION = Occasion()
UNKNOWN_SUBJECT = Subject(frozenset(), frozenset())
STACKS_ONLY = (
    "a dump of kernel stacks holds counters of memory at most, no pool, handles and objects; "
    "Task Manager's 'Full live kernel memory dump' holds them"
)
ORDER = tuple(SymptomKind)
"""Of findings that are equally sure: what stops work first, then what slows it, then what will stop it."""


def judge(scene: Scene, occasion: Occasion = UNKNOWN_OCCASION) -> Symptoms:
    """What was going on in the machine; what cannot be known is said, never guessed."""
    processors, on_processors = examine_processors(scene)
    stacks, in_stacks = survey_stacks(scene)
    waits, in_waits = examine_waits(scene)
    requests, of_requests = examine_requests(scene)
    explained = explained_threads(waits) | {thread for each in (*in_waits, *of_requests) for thread in each.threads}
    unexplained = [each for each in in_stacks if not explained.intersection(each.threads)]
    memory, of_memory = examine_memory(scene)
    # That a text does not name a thread does not mean that it is gone.
    subject = find_subject(scene, occasion, waits) if scene.said is None else UNKNOWN_SUBJECT
    found = ranked((*on_processors, *unexplained, *in_waits, *of_memory, *of_requests))
    concern = about(found, occasion)
    findings = sorted(found, key=lambda each: _is_beside_the_point(each, subject, concern))
    if occasion.kernel_stacks:
        memory = of_stacks_alone(memory)
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
        clock=scene.census.clock,
        snapshot=snapshot_of(scene),
    )


def of_stacks_alone(memory: MemoryUse) -> MemoryUse:
    """What a dump of kernel stacks tells of memory, with what holds the rest."""
    return memory._replace(reason=joined_problems(STACKS_ONLY, memory.reason))


def ranked(findings: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """The surest first; of equally sure ones by kind, then by weight."""
    return tuple(sorted(findings, key=lambda each: (each.confidence.rank, ORDER.index(each.kind), -each.weight)))


def _is_beside_the_point(symptom: Symptom, subject: Subject, concern: Subject) -> tuple[bool, int, bool]:
    # First what the parameters name, however sure it is; then of equally sure findings what the dump was taken for.
    return not subject.is_of(symptom), symptom.confidence.rank, not concern.is_of(symptom)
