"""Processes, threads and stacks beside the object model of today's debugger, which knows them from the types alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from livedump.engines.native import NativeEngine
from livedump.model.errors import MemoryGap
from livedump.model.thread_states import ThreadState
from livedump.model.threads import Thread
from tests.synth import ToolchainMissing
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build

if TYPE_CHECKING:
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


class Model(NamedTuple):
    """What the debugger's object model holds."""

    processes: list[tuple[int, str, int]]
    """Id, name and EPROCESS."""
    threads: list[tuple[int, int, int]]
    """Process id, thread id and ETHREAD."""
    stacks: dict[int, list[str]]
    """Call sites by ETHREAD; of a thread that runs, or whose stack is gone, those of the session's processor."""


@contextmanager
def opened(name: str) -> Iterator[tuple[BuiltSystem, NativeEngine]]:
    try:
        built = build(name)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}")
    try:
        yield built, engine
    finally:
        engine.close()


def model_of(lab: Lab, built: BuiltSystem) -> Model:
    """The model, from one start of the debugger."""
    counts = (len(built.truth.processes), len(built.truth.threads), len(built.truth.threads))
    asked = (("dx -r2", PROCESSES), ("dx -r2", THREADS), ("dx -r3", STACKS))
    commands = [
        [f"{command} {expression}.Skip({first}).Take({PAGE})" for first in range(0, count + PAGE, PAGE)]
        for (command, expression), count in zip(asked, counts)
    ]
    symbols, images = str(built.symbols), str(built.images)
    flat = [each for part in commands for each in part]
    result = lab.debugger(built.path, flat, symbols, image_path=images, timeout=300)
    outputs = iter(result.outputs)
    processes, threads, stacks = ("\n".join(next(outputs, "") for _ in part) for part in commands)
    return Model(
        [(number(each["Id"]), each["Name"], number(each["Address"])) for each in objects(processes)],
        [(number(each["Process"]), number(each["Id"]), number(each["Address"])) for each in objects(threads)],
        frames_by_thread(stacks),
    )


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


def number(text: str) -> int:
    return int(text.split(maxsplit=1)[0], 16)


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


def sites(engine: NativeEngine, thread: Thread) -> list[str]:
    """The call sites of a thread as the model writes them; none where its stack is not in memory any more."""
    try:
        frames = engine.thread_stack(thread).frames
    except MemoryGap:
        return []
    return [f"{frame.instruction:#x}" if frame.module is None else frame.call_site for frame in frames]


def resting_stacks(engine: NativeEngine, threads: Iterable[Thread]) -> dict[int, list[str]]:
    """The call sites of every thread that does not run, by ETHREAD, as far as its stack is in memory."""
    resting = (each for each in threads if each.state is not ThreadState.RUNNING and not each.stack_paged_out)
    found = {each.address: sites(engine, each) for each in resting}
    return {address: calls for address, calls in found.items() if calls}


@pytest.mark.parametrize("name", NAMES)
def test_processes_threads_and_stacks_are_those_of_the_model(lab_today: Lab, name: str) -> None:
    with opened(name) as (built, engine):
        model = model_of(lab_today, built)
        processes = [(each.process_id, each.name, each.address) for each in engine.processes()]
        threads = engine.census(lambda: True).threads.items
        stacks = resting_stacks(engine, threads)
    assert model.processes[0][:2] == (0, "Idle")
    assert sorted(processes) == sorted(model.processes[1:])
    assert sorted((each.process_id, each.thread_id, each.address) for each in threads) == sorted(model.threads)
    assert len(stacks) > 10
    assert stacks == {address: model.stacks[address] for address in stacks}
