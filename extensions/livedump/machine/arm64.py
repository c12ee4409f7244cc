"""The ARM64 architecture: register names, CONTEXT, page tables, authenticated pointers.

Sources: winnt.h and kxarm64.h of the Windows SDK (CONTEXT); Arm Architecture Reference
Manual for A-profile, D8.3 (translation table descriptors) and D8.10 (pointer authentication). That one root serves both
halves was seen in a kernel-written dump of build 22000: TTBR1 is TTBR0 + 0x800, and the directory table base in the
header is their page.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

from livedump.machine.machine import Machine
from livedump.machine.page_tables import Level, OtherForm, TableForm
from livedump.model.addresses import MAX_U64
from livedump.model.fields import U32, U64, Field
from livedump.model.machines import ARM64
from livedump.model.processors import Registers

GENERAL_REGISTERS = (*(f"x{number}" for number in range(29)), "fp", "lr")
"""In the order of their encoding, which is also that of CONTEXT."""
FP, LR = 29, 30

# CONTEXT
CONTEXT_SIZE = 0x390
CONTEXT_FLAGS = Field(0x00, U32)
CONTEXT_GENERAL = Field(0x08, "<31Q")
CONTEXT_SP = Field(0x100, U64)
CONTEXT_PC = Field(0x108, U64)
CONTEXT_ARM64 = 0x400000
"""Set in ContextFlags of every ARM64 context."""
CONTEXT_CONTROL = 0x400001
"""CONTEXT_ARM64 | CONTEXT_CONTROL: pc and sp were saved."""
CONTEXT_UNWOUND_TO_CALL = 0x20000000
"""In ContextFlags: pc is a return address."""
CONTEXT_UNSET = 0x45474150
"""ContextFlags of a dump header whose context was never written: the fill pattern ``PAGE``."""

# Page table entries
ENTRY_VALID = 1 << 0
ENTRY_TABLE = 1 << 1
"""Above the last level: a table follows, else the entry maps a page of its own size. At the last level it is set."""
ENTRY_FRAME = 0x0000FFFFFFFFF000
"""Physical address in an entry and in a directory table base; the 16 bits above hold an address space number there."""

MOVZ, MOVK_HIGH, REGISTER_MASK = 0x52800000, 0x72A00000, 0x1F
"""``movz w, #n`` and ``movk w, #n, lsl #16``: how code loads a number by halves, and where both name the register."""
MOVK_WITHIN = 4
"""Instructions from the one to the other; compilers put few between them."""

HALF_SIZE = 1 << 47
"""Bytes of each half of the address space."""
HALF_BIT = 1 << 55
"""Of an address: which half it lies in. No code of pointer authentication takes this bit."""


def parse_context(context: bytes) -> Registers | None:
    """The registers of a CONTEXT; None when it was never filled."""
    if len(context) < CONTEXT_SIZE:
        return None
    flags = CONTEXT_FLAGS.read(context)
    return _registers_in(context) if flags & CONTEXT_ARM64 and flags != CONTEXT_UNSET else None


def parse_saved(data: bytes) -> Registers | None:
    """The registers of a CONTEXT that a processor saved; None where its flags do not tell that pc and sp were."""
    return _registers_in(data) if CONTEXT_FLAGS.read(data) & CONTEXT_CONTROL == CONTEXT_CONTROL else None


def resumed(pc: int, sp: int, fp: int) -> Registers:
    """The registers of a thread that goes on at ``pc``; the others are 0."""
    general = [0] * len(GENERAL_REGISTERS)
    general[FP] = fp
    return Registers(pc, sp, tuple(general), ARM64)


def code_address(stored: int) -> int:
    """The address without the code that authenticates it: bit 55 tells the half, bits 46 to 0 the place in it.

    KDDEBUGGER_DATA64.PointerAuthMask tells the same bits, where a block is long enough to have it.
    """
    place = stored & HALF_SIZE - 1
    return place | -HALF_SIZE & MAX_U64 if stored & HALF_BIT else place


def holds_number(code: bytes, number: bytes) -> bool:
    """Whether code holds a number of four bytes: beside its instructions, or loaded by halves with movz and movk."""
    if number in code:
        return True
    low, high = struct.unpack("<HH", number)
    movk = (MOVK_HIGH | high << 5).to_bytes(4, "little")
    return any(_follows(code, first.start(), movk) for first in _movz_of(low).finditer(code))


@lru_cache(maxsize=64)
def _movz_of(number: int) -> re.Pattern[bytes]:
    # The register is in the lowest five bits.
    instruction = (MOVZ | number << 5).to_bytes(4, "little")
    first, last = (re.escape(bytes([instruction[0] | register])) for register in (0, REGISTER_MASK))
    return re.compile(b"[" + first + b"-" + last + b"]" + re.escape(instruction[1:]))


def _follows(code: bytes, movz: int, movk: bytes) -> bool:
    if movz % 4:
        return False
    wanted = bytes([movk[0] | code[movz] & REGISTER_MASK]) + movk[1:]
    return any(code[at : at + 4] == wanted for at in range(movz + 4, movz + 4 * (MOVK_WITHIN + 1), 4))


def leads_to_table_or_block(entry: int) -> bool:
    """Whether an entry above the last level leads on."""
    return bool(entry & ENTRY_VALID)


def leads_to_table(entry: int) -> bool:
    """Whether an entry of a level that has no large pages leads on."""
    return entry & (ENTRY_VALID | ENTRY_TABLE) == ENTRY_VALID | ENTRY_TABLE


def is_block(entry: int) -> bool:
    """Whether an entry that leads on maps a page of its own size."""
    return not entry & ENTRY_TABLE


def frame(entry: int) -> int:
    """The physical address in an entry that leads on."""
    return entry & ENTRY_FRAME


def _registers_in(context: bytes) -> Registers:
    return Registers(CONTEXT_PC.read(context), CONTEXT_SP.read(context), CONTEXT_GENERAL.read_all(context), ARM64)


def _larger_granule(shift: int) -> tuple[Level, ...]:
    # 47 bits in each half: two levels are whole, the root holds what is left of both halves, one behind the other.
    bits = shift - 3
    top = shift + 2 * bits
    return (
        Level("PPE", top, leads_to_table, index_bits=48 - top),
        Level("PDE", top - bits, leads_to_table_or_block, is_block, bits),
        Level("PTE", shift, leads_to_table, index_bits=bits),
    )


MACHINE = Machine(
    name=ARM64,
    general_registers=GENERAL_REGISTERS,
    instruction_pointer="pc",
    stack_pointer="sp",
    page_tables=TableForm(
        top=(
            Level("PXE", 39, leads_to_table),
            Level("PPE", 30, leads_to_table_or_block, is_block),
            Level("PDE", 21, leads_to_table_or_block, is_block),
        ),
        last=Level("PTE", 12, leads_to_table),
        root_mask=ENTRY_FRAME,
        frame=frame,
        shows_software_entries=True,
        others=(
            OtherForm(_larger_granule(14), "page tables of 16 KiB pages"),
            OtherForm(_larger_granule(16), "page tables of 64 KiB pages"),
        ),
    ),
    control_size=CONTEXT_PC.end,
    parse_context=parse_context,
    parse_saved=parse_saved,
    switch_frame=None,
    resumed=resumed,
    code_address=code_address,
    holds_number=holds_number,
)
