"""A big server, for figures: many processors, processes and threads, and much sparse memory."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import NamedTuple

from tests.synth.kernel.code import DRIVERS as CODE_OF_DRIVERS
from tests.synth.kernel.layout import words
from tests.synth.kernel.scenario_parts import (
    DELAY,
    PROCESSES,
    SYSTEM_CALL,
    SYSTEM_THREAD,
    TAKE_PACKET,
    WAIT_MANY,
    WAIT_ONE,
    WAITS_FOR_WORK,
    WAITS_IN_FACTORY,
    quiet_system,
)
from tests.synth.kernel.scenario_requests import READ, WRITE, disk_request, with_storage
from tests.synth.kernel.scenario_waits import WANTS_RESOURCE, WRITES
from tests.synth.kernel.spec import (
    RUNNING,
    USER_REQUEST,
    WR_QUEUE,
    WR_RESOURCE,
    Driver,
    Memory,
    Process,
    Processor,
    Resource,
    System,
    Tag,
    Thread,
    Wait,
)
from tests.synth.kernel.stacks import USER

SERVER_BYTES = 64 << 30
SMALL_BYTES = 8 << 30
WAITING_FOR_EACH = 5
"""Threads that wait for one contended lock."""
KERNEL_CALLS = tuple(
    f"nt!{name}"
    for name in words(
        "IofCallDriver IopSynchronousServiceTail IopXxxControlFile IopParseDevice ObpLookupObjectName "
        "ObOpenObjectByNameEx CmpDoParseKey CmQueryValueKey CcCopyReadEx CcCopyWriteEx CcMapData CcFlushCachePriv "
        "MmFlushSection MiFlushSectionInternal FsRtlBalanceReads FsRtlAcquireFileExclusiveCommon ObpCloseHandle "
        "IopCloseFile PspExitThread KiDeliverApc ExpGetProcessInformation ExpQuerySystemInformation"
    )
)
SERVICES = tuple(
    f"nt!{name}"
    for name in words(
        "NtReadFile NtWriteFile NtDeviceIoControlFile NtFsControlFile NtCreateFile NtClose NtQueryDirectoryFile "
        "NtFlushBuffersFile NtOpenKey NtQueryValueKey NtMapViewOfSection NtQuerySystemInformation"
    )
)
LOADED = ("Ntfs", "FLTMGR", "storport", "stornvme", "CLASSPNP", "disk", "partmgr", "volmgr", "volsnap", "spaceport",
          "ndis", "tcpip", "afd", "rdbss", "mrxsmb", "srv2", "HTTP", "Wdf01000", "netft", "clusdisk", "csvfs", "csvflt",
          "refs", "labflt", "lab", "labnic", "win32kfull", "win32kbase", "dxgkrnl")  # fmt: skip
CALLS = (*KERNEL_CALLS, *(f"{module}!{name}" for module in LOADED for name in CODE_OF_DRIVERS[module]))
NAMES = ("svchost.exe", "w3wp.exe", "sqlservr.exe", "vmwp.exe", "conhost.exe", "RuntimeBroker.exe", "msedge.exe",
         "java.exe", "python.exe", "WmiPrvSE.exe")  # fmt: skip


def unique_stacks(count: int, random: Random) -> list[tuple[str, ...]]:
    """``count`` different stacks of 8 to 20 frames, 12 in the median."""
    stacks: dict[tuple[str, ...], None] = {}
    while len(stacks) < count:
        wait = random.choice((WAIT_ONE, WAIT_MANY, TAKE_PACKET, DELAY))
        depth = min(max(round(random.gauss(7, 2.4)), 1), 13)
        end = (random.choice(SERVICES), *SYSTEM_CALL) if random.random() < 0.8 else SYSTEM_THREAD
        stack = (*wait, *random.sample(CALLS, depth), *end)
        stacks[stack] = None
    return list(stacks)


def big_server(
    build: str,
    *,
    processors: int = 16,
    processes: int = 400,
    threads: int = 5_000,
    stacks: int = 1_200,
    memory_bytes: int = SERVER_BYTES,
) -> System:
    """A busy server with so many processors, processes and threads (all but the idle ones)."""
    random = Random(161)
    system = quiet_system(build)
    shapes = unique_stacks(stacks, random)
    more = tuple(_process(index) for index in range(processes - len(PROCESSES)))
    busy = tuple(_busy(number, more) for number in range(1, processors, 4))
    left = threads - len(busy) - 1
    users = (*PROCESSES[1:], *more)
    every = (*busy, *(_thread(index, shapes, users, random, processors) for index in range(left)))
    loaded = {driver.module for driver in system.drivers}
    requester = next(thread for thread in system.threads if thread.key == "requester")
    return replace(
        system,
        processors=_processors(processors, {thread.next_processor: thread.key for thread in busy}),
        processes=(*system.processes, *more),
        threads=(*every, requester),
        drivers=(*system.drivers, *(Driver(module) for module in LOADED if module not in loaded)),
        dump=replace(system.dump, memory_bytes=memory_bytes),
        memory=_memory_of(system.memory, memory_bytes >> 12),
    )


def _memory_of(memory: Memory, pages: int) -> Memory:
    """Totals of a machine of so many pages, of which most are free."""
    available = pages * 85 // 100
    return replace(
        memory, physical=pages, available=available, resident_available=available, limit=pages * 5 // 4,
        committed=pages // 4, peak=pages // 3, standby=available // 2, zeroed=available - available // 2, free=0,
    )  # fmt: skip


def _processors(count: int, busy: dict[int, str]) -> tuple[Processor, ...]:
    first = Processor("requester", kernel_ticks=6_100_000, user_ticks=120_800, idle_ticks=4_000_000)
    return (
        first,
        *(
            Processor(
                busy.get(number, f"idle:{number}"),
                interrupted_by="nt!KiDpcInterrupt" if number in busy or number % 3 else "",
                idle_ticks=4_100_000 + 1_000 * number,
                dpc_ticks=30_000 + number,
            )
            for number in range(1, count)
        ),
    )


def _process(index: int) -> Process:
    return Process(
        f"p{index}", 10_000 + 4 * index, NAMES[index % len(NAMES)], 812, created_seconds=100 + index,
        commit_pages=2_000 + 37 * index, working_set_pages=3_000 + 41 * index, handles=(("Event", 40 + index % 60),),
    )  # fmt: skip


def _busy(number: int, processes: tuple[Process, ...]) -> Thread:
    return Thread(
        f"busy.{number}", processes[number].key, 20_000 + 4 * number, (USER,), state=RUNNING, reason=0, since_ticks=1,
        kernel_ticks=900, user_ticks=40_000, switches=500_000, created_seconds=400, next_processor=number,
    )  # fmt: skip


def _thread(
    index: int, shapes: list[tuple[str, ...]], processes: tuple[Process, ...], random: Random, processors: int
) -> Thread:
    """The first threads have a stack each; of the others every third waits in an idle pool."""
    if index < len(shapes):
        stack = shapes[index]
    elif index % 3 == 0:
        stack = WAITS_IN_FACTORY if index % 2 else WAITS_FOR_WORK
    else:
        stack = shapes[int(len(shapes) * random.random() ** 4)]
    of_system = stack[-1] != USER
    pool = "nt!IoRemoveIoCompletion" in stack or "nt!ExpWorkerThread" in stack
    return Thread(
        f"t{index}",
        "System" if of_system else processes[index % len(processes)].key,
        40_000 + 4 * index,
        stack,
        reason=WR_QUEUE if pool else USER_REQUEST if not of_system else 0,
        since_ticks=1 + index * index % 300_000,
        priority=8 + index % 5,
        kernel_ticks=index % 700,
        user_ticks=0 if of_system else index % 900,
        cycles=40_000_000 * (1 + index % 1_000),
        switches=100 + index % 50_000,
        created_seconds=500 + index % 60_000,
        user_mode=not of_system,
        next_processor=index % processors,
        start="nt!ExpWorkerThread" if of_system else "",
        queue="ex" if stack == WAITS_FOR_WORK else "",
        waits=(Wait("queue:ex"),) if stack == WAITS_FOR_WORK else (),
    )


class Load(NamedTuple):
    """How much of everything else a server has."""

    resources: int
    contended: int
    """Of them, those that somebody holds and others wait for."""
    tags: int
    tag_table: int
    handles: int
    requests: int
    first_waiting: int
    """Where among the threads of services those begin that wait for locks; the first ones hold them."""
    first_asking: int
    """Where those begin that have requests."""


FULL = Load(30_000, 40, 16_000, 16_384, 500_000, 2_000, 1_500, 2_000)
SMALL = Load(300, 4, 160, 256, 4_000, 20, 40, 70)


def full_server(build: str) -> System:
    """The big server with locks, tags, handles and requests as a machine of that size has them."""
    return loaded(big_server(build), FULL)


def small_server(build: str) -> System:
    """The same in small: made by the same code, read by the same code, and soon done."""
    system = big_server(build, processors=4, processes=40, threads=300, stacks=80, memory_bytes=SMALL_BYTES)
    return loaded(system, SMALL)


def loaded(system: System, load: Load) -> System:
    """The server with locks, tags, handles and requests."""
    system = with_storage(system)
    contended = tuple(f"hot.{index}" for index in range(load.contended))
    writers = [thread for thread in system.threads if thread.key.startswith("t") and thread.stack[-1] == USER]
    last_waiting = load.first_waiting + WAITING_FOR_EACH * load.contended
    waiting = {
        thread.key: replace(
            thread, stack=(*WANTS_RESOURCE, "Ntfs!NtfsAcquireExclusiveFcb", *WRITES), reason=WR_RESOURCE,
            since_ticks=1 + index % 250, waits=(Wait(f"resource:{contended[index % load.contended]}"),), timeout=True,
        )
        for index, thread in enumerate(writers[load.first_waiting : last_waiting])
    }  # fmt: skip
    owners = writers[: load.contended]
    resources = (
        *(Resource(f"r{index}", contention=index % 90) for index in range(load.resources - load.contended)),
        *(Resource(key, exclusive=owner.key, contention=50) for key, owner in zip(contended, owners)),
    )
    makers = writers[load.first_asking : load.first_asking + load.requests]
    irps = tuple(
        disk_request(f"i{index}", makers[index % len(makers)].key, READ if index % 3 else WRITE)
        for index in range(load.requests)
    )
    each = load.handles // len(system.processes)
    return replace(
        system,
        threads=tuple(waiting.get(thread.key, thread) for thread in system.threads),
        resources=resources,
        irps=irps,
        processes=tuple(replace(process, handles=(("Event", each),)) for process in system.processes),
        tags=_many_tags(load.tags),
        memory=replace(system.memory, tag_table_size=load.tag_table),
    )


def _many_tags(count: int) -> tuple[Tag, ...]:
    """So many tags, none of which stands out."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
    return tuple(
        Tag(
            letters[index & 31] + letters[index >> 5 & 31] + letters[index >> 10 & 31] + "0",
            (1_000 + index % 900, 500 + index % 400, 30_000 + 7 * index),
            (1 + index % 300 + index % 400, index % 300, 90 * (1 + index % 400)),
            skew=index % 600,
        )
        for index in range(count)
    )
