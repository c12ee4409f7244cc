"""The x64 architecture: register names, CONTEXT, page tables.

Sources: winnt.h of the Windows SDK (CONTEXT); Intel SDM volume 3A, 2.5 (control registers) and 4.5 (page table
entries); public symbols of nt (_MMPTE_TRANSITION).
"""

from __future__ import annotations

from livedump.machine.page_tables import Level
from livedump.model.fields import U32, U64, Field
from livedump.model.processors import Registers

GENERAL_REGISTERS = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
"""In the order of their encoding, which is also that of CONTEXT."""
RSP, RBP = 4, 5

# CONTEXT
CONTEXT_SIZE = 0x4D0
CONTEXT_FLAGS = Field(0x30, U32)
CONTEXT_GENERAL = Field(0x78, "<16Q")
CONTEXT_RIP = Field(0xF8, U64)
CONTEXT_AMD64 = 0x100000
"""Set in ContextFlags of every x64 context."""
CONTEXT_CONTROL = 0x100001
"""CONTEXT_AMD64 | CONTEXT_CONTROL: rip and rsp were saved."""
CONTEXT_UNSET = 0x45474150
"""ContextFlags of a dump header whose context was never written: the fill pattern ``PAGE``."""

TOP_LEVELS = (Level("PXE", 39), Level("PPE", 30, may_be_large=True), Level("PDE", 21, may_be_large=True))
LAST_LEVEL = (Level("PTE", 12),)
FIFTH_LEVEL = (Level("PML5E", 48),)
"""Above the others when the processor runs with CR4.LA57. Known here only to be recognised."""

PTE_SIZE = 8
PTE_VALID = 1 << 0
PTE_LARGE = 1 << 7
"""In a PPE or PDE: the entry maps a page of 1 GiB or 2 MiB itself."""
PTE_PROTOTYPE = 1 << 10
PTE_TRANSITION = 1 << 11
"""In an entry that is not valid and no prototype: the page waits on a list, its contents are still there."""
PTE_FRAME = 0x000FFFFFFFFFF000
"""Physical address in a valid entry and in CR3."""
PTE_TRANSITION_FRAME = 0x0000FFFFFFFFF000
"""Physical address in a transition entry: Windows 10 keeps other things in the bits above."""


def registers(rip: int, general: tuple[int, ...]) -> Registers:
    """The registers of one moment; ``general`` in the order of GENERAL_REGISTERS."""
    return Registers(rip, general[RSP], general)


def parse_context(context: bytes) -> Registers | None:
    """The registers of a CONTEXT; None when it was never filled."""
    if len(context) < CONTEXT_SIZE:
        return None
    flags = CONTEXT_FLAGS.read(context)
    return registers_in(context) if flags & CONTEXT_AMD64 and flags != CONTEXT_UNSET else None


def registers_in(context: bytes) -> Registers:
    """The registers of a CONTEXT, whatever its flags say; it must reach to the end of CONTEXT_RIP."""
    return registers(CONTEXT_RIP.read(context), CONTEXT_GENERAL.read_all(context))
