"""Processes, threads and stacks beside the object model of today's debugger, which knows them from the types alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from livedump.engines.native import NativeEngine
from livedump.kernel.census import CensusTaker
from tests.synth import ToolchainMissing
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build

if TYPE_CHECKING:
    from livedump.model.threads import Census
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

NAMES = [name for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large]
PAGE = 90
"""Objects asked for at once: the debugger prints a hundred at most."""
PROCESSES = "@$cursession.Processes.Select(p => new {Name = p.Name, Id = p.Id, Address = &p.KernelObject})"
THREADS = (
    "@$cursession.Processes.SelectMany(p => p.Threads.Select("
    "t => new {Process = p.Id, Id = t.Id, Address = &t.KernelObject}))"
)
STACKS = (
    "@$cursession.Processes.SelectMany(p => p.Threads).Select("
    "t => new {Address = &t.KernelObject, Frames = t.Stack.Frames.Select(f => f.ToDisplayString())})"
)
RUNNING = 2
"""Of KTHREAD.State. The model shows the stack of the session's processor for every thread that runs."""


@contextmanager
def system(name: str) -> Iterator[tuple[BuiltSystem, NativeEngine]]:
    try:
        built = build(name)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}")
    try:
        yield built, engine
    finally:
        engine.close()


def census_of(engine: NativeEngine) -> Census:
    kernel = engine._kernel
    taker = CensusTaker(kernel.memory, kernel.address_of, lambda: True)
    prcbs = [each.prcb for each in engine.processors() if each.prcb is not None]
    return taker.take(prcbs, kernel.address_of("PsActiveProcessHead"), None)


def asked(lab: Lab, built: BuiltSystem, commands: list[str]) -> list[str]:
    result = lab.debugger(
        built.path, commands, symbol_path=str(built.symbols), image_path=str(built.images), timeout=300
    )
    assert len(result.outputs) == len(commands), result.text[-500:]
    return result.outputs


def objects(output: str) -> list[dict[str, str]]:
    """The members of each object that ``dx -r2`` printed."""
    found: list[dict[str, str]] = []
    for line in output.splitlines():
        if re.match(r" {4}\[0x[0-9a-f]+\]", line):
            found.append({})
        member = re.match(r" {8}(\w+) +: (.*?)(?: \[Type: .*\])?$", line)
        if member and found:
            found[-1][member[1]] = member[2].strip()
    return found


def all_objects(lab: Lab, built: BuiltSystem, expression: str, count: int) -> list[dict[str, str]]:
    """The objects of an expression of about ``count``."""
    pages = [f"dx -r2 {expression}.Skip({first}).Take({PAGE})" for first in range(0, count + PAGE, PAGE)]
    return [each for output in asked(lab, built, pages) for each in objects(output)]


def number(text: str) -> int:
    return int(text.split(maxsplit=1)[0], 16)


@pytest.mark.parametrize("name", NAMES)
def test_processes_are_those_of_the_model(lab_today: Lab, name: str) -> None:
    with system(name) as (built, engine):
        ours = [(each.process_id, each.name, each.address) for each in engine.processes()]
    model = all_objects(lab_today, built, PROCESSES, len(ours))
    theirs = [(number(each["Id"]), each["Name"], number(each["Address"])) for each in model]
    assert theirs[0][:2] == (0, "Idle")
    assert sorted(ours) == sorted(theirs[1:])
    assert len(ours) == len(built.truth.processes) - 1


@pytest.mark.parametrize("name", NAMES)
def test_threads_are_those_of_the_model(lab_today: Lab, name: str) -> None:
    with system(name) as (built, engine):
        ours = [(each.process_id, each.thread_id, each.address) for each in census_of(engine).threads]
    model = all_objects(lab_today, built, THREADS, len(ours))
    theirs = [(number(each["Process"]), number(each["Id"]), number(each["Address"])) for each in model]
    assert sorted(ours) == sorted(theirs)
    assert len(ours) == len(built.truth.threads)


def frames_by_thread(output: str) -> dict[int, list[str]]:
    """Call sites by ETHREAD, as ``dx -r3`` printed them."""
    found: dict[int, list[str]] = {}
    for line in output.splitlines():
        address = re.match(r" {8}Address +: (0x[0-9a-f]+)", line)
        frame = re.match(r" {12}\[0x[0-9a-f]+\] +: (.+)$", line)
        if address:
            found[int(address[1], 16)] = []
        elif frame and found:
            found[list(found)[-1]].append(frame[1].replace(" + ", "+").strip())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_stacks_of_threads_that_do_not_run_are_those_of_the_model(lab_today: Lab, name: str) -> None:
    with system(name) as (built, _):
        threads = [thread for thread in built.truth.threads if thread.frames and thread.spec.state != RUNNING]
    pages = [f"dx -r3 {STACKS}.Skip({at}).Take({PAGE})" for at in range(0, len(built.truth.threads) + PAGE, PAGE)]
    model = {key: value for output in asked(lab_today, built, pages) for key, value in frames_by_thread(output).items()}
    assert len(threads) > 10
    for thread in threads:
        sites = [frame.site if "!" in frame.site else f"{frame.instruction:#x}" for frame in thread.frames]
        assert model[thread.address] == sites, thread.key
