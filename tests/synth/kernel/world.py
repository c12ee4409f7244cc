"""Memory of a made-up system while it is being filled: addresses by name, arenas, pool blocks, lists."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd

from tests.synth.execution import LoadedImage
from tests.synth.kernel.hardware import HARDWARE, Hardware
from tests.synth.kernel.layout import Layout, Record
from tests.synth.kernel.spec import System, Thread
from tests.synth.kernel.stacks import LOCALS, Code, Run
from tests.synth.memory import PAGE, AddressSpace, PhysicalMemory, Region

POOL_HEADER = 0x10
KIND_ROOM = 1 << 30
"""Between the starts of two kinds of things in an arena."""
KINDS = (
    "process",
    "thread",
    "type",
    "handled",
    "handles",
    "event",
    "mutant",
    "resource",
    "owners",
    "push",
    "mutex",
    "port",
    "message",
    "driver",
    "device",
    "node",
    "file",
    "irp",
    "queue",
    "item",
    "dpc",
    "active dpc",
    "blocks",
    "affinity",
)
"""Kinds of things, by what stands before the colon of their names."""


class ScatteredMemory(PhysicalMemory):
    """Physical memory of any size, handed out page by page in an order that scatters neighbours."""

    def __init__(self, byte_count: int) -> None:
        count = byte_count // PAGE
        super().__init__([])
        self.runs = ((1, 0x9E), (0x100, count - 0x100))
        self._count = count - 0x100
        self._step = next(step for step in range(int(self._count * 0.381966) | 1, 0, -2) if gcd(step, self._count) == 1)
        self._handed_out = 0

    def new_page(self) -> int:
        """PFN of a fresh page of zeros."""
        if self._handed_out == self._count:
            raise MemoryError("the machine has no more memory")
        pfn = 0x100 + self._handed_out * self._step % self._count
        self._handed_out += 1
        self.pages[pfn] = bytearray(PAGE)
        return pfn


@dataclass
class World:
    """A system in memory, and where its things are."""

    system: System
    images: dict[str, LoadedImage]
    physical: ScatteredMemory
    kernel: AddressSpace
    layout: Layout = field(init=False)
    code: Code = field(init=False)
    names: dict[str, int] = field(default_factory=dict)
    """Name of a thing -> its address."""
    spaces: dict[str, AddressSpace] = field(default_factory=dict)
    """Process -> its address space."""
    regions: list[Region] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    """Thread -> its stack."""
    records: dict[str, Record] = field(default_factory=dict)
    """Name -> a structure that is not written yet."""
    threads: dict[str, Thread] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    """Process -> its id."""
    recorded: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    """Thread -> (lock, whether it holds it), as its lock entries say."""
    debugger_data: bytes = b""

    def __post_init__(self) -> None:
        self.layout = self.hardware.layout(self.system.build)
        self.code = Code(self.images, self.hardware.instruction_size)
        boot = self.system.clock.boot_id
        seed = (int(self.system.build) * 7 + self.system.machine * 131 + boot * 17) % 0x3F0
        self._starts = {
            "processes": 0xFFFF_8A00_0000_0000 + (seed << 32),
            "threads": 0xFFFF_8E00_0000_0000 + (seed << 32),
            "kept": 0xFFFF_9080_0000_0000 + (seed << 32),
            "pool": 0xFFFF_9800_0000_0000 + (seed << 32),
            "tables": 0xFFFF_A480_0000_0000 + (seed << 32),
            "paged": 0xFFFF_B180_0000_0000 + (seed << 32),
            "stacks": 0xFFFF_D080_0000_0000 + (seed << 32),
            "regions": 0xFFFF_DB80_0000_0000 + (seed << 32),
        }
        self._cursors: dict[tuple[str, str], int] = {}

    @property
    def hardware(self) -> Hardware:
        """Its processors."""
        return HARDWARE[self.system.processor]

    def _start(self, arena: str, kind: str) -> int:
        """Where the things of one kind begin in an arena: apart, so that more of one kind move no others."""
        index = KINDS.index(kind) + 1 if kind in KINDS else 0
        return self._starts[arena] + index * KIND_ROOM

    def address(self, name: str) -> int:
        """Address of a named thing; ``global:X``, ``code:module!function`` and ``module!variable`` are known too."""
        if name in self.names:
            return self.names[name]
        kind, _, rest = name.partition(":")
        if kind == "global":
            return self.global_address(rest)
        if kind == "code":
            return self.code.address(rest)
        if kind == "local":
            return self._local(*rest.split(":"))
        if "!" in name:
            module, _, variable = name.partition("!")
            loaded = self.images[module]
            return loaded.base + loaded.image.data_rva(variable)
        raise KeyError(name)

    def _local(self, thread: str, function: str) -> int:
        """Address of the variables of a function on a thread's stack."""
        return next(frame.child_sp for frame in self.runs[thread].placed if frame.name == function) + LOCALS

    def global_address(self, name: str) -> int:
        """Address of a variable of the kernel."""
        loaded = self.images["nt"]
        return loaded.base + loaded.image.data_rva(name)

    def has_global(self, name: str) -> bool:
        """Whether this build's kernel has the variable."""
        return name in self.images["nt"].image.source.data

    def set_global(self, name: str, data: int | bytes) -> None:
        """Write a variable where the build has it; a number as eight bytes."""
        if self.has_global(name):
            raw = struct.pack("<Q", data & 0xFFFF_FFFF_FFFF_FFFF) if isinstance(data, int) else data
            self.kernel.write(self.global_address(name), raw)

    def reserve(self, arena: str, size: int, alignment: int = 0x10, kind: str = "") -> int:
        """Address of ``size`` bytes of an arena that nothing else gets."""
        kind = kind if kind in KINDS else ""
        cursor = self._cursors.get((arena, kind)) or self._start(arena, kind)
        address = -(-cursor // alignment) * alignment
        self._cursors[arena, kind] = address + size
        return address

    def allocate(self, name: str, size: int, tag: str, arena: str = "pool") -> int:
        """Address of a pool block for the thing called ``name``, with its header; on a page of its own if asked for."""
        alone = name in self.system.alone
        kind = name.partition(":")[0]
        start = self.reserve(arena, POOL_HEADER + -(-size // 0x10) * 0x10, PAGE if alone else 0x10, kind)
        header = Record(self.layout, "_POOL_HEADER")
        header.put(PoolTag=int.from_bytes(tag.encode("latin-1").ljust(4), "little"))
        blocks = (POOL_HEADER + -(-size // 0x10) * 0x10) // 0x10
        header.put(BlockSize=blocks & 0xFF, PoolType=3 if arena == "paged" else 2)
        self.kernel.write(start, bytes(header))
        self.names[name] = start + POOL_HEADER
        self.mark(name, start, POOL_HEADER + size)
        if alone:
            self.reserve(arena, 0, PAGE, kind)
        return start + POOL_HEADER

    def record(self, type_name: str, size: int = 0) -> Record:
        """A structure of zeros."""
        return Record(self.layout, type_name, size)

    def mark(self, name: str, address: int, size: int) -> None:
        """Name a stretch of the kernel's memory."""
        self.regions.append(Region(name, address, size, self.kernel.directory_base))

    def mark_arenas(self) -> None:
        """Name all of each arena: ``arena:pool``, ``arena:paged``, ``arena:threads``..."""
        for (arena, kind), end in self._cursors.items():
            self.mark(f"arena:{arena}", self._start(arena, kind), end - self._start(arena, kind))

    def write_text(self, text: str, arena: str = "pool", name: str = "") -> tuple[int, bytes]:
        """Address of the characters of ``text`` and the UNICODE_STRING that points to them."""
        raw = text.encode("utf-16-le")
        address = self.reserve(arena, len(raw) + 2)
        self.kernel.write(address, raw + b"\0\0")
        if name:
            self.mark(name, address, len(raw) + 2)
        return address, struct.pack("<HHIQ", len(raw), len(raw) + 2, 0, address)

    def ring(self, addresses: Sequence[int]) -> None:
        """Link LIST_ENTRYs to a ring, the first being its head."""
        for index, address in enumerate(addresses):
            after, before = addresses[(index + 1) % len(addresses)], addresses[index - 1]
            self.put_links(address, after, before)

    def put_links(self, address: int, forward: int, back: int) -> None:
        """Write a LIST_ENTRY, into the record that covers it or into memory."""
        self.put(address, struct.pack("<QQ", forward, back))

    def put(self, address: int, data: bytes) -> None:
        """Write bytes over what lies at ``address``."""
        self.kernel.write(address, data)

    def put_pointer(self, address: int, value: int) -> None:
        """Write eight bytes."""
        self.put(address, struct.pack("<Q", value))
