"""The header block of a kernel dump, 64-bit and 32-bit."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.synth import structures
from tests.synth.machine import BOOT_ID, Machine, filetime
from tests.synth.spec import UNSET, DumpSpec

HEADER_SIZE = 0x2000
UNWRITTEN = b"PAGE"
MACHINE_TYPES = {"x64": 0x8664, "arm64": 0xAA64, "x86": 0x14C}
BREAKPOINT = 0x80000003
SUITE_MASK = 0x110


@dataclass(frozen=True)
class HeaderFacts:
    """What the header says of the system, wherever it comes from."""

    directory_base: int
    module_list: int
    process_list: int
    debugger_data: int
    processor_count: int
    context: bytes
    exception_address: int


def header_facts(machine: Machine, spec: DumpSpec) -> HeaderFacts:
    """Facts of a system."""
    thread = machine.current
    execution = machine.executions[thread]
    live = bool(spec.attributes & 0x10) and spec.attributes != UNSET
    return HeaderFacts(
        machine.spaces[thread.pid].directory_base,
        machine.kernel_address("PsLoadedModuleList"),
        machine.kernel_address("PsActiveProcessHead"),
        machine.kernel_address("KdDebuggerDataBlock"),
        len(machine.spec.processors),
        machine.hardware.context_record(execution),
        0 if live and spec.dump_type != 4 else execution.instruction,
    )


def header64(
    spec: DumpSpec, facts: HeaderFacts, required_space: int, runs: Sequence[tuple[int, int]] = ()
) -> bytearray:
    """DUMP_HEADER64. ``runs``: physical memory for the dump types that list it; empty leaves the block zero."""
    system = spec.machine
    header = bytearray(UNWRITTEN * (HEADER_SIZE // 4))
    struct.pack_into(
        "<4s4sIIQQQQIII",
        header,
        0,
        b"PAGE",
        b"DU64",
        0xF,
        system.build,
        facts.directory_base,
        structures.PFN_DATABASE,
        facts.module_list,
        facts.process_list,
        MACHINE_TYPES[spec.architecture],
        facts.processor_count,
        spec.code,
    )
    struct.pack_into("<4Q", header, 0x40, *spec.parameters)
    struct.pack_into("<Q", header, 0x80, facts.debugger_data)
    if spec.dump_type != 4:
        header[0x88:0x344] = _memory_block(runs).ljust(700, b"\0")
    header[0x348:0xF00] = facts.context.ljust(3000, b"\0")
    header[0xF00:0xF98] = struct.pack("<IIQQII", BREAKPOINT, 1, 0, facts.exception_address, 0, 0).ljust(0x98, b"\0")
    _write_tail(
        header,
        spec,
        {
            "DumpType": 0xF98,
            "RequiredDumpSpace": 0xFA0,
            "SystemTime": 0xFA8,
            "SystemUpTime": 0x1030,
            "ProductType": 0x1040,
            "SuiteMask": 0x1044,
            "Attributes": 0x1050,
            "BootId": 0x1054,
        },
        required_space,
    )
    header[0x104E] = 4
    return header


def prepare_outside(header: bytearray, written_by: str, started: datetime) -> None:
    """Make the header one that was not written by Windows at the time of the dump.

    QEMU's was prepared by a driver in the guest when that started, and holds no context; elf2dmp fills the few fields
    that it needs into zeros. Source: dump/win_dump.c and contrib/elf2dmp of QEMU.
    """
    header[0x348:0xF00] = bytes(3000)
    struct.pack_into("<I", header, 0x1050, 0)
    if written_by == "qemu":
        struct.pack_into("<Q", header, 0xFA8, filetime(started))
        return
    for start, end in ((0x3C, 0x40), (0x60, 0x80), (0x344, 0x348), (0xF00, 0xF98), (0xF9C, 0xFA0), (0xFA8, 0x1040)):
        header[start:end] = bytes(end - start)
    header[0x1048:0x2000] = bytes(0x2000 - 0x1048)
    header[0xFB0:0xFC3] = b"Hello from elf2dmp!"


def mark_as_saved_again(header: bytearray) -> None:
    """Make the header one that a debugger wrote: it fills no memory block, and notes how it fared."""
    header[0x88:0x344] = UNWRITTEN * (0x2BC // 4)
    struct.pack_into("<I", header, 0x1048, 0)
    header[0x104C:0x1050] = b"P\0GE"


def header32(spec: DumpSpec, facts: HeaderFacts, required_space: int, runs: Sequence[tuple[int, int]]) -> bytearray:
    """DUMP_HEADER32 with its first words; addresses are cut to 32 bits."""
    header = bytearray(UNWRITTEN * 0x400)
    low = 0xFFFFFFFF
    struct.pack_into(
        "<4s4sIIIIIIIII",
        header,
        0,
        b"PAGE",
        b"DUMP",
        0xF,
        spec.machine.build,
        facts.directory_base & low,
        0x83E00000,
        facts.module_list & low,
        facts.process_list & low,
        MACHINE_TYPES["x86"],
        facts.processor_count,
        spec.code,
    )
    struct.pack_into("<4I", header, 0x2C, *(parameter & low for parameter in spec.parameters))
    struct.pack_into("<BI", header, 0x5C, 1, 0)
    struct.pack_into("<I", header, 0x60, facts.debugger_data & low)
    # Without runs no engine opens a dump of type 2.
    listed = b"".join(struct.pack("<II", *run) for run in runs)
    block = struct.pack("<II", len(runs), sum(count for _, count in runs)) + listed
    header[0x64:0x320] = block.ljust(700, b"\0")
    header[0x320:0x7D0] = bytes(1200)
    header[0x7D0:0x820] = struct.pack("<IIIII", BREAKPOINT, 1, 0, 0, 0).ljust(0x50, b"\0")
    _write_tail(
        header,
        spec,
        {
            "DumpType": 0xF88,
            "RequiredDumpSpace": 0xFA0,
            "SystemTime": 0xFC0,
            "SystemUpTime": 0xFB8,
            "ProductType": 0xF94,
            "SuiteMask": 0xF98,
            "Attributes": 0x8A0,
            "BootId": 0x8A4,
        },
        required_space,
    )
    return header


def _write_tail(header: bytearray, spec: DumpSpec, at: Mapping[str, int], required_space: int) -> None:
    system = spec.machine
    values: dict[str, tuple[str, int]] = {
        "DumpType": ("<I", spec.dump_type),
        "RequiredDumpSpace": ("<q", required_space),
        "SystemTime": ("<Q", filetime(system.captured_at)),
        "SystemUpTime": ("<Q", round(system.uptime_seconds * 10_000_000)),
        "ProductType": ("<I", system.product_type),
        "SuiteMask": ("<I", SUITE_MASK),
        "Attributes": ("<I", spec.attributes),
        "BootId": ("<I", BOOT_ID),
    }
    for name, (form, value) in values.items():
        struct.pack_into(form, header, at[name], value)


def _memory_block(runs: Sequence[tuple[int, int]]) -> bytes:
    if not runs:
        return b""
    listed = b"".join(struct.pack("<QQ", *run) for run in runs)
    return struct.pack("<IIQ", len(runs), 0, sum(count for _, count in runs)) + listed
