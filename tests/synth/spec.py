"""What a made-up dump is asked to be, and what is then true of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone

from tests.synth.execution import Frame, Stack

WORKSTATION, SERVER = 1, 3
LIVE, KERNEL_TRIAGE, VSM, SELECTIVE = 0x10, 0x8, 0x800, 0x4000
"""Bits of the header's Attributes."""
UNSET = 0x45474150
"""What a field of the header reads that nobody wrote: ``PAGE``."""
RUNNING, WAITING = 2, 5
"""KTHREAD.State."""
LIVE_SYSTEM_DUMP = 0x161
TASK_MANAGER = 0x005461736B6D6772
SMALL_MACHINE = ((0x1, 0x9E), (0x100, 0x1F0))
"""Default runs of physical memory: (first PFN, count)."""


@dataclass(frozen=True)
class Module:
    """A loaded module."""

    key: str
    """Image, by its key in images.SOURCES."""
    base: int
    path: str
    name: str


@dataclass(frozen=True)
class Thread:
    """A thread of the made-up system."""

    tid: int
    pid: int
    stack: Stack
    state: int = RUNNING
    wait_reason: int = 0
    kernel_time: int = 0
    user_time: int = 0


@dataclass(frozen=True)
class Process:
    """A process; ``modules`` are its user-mode images in load order."""

    pid: int
    name: str
    parent: int = 0
    modules: tuple[Module, ...] = ()


@dataclass(frozen=True)
class UnloadedDriver:
    """A driver that is gone."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class MachineSpec:
    """A system at the moment of the dump."""

    kernel_base: int
    processors: tuple[Thread, ...]
    """Running thread of each processor; pid 0 is the idle thread."""
    modules: tuple[Module, ...]
    processes: tuple[Process, ...]
    """In order of the active process list."""
    waiting: tuple[Thread, ...] = ()
    unloaded: tuple[UnloadedDriver, ...] = ()
    current: int = 0
    """Processor that takes the dump."""
    build: int = 26100
    build_lab: str = "26100.1.amd64fre.ge_release.240331-1435"
    product_type: int = SERVER
    captured_at: datetime = datetime(2026, 11, 22, 7, 30, 33, 248000, tzinfo=timezone.utc)
    uptime_seconds: float = 97200.0
    memory_runs: tuple[tuple[int, int], ...] = SMALL_MACHINE
    large_kernel_pages: bool = False
    """The kernel image is mapped with pages of 2 MB, as real systems do."""
    encoded_kdbg: bool = False
    processor: str = "x64"
    """``x64`` or ``arm64``."""
    signs_addresses: bool = False
    """The processor has keys for pointer authentication: saved return addresses carry codes."""
    pfn_database: bool = False
    """The kernel's entries of all physical pages are in memory."""


@dataclass(frozen=True)
class Blob:
    """One piece of secondary data."""

    tag: str
    """GUID as text."""
    data: bytes
    pre_pad: int = 0
    post_pad: int = 0


@dataclass(frozen=True)
class DumpSpec:
    """A system and how it was written to a file. Tests vary one thing with ``dataclasses.replace``."""

    machine: MachineSpec
    dump_type: int = 6
    attributes: int = LIVE
    """UNSET leaves the field at PAGE."""
    code: int = LIVE_SYSTEM_DUMP
    parameters: tuple[int, int, int, int] = (0, 0, 0, 0)
    omit: tuple[str, ...] = ()
    """Patterns of region names whose pages are not in the file: ``user:*``, ``prcb:1``, ``image:dxgkrnl:*``."""
    blobs: tuple[Blob, ...] = ()
    bitmap_signature: bytes = b"SDMP"
    bitmap_copies: int = 1
    """Bitmaps that the header block has room for; three with the secure kernel running."""
    cut_to: int | None = None
    """File size after which the file is cut; the header still promises all of it."""
    architecture: str = "x64"
    """``x64``, ``arm64`` or ``x86``; the last two hold a header without a readable system."""
    live: bool | None = None
    """Truth when the attributes do not say it."""
    written_by: str = "windows"
    """``qemu`` and ``elf2dmp`` write full dumps of a guest from outside: with headers of their own."""

    @property
    def readable(self) -> bool:
        """Whether the memory holds the system that the header speaks of."""
        return self.architecture == self.machine.processor


@dataclass(frozen=True)
class TruthModule:
    """A module as a debugger lists it."""

    name: str
    base: int
    size: int
    timestamp: int


@dataclass(frozen=True)
class TruthProcessor:
    """What one processor does."""

    number: int
    thread: int
    process: int
    idle: bool
    stack: tuple[Frame, ...]


@dataclass(frozen=True)
class Gap:
    """Pages that the page tables map and the file lacks."""

    region: str
    address: int
    page_count: int


@dataclass(frozen=True)
class Truth:
    """What holds for a dump, whoever reads it."""

    code: int
    parameters: tuple[int, int, int, int]
    dump_type: int
    attributes: int
    """UNSET where the field was never written."""
    live: bool | None
    architecture: str
    build: int
    build_lab: str
    product_type: int
    captured_at: datetime
    uptime_seconds: float
    kernel_base: int
    processor_count: int
    current_processor: int
    process_name: str
    process_id: int
    directory_base: int
    stack: tuple[Frame, ...]
    """Of the current processor, innermost first."""
    stack_source: str
    """``unwind``: the file holds what unwinding needs; ``scan``: all but unwind data; ``none``: the stack is lost."""
    processors: tuple[TruthProcessor, ...]
    modules: tuple[TruthModule, ...]
    unloaded: tuple[UnloadedDriver, ...]
    processes: tuple[tuple[int, str], ...]
    waiting: tuple[tuple[int, int, tuple[Frame, ...]], ...]
    """Thread address, thread id and stack of each thread that waits, from the caller of the switch outwards."""
    gaps: tuple[Gap, ...]
    pages_present: int
    """Pages in the file; of a cut file those that are whole."""
    pages_promised: int
    file_size: int
    required_dump_space: int
    """What the header says the file should measure."""
    blobs: tuple[Blob, ...] = ()
    registers: dict[str, int] = field(default_factory=dict)
    """Of the current processor's innermost frame."""
