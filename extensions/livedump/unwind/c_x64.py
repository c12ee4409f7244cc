"""x64 unwind data: which function an address belongs to and how to undo its prologue.

Source: "x64 exception handling", Microsoft Learn. Version 2 (epilogue codes) is not described there; its meaning was
read off functions of Microsoft's own libraries, whose epilogues a test decodes.
"""

from __future__ import annotations

from struct import Struct

RUNTIME_FUNCTION = Struct("<III")
"""BeginAddress, EndAddress, UnwindData; all relative to the image's base."""
INDIRECT = 1
"""Bit of UnwindData: the rest is the address of another RUNTIME_FUNCTION that serves for this one."""

UNWIND_INFO = Struct("<BBBB")
"""Version (3 bits) and flags (5), size of the prologue, count of codes, frame register (4 bits) and its offset (4)."""
FRAME_OFFSET_UNIT = 16
FLAG_CHAINED = 4
UNWIND_CODE = Struct("<BB")
"""Offset behind the instruction in the prologue, operation (4 bits) and its information (4)."""

PUSH_NONVOLATILE = 0
ALLOCATE_LARGE = 1
ALLOCATE_SMALL = 2
SET_FRAME_REGISTER = 3
SAVE_NONVOLATILE = 4
SAVE_NONVOLATILE_FAR = 5
EPILOGUE = 6
"""Of version 2. Version 1 meant the low half of an XMM register, saved with a short offset; never seen."""
SPARE = 7
"""Of version 2. Version 1 meant the low half of an XMM register, saved with a long offset; never seen."""
SAVE_XMM128 = 8
SAVE_XMM128_FAR = 9
PUSH_MACHINE_FRAME = 10

EXTRA_SLOTS = {
    ALLOCATE_LARGE: 1,
    SAVE_NONVOLATILE: 1,
    SAVE_NONVOLATILE_FAR: 2,
    EPILOGUE: 1,
    SPARE: 2,
    SAVE_XMM128: 1,
    SAVE_XMM128_FAR: 2,
}
"""Slots of two bytes behind the code's own. A large allocation whose information is not 0 takes one more."""

MACHINE_FRAME_RIP = 0x00
MACHINE_FRAME_RSP = 0x18
"""What the processor pushes at an interrupt: RIP, CS, RFLAGS, RSP, SS; with an error code, that lies before it."""
MACHINE_FRAME_WORDS = 5

USER_SELECTORS = {(0x33, 0x2B), (0x23, 0x2B)}
"""CS and SS of user mode, with 64-bit and with 32-bit code. Source: KGDT64_R3_CODE and others in the WDK's headers."""
KERNEL_SELECTORS = {(0x10, 0x18), (0x10, 0x00)}
"""CS and SS of kernel mode; the processor loads a null SS when an interrupt changes the stack."""
FLAGS_ALWAYS_SET = 0x2
"""Bit of RFLAGS."""
