"""The ARM64 unwinder over every function of a real driver, held against today's engine: one dump with a context for
each place."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from livedump.dumpfile.body import body_of
from livedump.dumpfile.header import read_header
from livedump.dumpfile.source import FileSource
from livedump.images.image import read_image
from livedump.unwind.arm64 import UNWINDER
from livedump.unwind.arm64_data import read_function
from livedump.unwind.unwinder import Position
from tests.lab.lab import Lab
from tests.synth import SCENARIOS, ToolchainMissing, toolchain, writers
from tests.synth.builder import default_cache
from tests.synth.images import Image, ImageSource, linked_image
from tests.synth.machine import assemble_machine
from tests.synth.scenarios import on_arm64
from tests.synth.spec import Module
from tests.unwind.arm64_driver import FUNCTIONS, exception_directory, find_driver, loaded_driver
from tests.unwind.arm64_emulator import BASE, CALLER, STACK, STACK_SIZE, Arm64Emulator
from tests.unwind.test_arm64_driver import Trial

pytestmark = pytest.mark.lab
DRIVER = 0xFFFFF8017C000000
STACKS, CONTEXTS = 0xFFFFC00000000000, 0xFFFFC10000000000
CONTEXT_SIZE = 0x390
ROOM = 0x40
"""Bytes of the caller's frame that come along."""
LARGEST_FRAME = 0x4000


class Place(NamedTuple):
    """One place in one function, and the registers there; addresses are those of the emulator."""

    function: int
    offset: int
    kind: str
    sp: int
    general: tuple[int, ...]
    entry_sp: int


class Collector(Trial):
    """A trial that keeps some of its places instead of judging them."""

    def __init__(self, emulator: Arm64Emulator, begin: int, end: int) -> None:
        super().__init__(emulator, None, begin, end)  # type: ignore[arg-type]
        self.places: list[Place] = []
        self.snapshot = b""

    def check(self, pc: int, place: str, _expected: object) -> None:
        """Keeps all of prologues and epilogues, and some of bodies."""
        self.tried[place] += 1
        if place == "body" and self.tried[place] % 40 != 1:
            return
        sp, general = self.emulator.state()
        entry = STACK + STACK_SIZE - 0x10000
        if place == "prologue" or len(self.snapshot) < entry - sp:
            self.snapshot = self.emulator.read(min(sp, entry), entry - min(sp, entry) + ROOM)
        self.places.append(Place(self.begin - BASE, pc - self.begin, place, sp, general, entry))


def collected(emulator: Arm64Emulator) -> Iterator[Collector]:
    image = read_image(emulator, BASE)
    for begin, data in exception_directory(emulator.image):
        collector = Collector(emulator, begin, read_function(emulator, image, begin, data).end)
        collector.run()
        yield collector


class Trials(NamedTuple):
    """The dump, and where the context of each place lies in it."""

    path: Path
    places: list[tuple[int, Place, int, int]]
    """Address of the context, the place, its stack pointer and that of the caller."""
    caller: int


def made_dump(folder: Path) -> Trials:
    spec = on_arm64(SCENARIOS["taskmgr-full"].spec())
    driver = find_driver()
    linked = Image(
        "systeminformer",
        ImageSource("systeminformer.sys", "systeminformer"),
        toolchain.read_image(driver),
        driver.with_suffix(".pdb"),
        driver,
    )
    module = Module("systeminformer", DRIVER, r"\SystemRoot\system32\drivers\systeminformer.sys", "systeminformer.sys")
    system = replace(spec.machine, modules=(*spec.machine.modules, module), memory_runs=((0x1, 0x9E), (0x100, 0x4000)))
    spec = replace(spec, machine=system)
    images = default_cache() / "images"
    machine = assemble_machine(system, lambda key: linked if key == module.key else linked_image(key, images, "arm64"))
    for section in linked.linked.sections:
        machine.kernel.write(DRIVER + section.rva, section.data)
    emulator = Arm64Emulator(loaded_driver(), signs=False)
    caller = next(iter(machine.executions.values())).frames[3].instruction
    places = []
    stack, context = STACKS, CONTEXTS
    for collector in collected(emulator):
        if not collector.places or len(collector.snapshot) > LARGEST_FRAME:
            continue
        entry = collector.places[0].entry_sp
        top = stack + len(collector.snapshot) - ROOM
        moved = Moved(top - entry, caller)
        words = struct.unpack(f"<{len(collector.snapshot) // 8}Q", collector.snapshot)
        machine.kernel.write(stack, struct.pack(f"<{len(words)}Q", *map(moved, words)))
        for place in collector.places:
            registers = (*map(moved, place.general), moved(place.sp), DRIVER + place.function + place.offset)
            machine.kernel.write(context, struct.pack("<II33Q", 0x400007, 4, *registers).ljust(CONTEXT_SIZE, b"\0"))
            places.append((context, place, moved(place.sp), top))
            context += CONTEXT_SIZE
        stack = (stack + len(collector.snapshot) + 0x1FFF) & -0x1000
    for space in machine.spaces.values():
        space.share_kernel_half()
    path = folder / "driver.dmp"
    path.write_bytes(writers.dump_file(machine, spec).data)
    return Trials(path, places, caller)


class Moved:
    """Addresses of the emulator as they are in the dump."""

    def __init__(self, delta: int, caller: int) -> None:
        self.delta, self.caller = delta, caller

    def __call__(self, value: int) -> int:
        if value == CALLER:
            return self.caller
        if STACK <= value < STACK + STACK_SIZE:
            return value + self.delta
        return value - BASE + DRIVER if BASE <= value < BASE + 0x100000 else value


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    pytest.importorskip("unicorn")
    find_driver()
    try:
        return made_dump(tmp_path_factory.mktemp("driver"))
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def unwound(trials: Trials) -> dict[int, tuple[int, int]]:
    """Return address and stack pointer of the caller, as we find them in the dump, by the context's address."""
    source = FileSource(str(trials.path))
    memory = body_of(source, read_header(source)).memory
    image = read_image(memory, DRIVER)
    found = {}
    for context, place, sp, _ in trials.places:
        position = Position(DRIVER + place.function + place.offset, sp, _registers(memory.read(context, 0x100)), True)
        undoing = UNWINDER.plan(memory, image, position) or UNWINDER.leaf(None)
        caller = undoing.caller(memory, position)
        found[context] = (caller.instruction, caller.stack_pointer)
    source.close()
    return found


def _registers(context: bytes) -> tuple[int, ...]:
    return struct.unpack_from("<31Q", context, 8)


ROW = re.compile(r"^0([01]) ([0-9a-f`]{17}) ([0-9a-f`]{17}) ", re.MULTILINE)


def test_callers_in_every_function_of_a_real_driver_are_those_of_the_engine(lab_today: Lab, trials: Trials) -> None:
    commands = [f".cxr {context:#x};kn 2" for context, *_ in trials.places]
    shown = lab_today.debugger(trials.path, commands, timeout=300).outputs
    assert len(shown) == len(commands)
    ours = unwound(trials)
    none_given, differing, asked = [], [], set()
    for (context, place, _, _), output in zip(trials.places, shown):
        found = {
            int(index): (int(sp.replace("`", ""), 16), int(back.replace("`", ""), 16))
            for index, sp, back in ROW.findall(output)
        }
        asked.add(place.function)
        if 1 not in found:
            none_given.append(place)
        elif (found[0][1], found[1][0]) != ours[context]:
            differing.append((place.function, place.offset, place.kind, found, ours[context]))
    assert differing == []
    assert none_given == []
    assert len(asked) == FUNCTIONS
