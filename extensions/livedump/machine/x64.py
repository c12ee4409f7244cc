"""The x64 architecture: register names, CONTEXT, page tables.

Sources: winnt.h of the Windows SDK (CONTEXT); Intel SDM volume 3A, 2.5 (control registers) and 4.5 (page table
entries); public symbols of nt (_MMPTE_TRANSITION).
"""

from __future__ import annotations

from livedump.machine.machine import Machine, StackedSwitchFrame
from livedump.machine.page_tables import Level, OtherForm, TableForm
from livedump.model.fields import U32, U64, Field
from livedump.model.machines import X64
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

# Page table entries
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

# KSWITCH_FRAME. Source: the ReactOS headers; it is in no public PDB. That it holds on Windows is seen in debugger
# transcripts: the first frame of every waiting thread has its stack pointer 0x40 above KTHREAD.KernelStack.
SWITCH_FRAME = StackedSwitchFrame(0x40, Field(0x30, U64), Field(0x38, U64))


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


def parse_saved(data: bytes) -> Registers | None:
    """The registers of a CONTEXT that a processor saved; None where its flags do not tell that rip and rsp were."""
    return registers_in(data) if CONTEXT_FLAGS.read(data) & CONTEXT_CONTROL == CONTEXT_CONTROL else None


def resumed(rip: int, rsp: int, rbp: int) -> Registers:
    """The registers of a thread that goes on at ``rip``; the others are 0."""
    general = [0] * len(GENERAL_REGISTERS)
    general[RSP], general[RBP] = rsp, rbp
    return registers(rip, tuple(general))


def leads_on(entry: int) -> bool:
    """Whether a page table entry of any level leads to a page or table whose contents are there."""
    if entry & PTE_VALID:
        return True
    return bool(entry & PTE_TRANSITION) and not entry & PTE_PROTOTYPE


def is_large(entry: int) -> bool:
    """Whether a PPE or PDE that leads on maps a page of its own size."""
    return entry & (PTE_VALID | PTE_LARGE) == PTE_VALID | PTE_LARGE


def frame(entry: int) -> int:
    """The physical address in an entry that leads on."""
    return entry & (PTE_FRAME if entry & PTE_VALID else PTE_TRANSITION_FRAME)


def _unchanged(address: int) -> int:
    return address


def holds_number(code: bytes, number: bytes) -> bool:
    """Whether code holds a number of four bytes: as an operand it stands in an instruction."""
    return number in code


_TOP = (Level("PXE", 39, leads_on), Level("PPE", 30, leads_on, is_large), Level("PDE", 21, leads_on, is_large))
_FIFTH = Level("PML5E", 48, leads_on)
"""Above the others when the processor runs with CR4.LA57."""

MACHINE = Machine(
    name=X64,
    general_registers=GENERAL_REGISTERS,
    instruction_pointer="rip",
    stack_pointer="rsp",
    page_tables=TableForm(
        top=_TOP,
        last=Level("PTE", 12, leads_on),
        root_mask=PTE_FRAME,
        frame=frame,
        shows_software_entries=False,
        others=(OtherForm((_FIFTH, *_TOP), "five levels of page tables (LA57)"),),
    ),
    control_size=CONTEXT_RIP.end,
    parse_context=parse_context,
    parse_saved=parse_saved,
    switch_frame=SWITCH_FRAME,
    resumed=resumed,
    code_address=_unchanged,
    holds_number=holds_number,
)
