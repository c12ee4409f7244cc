"""Parts that scenarios share: shapes of stacks, and a system on which nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.synth.kernel.processors import CAPTURE
from tests.synth.kernel.spec import (
    DELAY_EXECUTION,
    EXECUTIVE,
    RUNNING,
    USER_REQUEST,
    WR_ALERT_BY_THREAD_ID,
    WR_LPC_RECEIVE,
    WR_QUEUE,
    BigPage,
    Driver,
    Event,
    ObjectType,
    Process,
    Processor,
    System,
    Tag,
    Thread,
    Unloaded,
    Wait,
    WorkQueue,
)
from tests.synth.kernel.stacks import USER

SWAP = ("nt!KiSwapContext", "nt!KiSwapThread", "nt!KiCommitThreadWait")
WAIT_ONE = (*SWAP, "nt!KeWaitForSingleObject")
WAIT_MANY = (*SWAP, "nt!KeWaitForMultipleObjects")
DELAY = (*SWAP, "nt!KeDelayExecutionThread")
TAKE_ITEM = (*SWAP, "nt!KeRemovePriQueue|nt!KeRemoveQueueEx")
TAKE_PACKET = (*SWAP, "nt!KeRemoveQueueEx")
SYSTEM_THREAD = ("nt!PspSystemThreadStartup", "nt!KiStartSystemThread")
WORKER = ("nt!ExpWorkerThread", *SYSTEM_THREAD)
SYSTEM_CALL = ("nt!KiSystemServiceCopyEnd", USER)
REQUESTER = (*CAPTURE, "nt!DbgkCaptureLiveKernelDump", "nt!NtSystemDebugControl", *SYSTEM_CALL)

REPORTER = (
    *CAPTURE,
    "nt!DbgkpWerCaptureLiveFullDump",
    "nt!DbgkpWerProcessPolicyResult",
    "nt!DbgkWerCaptureLiveKernelDump2",
    "nt!DbgkWerCaptureLiveKernelDump",
)

WAITS_FOR_WORK = (*TAKE_ITEM, *WORKER)
WAITS_FOR_ONE = (*WAIT_ONE, "nt!NtWaitForSingleObject", *SYSTEM_CALL)
WAITS_FOR_MANY = (*WAIT_MANY, "nt!NtWaitForMultipleObjects", *SYSTEM_CALL)
WAITS_FOR_PACKET = (*TAKE_PACKET, "nt!IoRemoveIoCompletion", "nt!NtRemoveIoCompletion", *SYSTEM_CALL)
WAITS_IN_FACTORY = (*TAKE_PACKET, "nt!IoRemoveIoCompletion", "nt!NtWaitForWorkViaWorkerFactory", *SYSTEM_CALL)
WAITS_FOR_ALERT = (
    *SWAP,
    "nt!KeWaitForAlertByThreadId|nt!KeWaitForSingleObject",
    "nt!NtWaitForAlertByThreadId|nt!NtWaitForSingleObject",
    *SYSTEM_CALL,
)
WAITS_FOR_MESSAGE = (*WAIT_ONE, "nt!AlpcpReceiveMessagePort", "nt!NtAlpcSendWaitReceivePort", *SYSTEM_CALL)
WAITS_FOR_INPUT = (*WAIT_ONE, "win32kfull!xxxRealSleepThread", "win32kfull!xxxSleepThread",
                   "win32kfull!NtUserGetMessage", *SYSTEM_CALL)  # fmt: skip
SLEEPS = (*DELAY, "nt!NtDelayExecution", *SYSTEM_CALL)

DRIVERS = tuple(
    Driver(module, tags)
    for module, tags in {
        "CLASSPNP": ("Clas",),
        "disk": (),
        "partmgr": (),
        "volmgr": (),
        "storport": ("RaDA",),
        "stornvme": ("StNv",),
        "FLTMGR": ("FMfn", "FMsl"),
        "Ntfs": ("Ntff", "Ntfr", "NtfC"),
        "ndis": ("NDnd",),
        "tcpip": ("TcpE",),
        "afd": ("AfdE",),
        "win32kfull": ("Usti",),
        "labnic": ("LNic",),
        "lab": ("Leak", "LabE"),
        "labflt": ("LFlt",),
    }.items()
)
UNLOADED = (
    Unloaded("dump_stornvme.sys", 0xFFFFF80181A00000, 0xFFFFF80181A24000),
    Unloaded("hwpolicy.sys", 0xFFFFF80182010000, 0xFFFFF8018201C000),
)
PROCESSES = (
    Process("System", 4, "System", created_seconds=0, handles=(("File", 40), ("Key", 30), ("Event", 20))),
    Process("Registry", 140, "Registry", 4, created_seconds=1),
    Process("smss", 536, "smss.exe", 4, created_seconds=8, handles=(("Event", 6), ("Key", 3))),
    Process("csrss", 640, "csrss.exe", 536, created_seconds=11, handles=(("ALPC Port", 40), ("Section", 60))),
    Process("services", 812, "services.exe", 700, created_seconds=12, handles=(("Process", 30), ("Key", 120))),
    Process("lsass", 828, "lsass.exe", 700, created_seconds=12, handles=(("Token", 300), ("Key", 40))),
    Process("svchost", 1184, "svchost.exe", 812, created_seconds=14, handles=(("Event", 400), ("File", 90))),
    Process("clussvc", 2216, "clussvc.exe", 812, created_seconds=30, handles=(("Event", 260), ("Section", 20))),
    Process("explorer", 4120, "explorer.exe", 4100, created_seconds=70, handles=(("Event", 900), ("Key", 700))),
    Process("Taskmgr", 5932, "Taskmgr.exe", 4120, created_seconds=90000, handles=(("Process", 80), ("Event", 200))),
)
OBJECT_TYPES = (
    ObjectType("Process", 11, 112, 40, 300, "Proc"),
    ObjectType("Thread", 60, 240, 900, 2100, "Thre"),
    ObjectType("Event", 2100, 2300, 4000, 4100, "Even"),
    ObjectType("File", 800, 400, 3000, 900, "File"),
    ObjectType("Key", 1200, 900, 2000, 1900, "Key "),
    ObjectType("Token", 700, 310, 900, 500, "Toke"),
)
QUIET_THREADS = (
    ("System", EXECUTIVE, (*WAIT_MANY, "nt!KeBalanceSetManager", *SYSTEM_THREAD), "nt!KeBalanceSetManager", 17),
    ("System", EXECUTIVE, (*WAIT_MANY, "nt!MiModifiedPageWriter", *SYSTEM_THREAD), "nt!MiModifiedPageWriter", 17),
    ("System", EXECUTIVE, (*WAIT_MANY, "nt!MiZeroPageThread", *SYSTEM_THREAD), "nt!MiZeroPageThread", 0),
    ("System", EXECUTIVE, (*WAIT_ONE, "nt!CcQueueLazyWriteScanThread", *SYSTEM_THREAD),
     "nt!CcQueueLazyWriteScanThread", 8),
    ("System", EXECUTIVE, (*WAIT_ONE, "ndis!ndisWorkerThread", *SYSTEM_THREAD), "ndis!ndisWorkerThread", 8),
    ("System", EXECUTIVE, (*WAIT_ONE, "Ntfs!NtfsWorker", *SYSTEM_THREAD), "Ntfs!NtfsWorker", 8),
    *((("System", WR_QUEUE, WAITS_FOR_WORK, "nt!ExpWorkerThread", 13),) * 6),
    *((("csrss", WR_LPC_RECEIVE, WAITS_FOR_MESSAGE, "", 14),) * 3),
    *((("services", WR_QUEUE, WAITS_IN_FACTORY, "", 9),) * 3),
    *((("lsass", WR_QUEUE, WAITS_IN_FACTORY, "", 9),) * 4),
    ("lsass", USER_REQUEST, WAITS_FOR_MANY, "", 9),
    *((("svchost", WR_ALERT_BY_THREAD_ID, WAITS_FOR_ALERT, "", 8),) * 3),
    *((("svchost", WR_QUEUE, WAITS_FOR_PACKET, "", 8),) * 3),
    ("svchost", DELAY_EXECUTION, SLEEPS, "", 8),
    *((("clussvc", USER_REQUEST, WAITS_FOR_ONE, "", 9),) * 2),
    *((("explorer", USER_REQUEST, WAITS_FOR_INPUT, "", 10),) * 3),
    ("explorer", USER_REQUEST, WAITS_FOR_ONE, "", 8),
    ("smss", USER_REQUEST, WAITS_FOR_MANY, "", 11),
    ("Taskmgr", USER_REQUEST, WAITS_FOR_INPUT, "", 9),
    ("Registry", EXECUTIVE, (*WAIT_ONE, "nt!CmpFlushHive", *SYSTEM_THREAD), "nt!CmpFlushHive", 8),
)  # fmt: skip
PAGED_OUT = ("svchost.2", "explorer.3")
"""Which of them have their kernel stack in the page file."""
IDLE_PROCESSORS = (
    Processor("requester", kernel_ticks=6_190_100, user_ticks=30_700, idle_ticks=5_700_000),
    Processor("idle:1", dpc_ticks=4_400, interrupt_ticks=1_300),
    Processor("idle:2", interrupted_by="", dpc_ticks=2_000),
    Processor("idle:3", interrupt_count=9_100_000),
)


TAGS = (
    Tag("Thre", (9_000, 8_900, 260_000)),
    Tag("Proc", (700, 680, 60_000), protected=True),
    Tag("Ntff", (800_000, 792_000, 4_100_000), (200_000, 60_000, 60_000_000)),
    Tag("Ntfr", (410_000, 400_000, 1_100_000), skew=3_000),
    Tag("MmSt", paged=(900_000, 860_000, 120_000_000), skew=700_000),
    Tag("CM25", paged=(41_000, 2_000, 90_000_000)),
    Tag("FMfn", paged=(2_000_000, 1_990_000, 9_000_000)),
    Tag("File", (6_000_000, 5_998_000, 900_000)),
    Tag("Even", (9_100_000, 9_090_000, 1_300_000), skew=3_000_000),
    Tag("AfdE", (70_000, 69_000, 700_000)),
    Tag("NDnd", (30_000, 1_000, 60_000_000)),
    Tag("LNic", (16_500, 500, 33_000_000)),
    Tag("LFlt", (4_000, 3_000, 1_000_000), (4_000, 3_900, 60_000)),
    Tag("MmCa", (4_000_000_000, 3_999_980_000, 5_000_000)),
    Tag("Mdl ", (500, 500, 0), skew=10),
    Tag("Lost", (100, 105, 0)),
    Tag("Xpnd", (50, 10, 40_000), (9, 3, 600), expansion=True),
    Tag("Ovfl", (100, 90, 10_000)),
)
BIG_PAGES = (
    BigPage(0xFFFF_9300_0000_0000, "NDnd", 0x40_0000, points_to="code:ndis!ndisInterruptDpc"),
    BigPage(0xFFFF_9300_0100_0000, "MmSt", 0x2_0000, nonpaged=False),
    BigPage(0xFFFF_9300_0200_0000, "LNic", 0x1_0000, process="System"),
    BigPage(0xFFFF_9300_0300_0000, "Leak", 0x80_0000, free=True),
)


def quiet_threads() -> Iterable[Thread]:
    """Threads of a machine that has nothing to do, no two with equal numbers."""
    numbers: dict[str, int] = {}
    for index, (process, reason, stack, start, priority) in enumerate(QUIET_THREADS):
        numbers[process] = numbers.get(process, -1) + 1
        key = f"{process}.{numbers[process]}"
        yield Thread(
            key,
            process,
            1000 + 4 * index if process != "System" else 200 + 4 * index,
            stack,
            reason=reason,
            since_ticks=3 + 41 * index * index,
            priority=priority,
            base_priority=min(priority, 13),
            kernel_ticks=2 + index,
            user_ticks=0 if start else 5 + 3 * index,
            cycles=90_000_000 * (index + 1),
            switches=300 + 17 * index,
            created_seconds=15.5 + index,
            user_mode=not start,
            next_processor=index % 4,
            start=start,
            resident=key not in PAGED_OUT,
            timeout=stack == SLEEPS,
            queue="ex" if stack == WAITS_FOR_WORK else "",
            waits=_waits_of(key, stack),
        )


EXPANDED = Thread(
    "expanded", "svchost", 1_900,
    (*WAIT_ONE, "tcpip!TcpReceive", "afd!AfdReceive", "nt!KxSwitchKernelStackCallout",
     "nt!KeExpandKernelStackAndCalloutInternal", "afd!AfdDispatchDeviceControl", "nt!IofCallDriver",
     "nt!NtDeviceIoControlFile", *SYSTEM_CALL),
    since_ticks=90, user_mode=True, created_seconds=70, waits=(Wait("event:expanded"),), expanded=True,
)  # fmt: skip
"""A thread whose kernel stack was expanded."""
PATIENT = Thread(
    "patient", "services", 1_904, WAITS_FOR_MANY, since_ticks=1_700, user_mode=True, created_seconds=71,
    waits=tuple(Wait(f"event:patient.{index}") for index in range(6)), timeout=True,
)  # fmt: skip
"""A thread that waits for more objects than its own wait blocks have room for."""


def _waits_of(key: str, stack: tuple[str, ...]) -> tuple[Wait, ...]:
    if stack == WAITS_FOR_WORK:
        return (Wait("queue:ex"),)
    return tuple(Wait(f"event:{event.key}") for event in _events_of(key, stack))


def _events_of(key: str, stack: tuple[str, ...]) -> tuple[Event, ...]:
    """Objects that a thread with nothing to do waits for."""
    if stack[2:4] == WAIT_MANY[2:]:
        return Event(f"{key}.first"), Event(f"{key}.second", "notification")
    if stack in (WAITS_IN_FACTORY, WAITS_FOR_PACKET):
        return (Event(f"{key}.queue", "queue", "pool:IoCo"),)
    if stack[3] == WAIT_ONE[3] and stack != WAITS_FOR_ALERT:
        return (Event(key, where="driver:ndis!g_ndisEvent" if "ndis" in stack[4] else "pool:Even"),)
    return ()


def quiet_events() -> tuple[Event, ...]:
    """Objects that the threads of a quiet machine wait for."""
    numbers: dict[str, int] = {}
    events: list[Event] = []
    for process, _, stack, _, _ in QUIET_THREADS:
        numbers[process] = numbers.get(process, -1) + 1
        events += _events_of(f"{process}.{numbers[process]}", stack)
    return tuple(events)


def reported(system: System, code: int, *parameters: int | str) -> System:
    """The system with a dump that a driver's watchdog asked for, on a worker of the System process."""
    requester = Thread(
        "requester", "System", 996, (*REPORTER, "netft!NetftWatchdogLiveDump", "nt!IopProcessWorkItem", *WORKER),
        state=RUNNING, reason=0, since_ticks=2, priority=12, kernel_ticks=40, start="nt!ExpWorkerThread",
    )  # fmt: skip
    others = tuple(thread for thread in system.threads if thread.key != "requester")
    first, second, third, fourth = (*parameters, 0, 0, 0, 0)[:4]
    return replace(
        system,
        threads=(*others, requester),
        drivers=(*system.drivers, Driver("netft")),
        dump=replace(system.dump, code=code, parameters=(first, second, third, fourth)),
    )


def quiet_system(build: str) -> System:
    """A machine on which nothing is wrong; Task Manager takes the dump."""
    requester = Thread(
        "requester", "Taskmgr", 6120, REQUESTER, state=RUNNING, reason=0, since_ticks=2, priority=10,
        kernel_ticks=210, user_ticks=40, cycles=21_000_000_000, created_seconds=90_000.5,
    )  # fmt: skip
    return System(
        build,
        IDLE_PROCESSORS,
        PROCESSES,
        (*quiet_threads(), EXPANDED, PATIENT, requester),
        "requester",
        drivers=DRIVERS,
        unloaded=UNLOADED,
        object_types=OBJECT_TYPES,
        tags=TAGS,
        work_queues=(WorkQueue("ex", 0, 0), WorkQueue("io", 0, 1, processed=70_000, processed_last_pass=69_990)),
        big_pages=BIG_PAGES,
        events=(*quiet_events(), Event("expanded"), *(Event(f"patient.{index}") for index in range(6))),
    )
