"""Small memory dumps (type 4) as the kernel writes them for a live report: 0x40000 bytes, then the blobs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.synth import small_layouts as c
from tests.synth.headers import HEADER_SIZE, HeaderFacts, header64, header_facts
from tests.synth.machine import Machine, stack_bounds
from tests.synth.spec import DumpSpec, TruthModule, UnloadedDriver

BODY_SIZE = 0x40000
VALID = b"TRGD"
DRIVER_ENTRY_SIZE = 0x90
FIELDS = 0xCFF
"""MiniDumpFields: every part, with debugger data and data blocks."""
CODE_BYTES = 0x100
ARM64_PARTS = {
    "DebuggerDataOffset": 0x380,
    "PrcbOffset": 0x9680,
    "ProcessOffset": 0xC80,
    "ThreadOffset": 0x910,
    "CallStackOffset": 0x800,
}
"""Sizes of the parts of a dump of build 22000 for ARM64, measured on a real one; that of the stack is free."""
STACK_LIMIT = 0x7FFF
NAMES = (
    "ServicePackBuild",
    "SizeOfDump",
    "ValidOffset",
    "ContextOffset",
    "ExceptionOffset",
    "MmOffset",
    "UnloadedDriversOffset",
    "PrcbOffset",
    "ProcessOffset",
    "ThreadOffset",
    "CallStackOffset",
    "SizeOfCallStack",
    "DriverListOffset",
    "DriverCount",
    "StringPoolOffset",
    "StringPoolSize",
    "BrokenDriverOffset",
    "TriageOptions",
)
TAIL_NAMES = (
    "DataPageOffset",
    "DataPageSize",
    "DebuggerDataOffset",
    "DebuggerDataSize",
    "DataBlocksOffset",
    "DataBlocksCount",
)


_Fields = dict[str, int]
"""TRIAGE_DUMP64 by the names of its fields."""


@dataclass
class _Body:
    """The file as it grows; offsets are from the start of the file."""

    data: bytearray
    next: int

    def place(self, content: bytes) -> int:
        """File offset of ``content``, put behind what is there."""
        offset = self.next
        if offset + len(content) > BODY_SIZE - len(VALID):
            raise ValueError("a triage dump of the kernel has no room for this")
        self.data[offset : offset + len(content)] = content
        self.next = -(-(offset + len(content)) // 8) * 8
        return offset


def triage_dump(machine: Machine, spec: DumpSpec, secondary: bytes) -> bytes:
    """A type 4 dump of a system."""
    execution = machine.executions[machine.current]
    pcr_bytes = machine.kernel.read(
        machine.processor_blocks[machine.spec.current], machine.layouts.struct("_KPRCB").size
    )
    body = _Body(bytearray(BODY_SIZE), 0x2080)
    fields = _Fields()
    fields["DebuggerDataOffset"], fields["DebuggerDataSize"] = (
        body.place(machine.debugger_data),
        len(machine.debugger_data),
    )
    fields["PrcbOffset"] = body.place(pcr_bytes)
    fields["ProcessOffset"] = body.place(
        machine.kernel.read(machine.processes[machine.current.pid], machine.layouts.eprocess.size)
    )
    fields["ThreadOffset"] = body.place(
        machine.kernel.read(machine.threads[machine.current], machine.layouts.ethread.size)
    )
    child_sp = execution.stack_pointer
    stack = _stack_bytes(machine, child_sp)
    fields["CallStackOffset"], fields["SizeOfCallStack"] = body.place(stack), len(stack)
    fields["TopOfStack"] = child_sp
    _place_drivers(body, fields, driver_table(machine), machine.spec.unloaded)
    code_start = execution.instruction - CODE_BYTES // 2
    code = body.place(machine.kernel.read(code_start, CODE_BYTES))
    fields["DataBlocksOffset"], fields["DataBlocksCount"] = (
        body.place(struct.pack("<QII", code_start, code, CODE_BYTES)),
        1,
    )
    return _finish(spec, header_facts(machine, spec), body, fields, secondary)


def _stack_bytes(machine: Machine, child_sp: int) -> bytes:
    """The stack from the stack pointer up; what was never written reads as zeros."""
    _, base = stack_bounds(machine.current)
    stack = bytearray(min(base - child_sp, STACK_LIMIT & -8))
    for address, value in machine.executions[machine.current].memory.items():
        if 0 <= address - child_sp <= len(stack) - 8:
            struct.pack_into("<Q", stack, address - child_sp, value)
    return bytes(stack)


def driver_table(machine: Machine) -> tuple[tuple[str, TruthModule, int], ...]:
    """File name, module and entry point of each loaded module."""
    rows = []
    for module in machine.spec.modules:
        image = machine.images[module.key].image
        truth = TruthModule(image.source.module, module.base, image.linked.size_of_image, image.linked.timestamp)
        rows.append((module.name, truth, image.linked.entry_point))
    return tuple(rows)


def _place_drivers(
    body: _Body,
    fields: _Fields,
    drivers: Sequence[tuple[str, TruthModule, int]],
    unloaded: Sequence[UnloadedDriver],
) -> None:
    list_offset = body.next
    strings = list_offset + DRIVER_ENTRY_SIZE * len(drivers)
    pool, entries = b"", b""
    for name, module, entry_point in drivers:
        entries += _driver_entry(strings + len(pool), module, entry_point)
        pool += _counted_string(name)
    body.place(entries + pool)
    fields.update(
        DriverListOffset=list_offset, DriverCount=len(drivers), StringPoolOffset=strings, StringPoolSize=len(pool)
    )
    if unloaded:
        table = struct.pack("<Q", len(unloaded)) + b"".join(_unloaded_entry(driver) for driver in unloaded)
        fields["UnloadedDriversOffset"] = body.place(table)


def _driver_entry(string_offset: int, module: TruthModule, entry_point: int) -> bytes:
    entry = bytearray(DRIVER_ENTRY_SIZE)
    struct.pack_into("<I", entry, 0, string_offset)
    struct.pack_into("<QQI", entry, 8 + 0x30, module.base, module.base + entry_point, module.size)
    struct.pack_into("<I", entry, 8 + 0x80, module.timestamp)
    return bytes(entry)


def _counted_string(text: str) -> bytes:
    raw = struct.pack("<I", len(text)) + (text + "\0").encode("utf-16-le")
    return raw.ljust(-(-len(raw) // 8) * 8, b"\0")


def _unloaded_entry(driver: UnloadedDriver) -> bytes:
    name = driver.name[:12]
    head = c.UNICODE_STRING.pack(Length=2 * len(name), MaximumLength=24)
    return head + name.encode("utf-16-le").ljust(24, b"\0") + struct.pack("<QQ", driver.start, driver.end)


def _finish(spec: DumpSpec, facts: HeaderFacts, body: _Body, fields: _Fields, secondary: bytes) -> bytes:
    fields.update(SizeOfDump=BODY_SIZE, ValidOffset=BODY_SIZE - len(VALID), ContextOffset=0x348, ExceptionOffset=0xF00)
    header = header64(spec, facts, BODY_SIZE + len(secondary))
    struct.pack_into("<I", header, 0x1038, FIELDS)
    body.data[:HEADER_SIZE] = header
    struct.pack_into(f"<{len(NAMES)}I", body.data, HEADER_SIZE, *(fields.get(name, 0) for name in NAMES))
    struct.pack_into("<Q", body.data, HEADER_SIZE + 0x48, fields["TopOfStack"])
    struct.pack_into(
        f"<{len(TAIL_NAMES)}I", body.data, HEADER_SIZE + 0x68, *(fields.get(name, 0) for name in TAIL_NAMES)
    )
    body.data[BODY_SIZE - len(VALID) : BODY_SIZE] = VALID
    return bytes(body.data) + secondary


def unreadable_triage_dump(machine: Machine, spec: DumpSpec, facts: HeaderFacts, secondary: bytes) -> bytes:
    """A type 4 dump of another processor's system: header, context and driver list, with a stack of zeros."""
    body, fields = _Body(bytearray(BODY_SIZE), 0x2080), _Fields()
    for name, size in ARM64_PARTS.items():
        fields[name] = body.place(bytes(size))
    fields["DebuggerDataSize"], fields["SizeOfCallStack"] = (
        ARM64_PARTS[f] for f in ("DebuggerDataOffset", "CallStackOffset")
    )
    _place_drivers(body, fields, driver_table(machine), spec.machine.unloaded)
    fields["TopOfStack"] = 0xFFFFF8071BCF69F0
    return _finish(spec, facts, body, fields, secondary)
