"""The call stack of an x64 processor, from the memory of the dump alone: what WinDbg's ``k`` shows, without symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from livedump.dumpfile.c_image import MACHINE_X64
from livedump.dumpfile.module_images import FindImage, ModuleImages
from livedump.dumpfile.return_addresses import find_return_address
from livedump.dumpfile.unwind import UNKNOWN_REGISTERS, Position, position_of, unwind_function, unwind_leaf
from livedump.dumpfile.unwind_data import find_function
from livedump.model.addresses import MAX_U64, Memory, canonical, format_address, is_kernel_address
from livedump.model.errors import DamagedDump, DumpError, NotKnown
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.images import Module
from livedump.model.processors import Registers

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

    def run(self, start: Position, limit: int) -> None:
        step: _Step | None = _Step(start, Trust.CONTEXT)
        while step is not None:
            if len(self._steps) >= limit:
                self._notes.append(f"more than {limit} frames")
                return
            self._steps.append(step)
            self._seen.add((step.position.rip, step.position.rsp))
            step = self._caller(step)

    def frames(self) -> tuple[Frame, ...]:
        returns = [step.position.rip for step in self._steps[1:]] + [0]
        return tuple(self._frame(i, *pair) for i, pair in enumerate(zip(self._steps, returns)))

    def stop_reason(self) -> str | None:
        return "; ".join(self._notes) or None

    def _frame(self, index: int, step: _Step, return_address: int) -> Frame:
        position = step.position
        module = self._images.find_module(position.call)
        name, offset = (module.name, position.rip - module.base) if module else (None, None)
        return Frame(index, position.rsp, return_address, position.rip, name, None, offset, step.trust)

    def _caller(self, step: _Step) -> _Step | None:
        # None at the end of the stack, and where nothing leads on.
        try:
            caller = self._unwound(step.position)
            if caller.rip == 0:
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
        if image.machine != MACHINE_X64:
            raise NotKnown(f"{module.name} is no x64 image")
        function = find_function(self._images, image, position.call - image.base)
        if function is None:
            return self._leaf(position, f"in {module.name} has no unwind data")
        return unwind_function(self._images, image, function, position)

    def _leaf(self, position: Position, what: str) -> Position:
        # A function that calls others is no leaf.
        if not position.exact:
            raise NotKnown(f"{format_address(position.rip)} {what}")
        return unwind_leaf(self._images, position)

    def _check(self, position: Position, caller: Position) -> None:
        rip = format_address(caller.rip)
        if (caller.rip, caller.rsp) in self._seen:
            raise DamagedDump(f"the stack runs in a circle at {rip}")
        if canonical(caller.rip) != caller.rip:
            raise DamagedDump(f"{rip} cannot be a return address")
        if caller.machine_frame:
            return  # may lead to another stack, which may lie lower
        if caller.rsp <= position.rsp:
            raise DamagedDump(f"the stack pointer does not rise at {rip}")
        if is_kernel_address(caller.rip) != is_kernel_address(position.rip):
            raise DamagedDump(f"{rip} cannot be the return address of {format_address(position.rip)}")

    def _scanned(self, step: _Step, why: str) -> _Step | None:
        start = step.position.rsp
        if not is_kernel_address(start):
            self._notes.append(why)
            return None
        if step.trust is not Trust.SCAN:
            self._notes.append(f"behind frame {len(self._steps) - 1} guessed from the stack's contents, as {why}")
        end = self._scan_end(start)
        try:
            found = find_return_address(self._images, start, end)
        except DumpError as error:
            self._notes.append(str(error))
            return None
        if found is None:
            self._notes.append(f"no return address from {format_address(start)} to {format_address(end)}")
            return None
        behind = found.slot + 8
        self._scan_left -= behind - start
        return _Step(Position(found.value, behind, UNKNOWN_REGISTERS, exact=False), Trust.SCAN)

    def _scan_end(self, start: int) -> int:
        limits = self._limits
        high = limits.high if limits and limits.low <= start < limits.high else start + SCAN_LIMIT
        return min(high, start + self._scan_left, MAX_U64)
