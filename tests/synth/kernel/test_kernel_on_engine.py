"""Microsoft's own engine opens the made-up systems on every layout and prints what they were made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.lab.frames import frame_lines
from tests.lab.lab import Lab
from tests.synth.execution import Frame
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import BUILDS, Layout, layout_of, words
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build
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


def ask(lab: Lab, dump: BuiltSystem, commands: Sequence[str]) -> list[str]:
    """What the engine prints for each command."""
    return lab.debugger(
        dump.path, list(commands), symbol_path=str(dump.symbols), image_path=str(dump.images), timeout=300
    ).outputs


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
    layout = layout_of(build_name)
    types = [name for name in TYPES_OF_A_SYSTEM if name in layout.types]
    outputs = ask(lab, build("quiet", build_name), [f"dt nt!{name}" for name in types])
    for name, output in zip(types, outputs):
        assert printed_fields(output) == fields_of(layout, name), name


@pytest.mark.parametrize("build_name", BUILDS)
def test_members_of_members_are_reached(lab: Lab, build_name: str) -> None:
    outputs = ask(
        lab, build("quiet", build_name), ["dt nt!_IRP Tail.Overlay.CurrentStackLocation", "dt nt!_KPCR Prcb.MHz"]
    )
    assert "CurrentStackLocation" in outputs[0]
    assert "+0x040" in outputs[0]
    assert f"+0x{layout_of(build_name).at('_KPRCB.MHz'):03x}" in outputs[1]


def values(output: str) -> dict[str, str]:
    """What ``dt`` prints behind each field's name."""
    return {name: value.strip().replace("`", "").replace("(null)", "0") for _, name, value in FIELD.findall(output)}


@pytest.mark.parametrize("build_name", BUILDS)
def test_threads_hold_what_was_asked_for(lab: Lab, build_name: str) -> None:
    dump = build("quiet", build_name)
    threads = dump.truth.threads[::5]
    names = "State WaitReason WaitTime Priority BasePriority KernelTime UserTime ContextSwitches CycleTime"
    outputs = ask(lab, dump, [f"dt nt!_KTHREAD {thread.address:x} {names}" for thread in threads])
    for thread, output in zip(threads, outputs):
        shown, spec = values(output), thread.spec
        assert int(shown["State"].split()[0], 16) == spec.state
        assert int(shown["WaitReason"].split()[0], 16) == spec.reason
        assert int(shown["WaitTime"], 16) == (dump.truth.system.clock.ticks - spec.since_ticks) & 0xFFFFFFFF
        assert int(shown["KernelTime"], 16) == spec.kernel_ticks & 0xFFFFFFFF
        assert int(shown["UserTime"], 16) == spec.user_ticks
        assert int(shown["ContextSwitches"], 16) == spec.switches
        assert int(shown["CycleTime"], 16) == spec.cycles
        assert int(shown["Priority"].split()[0]) == spec.priority


def stack_lines(frames: Sequence[Frame]) -> str:
    """The frames as ``kn`` prints them."""
    return listing(tuple(frames))


SMALL = {name: scenario for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large}
CASES = [
    *(("quiet", build_name) for build_name in BUILDS),
    *((name, scenario.build) for name, scenario in SMALL.items() if name != "quiet"),
]
"""Nothing wrong on every build, each other system on its own."""


@pytest.mark.parametrize(("name", "build_name"), CASES)
def test_every_thread_unwinds_to_its_stack(lab: Lab, name: str, build_name: str) -> None:
    dump = build(name, build_name)
    threads = [thread for thread in dump.truth.threads if thread.frames and thread.spec.state != 2]
    outputs = ask(lab, dump, [text for thread in threads for text in (f".thread {thread.address:x}", "kn 40")])
    for thread, output in zip(threads, outputs[1::2]):
        assert frame_lines(output) == stack_lines(thread.frames), thread.key


@pytest.mark.parametrize(("name", "build_name"), CASES)
def test_every_processor_unwinds_through_the_corral(lab: Lab, name: str, build_name: str) -> None:
    dump = build(name, build_name)
    commands = [text for each in dump.truth.processors for text in (f"~{each.number}s", "kn 40")]
    outputs = ask(lab, dump, commands)
    for processor, output in zip(dump.truth.processors, outputs[1::2]):
        assert frame_lines(output) == stack_lines(processor.frames), processor.number


@pytest.mark.parametrize("name", SMALL)
def test_processors_hold_what_was_asked_for(lab: Lab, name: str) -> None:
    dump = build(name)
    names = "CurrentThread IdleThread NextThread DpcTime InterruptTime KernelTime InterruptCount DpcRoutineActive"
    blocks = [dump.truth.names[f"prcb:{each.number}"] for each in dump.truth.processors]
    outputs = ask(lab, dump, [f"dt nt!_KPRCB {block:x} {names}" for block in blocks])
    for processor, output in zip(dump.truth.processors, outputs):
        shown = {name: int(value.split()[0], 16) for name, value in values(output).items()}
        spec = processor.spec
        assert shown["CurrentThread"] == processor.thread
        assert shown["IdleThread"] == dump.truth.names[f"thread:idle:{processor.number}"]
        assert shown["NextThread"] == (dump.truth.names[f"thread:{spec.standby}"] if spec.standby else 0)
        assert shown["DpcTime"] == spec.dpc_ticks
        assert shown["InterruptTime"] == spec.interrupt_ticks
        assert shown["KernelTime"] == spec.kernel_ticks
        assert shown["InterruptCount"] == spec.interrupt_count
        assert shown["DpcRoutineActive"] == int(bool(processor.captured or spec.active_dpc))


def test_every_scenario_has_a_build_of_its_own_turn() -> None:
    assert {scenario.build for scenario in KERNEL_SCENARIOS.values()} <= set(BUILDS)
