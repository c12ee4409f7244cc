"""From the registers of one x64 frame to those of its caller, by the unwind data of the frame's image."""

from __future__ import annotations

from typing import NamedTuple

from livedump.images.image import Image
from livedump.machine.x64 import GENERAL_REGISTERS
from livedump.model.addresses import MAX_U64, Memory, format_address
from livedump.model.errors import NotKnown
from livedump.model.machines import X64
from livedump.unwind import c_x64 as c
from livedump.unwind.unwinder import Position, Unwinder
from livedump.unwind.x64_data import MASK_32, FunctionEntry, UnwindCode, UnwindInfo, find_function, read_chain
from livedump.unwind.x64_epilogue import Epilogue, find_epilogue
from livedump.unwind.x64_scan import find_caller


class Undoing(NamedTuple):
    """What has to be undone at one instruction to get to the caller: worked out once, done for every frame there."""

    prologue: tuple[tuple[UnwindInfo, tuple[UnwindCode, ...], bool], ...]
    """Of the function and of those that it is a part of: unwind data, the codes whose effect is there, and whether
    the frame register holds the base of the frame."""
    epilogue: Epilogue | None = None
    """What is left to do of an epilogue, in place of all that."""
    ends_function: bool = False
    """Whether the instruction lies right behind the function, as where a call never returns."""
    assumed: str | None = None
    """In plain words why this is assumed, and by nothing that the dump holds; None where it is read."""

    def caller(self, memory: Memory, position: Position) -> Position:
        """The caller of ``position``. Raises MemoryGap and NotKnown."""
        frame = _Frame(memory, position)
        if self.epilogue is not None:
            frame.finish(self.epilogue)
        for info, done, established in self.prologue:
            frame.undo(info, done, established)
        return frame.caller()


LEAF = Undoing(())
"""Of a function that touches neither the stack nor saved registers."""


def plan_undoing(memory: Memory, image: Image, function: FunctionEntry, instruction: int, exact: bool) -> Undoing:
    """What to undo at ``instruction`` of ``function``; ``exact`` is that of the position.

    Raises:
        MemoryGap: a page of the unwind data is missing.
        DamagedDump: it is unsound.
    """
    offset = instruction - image.base
    chain = read_chain(memory, image, function)
    ends = offset == function.end
    # A return address never stands inside of an epilogue: no call is part of one.
    epilogue = find_epilogue(memory, image, function, chain[0][1], offset) if exact else None
    if epilogue is not None:
        return Undoing((), epilogue, ends)
    return Undoing(tuple(_prologue(info, offset - entry.begin & MASK_32) for entry, info in chain), None, ends)


def _prologue(info: UnwindInfo, offset: int) -> tuple[UnwindInfo, tuple[UnwindCode, ...], bool]:
    # ``offset`` is how far into the function (into its primary part, for a parent) the frame stands. Saved registers
    # are counted from the stack pointer as the prologue left it. A part that was split off inherits the frame register
    # without a code that sets it.
    done = tuple(code for code in info.codes if offset >= code.behind)
    established = info.parent is not None or any(code.operation == c.SET_FRAME_REGISTER for code in done)
    return info, done, established and info.frame_register != 0


class _Frame:
    # The registers of a frame while the effects of its function are taken back.

    def __init__(self, memory: Memory, position: Position) -> None:
        self._memory = memory
        self._rsp = position.stack_pointer
        self._general = list(position.general)
        self._rip: int | None = None
        self._base = position.stack_pointer

    def caller(self) -> Position:
        machine_frame = self._rip is not None
        rip = self._rip if self._rip is not None else self._pop()
        return Position(rip, self._rsp, tuple(self._general), machine_frame, machine_frame)

    def finish(self, epilogue: Epilogue) -> None:
        base = self._known(epilogue.frame_register) if epilogue.frame_register else self._rsp
        self._rsp = base + epilogue.displacement & MAX_U64
        for register in epilogue.pops:
            value = self._pop()
            if register is not None:
                self._general[register] = value
        if epilogue.machine_frame:
            self._leave_machine_frame(has_error_code=False)

    def undo(self, info: UnwindInfo, done: tuple[UnwindCode, ...], established: bool) -> None:
        self._base = self._rsp
        if established:
            self._base = self._known(info.frame_register) - info.frame_offset & MAX_U64
        for code in done:
            self._undo_code(code, info)

    def _undo_code(self, code: UnwindCode, info: UnwindInfo) -> None:
        if code.operation == c.PUSH_NONVOLATILE:
            self._general[code.register] = self._pop()
        elif code.operation in (c.ALLOCATE_SMALL, c.ALLOCATE_LARGE):
            self._rsp = self._rsp + code.amount & MAX_U64
        elif code.operation in (c.SAVE_NONVOLATILE, c.SAVE_NONVOLATILE_FAR):
            self._general[code.register] = self._read(self._base + code.amount)
        elif code.operation == c.SET_FRAME_REGISTER:
            self._rsp = self._known(info.frame_register) - info.frame_offset & MAX_U64
        elif code.operation == c.PUSH_MACHINE_FRAME:
            self._leave_machine_frame(has_error_code=code.register != 0)

    def _leave_machine_frame(self, has_error_code: bool) -> None:
        start = self._rsp + 8 * has_error_code
        self._rip = self._read(start + c.MACHINE_FRAME_RIP)
        self._rsp = self._read(start + c.MACHINE_FRAME_RSP)

    def _known(self, register: int) -> int:
        value = self._general[register]
        if value is None:
            name = GENERAL_REGISTERS[register]
            raise NotKnown(f"the frame at {format_address(self._rsp)} hangs on {name}, whose value is lost")
        return value

    def _pop(self) -> int:
        value = self._read(self._rsp)
        self._rsp = self._rsp + 8 & MAX_U64
        return value

    def _read(self, address: int) -> int:
        return int.from_bytes(self._memory.read(address & MAX_U64, 8), "little")


def _plan(memory: Memory, image: Image, position: Position) -> Undoing | None:
    function = find_function(memory, image, position.call - image.base)
    if function is None:
        return None
    return plan_undoing(memory, image, function, position.instruction, position.exact)


def _leaf(assumed: str | None) -> Undoing:
    return LEAF._replace(assumed=assumed)


UNWINDER = Unwinder(X64, _leaf, _plan, find_caller, call_takes_stack=True)
