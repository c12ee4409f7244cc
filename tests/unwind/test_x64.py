"""The unwinder against an emulator: at every instruction of functions that use every unwind code."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from livedump.images.image import Image, read_image
from livedump.machine import x64
from livedump.model.addresses import Memory
from livedump.model.processors import Registers
from livedump.unwind.unwinder import Position, position_of
from livedump.unwind.x64 import LEAF, plan_undoing
from livedump.unwind.x64_data import find_function
from tests.unwind.x64_programs import (
    BASE,
    NONVOLATILE,
    OTHER_STACK,
    OTHER_STACK_SIZE,
    Caller,
    Emulator,
    Program,
    build_program,
    missing_tool,
)

pytestmark = pytest.mark.skipif(missing_tool() is not None, reason=f"{missing_tool()} is not installed")
ZOO = Path(__file__).with_name("unwind_zoo.s")
CORPUS = Path(__file__).with_name("unwind_corpus.c")
NOT_DESCRIBED = ("leave_interrupt", "unwound_by_hand", "version2_outside")


class Mismatch(NamedTuple):
    """Where the unwinder and the emulator disagree."""

    function: str
    rip: int
    found: tuple[Caller, ...]
    expected: tuple[Caller, ...]


def unwound(memory: Memory, image: Image, position: Position) -> Position:
    """The caller, by the image's unwind data."""
    function = find_function(memory, image, position.call - image.base)
    undoing = plan_undoing(memory, image, function, position.instruction, position.exact) if function else LEAF
    return undoing.caller(memory, position)


def callers(memory: Memory, image: Image, registers: Registers) -> tuple[Caller, ...]:
    """All frames further out, nearest first; the last one is where a return address of 0 leads."""
    found: list[Caller] = []
    position = position_of(registers)
    while position.instruction and len(found) < 100:
        position = unwound(memory, image, position)
        saved = tuple(position.general[register] or 0 for register in NONVOLATILE)
        found.append(Caller(position.instruction, position.stack_pointer, saved))
    return tuple(found)


def mismatches(program: Program, emulator: Emulator, start: int) -> tuple[int, list[Mismatch]]:
    """How many instructions were looked at, and those from which unwinding went wrong."""
    image = read_image(emulator, BASE)
    wrong: list[Mismatch] = []
    looked_at = 0

    def visit(rip: int, general: tuple[int, ...]) -> None:
        nonlocal looked_at
        name = program.symbol_at(rip)
        on_other_stack = OTHER_STACK <= general[4] < OTHER_STACK + OTHER_STACK_SIZE
        if name in NOT_DESCRIBED or (name == "interrupted" and on_other_stack):
            return
        looked_at += 1
        found = callers(emulator, image, x64.registers(rip, general))
        expected = tuple(reversed(emulator.callers))
        if found != expected:
            wrong.append(Mismatch(name, rip, found, expected))

    emulator.run(start, visit)
    return looked_at, wrong


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return build_program(ZOO, tmp_path_factory.mktemp("zoo"))


def test_every_instruction_of_every_kind_of_function_leads_to_the_callers_that_the_emulator_saw(zoo: Program) -> None:
    pytest.importorskip("unicorn")
    handlers = (("interrupt_handler", 0), ("fault_handler", 8), ("version2_handler", 0))
    emulator = Emulator(zoo, {zoo.symbols[name]: at for name, at in handlers})
    top = OTHER_STACK + OTHER_STACK_SIZE - 0x100
    emulator.machine.mem_write(zoo.symbols["other_stack"], top.to_bytes(8, "little"))
    looked_at, wrong = mismatches(zoo, emulator, zoo.symbols["start"])
    assert wrong == []
    assert looked_at > 800


@pytest.mark.parametrize("options", [("-O0",), ("-O1",), ("-O2", "-fno-omit-frame-pointer"), ("-Os",)], ids=" ".join)
def test_every_instruction_of_compiled_code_leads_to_the_callers_that_the_emulator_saw(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    pytest.importorskip("unicorn")
    program = build_program(CORPUS, tmp_path, *options)
    looked_at, wrong = mismatches(program, Emulator(program, {}), program.symbols["start"])
    assert wrong == []
    assert looked_at > 800
