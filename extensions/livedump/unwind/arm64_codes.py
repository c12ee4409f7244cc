"""ARM64 unwind codes, decoded: what an instruction of a prologue did to the stack pointer and to saved registers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from livedump.machine.arm64 import FP, GENERAL_REGISTERS, LR
from livedump.model.errors import DamagedDump
from livedump.unwind import c_arm64 as c


class Effect(Enum):
    """What a code stands for."""

    NOTHING = "nothing that an unwinder needs"
    MOVE = "the stack pointer was lowered, and registers may have been saved"
    SAVE_NEXT = "the pair of registers behind those of the save that follows was saved behind them"
    SET_FP = "fp was set from the stack pointer"
    TRAP_FRAME = "the kernel stored what was interrupted"
    MACHINE_FRAME = "stack pointer and pc were stored"
    CONTEXT = "a CONTEXT was stored"
    EC_CONTEXT = "a CONTEXT of emulated code was stored"
    CLEAR_UNWOUND_TO_CALL = "lr is no return address of a call"
    SIGN_LR = "lr was signed"
    END_CHAINED = "this part's own prologue ends, that of the function goes on"
    END = "the end"


class Code(NamedTuple):
    """One code."""

    effect: Effect
    registers: tuple[int, ...] = ()
    """General registers that were saved, one behind the other."""
    offset: int = 0
    """Where, from the stack pointer after the instruction; for SET_FP how far fp points above it."""
    amount: int = 0
    """Bytes that the instruction took off the stack pointer."""
    instructions: int = 1
    """How many it stands for: 1 or 0."""


def parse_codes(data: bytes, index: int) -> tuple[Code, ...]:
    """The codes from ``index`` to the end that they tell, or that of the data; last effect of the prologue first.

    Raises:
        DamagedDump: one is reserved, or the data ends inside of it.
    """
    return tuple(_iter_codes(data, index))


def instruction_count(codes: tuple[Code, ...]) -> int:
    """How many instructions the first part of the codes stands for: up to its end, without those of a parent."""
    total = 0
    for code in codes:
        if code.effect in (Effect.END, Effect.END_CHAINED):
            break
        total += code.instructions
    return total


def allocate(amount: int) -> Code:
    """The stack pointer was lowered."""
    return Code(Effect.MOVE, amount=amount)


def save(registers: tuple[int, ...], offset: int) -> Code:
    """Registers were saved at an offset from the stack pointer."""
    return Code(Effect.MOVE, registers, offset)


def push(registers: tuple[int, ...], amount: int) -> Code:
    """The stack pointer was lowered, and registers saved where it points then."""
    return Code(Effect.MOVE, registers, 0, amount)


def _iter_codes(data: bytes, index: int) -> Iterator[Code]:
    while index < len(data):
        first = data[index]
        length, parse = _FORMS[bisect_right(_STARTS, first) - 1]
        raw = data[index : index + length]
        if len(raw) < length:
            raise DamagedDump(f"the unwind codes end inside of code {first:#x}")
        code = parse(int.from_bytes(raw, "big"))
        if code is None:
            raise DamagedDump(f"unwind code {first:#x} is reserved")
        yield code
        if code.effect is Effect.END:
            return
        index += length


def _saved_at(value: int, count_bits: int) -> int:
    return c.FIRST_SAVED + (value >> count_bits & 0xF)


def _pair(first: int) -> tuple[int, ...]:
    return first, first + 1


def _sized(mask: int) -> Callable[[int], Code]:
    return lambda value: allocate((value & mask) * 16)


def _always(effect: Effect, instructions: int = 1) -> Callable[[int], Code]:
    return lambda _: Code(effect, instructions=instructions)


def _reserved(_: int) -> None:
    return None


def _save_r19r20_x(value: int) -> Code:
    return push(_pair(c.FIRST_SAVED), (value & 0x1F) * 8)


def _save_fplr(value: int) -> Code:
    return save((FP, LR), (value & 0x3F) * 8)


def _save_fplr_x(value: int) -> Code:
    return push((FP, LR), (value & 0x3F) * 8 + 8)


def _save_regp(value: int) -> Code:
    return save(_pair(_saved_at(value, 6)), (value & 0x3F) * 8)


def _save_regp_x(value: int) -> Code:
    return push(_pair(_saved_at(value, 6)), (value & 0x3F) * 8 + 8)


def _save_reg(value: int) -> Code:
    return save((_saved_at(value, 6),), (value & 0x3F) * 8)


def _save_reg_x(value: int) -> Code:
    return push((_saved_at(value, 5),), (value & 0x1F) * 8 + 8)


def _save_lrpair(value: int) -> Code:
    return save((c.FIRST_SAVED + 2 * (value >> 6 & 7), LR), (value & 0x3F) * 8)


def _save_fregp_x(value: int) -> Code:
    return allocate((value & 0x3F) * 8 + 8)


def _save_freg_x(value: int) -> Code:
    return allocate((value & 0x1F) * 8 + 8)


def _add_fp(value: int) -> Code:
    return Code(Effect.SET_FP, offset=(value & 0xFF) * 8)


def _save_any(value: int) -> Code | None:
    # 0pxrrrrr ffoooooo: p a pair, x pre-indexed, r the register, f its kind (x, d, q), o the offset in its units.
    pair, pre_indexed, first = value >> 14 & 1, value >> 13 & 1, value >> 8 & 0x1F
    kind, units = value >> 6 & 3, value & 0x3F
    if value >> 15 & 1 or kind == 3:
        return None
    size = 16 if pair or pre_indexed or kind == 2 else 8
    registers = (_pair(first) if pair else (first,)) if kind == 0 else ()
    return push(registers, (units + 1) * size) if pre_indexed else save(registers, units * size)


_nothing = _always(Effect.NOTHING)
_TABLE: tuple[tuple[int, int, Callable[[int], Code | None]], ...] = (
    (0x00, 1, _sized(0x1F)),
    (0x20, 1, _save_r19r20_x),
    (0x40, 1, _save_fplr),
    (0x80, 1, _save_fplr_x),
    (0xC0, 2, _sized(0x7FF)),
    (0xC8, 2, _save_regp),
    (0xCC, 2, _save_regp_x),
    (0xD0, 2, _save_reg),
    (0xD4, 2, _save_reg_x),
    (0xD6, 2, _save_lrpair),
    (0xD8, 2, _nothing),  # save_fregp
    (0xDA, 2, _save_fregp_x),
    (0xDC, 2, _nothing),  # save_freg
    (0xDE, 2, _save_freg_x),
    (0xDF, 1, _reserved),
    (c.ALLOCATE_LARGE, 4, _sized(0xFFFFFF)),
    (c.SET_FP, 1, _always(Effect.SET_FP)),
    (c.ADD_FP, 2, _add_fp),
    (c.NOP, 1, _nothing),
    (c.END, 1, _always(Effect.END, 0)),
    (c.END_CHAINED, 1, _always(Effect.END_CHAINED, 0)),
    (c.SAVE_NEXT, 1, _always(Effect.SAVE_NEXT)),
    (c.SAVE_ANY, 3, _save_any),
    (c.TRAP_FRAME, 1, _always(Effect.TRAP_FRAME, 0)),
    (c.MACHINE_FRAME, 1, _always(Effect.MACHINE_FRAME, 0)),
    (c.CONTEXT, 1, _always(Effect.CONTEXT, 0)),
    (c.EC_CONTEXT, 1, _always(Effect.EC_CONTEXT, 0)),
    (c.CLEAR_UNWOUND_TO_CALL, 1, _always(Effect.CLEAR_UNWOUND_TO_CALL, 0)),
    (0xED, 1, _reserved),
    (0xF8, 2, _nothing),  # to 0xfb: of two to five bytes, to be skipped
    (0xF9, 3, _nothing),
    (0xFA, 4, _nothing),
    (0xFB, 5, _nothing),
    (c.SIGN_LR, 1, _always(Effect.SIGN_LR)),
    (0xFD, 1, _nothing),
)
"""First byte of each form, its length, and what it says; None for one that no function may have."""
_STARTS = tuple(start for start, _, _ in _TABLE)
_FORMS = tuple((length, parse) for _, length, parse in _TABLE)


def with_saved_behind(code: Code, pairs: int) -> Code:
    """A save with as many pairs of registers saved behind its own, as SAVE_NEXT says.

    Raises:
        DamagedDump: there are not so many registers, or the code saves none.
    """
    if not code.registers:
        return code  # of vector registers nothing is kept
    first = code.registers[0]
    registers = tuple(range(first, first + len(code.registers) + 2 * pairs)) if pairs else code.registers
    if registers[-1] >= len(GENERAL_REGISTERS):
        raise DamagedDump(f"unwind codes that save {len(registers)} registers from number {first} on")
    return code._replace(registers=registers)
