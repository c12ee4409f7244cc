"""ARM64's CONTEXT, processor blocks and the layouts that the kernel's symbols tell of them.

Sources: winnt.h and kxarm64.h of the Windows SDK (CONTEXT, KPROCESSOR_STATE); a dump of build 22000 (KPCR, KPRCB, what
the debugger data block says of them, translation control and roots).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tests.synth import small_layouts as c
from tests.synth.small_layouts import Field, Layouts, Struct

if TYPE_CHECKING:  # they need images, which need the layouts from here
    from tests.synth.execution import Execution
    from tests.synth.structures import ProcessorParts

CONTEXT_FLAGS = 0x400007
USER_STATE, KERNEL_STATE = 0x60000000, 0x60000004
"""PSTATE: EL0 and EL1."""
TRANSLATION_CONTROL = 0x95B5513511
UPPER_HALF = 0x800
ADDRESS_SPACE = 0x40 << 48

CONTEXT = Struct(
    "_CONTEXT",
    0x390,
    (
        Field(0, "ContextFlags", 4),
        Field(4, "Cpsr", 4),
        *(Field(8 + 8 * number, f"X{number}") for number in range(29)),
        Field(0xF0, "Fp"),
        Field(0xF8, "Lr"),
        Field(0x100, "Sp"),
        Field(0x108, "Pc"),
        Field(0x110, "V", 0x200, "struct _M128A %[32]"),
        Field(0x310, "Fpcr", 4),
        Field(0x314, "Fpsr", 4),
    ),
)
KSPECIAL_REGISTERS = Struct("_KSPECIAL_REGISTERS", 0xA0, (Field(0x20, "Tpidr_El1"),))
KARM64_ARCH_STATE = Struct(
    "_KARM64_ARCH_STATE",
    0x280,
    (
        Field(0x20, "Tcr_El1"),
        Field(0x28, "Ttbr0_El1"),
        Field(0x30, "Ttbr1_El1"),
        Field(0x268, "Mair_El1"),
        Field(0x270, "Vbar_El1"),
    ),
)
KPROCESSOR_STATE = Struct(
    "_KPROCESSOR_STATE",
    0x6B0,
    (
        Field(0, "SpecialRegisters", 0xA0, "struct _KSPECIAL_REGISTERS"),
        Field(0xA0, "ArchState", 0x280, "struct _KARM64_ARCH_STATE"),
        Field(0x320, "ContextFrame", 0x390, "struct _CONTEXT"),
    ),
)
KPRCB = Struct(
    "_KPRCB",
    0x9680,
    (
        Field(8, "CurrentThread", 8, "struct _KTHREAD *%"),
        Field(0x10, "NextThread", 8, "struct _KTHREAD *%"),
        Field(0x18, "IdleThread", 8, "struct _KTHREAD *%"),
        Field(0x20, "NestingLevel", 1),
        Field(0x24, "Number", 4),
        Field(0x40, "ProcessorState", 0x6B0, "struct _KPROCESSOR_STATE"),
        Field(0x6F4, "MHz", 4),
        Field(0x8A0, "Context", 8, "struct _CONTEXT *%"),
    ),
)
KPCR = Struct(
    "_KPCR",
    0x980 + KPRCB.size,
    (Field(0x18, "Self", 8, "struct _KPCR *%"), Field(0x980, "Prcb", KPRCB.size, "struct _KPRCB")),
)
KSWITCH_FRAME = Struct(
    "_KSWITCH_FRAME",
    0x20,
    (Field(0, "ApcBypass", 1), Field(8, "Tpidr"), Field(0x10, "Fp"), Field(0x18, "Return")),
)
SWITCH_FRAME_AT, PROCESS_AT = 0x210, 0x240
"""In KTHREAD. Source: public symbols of nt for ARM64, and the debugger, which reads the frame there."""
REPLACED = {each.name: each for each in (CONTEXT, KSPECIAL_REGISTERS, KPROCESSOR_STATE, KPRCB, KPCR)}


@cache
def layouts(build: int) -> Layouts:
    """Structures of ``build``: those of x64 but for what the processor has a say in."""
    of_x64 = c.layouts(build)
    same: list[Struct] = []
    for each in of_x64.same:
        same += [KARM64_ARCH_STATE] if each.name == "_KPROCESSOR_STATE" else []
        same.append(REPLACED.get(each.name, each))
    return replace(of_x64, same=(KSWITCH_FRAME, *same), kthread=_kthread(of_x64.kthread))


def _kthread(of_x64: Struct) -> Struct:
    fields = [replace(each, offset=PROCESS_AT) if each.name == "Process" else each for each in of_x64.fields]
    return replace(of_x64, fields=(*fields, Field(SWITCH_FRAME_AT, "SwitchFrame", 0x20, "struct _KSWITCH_FRAME")))


def switched(execution: Execution) -> dict[str, bytes]:
    """What the context switch leaves in the KTHREAD of a thread that stands in it."""
    fp, link = execution.registers["fp"], execution.registers["lr"]
    return {"SwitchFrame": KSWITCH_FRAME.pack(Tpidr=0x7F00, Fp=fp, Return=link)}


def context_record(execution: Execution) -> bytes:
    """CONTEXT of the innermost frame."""
    return packed_context(execution.registers)


def packed_context(registers: Mapping[str, int]) -> bytes:
    """CONTEXT with these registers, by the debugger's names."""
    user = not registers["pc"] >> 63
    values = {name.capitalize(): value for name, value in registers.items()}
    return CONTEXT.pack(ContextFlags=CONTEXT_FLAGS, Cpsr=USER_STATE if user else KERNEL_STATE, **values)


def processor_control_region(parts: ProcessorParts) -> bytes:
    """KPCR with its KPRCB."""
    arch = KARM64_ARCH_STATE.pack(
        Tcr_El1=TRANSLATION_CONTROL,
        Ttbr0_El1=parts.directory_base | ADDRESS_SPACE,
        Ttbr1_El1=parts.directory_base | ADDRESS_SPACE | UPPER_HALF,
    )
    prcb = KPRCB.pack(
        CurrentThread=parts.current_thread,
        IdleThread=parts.idle_thread,
        Number=parts.number,
        MHz=2900,
        ProcessorState=KSPECIAL_REGISTERS.pack(Tpidr_El1=parts.pcr) + arch + parts.context,
        Context=parts.context_address,
    )
    return KPCR.pack(Self=parts.pcr, Prcb=prcb)
