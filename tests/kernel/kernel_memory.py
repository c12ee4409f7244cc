"""Kernel memory made by hand: pages in a dict, structures packed at offsets written down here, not in the package."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from livedump.kernel.c_layouts import FIXED
from livedump.kernel.kdbg import read_kdbg
from livedump.kernel.linked_list import walk_list
from livedump.kernel.process_layout import ProcessLayout, probe_layout
from livedump.kernel.processes import found_layouts
from livedump.kernel.typed_memory import ListedLayouts, TypedMemory
from livedump.model.errors import MemoryGap
from livedump.model.layout import Layout

PAGE = 0x1000
KDBG_AT = 0xFFFFF807_5C80EB20
KERNEL_BASE = 0xFFFFF807_5BC0E000
SIZE_EPROCESS, LINKS, NAME, PEB, TABLES = 0xA40, 0x448, 0x5A8, 0x550, 0x28
"""EPROCESS of build 19041. Oracle: ``dt nt!_EPROCESS`` with the public symbols of that build."""

KDBG_WORDS = {
    "KernBase": 0x18, "PsLoadedModuleList": 0x48, "PsActiveProcessHead": 0x50, "MmPageSize": 0x138, "NtBuildLab": 0x208,
    "KiProcessorBlock": 0x218, "MmUnloadedDrivers": 0x220, "MmLastUnloadedDriver": 0x228,
}  # fmt: skip
KDBG_HALVES = {
    "OffsetKThreadApcProcess": (0x2A0, 0xB8), "SizeEProcess": (0x2A8, SIZE_EPROCESS),
    "OffsetEprocessPeb": (0x2AA, PEB), "OffsetEprocessDirectoryTableBase": (0x2AE, TABLES), "SizePrcb": (0x2B0, 0xAF00),
    "OffsetPrcbCurrentThread": (0x2B4, 8), "OffsetPrcbProcStateContext": (0x2BC, 0x1F0),
    "OffsetPrcbNumber": (0x2BE, 0x24), "OffsetPrcbProcStateSpecialReg": (0x2F2, 0x100),
    "OffsetPrcbContext": (0x338, 0x85C0), "OffsetPrcbIdleThread": (0x350, 0x18),
}  # fmt: skip
"""Offset in KDDEBUGGER_DATA64 and value. Oracle: a dump written by a kernel of build 19041."""


def typed(
    memory: Pages, symbols: Iterable[Layout] = (), head: int | None = None, anchors: Iterable[int] = ()
) -> TypedMemory:
    """The memory with the layouts of its debugger data block and, where the list of processes is given, probed ones."""
    kdbg = read_kdbg(memory, KDBG_AT)

    def probe() -> ProcessLayout:
        assert head is not None
        return probe_layout(memory, kdbg.size_eprocess, walk_list(memory, head, 65536).entries, anchors)

    found = found_layouts(probe) if head is not None else ()
    return TypedMemory(memory, [ListedLayouts(symbols), kdbg.layouts(), *found, ListedLayouts(FIXED)])


class Pages:
    """Virtual memory of 4 KiB pages; what was never written is a gap."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.reads = 0

    def read(self, address: int, size: int) -> bytes:
        assert 0 <= address <= 2**64 - size, "the package must not ask for addresses that do not exist"
        assert size <= 0x20000, "the package must not ask for that much"
        self.reads += 1
        data = bytearray()
        while len(data) < size:
            at = address + len(data)
            page = self.pages.get(at // PAGE)
            if page is None:
                raise MemoryGap(at, MemoryGap.NOT_CAPTURED)
            data += page[at % PAGE : at % PAGE + size - len(data)]
        return bytes(data)

    def write(self, address: int, data: bytes) -> None:
        for at, byte in enumerate(data, address):
            self.pages.setdefault(at // PAGE, bytearray(PAGE))[at % PAGE] = byte

    def write_u64(self, address: int, *values: int) -> None:
        self.write(address, struct.pack(f"<{len(values)}Q", *values))

    def drop(self, address: int) -> None:
        """The page of ``address`` is not in the dump."""
        self.pages.pop(address // PAGE, None)

    def link(self, ring: Sequence[int]) -> None:
        """LIST_ENTRYs of a closed ring."""
        for index, entry in enumerate(ring):
            self.write_u64(entry, ring[(index + 1) % len(ring)], ring[index - 1])

    def write_name(self, at: int, text: str | bytes, buffer: int) -> None:
        """UNICODE_STRING at ``at`` with its characters at ``buffer``."""
        data = text if isinstance(text, bytes) else text.encode("utf-16-le")
        self.write(at, struct.pack("<HHxxxxQ", len(data), (len(data) + 2) & 0xFFFF, buffer))
        self.write(buffer, data)


def kdbg_bytes(size: int = 0x380, **values: int) -> bytes:
    """KDDEBUGGER_DATA64 in clear, of build 19041 unless said otherwise."""
    block = bytearray(0x3A0)
    struct.pack_into("<QQ4sI", block, 0, 0xFFFFF8075C80B500, 0xFFFFF8075C80B500, b"KDBG", size)
    for name, value in {"KernBase": KERNEL_BASE, "MmPageSize": 0x1000, **values}.items():
        if name in KDBG_WORDS:
            struct.pack_into("<Q", block, KDBG_WORDS[name], value)
    for name, (offset, value) in KDBG_HALVES.items():
        struct.pack_into("<H", block, offset, values.get(name, value))
    struct.pack_into("<II", block, 0x340, 0x30, 0x38)  # KTHREAD.StackLimit and StackBase
    return bytes(block[:size])


def write_process(memory: Pages, address: int, pid: int, name: bytes, tables: int) -> int:
    """An EPROCESS of build 19041; answers the address of its ActiveProcessLinks."""
    head, profile = address + 8, address + 0x18
    memory.write(address, bytes(SIZE_EPROCESS))
    memory.write(address, struct.pack("<B7x5Q", 3, head, head, profile, profile, tables))
    memory.write_u64(address + LINKS - 8, pid)
    memory.write(address + NAME, name.ljust(15, b"\0")[:15] + b"\x02")  # PriorityClass normal
    return address + LINKS


def write_module(memory: Pages, entry: int, base: int, names: tuple[str | bytes, str | bytes], buffer: int) -> None:
    """A KLDR_DATA_TABLE_ENTRY without its links; its strings, file name and path, from ``buffer`` on."""
    name, path = names
    memory.write_u64(entry + 0x30, base)
    memory.write(entry + 0x40, struct.pack("<I", 0x10000))
    memory.write_name(entry + 0x48, path, buffer + 0x400)
    memory.write_name(entry + 0x58, name, buffer)
    memory.write(entry + 0x78, struct.pack("<I", 0xC0FFEE))
    memory.write_u64(entry + 0x80, 0xFFFFF807_5C000000 if base >> 63 else 0x5DEE2B07)  # CoverageSection, TimeDateStamp
    memory.write(entry + 0x9C, struct.pack("<I", 0x5DEE2B07 if base >> 63 else 0xFFFFFFFF))


def amd64_context(rip: int, rsp: int, flags: int = 0x10005F, fill: int = 0) -> bytes:
    """CONTEXT with its sixteen registers numbered from ``fill``."""
    context = bytearray(0x4D0)
    struct.pack_into("<I", context, 0x30, flags)
    struct.pack_into("<16Q", context, 0x78, *(fill + number for number in range(16)))
    struct.pack_into("<Q", context, 0x98, rsp)
    struct.pack_into("<Q", context, 0xF8, rip)
    return bytes(context)


def chain(count: int, first: int, step: int) -> Iterable[int]:
    """Addresses at even steps."""
    return range(first, first + count * step, step)
