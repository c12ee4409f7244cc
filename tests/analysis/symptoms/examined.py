"""Made-up systems, each examined once, and how findings are held against what the system was made to have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from livedump.analysis.symptoms.examining import judge
from livedump.analysis.symptoms.gathering import gather
from livedump.analysis.symptoms.scene import Scene
from livedump.engines.native import NativeEngine
from livedump.model.examination import Symptoms
from livedump.model.symptoms import Symptom
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build
from tests.synth.kernel.truths import Truth, TruthFinding
from tests.synth.toolchain import ToolchainMissing

SYSTEMS = tuple(name for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large)


class Case(NamedTuple):
    """A system and the build on whose layout it is made."""

    name: str
    build: str

    def __str__(self) -> str:
        return f"{self.name}-{self.build}"


OWN = tuple(Case(name, KERNEL_SCENARIOS[name].build) for name in SYSTEMS)
"""Each on its own build."""
TURNS = tuple(Case(name, BUILDS[index * 2 % len(BUILDS)]) for index, name in enumerate(SYSTEMS))
"""Each on another one, all builds in turn."""
QUIET = tuple(Case("quiet", build_name) for build_name in BUILDS)
UNRECORDED = (Case("lock-chain", "7601"), Case("lock-chain", "26100"))
"""Builds that do not record who holds a push lock."""
SERVER = Case("server-small", KERNEL_SCENARIOS["server-small"].build)
"""Made as the big server is, and read by the same code."""
SOME = tuple(dict.fromkeys((*OWN, *TURNS, *QUIET, *UNRECORDED)))
"""What is tried each time."""
ALL = tuple(Case(name, build_name) for name in SYSTEMS for build_name in BUILDS)


class Examined(NamedTuple):
    """One system: what it is, what was gathered of it, and what was made of that."""

    built: BuiltSystem
    scene: Scene
    symptoms: Symptoms

    @property
    def truth(self) -> Truth:
        """What holds for it."""
        return self.built.truth

    @property
    def whole(self) -> bool:
        """Whether the dump holds all that the system has."""
        return not self.truth.system.dump.omit


def without_limit() -> bool:
    """There is always time left: a busy machine changes no answer."""
    return True


@cache
def examined(case: Case) -> Examined:
    """The system, examined. Skips where no compiler can make it."""
    try:
        built = build(case.name, case.build)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    return examine(built)


def examine(built: BuiltSystem) -> Examined:
    """A system that was made for one test, examined."""
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        scene = gather(engine, built.truth.system.live, without_limit)
        return Examined(built, scene, judge(scene))
    finally:
        engine.close()


def finding_differences(truth: Truth, symptoms: Symptoms) -> list[str]:
    """What the findings say that is not so, and what they do not say; optional ones may be missing."""
    return list(_iter_differences(truth, symptoms))


def _iter_differences(truth: Truth, symptoms: Symptoms) -> Iterator[str]:
    left = list(truth.expected)
    for found in symptoms.findings:
        expected = next((each for each in left if _is_meant(each, found)), None)
        if expected is None:
            yield f"nobody planted {found.kind.value}: {found.text}"
            continue
        left.remove(expected)
        if not expected.optional:
            yield from _members(truth, expected, found)
    yield from (f"not found: {each.kind} {each.text}" for each in left if not each.optional)
    if symptoms.more_findings:
        yield f"{symptoms.more_findings} more"


def _is_meant(expected: TruthFinding, found: Symptom) -> bool:
    if expected.kind != found.kind.value:
        return False
    about = ("threads", "processor", "objects")
    return expected.optional or all(_agree(getattr(expected, name), getattr(found, name)) for name in about)


def _members(truth: Truth, expected: TruthFinding, found: Symptom) -> Iterator[str]:
    names = {process.address: process.spec.name for process in truth.processes}
    processes = {names[each] for each in expected.processes} or set(found.processes)
    if not processes == set(found.processes) <= set(names.values()):
        yield f"{expected.kind}: processes are {found.processes}, not {processes}"
    for name in ("threads", "objects", "modules", "processor", "count"):
        if not _agree(getattr(expected, name), getattr(found, name)):
            yield f"{expected.kind}: {name} are {getattr(found, name)}, not {getattr(expected, name)}"


def _agree(expected: object, found: object) -> bool:
    # What the truth leaves open may be anything; of lists the order is not asked.
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return not expected or sorted(expected) == sorted(found)
    return expected is None or expected == found
