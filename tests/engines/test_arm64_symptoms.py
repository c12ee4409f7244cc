"""What was going on in made-up ARM64 systems: the same findings, threads and stacks as on x64."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from livedump.analysis.symptoms.examining import judge
from livedump.analysis.symptoms.gathering import gather
from livedump.engines.native import NativeEngine
from livedump.model.symptoms import SymptomKind
from tests.analysis.symptoms.examined import SYSTEMS, finding_differences, without_limit
from tests.engines.test_arm64 import (
    Row,
    but_for_addresses_and_machine,
    engine_rows,
    printed,
    rows,
    true_rows,
)
from tests.lab.lab import Lab
from tests.synth.kernel.building import BuiltSystem, build_system
from tests.synth.kernel.scenario_series import SERIES
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS
from tests.synth.kernel.spec import RUNNING, TERMINATED
from tests.synth.toolchain import ToolchainMissing

BUILD = "22000"
NOT_KNOWN_ON_ARM64 = {"spin-lock-convoy": "in which registers the functions that spin keep the lock"}
QUESTIONS = ("info", "running", "stacks", "waits", "memory", "requests", "processes")
DEADLOCKED = "resource-deadlock"


@cache
def made(name: str, processor: str = "arm64") -> BuiltSystem:
    system = replace(KERNEL_SCENARIOS[name].system(BUILD), processor=processor)
    try:
        return build_system(system, name if processor == "x64" else f"{processor}-{name}")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def opened(dump: BuiltSystem) -> NativeEngine:
    return NativeEngine(str(dump.path), str(dump.symbols))


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name not in NOT_KNOWN_ON_ARM64])
def test_the_planted_findings_and_no_others(name: str) -> None:
    dump = made(name)
    engine = opened(dump)
    try:
        symptoms = judge(gather(engine, dump.truth.system.live, without_limit))
    finally:
        engine.close()
    assert finding_differences(dump.truth, symptoms) == []


def test_a_convoy_is_seen_and_its_lock_is_not_known() -> None:
    dump = made("spin-lock-convoy")
    engine = opened(dump)
    try:
        symptoms = judge(gather(engine, False, without_limit))
    finally:
        engine.close()
    (convoy,) = [each for each in symptoms.findings if each.kind is SymptomKind.SPIN_LOCK]
    assert convoy.objects == ()
    assert "likely on one lock" in convoy.text


@pytest.mark.parametrize("name", ["quiet", DEADLOCKED, "nonpaged-leak", "kernel-stacks"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_as_of_the_twin(name: str, question: str) -> None:
    ours, twin = (
        but_for_addresses_and_machine(printed(made(name, processor), question), name) for processor in ("arm64", "x64")
    )
    assert ours == twin
    assert ours


@pytest.mark.parametrize("name", ["quiet", DEADLOCKED, "dpc-pressure"])
def test_every_stack_is_the_true_one(name: str) -> None:
    dump = made(name)
    engine = opened(dump)
    compared = 0
    try:
        for processor in dump.truth.processors:
            assert rows(engine.stack(processor.number)) == true_rows(processor.frames)
        threads = {thread.address: thread for thread in engine.census(without_limit).threads}
        for truth in dump.truth.threads:
            if truth.spec.state in (RUNNING, TERMINATED) or not (truth.frames and truth.spec.resident):
                continue
            assert rows(engine.thread_stack(threads[truth.address])) == true_rows(truth.frames), truth.key
            compared += 1
    finally:
        engine.close()
    assert compared > 20


@pytest.mark.lab
@pytest.mark.parametrize("name", ["quiet", DEADLOCKED, "dpc-pressure"])
def test_todays_engine_shows_the_stacks_of_processors_as_we_do(lab_today: Lab, name: str) -> None:
    dump = made(name)
    commands = [text for each in dump.truth.processors for text in (f"~{each.number}s", "kn 100")]
    shown = lab_today.debugger(dump.path, commands, symbol_path=str(dump.symbols), image_path=str(dump.images)).outputs
    engine = opened(dump)
    try:
        ours = [rows(engine.stack(each.number)) for each in dump.truth.processors]
    finally:
        engine.close()
    assert [_kernel_part(engine_rows(output)) for output in shown[1::2]] == [_kernel_part(stack) for stack in ours]


def _kernel_part(stack: list[Row]) -> list[Row]:
    return [row for row in stack if row[0] >> 47]


@pytest.mark.parametrize("name", ["leak", "hang"])
def test_two_dumps_differ_as_those_of_the_twins_do(name: str) -> None:
    ours, twin = (but_for_addresses_and_machine(_difference(name, processor), name) for processor in ("arm64", "x64"))
    assert ours == twin
    assert len(ours.splitlines()) > 20


def _difference(name: str, processor: str) -> str:
    systems = [replace(each, processor=processor) for each in SERIES[name](BUILD).systems[:2]]
    try:
        first, second = (build_system(each, f"{name}-{number}") for number, each in enumerate(systems))
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    return printed(first, "diff", str(second.path))
