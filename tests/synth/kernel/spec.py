"""What a made-up system is asked to be: frozen records that name each other by key.

A system evolves by ``dataclasses.replace``; ``System.changed`` replaces one member of a list by its key.
Times of threads, processes and processors are clock ticks, as the kernel counts them; moments are seconds since boot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

READY, RUNNING, STANDBY, TERMINATED, WAITING, TRANSITION, DEFERRED_READY = 1, 2, 3, 4, 5, 6, 7
"""KTHREAD.State."""
EXECUTIVE, PAGE_IN, DELAY_EXECUTION, SUSPENDED, USER_REQUEST, WR_EXECUTIVE = 0, 2, 4, 5, 6, 7
WR_QUEUE, WR_LPC_RECEIVE, WR_LPC_REPLY, WR_VIRTUAL_MEMORY, WR_RESOURCE, WR_PUSH_LOCK = 15, 16, 17, 18, 27, 28
WR_MUTEX, WR_PREEMPTED, WR_FAST_MUTEX, WR_GUARDED_MUTEX, WR_ALERT_BY_THREAD_ID = 29, 32, 34, 35, 37
"""KTHREAD.WaitReason."""
LIVE, SELECTIVE = 0x10, 0x4000
"""Bits of the header's Attributes."""
LIVE_SYSTEM_DUMP = 0x161
TASK_MANAGER = 0x005461736B6D6772


@dataclass(frozen=True)
class Clock:
    """The system's clocks at the instant of the dump."""

    ticks: int = 6_220_800
    """Since boot; the least significant 32 bits are what threads' WaitTime is compared with."""
    increment: int = 156_250
    """Length of a tick in units of 100 ns."""
    booted: datetime = datetime(2026, 11, 21, 4, 30, 33, tzinfo=timezone.utc)
    set_by_seconds: int = 0
    """How far the clock was set forward (or back) since boot."""
    set_at_seconds: float = 0.0
    """When that was: what was created before has the time of the old clock."""
    boot_id: int = 42
    boot_guid: str = "6f1d0c3a-52b7-4e0e-9a35-0d5d7f1c2b11"

    @property
    def uptime_seconds(self) -> float:
        """Seconds since boot."""
        return self.ticks * self.increment / 10_000_000

    def seconds(self, ticks: int) -> float:
        """Ticks in seconds."""
        return ticks * self.increment / 10_000_000


@dataclass(frozen=True)
class Processor:
    """One logical processor. Counters are ticks since boot."""

    thread: str
    """Key of the thread that runs; ``idle:n`` for the idle thread of processor n."""
    standby: str = ""
    interrupted_by: str = "nt!KiDpcInterrupt"
    """How the corral came in; empty: called from the idle loop itself."""
    kernel_ticks: int = 6_200_000
    user_ticks: int = 20_800
    dpc_ticks: int = 3_100
    interrupt_ticks: int = 900
    idle_ticks: int = 5_900_000
    interrupt_count: int = 9_400_000
    system_calls: int = 61_000_000
    context_switches: int = 31_000_000
    dpc_count: int = 4_100_000
    queued_dpcs: tuple[str, ...] = ()
    """Routines of the DPCs that wait in the queue."""
    active_dpc: str = ""
    """Routine of the DPC that runs, in a dump without corral."""
    dpc_time_count: int = 0
    """Ticks in the DPC that runs."""
    nesting: int = 0
    frozen_by_corral: bool = True
    mhz: int = 2900


@dataclass(frozen=True)
class Wait:
    """One object that a thread waits for."""

    on: str
    """Key of the object: ``resource:A``, ``push:B``, ``mutex:C``, ``mutant:D``, ``event:E``, ``thread:t``..."""
    shared: bool = False
    """Wants the lock shared."""


@dataclass(frozen=True)
class Thread:
    """A thread."""

    key: str
    process: str
    tid: int
    stack: tuple[str, ...] = ()
    """Call sites, innermost first, without what the capture adds: ``module!function``, ``#2`` behind for the second
    return address of it; ``a|b`` takes the first that the build has, ``a|`` is left out where it lacks it."""
    state: int = WAITING
    reason: int = USER_REQUEST
    since_ticks: int = 1_000
    """Ticks since the wait began, or since it became ready."""
    priority: int = 8
    base_priority: int = 8
    kernel_ticks: int = 12
    user_ticks: int = 20
    cycles: int = 1_400_000_000
    switches: int = 1_200
    created_seconds: float = 60.0
    waits: tuple[Wait, ...] = ()
    timeout: bool = False
    """A timer of its own ends the wait: the fourth wait block."""
    user_mode: bool = False
    """Wait mode."""
    alertable: bool = False
    affinity: int = 0
    """0: all processors."""
    next_processor: int = 0
    shared_queue: bool = False
    """Ready in the queue that several processors share."""
    resident: bool = True
    start: str = ""
    """Kernel-mode routine, or empty for one of user mode."""
    registers: tuple[tuple[str, str, str], ...] = ()
    """(call site, register, name): what a register holds while that frame runs, beyond what locks put there."""
    suspend_count: int = 0
    terminated: bool = False
    expanded: bool = False
    """Its stack goes on in a second segment, where ``nt!KxSwitchKernelStackCallout`` stands in it."""
    slot: str = ""
    """Key of an earlier thread whose ETHREAD this one got."""
    gone: bool = False
    """It was there in an earlier dump: its room stays empty, so that others keep their addresses."""
    queue: str = ""
    """Work queue that it serves."""
    stale_locks: tuple[str, ...] = ()
    """Locks that free lock entries of it still name."""
    message: str = ""
    """ALPC message that it waits for an answer to."""


@dataclass(frozen=True)
class Process:
    """A process; its threads are those that name it."""

    key: str
    pid: int
    name: str
    parent: int = 0
    created_seconds: float = 50.0
    exited_seconds: float | None = None
    kernel_ticks: int | None = None
    """None: the sum of its threads."""
    user_ticks: int | None = None
    cycles: int = 90_000_000_000
    commit_pages: int = 4_000
    commit_peak_pages: int = 5_200
    working_set_pages: int = 6_100
    private_pages: int = 3_900
    virtual_size: int = 0x2010_0000_0000
    nonpaged_quota: int = 18_000
    paged_quota: int = 240_000
    locked_pages: int = 0
    handles: tuple[tuple[str, int], ...] = ()
    """(object type, count)."""
    gone: bool = False
    """It was there in an earlier dump: its room stays empty, so that others keep their addresses."""
    handle_free_lists: tuple[int, ...] = ()
    """What each free list counts; their sum is the number of handles. Empty: all in the first."""


@dataclass(frozen=True)
class Driver:
    """A loaded driver image."""

    module: str
    tags: tuple[str, ...] = ()
    """Pool tags that stand in its code."""
    path: str = ""
    gone: bool = False
    """It was loaded in an earlier dump; those behind it keep their addresses."""

    @property
    def key(self) -> str:
        """Its module."""
        return self.module


@dataclass(frozen=True)
class Unloaded:
    """A driver that is gone."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Resource:
    """An ERESOURCE. Who waits for it is said by the threads."""

    key: str
    exclusive: str = ""
    """Thread that owns it."""
    shared: tuple[tuple[str, int], ...] = ()
    """(thread, how often) of those who share it."""
    recursion: int = 1
    cookie: bool = False
    """The owner's address carries the mark of ExSetResourceOwnerPointer."""
    contention: int = 0
    timeouts: int = 0
    where: str = "pool:Ntfr"
    listed: bool = True


@dataclass(frozen=True)
class PushLock:
    """An EX_PUSH_LOCK."""

    key: str
    owners: tuple[str, ...] = ()
    shared: bool = False
    where: str = "pool:Push"
    recorded: bool = True
    """Its owners and waiters are in their threads' lock entries."""


@dataclass(frozen=True)
class Mutex:
    """A fast mutex, or in 7601 with ``guarded`` a KGUARDED_MUTEX."""

    key: str
    owner: str = ""
    guarded: bool = False
    contention: int = 0
    where: str = "pool:FMtx"


@dataclass(frozen=True)
class Mutant:
    """A KMUTANT."""

    key: str
    owner: str = ""
    recursion: int = 1
    abandoned: bool = False
    name: str = ""


@dataclass(frozen=True)
class Event:
    """A KEVENT; kind says which other dispatcher object instead."""

    key: str
    kind: str = "event"
    """``event``, ``notification``, ``semaphore``, ``timer``, ``queue``."""
    where: str = "pool:Even"
    """``pool:Tag``, ``driver:lab!g_labEvent``, ``file:key`` (its Event), ``irp:key`` (its UserEvent is this)."""
    signaled: int = 0
    limit: int = 1


@dataclass(frozen=True)
class Port:
    """An ALPC port."""

    key: str
    owner: str
    """Process."""


@dataclass(frozen=True)
class Message:
    """An ALPC message whose sender waits for the answer."""

    key: str
    port: str
    server: str = ""
    """Thread that works on it; empty: nobody took it yet."""
    paged_out: bool = False


@dataclass(frozen=True)
class DriverObject:
    """A DRIVER_OBJECT."""

    key: str
    module: str
    name: str
    name_paged_out: bool = False


@dataclass(frozen=True)
class Device:
    """A DEVICE_OBJECT; ``on`` is the device that it is attached to."""

    key: str
    driver: str
    on: str = ""
    kind: int = 7
    references: int = 0
    instance: str = ""
    """Of a physical device object: path of its device node."""
    node_state: int = 0x308
    problem: int = 0


@dataclass(frozen=True)
class File:
    """A FILE_OBJECT."""

    key: str
    name: str
    device: str


@dataclass(frozen=True)
class Location:
    """One stack location of a request."""

    device: str
    major: int
    minor: int = 0
    pending: bool = False
    file: str = ""


@dataclass(frozen=True)
class Irp:
    """A request. ``locations`` are in the order of IRP's memory: the lowest driver first."""

    key: str
    locations: tuple[Location, ...]
    current: int
    """1 for the first location; one more than there are when it is completed."""
    thread: str = ""
    """Empty: on no thread's list."""
    cancelled: bool = False
    cancellable: bool = False
    event: str = ""


@dataclass(frozen=True)
class WorkItem:
    """A pending item of a work queue."""

    routine: str
    device: str = ""
    """For an item of IoQueueWorkItem: whose."""


@dataclass(frozen=True)
class WorkQueue:
    """A system work queue. Its workers are the threads that name it."""

    key: str
    node: int
    index: int
    pending: tuple[WorkItem, ...] = ()
    priority: int = 12
    min_threads: int = 1
    max_threads: int = 4096
    processed: int = 400_000
    processed_last_pass: int = 399_000
    try_failed: bool = False
    thread_count: int | None = None
    """None: as many as name it."""


@dataclass(frozen=True)
class Tag:
    """A pool tag's counters, summed over all processors."""

    tag: str
    nonpaged: tuple[int, int, int] = (0, 0, 0)
    """Allocations, frees, bytes in use."""
    paged: tuple[int, int, int] = (0, 0, 0)
    protected: bool = False
    expansion: bool = False
    """In the expansion table, which is not per processor."""
    skew: int = 0
    """What the first processor counts too much and the last too little, so that single counters are negative."""


@dataclass(frozen=True)
class BigPage:
    """A pool allocation of a page or more."""

    address: int
    tag: str
    size: int
    nonpaged: bool = True
    free: bool = False
    process: str = ""
    points_to: str = ""
    """What a pointer in its first bytes leads to: ``code:lab!LabWorker``."""


@dataclass(frozen=True)
class Memory:
    """Totals, in pages."""

    committed: int = 1_500_000
    limit: int = 5_200_000
    peak: int = 2_100_000
    available: int = 3_830_000
    resident_available: int = 3_900_000
    physical: int = 4_190_000
    paged_pool: int = 90_000
    nonpaged_pool: int = 60_000
    shared_commit: int = 70_000
    process_commit: int = 30_000
    driver_commit: int = 9_000
    locked: int = 400
    """Allocated for MDLs."""
    ptes: int = 4_000_000
    free_ptes: int = 3_800_000
    pte_failures: int = 0
    modified: int = 12_000
    standby: int = 2_500_000
    zeroed: int = 1_200_000
    free: int = 130_000
    tag_table_size: int = 64
    expansion_table_size: int = 8


@dataclass(frozen=True)
class ObjectType:
    """Counts of an object type."""

    name: str
    objects: int
    handles: int
    most_objects: int = 0
    most_handles: int = 0
    key: str = ""
    """Pool tag."""


@dataclass(frozen=True)
class Patch:
    """A deliberate damage, written last: ``value`` into the field of the thing called ``at``."""

    at: str
    path: str
    """``_TYPE.field``, or an offset in hexadecimal for eight bytes there."""
    value: int | str
    """A number, or a name with an optional ``+_TYPE.field`` behind it."""


@dataclass(frozen=True)
class Dump:
    """How it was captured and what for."""

    code: int = LIVE_SYSTEM_DUMP
    parameters: tuple[int | str, int | str, int | str, int | str] = (TASK_MANAGER, 0, 0, 0)
    """Numbers, or names of things whose address is meant."""
    attributes: int = LIVE
    dump_type: int = 6
    omit: tuple[str, ...] = ()
    """Patterns of region names whose pages are not in the file."""
    memory_bytes: int = 1 << 28
    """Physical memory of the machine."""


@dataclass(frozen=True)
class Expected:
    """A finding that the system was made to have; members are keys."""

    kind: str
    threads: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    processor: int | None = None
    count: int | None = None
    text: str = ""
    """What it is about, for people."""
    optional: bool = False
    """May be said too, or said otherwise: the dump alone does not decide it."""


@dataclass(frozen=True)
class ListTruth:
    """What can be reached of a damaged list."""

    name: str
    members: tuple[str, ...]
    """Names of the members whose address a reader learns."""
    whole: bool
    """Whether the list really ends there."""
    missing: str = ""
    """The last of them, when what lies there is not in the dump."""


@dataclass(frozen=True)
class System:
    """A system at the instant of the dump."""

    build: str
    processors: tuple[Processor, ...]
    processes: tuple[Process, ...]
    """In the order of the active list."""
    threads: tuple[Thread, ...]
    requester: str
    """Thread that takes the dump, on processor 0; for a crash the one that crashed."""
    clock: Clock = Clock()
    drivers: tuple[Driver, ...] = ()
    unloaded: tuple[Unloaded, ...] = ()
    resources: tuple[Resource, ...] = ()
    push_locks: tuple[PushLock, ...] = ()
    mutexes: tuple[Mutex, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    events: tuple[Event, ...] = ()
    ports: tuple[Port, ...] = ()
    messages: tuple[Message, ...] = ()
    driver_objects: tuple[DriverObject, ...] = ()
    devices: tuple[Device, ...] = ()
    files: tuple[File, ...] = ()
    irps: tuple[Irp, ...] = ()
    work_queues: tuple[WorkQueue, ...] = ()
    tags: tuple[Tag, ...] = ()
    big_pages: tuple[BigPage, ...] = ()
    object_types: tuple[ObjectType, ...] = ()
    memory: Memory = Memory()
    dump: Dump = Dump()
    patches: tuple[Patch, ...] = ()
    alone: tuple[str, ...] = ()
    """Names of things that share their page with nothing else, so that it can be left out."""
    expected: tuple[Expected, ...] = ()
    lists: tuple[ListTruth, ...] = ()
    """Lists that are damaged on purpose."""
    machine: int = 1
    """Another number is another machine: other addresses, other names."""
    processor: str = "x64"
    """``x64`` or ``arm64``."""

    @property
    def present(self) -> tuple[Process, ...]:
        """Processes that are there."""
        return tuple(process for process in self.processes if not process.gone)

    @property
    def live(self) -> bool:
        """Whether it is a live dump, whose processors stand in a corral."""
        return bool(self.dump.attributes & LIVE)

    def changed(self, members: str, key: str, **changes: Any) -> System:
        """The system with one member of a list changed; ``members`` is the list's name."""
        new = tuple(replace(each, **changes) if each.key == key else each for each in getattr(self, members))
        lists: dict[str, Any] = {members: new}
        return replace(self, **lists)

    def added(self, **members: Iterable[Any]) -> System:
        """The system with more members in its lists."""
        lists: dict[str, Any] = {name: (*getattr(self, name), *new) for name, new in members.items()}
        return replace(self, **lists)
