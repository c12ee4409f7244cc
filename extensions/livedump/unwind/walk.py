"""The call stack of an x64 processor, from the memory of the dump alone: what WinDbg's ``k`` shows, without symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from livedump.images.module_images import FindImage, ModuleImages
from livedump.model.addresses import MAX_U64, Memory, canonical, format_address, is_kernel_address
from livedump.model.errors import DamagedDump, DumpError, NotKnown
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.images import Module
from livedump.model.machines import MACHINES, X64
from livedump.model.processors import Registers
from livedump.unwind.scan import find_caller
from livedump.unwind.x64 import Position, position_of, unwind_function, unwind_leaf
from livedump.unwind.x64_data import find_function

MAX_FRAMES = 1024
MAX_READS = 60_000
"""For one walk. A frame needs some thirty; only unwind data made to waste time needs more."""
SCAN_LIMIT = 0x8000
"""Bytes of stack that are searched for one return address when the stack's limits are not known."""
SCAN_TOTAL = 0x12000
"""Bytes of stack that are searched in one walk: as much as the largest kernel stack."""


class StackLimits(NamedTuple):
    """The stack that a thread runs on. It grows from ``high`` down to ``low``."""

    low: int
    high: int


def walk_stack(
    registers: Registers,
    memory: Memory,
    modules: Sequence[Module],
    *,
    find_image: FindImage | None = None,
    limit: int = MAX_FRAMES,
    stack_limits: StackLimits | None = None,
) -> Stack:
    """The frames from ``registers`` out, at most ``limit``, and in plain words why there are no more.

    Unwind data comes from ``memory``; where it has a gap, from the image file that ``find_image`` gives for the module.
    Where neither has it, a kernel stack is searched for return addresses; from there on no frame is better than SCAN.
    Symbols are left None, offsets count from the module's base.
    """
    images = ModuleImages(_CountedMemory(memory), modules, find_image)
    walk = _Walk(images, stack_limits)
    walk.run(position_of(registers), limit)
    return Stack(walk.frames(), walk.stop_reason())


class _CountedMemory:
    # Bounds the work that hostile unwind data can cause.

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._left = MAX_READS

    def read(self, address: int, size: int) -> bytes:
        if self._left <= 0:
            raise DamagedDump(f"the unwind data is endless: {MAX_READS} reads did not reach the end of the stack")
        self._left -= 1
        return self._memory.read(address, size)


class _Step(NamedTuple):
    position: Position
    trust: Trust


class _Walk:
    # The frames found so far, innermost first.

    def __init__(self, images: ModuleImages, limits: StackLimits | None) -> None:
        self._images = images
        self._limits = limits
        self._steps: list[_Step] = []
        self._seen: set[tuple[int, int]] = set()
        self._scan_left = SCAN_TOTAL
        self._notes: list[str] = []
        self._behind_last_call: set[int] = set()

    def run(self, start: Position, limit: int) -> None:
        step: _Step | None = _Step(start, Trust.CONTEXT)
        while step is not None:
            if len(self._steps) >= limit:
                self._notes.append(f"more than {limit} frames")
                return
            self._steps.append(step)
            self._seen.add((step.position.instruction, step.position.stack_pointer))
            step = self._caller(step)

    def frames(self) -> tuple[Frame, ...]:
        # The debugger shows a return address that no code of the function follows, as behind a call that never
        # returns, as the last byte of that call.
        positions = [step.position for step in self._steps]
        shown = [each.instruction - (index in self._behind_last_call) for index, each in enumerate(positions)]
        rows = zip(self._steps, shown, [*shown[1:], 0])
        return tuple(self._frame(index, *row) for index, row in enumerate(rows))

    def stop_reason(self) -> str | None:
        return "; ".join(self._notes) or None

    def _frame(self, index: int, step: _Step, instruction: int, return_address: int) -> Frame:
        module = self._images.find_module(step.position.call)
        name, offset = (module.name, instruction - module.base) if module else (None, None)
        return Frame(index, step.position.stack_pointer, return_address, instruction, name, None, offset, step.trust)

    def _caller(self, step: _Step) -> _Step | None:
        # None at the end of the stack, and where nothing leads on.
        try:
            caller = self._unwound(step.position)
            if caller.instruction == 0:
                return None
            self._check(step.position, caller)
        except DumpError as error:
            return self._scanned(step, str(error))
        return _Step(caller, Trust.SCAN if step.trust is Trust.SCAN else Trust.UNWIND)

    def _unwound(self, position: Position) -> Position:
        module = self._images.find_module(position.call)
        if module is None:
            return self._leaf(position, "lies in no module")
        image = self._images.image(module)
        if MACHINES.get(image.machine) != X64:
            raise NotKnown(f"{module.name} is no x64 image")
        function = find_function(self._images, image, position.call - image.base)
        if function is None:
            return self._leaf(position, f"in {module.name} has no unwind data")
        if position.instruction - image.base == function.end:
            self._behind_last_call.add(len(self._steps) - 1)
        return unwind_function(self._images, image, function, position)

    def _leaf(self, position: Position, what: str) -> Position:
        # A function that calls others is no leaf.
        if not position.exact:
            raise NotKnown(f"{format_address(position.instruction)} {what}")
        return unwind_leaf(self._images, position)

    def _check(self, position: Position, caller: Position) -> None:
        rip = format_address(caller.instruction)
        if (caller.instruction, caller.stack_pointer) in self._seen:
            raise DamagedDump(f"the stack runs in a circle at {rip}")
        if canonical(caller.instruction) != caller.instruction:
            raise DamagedDump(f"{rip} cannot be a return address")
        if caller.machine_frame:
            return  # may lead to another stack, which may lie lower
        if caller.stack_pointer <= position.stack_pointer:
            raise DamagedDump(f"the stack pointer does not rise at {rip}")
        if is_kernel_address(caller.instruction) != is_kernel_address(position.stack_pointer):
            raise DamagedDump(f"{rip} cannot be the return address of {format_address(position.instruction)}")

    def _scanned(self, step: _Step, why: str) -> _Step | None:
        try:
            caller = self._guessed(step.position)
        except DumpError as error:
            self._notes += [why] if str(error) == why else [why, str(error)]
            return None
        if step.trust is not Trust.SCAN:
            self._notes.append(f"frames from {len(self._steps)} on are guessed from what lies on the stack: {why}")
        return _Step(caller, Trust.SCAN)

    def _guessed(self, position: Position) -> Position:
        start = position.stack_pointer
        end = self._scan_end(start)
        guess = find_caller(self._images, start, end)
        if guess is None:
            raise NotKnown(f"no return address lies between {format_address(start)} and {format_address(end)}")
        self._scan_left -= guess.slot + 8 - start
        self._check(position, guess.position)
        return guess.position

    def _scan_end(self, start: int) -> int:
        limits = self._limits
        high = limits.high if limits and limits.low <= start < limits.high else start + SCAN_LIMIT
        return min(high, start + self._scan_left, MAX_U64)
