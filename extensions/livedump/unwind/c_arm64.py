"""ARM64 unwind data: which function an address belongs to and how to undo its prologue.

Sources: "ARM64 exception handling", Microsoft Learn; kxarm64.h of the Windows SDK (KTRAP_FRAME, machine frame);
src/coreclr/unwinder/arm64 of .NET for what that page leaves open (codes that stand for no instruction, save_any_reg).
"""

from __future__ import annotations

from struct import Struct

INSTRUCTION_SIZE = 4

RUNTIME_FUNCTION = Struct("<II")
"""BeginAddress relative to the image's base; unwind data, packed or the address of a record."""
FLAG_MASK = 3
FLAG_RECORD, FLAG_PACKED, FLAG_PACKED_FRAGMENT = 0, 1, 2

# Packed: (lowest bit, bits)
PACKED_LENGTH = (2, 11)
PACKED_REG_F = (13, 3)
PACKED_REG_I = (16, 4)
PACKED_HOMES = (20, 1)
PACKED_CR = (21, 2)
PACKED_FRAME_SIZE = (23, 9)
CR_SAVED, CR_CHAINED_SIGNED, CR_CHAINED = 1, 2, 3
HOMES = 4
"""Instructions that store x0 to x7."""
LARGEST_STEP = 4080
"""Bytes that one instruction takes off the stack pointer, as compilers split larger frames."""
LARGEST_PRE_INDEXED = 512

# The record
HEADER = Struct("<I")
HEADER_LENGTH = (0, 18)
HEADER_VERSION = (18, 2)
HEADER_ONE_EPILOGUE = (21, 1)
HEADER_EPILOGUES = (22, 5)
HEADER_CODE_WORDS = (27, 5)
SECOND_EPILOGUES = (0, 16)
SECOND_CODE_WORDS = (16, 8)
"""Of the second word, which follows where both counts of the first are 0."""
EPILOGUE_START = (0, 18)
EPILOGUE_INDEX = (22, 10)

# Codes
FIRST_SAVED = 19
"""x19 is the first register that functions keep."""
ALLOCATE_LARGE, SET_FP, ADD_FP, NOP, END, END_CHAINED, SAVE_NEXT, SAVE_ANY = range(0xE0, 0xE8)
TRAP_FRAME, MACHINE_FRAME, CONTEXT, EC_CONTEXT, CLEAR_UNWOUND_TO_CALL = range(0xE8, 0xED)
SIGN_LR = 0xFC

# KTRAP_FRAME
TRAP_FRAME_START = 0x98
"""What an unwinder needs begins here: Sp, X[19], Lr, Fp, Pc."""
TRAP_FRAME_REGISTERS = Struct("<Q19QQQQ")
MACHINE_FRAME_REGISTERS = Struct("<QQ")
"""Sp, Pc."""

# Instructions that call
BRANCH_LINK, BRANCH_LINK_MASK = 0x94000000, 0xFC000000
BRANCH_LINK_REGISTER, BRANCH_LINK_REGISTER_MASK = 0xD63F0000, 0xFFFFFC1F
BRANCH_LINK_SIGNED, BRANCH_LINK_SIGNED_MASK = 0xD63F0800, 0xFEFFF800
"""blraa, blrab, blraaz, blrabz."""


def bits(value: int, field: tuple[int, int]) -> int:
    """The field of a value."""
    low, count = field
    return value >> low & (1 << count) - 1
