"""The ARM64 unwinder over every function of a real driver: against an emulator, and against LLVM's reader."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from livedump.images.image import Image, read_image
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError
from livedump.unwind.arm64 import UNWINDER
from livedump.unwind.arm64_data import find_function, read_function
from livedump.unwind.unwinder import Position
from tests.unwind.arm64_driver import FUNCTIONS, exception_directory, loaded_driver
from tests.unwind.arm64_emulator import BASE, RET, Arm64Emulator, Entered, is_branch, is_of_epilogue


class Mismatch(NamedTuple):
    """Where the unwinder and the emulator disagree."""

    function: int
    offset: int
    place: str
    found: Entered | str


def unwound(memory: Memory, image: Image, pc: int, state: tuple[int, tuple[int, ...]]) -> Entered | str:
    sp, general = state
    position = Position(pc, sp, general, exact=True)
    try:
        undoing = UNWINDER.plan(memory, image, position) or UNWINDER.leaf(None)
        caller = undoing.caller(memory, position)
    except DumpError as error:
        return str(error)
    return Entered(caller.instruction, caller.stack_pointer, tuple(value or 0 for value in caller.general[19:30]))


class Trial:
    """One function, tried at many places."""

    def __init__(self, emulator: Arm64Emulator, image: Image, begin: int, end: int) -> None:
        self.emulator, self.image = emulator, image
        self.begin, self.end = BASE + begin, BASE + end
        self.tried: Counter[str] = Counter()
        self.wrong: list[Mismatch] = []

    def run(self) -> None:
        """Tries the prologue, what follows up to a branch, the rest of the body with the same frame, the epilogues."""
        expected = self.emulator.enter()
        epilogues = self.epilogues()
        after = self.begin
        for pc in self.emulator.straight(self.begin, self.end):
            if any(start == pc for start, _ in epilogues):
                break
            self.check(pc, "prologue", expected)
            after = pc + 4
        state = self.emulator.machine.context_save()
        inside = {pc for start, end in epilogues for pc in range(start, end + 4, 4)}
        for pc in range(after, self.end, 4):
            if pc not in inside:
                self.check(pc, "body", expected)
        for start, end in epilogues:
            self.emulator.machine.context_restore(state)
            for pc in range(start, end, 4):
                self.check(pc, "epilogue", expected)
                assert self.emulator.step_over(pc), hex(pc)
            self.check(end, "epilogue", expected)

    def epilogues(self) -> list[tuple[int, int]]:
        """First and last instruction of each, found in the code: what gives back, and then leaves."""
        found = []
        for pc in range(self.begin, self.end, 4):
            instruction = self.emulator.instruction(pc)
            start = pc
            while start > self.begin and self.gives_back(start - 4):
                start -= 4
            if instruction == RET or (is_branch(instruction) and start < pc and self.leaves(pc)):
                found.append((start, pc))
        return found

    def gives_back(self, pc: int) -> bool:
        """Whether an instruction is part of an epilogue."""
        return is_of_epilogue(self.emulator.instruction(pc)) or self.emulator.moves_stack(pc)

    def leaves(self, pc: int) -> bool:
        """Whether a branch leads out of the function for good: a tail call."""
        instruction = self.emulator.instruction(pc)
        if instruction >> 26 == 0x05:
            offset = (instruction & 0x3FFFFFF) - (instruction >> 25 & 1) * (1 << 26)
            return not self.begin <= pc + 4 * offset < self.end
        return instruction & 0xFFFFFC1F == 0xD61F0000

    def check(self, pc: int, place: str, expected: Entered) -> None:
        self.tried[place] += 1
        found = unwound(self.emulator, self.image, pc, self.emulator.state())
        if found != expected:
            self.wrong.append(Mismatch(self.begin - BASE, pc - self.begin, place, found))


def test_every_function_of_a_real_driver_leads_to_the_caller_that_the_emulator_saw() -> None:
    pytest.importorskip("unicorn")
    data = loaded_driver()
    emulator = Arm64Emulator(data)
    image = read_image(emulator, BASE)
    entries = exception_directory(data)
    assert len(entries) == FUNCTIONS
    tried: Counter[str] = Counter()
    wrong: list[Mismatch] = []
    movers = []
    for begin, unwind_data in entries:
        function = read_function(emulator, image, begin, unwind_data)
        assert find_function(emulator, image, begin) == find_function(emulator, image, function.end - 4) == function
        if emulator.moves_stack_itself(BASE + begin):
            movers.append(begin)
            continue
        trial = Trial(emulator, image, begin, function.end)
        trial.run()
        tried += trial.tried
        wrong += trial.wrong
    assert wrong == []
    assert len(movers) == 2  # of what keeps a cookie on the stack: they return with another stack pointer, by purpose
    assert tried["prologue"] > 4000
    assert tried["body"] > 30000
    assert tried["epilogue"] > 2000
