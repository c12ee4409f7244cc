"""The made-up dumps satisfy Microsoft's own engine, and it finds what the truths say."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.lab.frames import frame_lines
from tests.lab.lab import Lab
from tests.synth import SCENARIOS, Built, listings
from tests.synth.test_synth import listing, ticked

pytestmark = pytest.mark.lab
BuildNamed = Callable[[str], Built]
UNKNOWN_IN_2017 = ("rdmp-8", "rdmp-9", "rdmp-a")
UNWOUND = [
    name
    for name, scenario in SCENARIOS.items()
    if name not in ("encoded-kdbg", "no-kdbg-symbols", "truncated", "qemu-guest", "elf2dmp")
    and scenario.spec().architecture == "x64"
]
"""What this engine can unwind: not without unwind data, and it decodes no debugger data block."""


def ask(lab: Lab, dump: Built, *commands: str) -> list[str]:
    """What the engine prints for each command."""
    # Today's engine loads no module of user mode by itself when another than processor 0 took the dump.
    asked = [".reload /user", *commands]
    return lab.debugger(dump.path, asked, symbol_path=str(dump.symbols), image_path=str(dump.images)).outputs[1:]


@pytest.mark.parametrize(
    ("name", "bug_check", "frames"),
    [
        ("taskmgr-full", listings.FIRST_BUG_CHECK, listings.FIRST),
        ("powershell-user", listings.SECOND_BUG_CHECK, listings.SECOND),
    ],
)
def test_engine_prints_the_papers_listing(lab: Lab, built: BuildNamed, name: str, bug_check: str, frames: str) -> None:
    outputs = ask(lab, built(name), ".bugcheck", "kn")
    assert outputs[0].strip() == bug_check.strip()
    assert frame_lines(outputs[1]) == frames


def test_engine_reads_the_text_in_task_managers_parameter(lab: Lab, built: BuildNamed) -> None:
    (output,) = ask(lab, built("taskmgr-full"), ".formats 0x005461736b6d6772")
    assert "Chars:   .Taskmgr" in output


@pytest.mark.parametrize("name", UNWOUND)
def test_engine_unwinds_to_the_true_stack(lab: Lab, built: BuildNamed, name: str) -> None:
    if lab.engine == "2017" and name in UNKNOWN_IN_2017:
        pytest.skip("the engine of 2017 knows no range dumps")
    dump = built(name)
    bug_check, stack = ask(lab, dump, ".bugcheck", "kn")
    assert int(bug_check.split()[2], 16) == dump.truth.code
    assert frame_lines(stack) == listing(dump.truth.stack)


@pytest.mark.parametrize("name", ["unwind-zoo", "powershell-user", "wer-141-full", "crash-d1"])
def test_engine_restores_the_true_registers(lab: Lab, built: BuildNamed, name: str) -> None:
    frames = built(name).truth.stack
    outputs = ask(lab, built(name), *(f".frame /r {index:x}" for index in range(len(frames))))
    for frame, output in zip(frames, outputs):
        shown = {register: int(value, 16) for register, value in re.findall(r"\b(r[a-z0-9]+)=([0-9a-f]{16})", output)}
        assert {register: shown[register] for register, _ in frame.registers} == dict(frame.registers), frame.site


@pytest.mark.parametrize("name", ["several-processors", "partial"])
def test_engine_shows_the_true_stack_of_every_processor(lab: Lab, built: BuildNamed, name: str) -> None:
    dump = built(name)
    commands = [text for processor in dump.truth.processors for text in (f"~{processor.number}s", "kn")]
    outputs = ask(lab, dump, *commands)
    for processor in dump.truth.processors:
        assert frame_lines(outputs[2 * processor.number + 1]) == listing(processor.stack)


@pytest.mark.parametrize("name", ["taskmgr-full", "several-processors", "full-type1", "triage-live-141"])
def test_engine_lists_the_true_modules(lab: Lab, built: BuildNamed, name: str) -> None:
    (output,) = ask(lab, built(name), "lm k")
    listed = set(re.findall(r"^([0-9a-f`]{17}) ([0-9a-f`]{17})\s+(\w+)", output, re.MULTILINE))
    modules = built(name).truth.modules
    assert listed >= {(ticked(module.base), ticked(module.base + module.size), module.name) for module in modules}


@pytest.mark.parametrize("name", ["crash-d1", "several-processors", "triage-live-141"])
def test_engine_lists_the_unloaded_drivers(lab: Lab, built: BuildNamed, name: str) -> None:
    (output,) = ask(lab, built(name), "lm")
    for driver in built(name).truth.unloaded:
        assert f"{ticked(driver.start)} {ticked(driver.end)}   {driver.name[:12]}" in output


@pytest.mark.parametrize(("name", "offset"), [("taskmgr-full", "+0x338"), ("several-processors", "+0x5a8")])
def test_types_of_the_kernel_show_the_process(lab: Lab, built: BuildNamed, name: str, offset: str) -> None:
    dump = built(name)
    (output,) = ask(lab, dump, "dt nt!_EPROCESS ImageFileName @$proc")
    assert offset in output
    assert f'"{dump.truth.process_name}"' in output


def test_engine_enumerates_the_blobs(lab: Lab, built: BuildNamed) -> None:
    (output,) = ask(lab, built("triage-live-141"), ".enumtag")
    assert "{270A33FD-3DA6-460D-BA893C1BAE21E39B} - 0x400 bytes" in output


def test_engine_walks_the_threads_that_wait(lab: Lab, built: BuildNamed) -> None:
    dump = built("several-processors")
    for thread, tid, frames in dump.truth.waiting:
        output = ask(lab, dump, f".thread {thread:#x}", "kn")[1]
        assert frame_lines(output) == listing(frames), tid
