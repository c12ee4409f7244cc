"""Systems whose trouble is who waits for whom."""

from __future__ import annotations

from dataclasses import replace

from tests.synth.kernel.layout import layout_of
from tests.synth.kernel.scenario_parts import (
    SWAP,
    SYSTEM_CALL,
    SYSTEM_THREAD,
    WAIT_MANY,
    WAIT_ONE,
    WAITS_FOR_ONE,
    quiet_system,
    reported,
)
from tests.synth.kernel.spec import (
    EXECUTIVE,
    LIVE,
    SELECTIVE,
    SUSPENDED,
    TERMINATED,
    USER_REQUEST,
    WR_FAST_MUTEX,
    WR_GUARDED_MUTEX,
    WR_LPC_REPLY,
    WR_PUSH_LOCK,
    WR_RESOURCE,
    Dump,
    Event,
    Expected,
    Message,
    Mutant,
    Mutex,
    Patch,
    Port,
    Process,
    PushLock,
    Resource,
    System,
    Thread,
    Wait,
)

SECOND = 64
"""A second in ticks."""
LAB_SERVICE = Process("labsvc", 7100, "labsvc.exe", 812, created_seconds=40_000)
WRITES = ("Ntfs!NtfsCommonWrite", "Ntfs!NtfsFsdWrite", "FLTMGR!FltpDispatch", "nt!IofCallDriver",
          "nt!IopSynchronousServiceTail", "nt!NtWriteFile", *SYSTEM_CALL)  # fmt: skip
WANTS_RESOURCE = (*WAIT_ONE, "nt!ExpWaitForResource", "nt!ExpAcquireResourceExclusiveLite|",
                  "nt!ExAcquireResourceExclusiveLite")  # fmt: skip
WANTS_RESOURCE_SHARED = (*WAIT_ONE, "nt!ExpWaitForResource", "nt!ExpAcquireResourceSharedLite|",
                         "nt!ExAcquireResourceSharedLite")  # fmt: skip
WANTS_PUSH_LOCK = (*WAIT_ONE, "nt!ExfAcquirePushLockExclusiveEx|nt!ExfAcquirePushLockExclusive")
WANTS_PUSH_LOCK_SHARED = (*WAIT_ONE, "nt!ExfAcquirePushLockSharedEx|nt!ExfAcquirePushLockShared")
WANTS_MUTEX = (*WAIT_ONE, "nt!ExpAcquireFastMutexContended|nt!KiAcquireFastMutex", "nt!ExAcquireFastMutex")
WANTS_GUARDED_MUTEX = (*SWAP, "nt!KeWaitForGate", "nt!KiAcquireGuardedMutex", "nt!KeAcquireGuardedMutex")
HARDWARE = (*WAIT_ONE, "lab!LabWaitForHardware", "lab!LabHoldLock", "lab!LabDispatchWrite", "nt!IofCallDriver")
IDLE_RESOURCES = tuple(Resource(f"idle.{index}", contention=index) for index in range(12))
"""Locks that nobody holds, as most are."""
HELD_RESOURCES = (
    Resource("held.exclusive", exclusive="lsass.0", recursion=3),
    Resource("held.cookie", exclusive="lsass.1", cookie=True),
    Resource("held.shared", shared=(("svchost.0", 1), ("svchost.3", 2), ("svchost.4", 1))),
)
"""Held, and nobody waits."""


def wants_resource(key: str, tid: int, resource: str, index: int, *, shared: bool = False) -> Thread:
    """A thread of the lab's service that waits for an ERESOURCE, again and again for four seconds."""
    prefix = WANTS_RESOURCE_SHARED if shared else WANTS_RESOURCE
    site = "Ntfs!NtfsAcquireSharedFcb" if shared else "Ntfs!NtfsAcquireExclusiveFcb"
    return Thread(
        key, "labsvc", tid, (*prefix, site, *WRITES), reason=WR_RESOURCE, since_ticks=7 + 31 * index % 249,
        waits=(Wait(f"resource:{resource}", shared),), timeout=True, switches=40_000 + index, created_seconds=40_010,
    )  # fmt: skip


def resource_deadlock(build: str) -> System:
    """Two threads hold one ERESOURCE each and want the other's; fourteen wait behind them."""
    first = wants_resource("first", 7104, "B", 0)
    second = wants_resource("second", 7108, "A", 1)
    behind = tuple(
        wants_resource(f"behind.{index}", 7120 + 4 * index, "A" if index < 9 else "B", index, shared=index < 6)
        for index in range(14)
    )
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(first, second, *behind),
        resources=(
            *IDLE_RESOURCES[:5],
            Resource("A", exclusive="first", contention=10, timeouts=3),
            *HELD_RESOURCES,
            Resource("B", exclusive="second", contention=6, timeouts=3),
            *IDLE_RESOURCES[5:],
        ),
    )
    expected = Expected("deadlock", ("first", "second"), ("resource:A", "resource:B"), count=14)
    return replace(system, expected=(expected,))


def records_push_locks(build: str) -> bool:
    """Whether the build's symbols name the array that tells who holds a push lock."""
    layout = layout_of(build)
    return layout.has("_KTHREAD.LockEntries") or layout.has("_ETHREAD.LockEntries")


def lock_chain(build: str) -> System:
    """A thread waits for its hardware and holds a push lock; behind it a fast mutex and a mutant are held."""
    guarded = layout_of(build).has("_KGUARDED_MUTEX")
    head = Thread(
        "head", "labsvc", 7104, (*HARDWARE, "nt!NtWriteFile", *SYSTEM_CALL), reason=EXECUTIVE,
        since_ticks=400 * SECOND, waits=(Wait("event:hardware"),), created_seconds=40_020,
    )  # fmt: skip
    second = Thread(
        "second", "labsvc", 7108, (*WANTS_PUSH_LOCK, "lab!LabHoldLock", "lab!LabDeviceControl", "nt!IofCallDriver",
        "nt!NtDeviceIoControlFile", *SYSTEM_CALL), reason=WR_PUSH_LOCK, since_ticks=390 * SECOND,
        waits=(Wait("push:P"),), created_seconds=40_020,
    )  # fmt: skip
    third = Thread(
        "third", "labsvc", 7112, (*(WANTS_GUARDED_MUTEX if guarded else WANTS_MUTEX), "lab!LabQueryThread", *WRITES),
        reason=WR_GUARDED_MUTEX if guarded else WR_FAST_MUTEX, since_ticks=380 * SECOND, waits=(Wait("mutex:M"),),
        created_seconds=40_020,
    )  # fmt: skip
    fourth = Thread(
        "fourth", "svchost", 7116, WAITS_FOR_ONE, reason=USER_REQUEST, since_ticks=370 * SECOND,
        waits=(Wait("mutant:U"),), user_mode=True, created_seconds=40_020,
    )  # fmt: skip
    readers = tuple(
        Thread(
            f"reader.{index}", "labsvc", 7120 + 4 * index, (*WANTS_PUSH_LOCK_SHARED, "lab!LabReaderThread",
            "nt!NtReadFile", *SYSTEM_CALL), reason=WR_PUSH_LOCK, since_ticks=(300 - index) * SECOND,
            waits=(Wait("push:P", shared=True),), created_seconds=40_030,
        )
        for index in range(5)
    )  # fmt: skip
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(head, second, third, fourth, *readers),
        push_locks=(PushLock("P", ("head",), where="driver:lab!g_labLock"), PushLock("free", where="pool:Push")),
        mutexes=(Mutex("M", "second", guarded=guarded, contention=4), Mutex("unused")),
        mutants=(Mutant("U", "third", name=r"\BaseNamedObjects\LabMutex"), Mutant("free")),
        events=(Event("hardware", where="driver:lab!g_labEvent"),),
        resources=(*IDLE_RESOURCES, *HELD_RESOURCES),
    )
    system = system.changed("threads", "lsass.2", stale_locks=("push:P", "push:free"))
    recorded = records_push_locks(build)
    blocked = (
        Expected("blocked", ("head",), ("push:P",), ("lab",), count=8)
        if recorded
        else Expected("blocked", ("second",), ("push:P",), count=2, text="owner of the push lock unknown")
    )
    long_wait = Expected("long-wait", ("head",), ("event:hardware",), ("lab",), optional=recorded)
    return replace(system, expected=(blocked, long_wait))


def orphaned_lock(build: str) -> System:
    """The owner of an ERESOURCE has ended; another one's owner is an address where no thread is."""
    dead = Thread(
        "dead", "labsvc", 7104, (), state=TERMINATED, reason=0, since_ticks=827 * SECOND, terminated=True,
        created_seconds=40_010,
    )  # fmt: skip
    waiting = tuple(wants_resource(f"waits.{index}", 7120 + 4 * index, "A", index) for index in range(3))
    lost = wants_resource("lost", 7140, "F", 5)
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(dead, *waiting, lost),
        resources=(
            *IDLE_RESOURCES,
            Resource("A", exclusive="dead", contention=3, timeouts=200),
            Resource("F", exclusive="dead", contention=1),
        ),
        patches=(Patch("resource:F", "_ERESOURCE.OwnerEntry.OwnerThread", 0xFFFF_E000_1234_5080),),
    )
    expected = (
        Expected("orphan-lock", ("dead",), ("resource:A",), count=3),
        Expected("orphan-lock", (), ("resource:F",), count=1, text="no thread at the owner's address"),
    )
    return replace(system, expected=expected)


def shared_owners(build: str) -> System:
    """Two threads share an ERESOURCE and wait for hardware; a writer waits for them and readers behind it."""
    owners = tuple(
        Thread(
            f"owner.{index}", "labsvc", 7104 + 4 * index, (*HARDWARE, "Ntfs!NtfsAcquireSharedFcb", *WRITES),
            reason=EXECUTIVE, since_ticks=(200 + index) * SECOND, waits=(Wait("event:hardware"),),
            created_seconds=40_010,
        )
        for index in range(2)
    )  # fmt: skip
    writer = wants_resource("writer", 7120, "S", 2)
    readers = tuple(
        wants_resource(f"reader.{index}", 7124 + 4 * index, "S", 3 + index, shared=True) for index in range(4)
    )
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(*owners, writer, *readers),
        resources=(*IDLE_RESOURCES, Resource("S", shared=(("owner.0", 1), ("owner.1", 2)), contention=5)),
        events=(Event("hardware", "notification", where="driver:lab!g_labEvent"),),
    )
    blocked = Expected("blocked", ("owner.0", "owner.1"), ("resource:S",), ("lab",), count=5)
    long_wait = Expected("long-wait", ("owner.0", "owner.1"), ("event:hardware",), ("lab",), optional=True)
    return replace(system, expected=(blocked, long_wait))


def alpc_chain(build: str) -> System:
    """Clients wait for a service's answer; its thread waits for hardware. A message that nobody took waits too."""
    asks = (*WAIT_ONE, "nt!AlpcpSignalAndWait", "nt!AlpcpReceiveSynchronousReply",
            "nt!AlpcpProcessSynchronousRequest", "nt!NtAlpcSendWaitReceivePort", *SYSTEM_CALL)  # fmt: skip
    server = Thread(
        "server", "labsvc", 7104, (*HARDWARE, "nt!NtDeviceIoControlFile", *SYSTEM_CALL), reason=EXECUTIVE,
        since_ticks=150 * SECOND, waits=(Wait("event:hardware"),), created_seconds=40_010,
    )  # fmt: skip
    clients = tuple(
        Thread(
            f"client.{index}", process, 7120 + 4 * index, asks, reason=WR_LPC_REPLY, user_mode=True,
            since_ticks=(149 - index) * SECOND, message=f"m{index}", created_seconds=40_010,
        )
        for index, process in enumerate(("services", "svchost", "explorer"))
    )  # fmt: skip
    waits_for_end = Thread(
        "waits for end", "services", 7140, WAITS_FOR_ONE, since_ticks=120 * SECOND, user_mode=True,
        waits=(Wait("thread:client.0"),), created_seconds=40_010,
    )  # fmt: skip
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(server, *clients, waits_for_end),
        ports=(Port("lab", "labsvc"),),
        messages=(Message("m0", "lab", "server"), Message("m1", "lab", "server"), Message("m2", "lab")),
        events=(Event("hardware", where="driver:lab!g_labEvent"),),
    )
    blocked = Expected("blocked", ("server",), ("message:m0", "message:m1"), ("lab",), count=3)
    long_wait = Expected("long-wait", ("server",), ("event:hardware",), ("lab",), optional=True)
    unanswered = Expected("long-wait", ("client.2",), ("message:m2",), processes=("labsvc",), optional=True)
    return replace(system, expected=(blocked, long_wait, unanswered))


def suspended_holder(build: str) -> System:
    """A thread was suspended while it held a lock of its process's address space."""
    holder = Thread(
        "holder", "labsvc", 7104, (*WAIT_ONE, "nt!KiSchedulerApcTerminate", "nt!KiDeliverApc", "nt!MiLockVad",
        "nt!MiAllocateVirtualMemory", "nt!NtAllocateVirtualMemory", *SYSTEM_CALL), reason=SUSPENDED,
        since_ticks=19_305 * SECOND, suspend_count=1, created_seconds=40_010, waits=(Wait("event:suspend"),),
    )  # fmt: skip
    waiting = tuple(
        Thread(
            f"waits.{index}", "labsvc", 7120 + 4 * index, (*WANTS_PUSH_LOCK, "nt!MiLockVad",
            "nt!MiUnmapViewOfSection", "nt!NtMapViewOfSection", *SYSTEM_CALL), reason=WR_PUSH_LOCK,
            since_ticks=(19_000 - index) * SECOND, waits=(Wait("push:vad"),), created_seconds=40_010,
        )
        for index in range(4)
    )  # fmt: skip
    system = quiet_system(build).added(
        processes=(LAB_SERVICE,),
        threads=(holder, *waiting),
        push_locks=(PushLock("vad", ("holder",), where="pool:Vadl"),),
        events=(Event("suspend", where="pool:Even"),),
    )
    recorded = records_push_locks(build)
    blocked = Expected(
        "blocked", ("holder",) if recorded else (), ("push:vad",), processes=("labsvc",), count=4 if recorded else None
    )
    long_wait = Expected("long-wait", ("holder",), optional=True)
    return replace(system, expected=(blocked, long_wait))


def long_wait(build: str) -> System:
    """A driver's thread waits for hardware that does not answer; nobody waits for it."""
    stuck = Thread(
        "stuck", "System", 904, (*WAIT_ONE, "lab!LabWaitForHardware", "lab!LabWorker", *SYSTEM_THREAD),
        reason=EXECUTIVE, since_ticks=600 * SECOND, waits=(Wait("event:hardware"),), start="lab!LabWorker",
    )  # fmt: skip
    patient = Thread(
        "patient", "System", 908, (*WAIT_MANY, "labflt!LabFltScanWorker", *SYSTEM_THREAD), reason=EXECUTIVE,
        since_ticks=900 * SECOND, waits=(Wait("event:one"), Wait("event:two")), start="labflt!LabFltScanWorker",
    )  # fmt: skip
    system = quiet_system(build).added(
        threads=(stuck, patient),
        events=(
            Event("hardware", where="driver:lab!g_labEvent"),
            Event("one", where="driver:labflt!g_labfltEvent"),
            Event("two", "notification", where="pool:LFlt"),
        ),
    )
    return replace(system, expected=(Expected("long-wait", ("stuck",), ("event:hardware",), ("lab",)),))


def resource_timeout(build: str) -> System:
    """The same deadlock, and Windows itself noticed that one ERESOURCE has been waited for too long."""
    return reported(resource_deadlock(build), 0x1CC, "resource:A", "thread:second", 10, 120)


def locks_on_stacks(build: str) -> System:
    """A chain of locks in a dump without pool: locks in images, lock entries and stacks tell what can be told."""
    system = lock_chain(build)
    dump = Dump(attributes=LIVE | SELECTIVE, omit=("arena:pool", "arena:paged"))
    return replace(system, dump=dump, expected=tuple(replace(each, optional=True) for each in system.expected))
