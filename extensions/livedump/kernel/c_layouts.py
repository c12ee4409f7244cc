"""Layouts that are the same in every 64-bit Windows, or that no symbols have.

Sources: wdbgexts.h of the Windows SDK for KDDEBUGGER_DATA64, which is in no public symbols; winnt.h and ntdef.h for
LIST_ENTRY and UNICODE_STRING; Microsoft's public symbols of builds 7601 to 26100, ``dt nt!<type>``, for the rest. What
moves from build to build is not here.
"""

from __future__ import annotations

from livedump.kernel import c_kernel as c
from livedump.model.fields import U16, U32, U64, Field
from livedump.model.layout import Layout, Member, MemberType, TypeKind, array_of, integer

_SIZES = {U16: 2, U32: 4, U64: 8}


def numbers(name: str, size: int | None, **fields: Field) -> Layout:
    """The layout of a structure of numbers without a sign."""
    return Layout(name, size, tuple(Member(each, at.offset, integer(_SIZES[at.format])) for each, at in fields.items()))


def inner(name: str, offset: int, type_name: str, size: int | None = None) -> Member:
    """A structure inside of another."""
    return Member(name, offset, MemberType(TypeKind.STRUCTURE, size, type_name))


IMAGE_FILE_NAME = array_of(integer(1), c.IMAGE_FILE_NAME_SIZE)

KDDEBUGGER_DATA64 = numbers(
    "_KDDEBUGGER_DATA64",
    None,
    KernBase=Field(0x018, U64),
    PsLoadedModuleList=c.KDBG_PS_LOADED_MODULE_LIST,
    PsActiveProcessHead=c.KDBG_PS_ACTIVE_PROCESS_HEAD,
    NtBuildLab=Field(0x208, U64),
    KiProcessorBlock=Field(0x218, U64),
    MmUnloadedDrivers=Field(0x220, U64),
    MmLastUnloadedDriver=Field(0x228, U64),
    OffsetKThreadApcProcess=Field(0x2A0, U16),
    SizeEProcess=Field(0x2A8, U16),
    OffsetEprocessPeb=Field(0x2AA, U16),
    OffsetEprocessDirectoryTableBase=Field(0x2AE, U16),
    SizePrcb=Field(0x2B0, U16),
    OffsetPrcbCurrentThread=Field(0x2B4, U16),
    OffsetPrcbProcStateContext=Field(0x2BC, U16),
    OffsetPrcbContext=Field(0x338, U16),
    OffsetKThreadStackLimit=Field(0x340, U32),
    OffsetKThreadStackBase=Field(0x344, U32),
    OffsetPrcbIdleThread=Field(0x350, U16),
)

FIXED = (
    KDDEBUGGER_DATA64,
    numbers("_LIST_ENTRY", c.LIST_ENTRY_SIZE, Flink=c.FLINK, Blink=c.BLINK),
    numbers("_UNICODE_STRING", 0x10, Length=c.STRING_LENGTH, Buffer=c.STRING_BUFFER),
    numbers("_PEB", None, Ldr=c.PEB_LDR),
)
