"""Bytes of the kernel's structures: debugger data block, processor blocks, processes, threads, module entries."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.synth import small_layouts as c
from tests.synth.execution import Execution
from tests.synth.small_layouts import Layouts

KDBG_SIZE = 0x3A0
PTE_BASE = 0xFFFFFD8000000000
PFN_DATABASE = 0xFFFFFA8000000000
HIGHEST_USER_ADDRESS = 0x7FFFFFFEFFFF
SYSTEM_RANGE_START = 0xFFFF800000000000
USER_PROBE_ADDRESS = 0x7FFFFFFF0000
CONTEXT_FLAGS = 0x10005F
MXCSR = 0x1F80
CR0, CR4 = 0x80050033, 0x370EF8
MASK = 0xFFFFFFFFFFFFFFFF
CONTEXT_NAMES = {
    "rip": "Rip",
    **{f"r{number}": f"R{number}" for number in range(8, 16)},
    **{name.lower(): name for name in c.GENERAL_REGISTERS[:8]},
}

KDBG_SELECTORS = {
    0x2F4: 0x10,
    0x2F6: 0x18,
    0x2F8: 0x18,
    0x2FA: 0x33,
    0x2FC: 0x2B,
    0x2FE: 0x53,
    0x302: 0x40,
    0x304: 0x23,
    0x306: 0x53,
}


@dataclass(frozen=True)
class KernelData:
    """Addresses that the debugger data block points to, by the kernel's names."""

    kernel_base: int
    address: Mapping[str, int]


def debugger_data(
    own_address: int, kernel: KernelData, layouts: Layouts, selectors: Mapping[int, int] = KDBG_SELECTORS
) -> bytes:
    """KDDEBUGGER_DATA64 in clear."""
    block = bytearray(KDBG_SIZE)
    struct.pack_into("<QQ4sIQ", block, 0, own_address, own_address, b"KDBG", KDBG_SIZE, kernel.kernel_base)
    at = kernel.address
    pointers = {
        0x48: at["PsLoadedModuleList"],
        0x50: at["PsActiveProcessHead"],
        0x78: at["KeTimeIncrement"],
        0x88: at["KiBugCheckData"],
        0xC0: at["MmPfnDatabase"],
        0x138: page_size(),
        0x1C8: at["MmHighestUserAddress"],
        0x1D0: at["MmSystemRangeStart"],
        0x1D8: at["MmUserProbeAddress"],
        0x208: at["NtBuildLab"],
        0x218: at["KiProcessorBlock"],
        0x220: at["MmUnloadedDrivers"],
        0x228: at["MmLastUnloadedDriver"],
        0x270: at["MmPhysicalMemoryBlock"],
        0x360: PTE_BASE,
    }
    for offset, value in pointers.items():
        struct.pack_into("<Q", block, offset, value)
    for offset, value in {**_structure_offsets(layouts), **selectors}.items():
        struct.pack_into("<H", block, offset, value)
    struct.pack_into("<II", block, 0x340, layouts.kthread.offset("StackLimit"), layouts.kthread.offset("StackBase"))
    return bytes(block)


def physical_memory_descriptor(runs: Sequence[tuple[int, int]]) -> bytes:
    """PHYSICAL_MEMORY_DESCRIPTOR, which MmPhysicalMemoryBlock points to: (first page, count) of each run."""
    listed = b"".join(struct.pack("<QQ", *run) for run in runs)
    return struct.pack("<IIQ", len(runs), 0, sum(count for _, count in runs)) + listed


def page_size() -> int:
    """MmPageSize is the one field that holds a value and no address."""
    return 0x1000


def _structure_offsets(layouts: Layouts) -> dict[int, int]:
    thread, kprcb, kpcr = layouts.kthread, layouts.struct("_KPRCB"), layouts.struct("_KPCR")
    state, parts = kprcb.offset("ProcessorState"), layouts.struct("_KPROCESSOR_STATE")
    return {
        0x29A: thread.offset("Teb"),
        0x29C: thread.offset("KernelStack"),
        0x29E: thread.offset("InitialStack"),
        0x2A0: thread.offset("ApcState") + c.KAPC_STATE.offset("Process"),
        0x2A2: thread.offset("State"),
        0x2A8: layouts.eprocess.size,
        0x2AA: layouts.eprocess.offset("Peb"),
        0x2AC: layouts.eprocess.offset("InheritedFromUniqueProcessId"),
        0x2AE: layouts.kprocess.offset("DirectoryTableBase"),
        0x2B0: kprcb.size,
        0x2B4: kprcb.offset("CurrentThread"),
        0x2B6: kprcb.offset("MHz"),
        0x2BC: state + parts.offset("ContextFrame"),
        0x2BE: kprcb.offset("Number"),
        0x2C0: layouts.ethread.size,
        0x2E0: kpcr.size,
        0x2E2: kpcr.offset("Self"),
        0x2E4: kpcr.offset("CurrentPrcb") if kpcr.has("CurrentPrcb") else 0,
        0x2E6: kpcr.offset("Prcb"),
        0x2F2: state + parts.offset("SpecialRegisters"),
        0x338: kprcb.offset("Context"),
        0x350: kprcb.offset("IdleThread"),
    }


def _swapped(value: int) -> int:
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def _rotated_right(value: int, count: int) -> int:
    count %= 64
    return ((value >> count) | (value << (64 - count))) & MASK


def encoded(block: bytes, wait_always: int, wait_never: int, flag_address: int) -> bytes:
    """The debugger data block as the kernel keeps it in memory on a system that no debugger was set up for.

    Decoding is wait_always ^ swap(flag_address ^ rotate_left(wait_never ^ word, low byte of wait_never)).
    """
    words = struct.unpack(f"<{len(block) // 8}Q", block)
    hidden = [
        _rotated_right(_swapped(word ^ wait_always) ^ flag_address, wait_never & 0xFF) ^ wait_never for word in words
    ]
    return struct.pack(f"<{len(hidden)}Q", *hidden)


def context_record(execution: Execution) -> bytes:
    """CONTEXT of the innermost frame."""
    user = not execution.registers["rip"] >> 63
    code, stack = (0x33, 0x2B) if user else (0x10, 0x18)
    xmm = bytearray(0x100)
    for name, value in execution.xmm.items():
        xmm[16 * int(name[3:]) : 16 * int(name[3:]) + 16] = value.to_bytes(16, "little")
    general = {CONTEXT_NAMES[name]: value for name, value in execution.registers.items()}
    return c.CONTEXT.pack(
        ContextFlags=CONTEXT_FLAGS,
        MxCsr=MXCSR,
        FltSaveMxCsr=MXCSR,
        SegCs=code,
        SegDs=0x2B,
        SegEs=0x2B,
        SegFs=0x53,
        SegGs=0x2B,
        SegSs=stack,
        EFlags=0x246,
        Xmm=bytes(xmm),
        **general,
    )


@dataclass(frozen=True)
class ProcessorParts:
    """What a processor block points to."""

    number: int
    pcr: int
    current_thread: int
    idle_thread: int
    directory_base: int
    context: bytes
    context_address: int
    tables: int
    """Address of the page with the processor's descriptor tables: GDT at 0, IDT at 0x100."""


def processor_control_region(parts: ProcessorParts) -> bytes:
    """KPCR with its KPRCB."""
    registers = c.KSPECIAL_REGISTERS.pack(
        Cr0=CR0,
        Cr3=parts.directory_base,
        Cr4=CR4,
        GdtrLimit=0x7F,
        GdtrBase=parts.tables,
        IdtrLimit=0xEFF,
        IdtrBase=parts.tables + 0x100,
        Tr=0x40,
        MxCsr=MXCSR,
    )
    prcb = c.KPRCB.pack(
        MxCsr=MXCSR,
        CurrentThread=parts.current_thread,
        IdleThread=parts.idle_thread,
        Number=parts.number,
        MHz=2900,
        ProcessorState=registers + parts.context,
        Context=parts.context_address,
    )
    pcr = parts.pcr
    return c.KPCR.pack(
        GdtBase=parts.tables,
        Self=pcr,
        CurrentPrcb=pcr + c.KPCR.offset("Prcb"),
        Used_Self=pcr,
        IdtBase=parts.tables + 0x100,
        Irql=2,
        MajorVersion=1,
        MinorVersion=1,
        Prcb=prcb,
    )


def descriptor_tables() -> bytes:
    """A global descriptor table of flat segments; the interrupt table behind it is empty."""
    table = bytearray(0x1000)
    for selector, descriptor in {
        0x10: 0x00209B0000000000,
        0x18: 0x00409300 << 32,
        0x20: 0x00CFFB000000FFFF,
        0x28: 0x00CFF3000000FFFF,
        0x30: 0x0020FB0000000000,
        0x50: 0x0040F3000000FFFF,
    }.items():
        struct.pack_into("<Q", table, selector, descriptor)
    return bytes(table)


def unicode_string(text: str, address: int) -> bytes:
    """UNICODE_STRING whose characters stand at ``address``."""
    length = 2 * len(text)
    return c.UNICODE_STRING.pack(Length=length, MaximumLength=length + 2, Buffer=address)


def list_links(ring: Sequence[int]) -> dict[int, bytes]:
    """LIST_ENTRY at each address of a doubly linked ring."""
    count = len(ring)
    return {
        address: c.LIST_ENTRY.pack(Flink=ring[(index + 1) % count], Blink=ring[index - 1])
        for index, address in enumerate(ring)
    }
