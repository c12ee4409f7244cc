"""Epilogues, by which a function gives its frame back: recognised in code, or by the epilogue codes of version 2.

Source: "x64 prolog and epilog", Microsoft Learn, which says what an epilogue may consist of.
"""

from __future__ import annotations

from typing import NamedTuple

from livedump.images.image import Image
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, MemoryGap
from livedump.unwind import c_x64 as c
from livedump.unwind.x64_data import MASK_32, FunctionEntry, UnwindCode, UnwindInfo, find_function, read_chain

LONGEST_EPILOGUE = 48
"""Bytes: seven that free the frame, a pop of two bytes for each of sixteen registers, a jump."""

REX_W, REX_WB = 0x48, 0x49
ADD_IMM8, ADD_IMM32, LEA = 0x83, 0x81, 0x8D
ADD_RSP = 0xC4
LEA_RSP_DISP8, LEA_RSP_DISP32 = 0x60, 0xA0
POP = 0x58
JMP_REL8, JMP_REL32 = 0xEB, 0xE9
BND = b"\xf2"
"""Prefix of a return or jump that means nothing to the unwinder."""
RETURNS = (b"\xc3", b"\xc2", b"\xf3\xc3")
"""ret, ret imm16, rep ret."""
JMP_MEMORY = b"\xff\x25"
GROUP_5 = 0xFF
GROUP_5_JMP = 0x20


class Epilogue(NamedTuple):
    """What is left to do of an epilogue until the function has returned."""

    frame_register: int
    """Register that the stack pointer is set from; 0 when it is added to."""
    displacement: int
    """Bytes added to that register, or to the stack pointer."""
    pops: tuple[int | None, ...]
    """Registers restored, in order; None for eight bytes that are dropped."""
    machine_frame: bool = False
    """Whether it ends in the return from an interrupt."""


def find_epilogue(
    memory: Memory, image: Image, function: FunctionEntry, info: UnwindInfo, offset: int
) -> Epilogue | None:
    """What an epilogue still does at ``offset`` of the image; None when no epilogue is there.

    Code whose page is missing is taken for no epilogue, as the debugger takes it: being stopped in one is rare.
    """
    if info.version == 2:
        return _find_listed(memory, image, function, info, offset)
    # The last instructions may already belong to another part of the function, so its end is no bound.
    code = _read_available(memory, image.base + offset, LONGEST_EPILOGUE)
    epilogue, length = _parse_epilogue(code, info.frame_register)
    return epilogue if _leaves(memory, image, function, code[length:], offset + length) else None


def _find_listed(
    memory: Memory, image: Image, function: FunctionEntry, info: UnwindInfo, offset: int
) -> Epilogue | None:
    # Version 2. An epilogue begins behind what frees the frame; its pops mirror the pushes.
    for start in info.epilogues:
        done = offset - (function.end - start)
        if 0 <= done < info.epilogue_size:
            return _mirror(_pushes(memory, image, function), done)
    return None


def _pushes(memory: Memory, image: Image, function: FunctionEntry) -> tuple[UnwindCode, ...]:
    # All pushes stand in one entry of the chain, behind everything else that its codes undo.
    for _, info in read_chain(memory, image, function):
        for index, code in enumerate(info.codes):
            if code.operation in (c.PUSH_NONVOLATILE, c.PUSH_MACHINE_FRAME):
                return info.codes[index:]
    return ()


def _mirror(pushes: tuple[UnwindCode, ...], done: int) -> Epilogue:
    # A pop is one byte long, two for r8 and above. Eight bytes without a register are pushed flags, popped to rcx.
    pops: list[int | None] = []
    position = 0
    for code in pushes:
        if code.operation == c.PUSH_MACHINE_FRAME:
            return Epilogue(0, 0, tuple(pops), machine_frame=True)
        if position >= done:
            pops.append(code.register if code.operation == c.PUSH_NONVOLATILE else None)
        position += 2 if code.operation == c.PUSH_NONVOLATILE and code.register >= 8 else 1
    return Epilogue(0, 0, tuple(pops))


def _parse_epilogue(code: bytes, frame_register: int) -> tuple[Epilogue, int]:
    # The epilogue up to the instruction that leaves the function, and where that stands.
    base, displacement, at = _parse_deallocation(code, frame_register)
    pops: list[int | None] = []
    while True:
        rex = code[at] if code[at : at + 1] and code[at] & 0xF0 == 0x40 else 0
        opcode = code[at + 1 : at + 2] if rex else code[at : at + 1]
        if not opcode or opcode[0] & 0xF8 != POP:
            return Epilogue(base, displacement, tuple(pops)), at
        pops.append(opcode[0] & 7 | (rex & 1) << 3)
        at += 2 if rex else 1


def _parse_deallocation(code: bytes, frame_register: int) -> tuple[int, int, int]:
    # add rsp, n or lea rsp, [frame register + n]: register, n, length. Length 0 for neither.
    if len(code) < 4:
        return 0, 0, 0
    prefix, opcode, operands = code[0], code[1], code[2]
    if prefix == REX_W and operands == ADD_RSP and opcode in (ADD_IMM8, ADD_IMM32):
        return (0, *_displacement(code, wide=opcode == ADD_IMM32))
    if prefix in (REX_W, REX_WB) and opcode == LEA and operands & 0xF8 in (LEA_RSP_DISP8, LEA_RSP_DISP32):
        register = operands & 7 | (prefix & 1) << 3
        if register and register == frame_register:
            return (register, *_displacement(code, wide=operands & 0xF8 == LEA_RSP_DISP32))
    return 0, 0, 0


def _displacement(code: bytes, wide: bool) -> tuple[int, int]:
    length = 7 if wide else 4
    return int.from_bytes(code[3:length], "little", signed=True), length


def _leaves(memory: Memory, image: Image, function: FunctionEntry, code: bytes, offset: int) -> bool:
    # Whether the instruction ends the function: a return, or a jump to another function.
    if code.startswith(BND):
        code, offset = code[1:], offset + 1
    if code.startswith((*RETURNS, JMP_MEMORY)):
        return True
    if len(code) >= 3 and code[0] & 0xF8 == REX_W and code[1] == GROUP_5 and code[2] & 0x38 == GROUP_5_JMP:
        return True  # a needless REX.W marks a jump that leaves the function
    target = _jump_target(code, offset)
    return target is not None and _is_elsewhere(memory, image, function, target)


def _jump_target(code: bytes, offset: int) -> int | None:
    if len(code) >= 2 and code[0] == JMP_REL8:
        return offset + 2 + int.from_bytes(code[1:2], "little", signed=True) & MASK_32
    if len(code) >= 5 and code[0] == JMP_REL32:
        return offset + 5 + int.from_bytes(code[1:5], "little", signed=True) & MASK_32
    return None


def _is_elsewhere(memory: Memory, image: Image, function: FunctionEntry, target: int) -> bool:
    # A jump to the start of the function calls it again; one into another part of it, split off, stays inside.
    try:
        primary = _primary(memory, image, function)
        if target == primary.begin or function.begin <= target < function.end:
            return target == primary.begin
        other = find_function(memory, image, target)
        return other is None or _primary(memory, image, other).begin != primary.begin
    except DumpError:
        return False


def _primary(memory: Memory, image: Image, function: FunctionEntry) -> FunctionEntry:
    return read_chain(memory, image, function)[-1][0]


def _read_available(memory: Memory, address: int, size: int) -> bytes:
    # As many bytes as there are up to ``size``.
    try:
        return memory.read(address, size)
    except MemoryGap as gap:
        held = gap.address - address
    return memory.read(address, held) if 0 < held < size else b""
