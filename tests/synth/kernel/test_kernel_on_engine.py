"""Microsoft's own engine opens the made-up systems on every layout and prints what they were made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pytest

from tests.lab.frames import frame_lines
from tests.lab.lab import Lab
from tests.synth.execution import Frame
from tests.synth.kernel.layout import BUILDS, Layout, layout_of, words
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build
from tests.synth.kernel.spec import RUNNING
from tests.synth.kernel.truths import Truth, TruthThread
from tests.synth.test_synth import listing

pytestmark = pytest.mark.lab
FIELD = re.compile(r"\+0x([0-9a-f]+) (\S+)\s+: (.*)")
BITS = re.compile(r"Pos (\d+), (\d+) Bits?")
TYPES_OF_A_SYSTEM = words(
    "_KPCR _KPRCB _KPROCESSOR_STATE _KDPC_DATA _KDPC _KTHREAD _ETHREAD _KPROCESS _EPROCESS _KWAIT_BLOCK "
    "_DISPATCHER_HEADER _KMUTANT _ERESOURCE _OWNER_ENTRY _KLOCK_ENTRY _FAST_MUTEX _IRP _IO_STACK_LOCATION "
    "_DEVICE_OBJECT _DRIVER_OBJECT _FILE_OBJECT _HANDLE_TABLE _HANDLE_TABLE_ENTRY _OBJECT_HEADER _OBJECT_TYPE "
    "_POOL_TRACKER_TABLE _POOL_TRACKER_BIG_PAGES _EX_WORK_QUEUE _KPRIQUEUE _MI_VISIBLE_STATE _MI_VISIBLE_PARTITION "
    "_KUSER_SHARED_DATA _KALPC_MESSAGE _ALPC_PORT _CONTEXT _KSHARED_READY_QUEUE _EX_POOL_HEAP_MANAGER_STATE"
)


@cache
def session(lab: Lab, name: str, build_name: str) -> dict[str, str]:
    """What the engine prints for all that the tests ask of one dump, in one start."""
    dump = build(name, build_name)
    commands = [f"dt nt!{each}" for each in types_of(build_name)] + list(PATHS)
    commands += [thread_command(thread.address) for thread in dump.truth.threads]
    commands += [processor_command(dump.truth.names[f"prcb:{each.number}"]) for each in dump.truth.processors]
    # Before any ``.thread``: today's engine does not come back from one to the processor that it already is on.
    for processor in dump.truth.processors:
        commands += [f"~{processor.number}s", STACK.format(processor.number)]
    for thread in waiting_threads(dump.truth):
        commands += [f".thread {thread.address:x}", STACK.format(thread.address)]
    outputs = lab.debugger(
        dump.path, commands, symbol_path=str(dump.symbols), image_path=str(dump.images), timeout=300
    ).outputs
    return dict(zip(commands, outputs))


STACK = "kn 40 ;* {:x}"
"""The comment tells one thread's stack from another's."""
PATHS = ("dt nt!_IRP Tail.Overlay.CurrentStackLocation", "dt nt!_KPCR Prcb.MHz")


def types_of(build_name: str) -> list[str]:
    """Types whose fields are compared."""
    return [name for name in TYPES_OF_A_SYSTEM if name in layout_of(build_name).types]


def waiting_threads(truth: Truth) -> list[TruthThread]:
    """Threads whose stack is there and that do not run."""
    return [thread for thread in truth.threads if thread.frames and thread.spec.state != RUNNING]


def thread_command(address: int) -> str:
    """Asks for a thread's numbers."""
    names = "State WaitReason WaitTime Priority BasePriority KernelTime UserTime ContextSwitches CycleTime"
    return f"dt nt!_KTHREAD {address:x} {names}"


def processor_command(address: int) -> str:
    """Asks for a processor's numbers."""
    names = "CurrentThread IdleThread NextThread DpcTime InterruptTime KernelTime InterruptCount DpcRoutineActive"
    return f"dt nt!_KPRCB {address:x} {names}"


def fields_of(layout: Layout, type_name: str) -> dict[str, tuple[int, int, int]]:
    """Offset, first bit and bits of each field."""
    return {name: (place.offset, place.first_bit, place.bits) for name, place in layout.fields(type_name).items()}


def printed_fields(output: str) -> dict[str, tuple[int, int, int]]:
    """The same, as ``dt`` prints it."""
    found = {}
    for offset, name, kind in FIELD.findall(output):
        bits = BITS.search(kind)
        found[name] = (int(offset, 16), *((int(bits[1]), int(bits[2])) if bits else (0, 0)))
    return found


@pytest.mark.parametrize("build_name", BUILDS)
def test_types_are_those_of_the_layout(lab: Lab, build_name: str) -> None:
    outputs = session(lab, "quiet", build_name)
    for name in types_of(build_name):
        assert printed_fields(outputs[f"dt nt!{name}"]) == fields_of(layout_of(build_name), name), name


@pytest.mark.parametrize("build_name", BUILDS)
def test_members_of_members_are_reached(lab: Lab, build_name: str) -> None:
    outputs = [session(lab, "quiet", build_name)[path] for path in PATHS]
    assert "+0x040" in outputs[0]
    assert "CurrentStackLocation" in outputs[0]
    assert f"+0x{layout_of(build_name).at('_KPRCB.MHz'):03x}" in outputs[1]


def values(output: str) -> dict[str, str]:
    """What ``dt`` prints behind each field's name."""
    return {name: value.strip().replace("`", "").replace("(null)", "0") for _, name, value in FIELD.findall(output)}


def stack_lines(frames: Sequence[Frame]) -> str:
    """The frames as ``kn`` prints them."""
    return listing(tuple(frames))


SMALL = {name: scenario for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large}
CASES = [
    *((engine, "quiet", build_name) for engine in ("lab_2017", "lab_today") for build_name in BUILDS),
    *(("lab_2017", name, scenario.build) for name, scenario in SMALL.items() if name != "quiet"),
]
"""Nothing wrong on every build with both engines, each other system on its own build with one."""


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> tuple[Truth, dict[str, str]]:
    """Truth of one case, and what its engine prints."""
    engine, name, build_name = request.param
    outputs = session(request.getfixturevalue(engine), name, build_name)
    return build(name, build_name).truth, outputs


every_case = pytest.mark.parametrize("asked", CASES, indirect=True, ids="-".join)
Asked = tuple[Truth, dict[str, str]]


@every_case
def test_threads_hold_what_was_asked_for(asked: Asked) -> None:
    truth, outputs = asked
    for thread in truth.threads:
        shown, spec = values(outputs[thread_command(thread.address)]), thread.spec
        assert int(shown["State"].split()[0], 16) == spec.state
        assert int(shown["WaitReason"].split()[0], 16) == spec.reason
        assert int(shown["WaitTime"], 16) == (truth.system.clock.ticks - spec.since_ticks) & 0xFFFFFFFF
        assert int(shown["KernelTime"], 16) == spec.kernel_ticks & 0xFFFFFFFF
        assert int(shown["UserTime"], 16) == spec.user_ticks
        assert int(shown["ContextSwitches"], 16) == spec.switches
        assert int(shown["CycleTime"], 16) == spec.cycles
        assert int(shown["Priority"].split()[0]) == spec.priority


@every_case
def test_every_thread_unwinds_to_its_stack(asked: Asked) -> None:
    truth, outputs = asked
    for thread in waiting_threads(truth):
        assert frame_lines(outputs[STACK.format(thread.address)]) == stack_lines(thread.frames), thread.key


@every_case
def test_every_processor_unwinds_through_the_corral(asked: Asked) -> None:
    truth, outputs = asked
    for processor in truth.processors:
        assert frame_lines(outputs[STACK.format(processor.number)]) == stack_lines(processor.frames), processor.number


@every_case
def test_processors_hold_what_was_asked_for(asked: Asked) -> None:
    truth, outputs = asked
    for processor in truth.processors:
        output = outputs[processor_command(truth.names[f"prcb:{processor.number}"])]
        shown = {name: int(value.split()[0], 16) for name, value in values(output).items()}
        spec = processor.spec
        assert shown["CurrentThread"] == processor.thread
        assert shown["IdleThread"] == truth.names[f"thread:idle:{processor.number}"]
        assert shown["NextThread"] == (truth.names[f"thread:{spec.standby}"] if spec.standby else 0)
        assert shown["DpcTime"] == spec.dpc_ticks
        assert shown["InterruptTime"] == spec.interrupt_ticks
        assert shown["KernelTime"] == spec.kernel_ticks
        assert shown["InterruptCount"] == spec.interrupt_count
        assert shown["DpcRoutineActive"] == int(bool(processor.captured or spec.active_dpc))


@pytest.mark.parametrize("build_name", BUILDS)
def test_todays_engine_lists_the_same_processes_and_threads(lab_today: Lab, build_name: str) -> None:
    dump = build("starvation", build_name)
    processes = [each for each in dump.truth.processes if each.key != "Idle"]
    commands = ["dx -r1 @$cursession.Processes"]
    commands += [f"dx -r1 @$cursession.Processes[{process.spec.pid}].Threads" for process in processes]
    outputs = lab_today.debugger(
        dump.path, commands, symbol_path=str(dump.symbols), image_path=str(dump.images), timeout=300
    ).outputs
    listed = {int(number, 16): name for number, name in re.findall(r"\[(0x[0-9a-f]+)\]\s+: (\S+)", outputs[0])}
    assert listed == {0: "Idle", **{each.spec.pid: each.spec.name for each in processes}}
    for process, output in zip(processes, outputs[1:]):
        threads = {int(number, 16) for number in re.findall(r"\[(0x[0-9a-f]+)\]", output)}
        assert threads == {each.spec.tid for each in dump.truth.threads if each.process == process.address}


def test_every_scenario_has_a_build_of_its_own_turn() -> None:
    assert {scenario.build for scenario in KERNEL_SCENARIOS.values()} <= set(BUILDS)
