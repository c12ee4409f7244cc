"""From the registers of one ARM64 frame to those of its caller, by the unwind data of the frame's image."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from livedump.images.image import Image
from livedump.machine import arm64 as machine
from livedump.machine.arm64 import FP, LR
from livedump.model.addresses import MAX_U64, Memory, format_address
from livedump.model.errors import DamagedDump, NotKnown
from livedump.model.machines import ARM64
from livedump.unwind import c_arm64 as c
from livedump.unwind.arm64_codes import Code, Effect, instruction_count, with_saved_behind
from livedump.unwind.arm64_data import Function, find_function
from livedump.unwind.arm64_scan import find_caller
from livedump.unwind.unwinder import Position, Unwinder


class Undoing(NamedTuple):
    """What has to be undone at one instruction to get to the caller: worked out once, done for every frame there."""

    codes: tuple[Code, ...]
    """Those whose effect is there, last effect first."""
    ends_function: bool = False
    """Whether the instruction lies right behind the function, as where a call never returns."""
    assumed: str | None = None
    """In plain words why this is assumed, and by nothing that the dump holds; None where it is read."""

    def caller(self, memory: Memory, position: Position) -> Position:
        """The caller of ``position``. Raises MemoryGap, NotKnown, and DamagedDump where that can be no code."""
        frame = _Frame(memory, position)
        for code in self.codes:
            frame.undo(code)
        return frame.caller()


LEAF = Undoing(())
"""Of a function that touches neither the stack nor saved registers."""


def plan_undoing(function: Function, offset: int) -> tuple[Code, ...]:
    """The codes to undo at ``offset`` of the image, an instruction of ``function`` that has not run yet.

    Raises:
        DamagedDump: they save more registers than there are.
    """
    at = (offset - function.begin) // c.INSTRUCTION_SIZE
    missing = instruction_count(function.codes) - at
    if missing > 0:
        return tuple(_joined(_skip(function.codes, missing)))
    epilogue = function.epilogue_at(at)
    if epilogue is not None:
        return tuple(_joined(_skip(epilogue.codes, at - epilogue.start)))
    return tuple(_joined(function.codes))


def _skip(codes: tuple[Code, ...], instructions: int) -> Iterator[Code]:
    # Without the first codes: of instructions of a prologue that did not run yet, of an epilogue that did.
    for code in codes:
        if instructions and code.effect not in (Effect.END, Effect.END_CHAINED):
            instructions -= code.instructions
        else:
            instructions = 0
            yield code


def _joined(codes: Iterable[Code]) -> Iterator[Code]:
    # Without codes that change nothing, and with those pairs that are saved behind others.
    pairs = 0
    for code in codes:
        if code.effect is Effect.SAVE_NEXT:
            pairs += 1
        elif code.effect not in (Effect.NOTHING, Effect.END, Effect.END_CHAINED):
            yield with_saved_behind(code, pairs)
            pairs = 0


class _Frame:
    # The registers of a frame while the effects of its function are taken back.

    def __init__(self, memory: Memory, position: Position) -> None:
        self._memory = memory
        self._sp: int | None = None if position.guessed else position.stack_pointer
        self._start = position.stack_pointer
        self._general = list(position.general)
        self._pc: int | None = None
        self._exact = False
        self._other_stack = False

    def caller(self) -> Position:
        pc = self._known(LR) if self._pc is None else self._pc
        if pc % c.INSTRUCTION_SIZE:
            raise DamagedDump(f"{format_address(pc)} cannot be a return address")
        return Position(pc, self._stack_pointer(), tuple(self._general), self._exact, self._other_stack)

    def undo(self, code: Code) -> None:
        if code.effect is Effect.MOVE:
            self._restore(code)
        elif code.effect is Effect.SET_FP:
            self._sp = self._known(FP) - code.offset & MAX_U64
        elif code.effect is Effect.SIGN_LR:
            self._general[LR] = machine.code_address(self._known(LR))
        elif code.effect is Effect.CLEAR_UNWOUND_TO_CALL:
            self._pc, self._exact = self._known(LR), True
        else:
            self._leave_special(code.effect)

    def _restore(self, code: Code) -> None:
        sp = self._stack_pointer()
        if code.registers:
            data = self._memory.read(sp + code.offset & MAX_U64, 8 * len(code.registers))
            for register, value in zip(code.registers, struct.unpack(f"<{len(code.registers)}Q", data)):
                self._general[register] = value
        self._sp = sp + code.amount & MAX_U64

    def _leave_special(self, effect: Effect) -> None:
        if effect is Effect.TRAP_FRAME:
            self._leave_trap_frame()
        elif effect is Effect.MACHINE_FRAME:
            self._sp, self._pc = self._read(c.MACHINE_FRAME_REGISTERS, 0)
            self._exact = self._other_stack = True
        elif effect is Effect.CONTEXT:
            self._leave_context()
        else:
            raise NotKnown(f"the frame at {format_address(self._start)} is one of emulated code, which is not unwound")

    def _leave_trap_frame(self) -> None:
        sp, *volatile, lr, fp, pc = self._read(c.TRAP_FRAME_REGISTERS, c.TRAP_FRAME_START)
        self._general[: len(volatile)] = volatile
        self._general[FP], self._general[LR] = fp, lr
        self._sp, self._pc = sp, pc
        self._exact = self._other_stack = True

    def _leave_context(self) -> None:
        data = self._memory.read(self._stack_pointer(), machine.CONTEXT_SIZE)
        saved = machine.parse_context(data)
        if saved is None:
            raise DamagedDump(f"no CONTEXT lies at {format_address(self._stack_pointer())}")
        self._general = list(saved.general)
        self._sp, self._pc = saved.stack_pointer, saved.instruction
        self._exact = not machine.CONTEXT_FLAGS.read(data) & machine.CONTEXT_UNWOUND_TO_CALL
        self._other_stack = True

    def _read(self, registers: struct.Struct, offset: int) -> tuple[int, ...]:
        return registers.unpack(self._memory.read(self._stack_pointer() + offset & MAX_U64, registers.size))

    def _stack_pointer(self) -> int:
        if self._sp is None:
            raise NotKnown(f"the frame above {format_address(self._start)} hangs on sp, whose value is lost")
        return self._sp

    def _known(self, register: int) -> int:
        value = self._general[register]
        if value is None:
            name = machine.GENERAL_REGISTERS[register]
            raise NotKnown(f"the frame at {format_address(self._start)} hangs on {name}, whose value is lost")
        return value


def _plan(memory: Memory, image: Image, position: Position) -> Undoing | None:
    # A return address lies behind the call that the frame executes.
    offset = position.call - image.base
    function = find_function(memory, image, offset)
    if function is None:
        return None
    codes = plan_undoing(function, offset)
    return Undoing(codes, position.instruction - image.base == function.end)


def _leaf(assumed: str | None) -> Undoing:
    return LEAF._replace(assumed=assumed)


UNWINDER = Unwinder(ARM64, _leaf, _plan, find_caller, call_takes_stack=False)
