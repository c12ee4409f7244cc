"""What became of a machine between two dumps of it: how fast things grow, and what never moved."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import NamedTuple

from livedump.model.addresses import Address, Bits32
from livedump.model.findings import Confidence, Evidence
from livedump.model.snapshot import Driver
from livedump.model.text_kinds import CodeText, FilePath, ModuleName, ProcessName


class Relation(Enum):
    """What two dumps are to each other. The values are part of the JSON contract."""

    SAME_BOOT = "same-boot"
    OTHER_BOOT = "other-boot"
    """Of one machine, which was started again in between."""
    OTHER_MACHINE = "other-machine"


class ChangeKind(Enum):
    """What happened between two dumps. The values are part of the JSON contract; they stand in the order of their
    weight: what stops work comes first."""

    HANG_CONFIRMED = "hang-confirmed"
    """Threads wait for the same head, in both."""
    WORK_QUEUE = "work-queue"
    """Work waits in a queue, and none of it was done."""
    RUNAWAY = "runaway"
    """A processor was kept busy all the time."""
    EXHAUSTS = "exhausts"
    """It will reach its limit, and when."""
    STUCK = "stuck"
    """Threads did not run at all."""
    GROWS = "grows"
    DRIVER_CHANGED = "driver-changed"
    """Loaded, unloaded, or another one of that name."""


class Change(NamedTuple):
    """One finding on the way from one dump to the next."""

    kind: ChangeKind
    text: str
    """One sentence, without a full stop."""
    confidence: Confidence
    """Never certain from less than three dumps."""
    subject: str
    """What it is about, the same in all dumps: ``tag:Leak``, ``process:svchost.exe:1044``, ``commit``,
    ``thread:4.1c8``, ``driver:labflt``."""
    amount: float | None
    """By how much, in the unit."""
    per_minute: float | None
    """None where there is no time between, or no rate."""
    unit: str = ""
    """``bytes``, ``handles``, ``objects``, ``processes``, ``threads``, ``seconds`` of a processor; empty without
    amount."""
    evidence: tuple[Evidence, ...] = ()
    """Never empty."""
    threads: tuple[Address, ...] = ()
    """ETHREADs, the most important first."""
    objects: tuple[Address, ...] = ()
    """Locks and queues."""
    modules: tuple[ModuleName, ...] = ()
    processes: tuple[ProcessName, ...] = ()
    """Names."""
    weight: float = 0
    """Rank among changes of one kind; greater first."""


class ThreadRate(NamedTuple):
    """What one thread took between the dumps."""

    thread: Address
    thread_id: int | None
    process: ProcessName | None
    process_id: int | None
    kernel_seconds: float | None
    user_seconds: float | None
    percent: float | None
    """Of one processor, by ticks."""
    cycles_percent: float | None
    """The same by cycles, which is finer."""
    switches_per_second: float | None


class ProcessRate(NamedTuple):
    """What all threads of one process took between the dumps, ended ones included."""

    address: Address
    process: ProcessName | None
    process_id: int | None
    kernel_seconds: float | None
    user_seconds: float | None
    percent: float | None
    """Of one processor, by ticks."""
    cycles_percent: float | None


class ProcessorRate(NamedTuple):
    """Where one processor's time went between the dumps; percentages of that time."""

    number: int
    user_percent: float | None
    kernel_percent: float | None
    """Without idle, DPCs and interrupts."""
    dpc_percent: float | None
    interrupt_percent: float | None
    idle_percent: float | None
    interrupts_per_second: float | None
    dpcs_per_second: float | None
    switches_per_second: float | None
    system_calls_per_second: float | None


class TagGrowth(NamedTuple):
    """What one pool tag gained, or gave back."""

    tag: CodeText
    pool: str
    """``nonpaged`` or ``paged``."""
    before: int
    """Bytes."""
    after: int
    amount: int
    per_minute: float | None
    blocks: int
    """That it gained."""
    allocations: int | None
    """Made between the dumps; the others of them were freed."""
    owners: tuple[ModuleName, ...] = ()
    """Drivers whose code holds the tag; empty also where nobody looked."""


class HandleGrowth(NamedTuple):
    """How many handles one process gained, or closed."""

    process: ProcessName | None
    process_id: int | None
    before: int
    after: int
    amount: int
    per_minute: float | None


class CommitGrowth(NamedTuple):
    """How much one process committed, or gave back. Bytes."""

    process: ProcessName | None
    process_id: int | None
    before: int
    after: int
    amount: int
    per_minute: float | None


class ObjectGrowth(NamedTuple):
    """How many objects of one type there are more, or less."""

    name: CodeText
    before: int
    after: int
    amount: int
    per_minute: float | None


class TotalGrowth(NamedTuple):
    """One count of the whole system."""

    name: str
    """``committed``, ``nonpaged_pool``, ``threads``..."""
    unit: str
    """``bytes`` or what is counted."""
    before: int
    after: int
    amount: int
    per_minute: float | None
    """None also between two boots."""


class DriverChange(NamedTuple):
    """Another driver of the same name."""

    name: ModuleName
    size_before: int
    size_after: int
    timestamp_before: Bits32 | None
    timestamp_after: Bits32 | None


class DriverChanges(NamedTuple):
    """Drivers that came, went, or are others than before."""

    loaded: tuple[Driver, ...] = ()
    unloaded: tuple[Driver, ...] = ()
    changed: tuple[DriverChange, ...] = ()


class Side(NamedTuple):
    """One of the two dumps."""

    path: FilePath
    captured_at: datetime | None
    """By the machine's clock, which can be set."""
    uptime_seconds: float | None
    """By the interrupt time, without sleep."""


class Difference(NamedTuple):
    """Two dumps, the earlier one first, and what is different. Lists hold what is more than noise."""

    relation: Relation | None
    """None where the dumps do not tell."""
    seconds: float | None
    """Between them, by interrupt time; None between two boots."""
    evidence: tuple[Evidence, ...]
    """For the relation, and against it."""
    findings: tuple[Change, ...]
    """The most important first."""
    threads: tuple[ThreadRate, ...]
    """The busiest first."""
    processors: tuple[ProcessorRate, ...]
    """All of them."""
    tags: tuple[TagGrowth, ...]
    """The fastest growing first, those that shrank behind them."""
    handles: tuple[HandleGrowth, ...]
    """The same."""
    drivers: DriverChanges
    totals: tuple[TotalGrowth, ...]
    """All that both dumps tell."""
    processes: tuple[ProcessRate, ...] = ()
    """The busiest first."""
    commit: tuple[CommitGrowth, ...] = ()
    """Of processes; the fastest growing first."""
    objects: tuple[ObjectGrowth, ...] = ()
    """Those that grew most first."""
    before: Side = Side("", None, None)
    after: Side = Side("", None, None)
    refused: str | None = None
    """Why nothing was compared; None when it was."""
    notes: tuple[str, ...] = ()
    """What was not compared and why, and what makes the numbers rough."""
