"""Systems whose trouble is who runs: starvation, saturation, DPCs and interrupts, spin locks."""

from __future__ import annotations

from dataclasses import replace

from tests.synth.kernel.scenario_parts import IDLE_PROCESSORS, SYSTEM_CALL, WORKER, quiet_system
from tests.synth.kernel.spec import (
    DEFERRED_READY,
    LIVE,
    READY,
    RUNNING,
    SELECTIVE,
    STANDBY,
    WR_PREEMPTED,
    Clock,
    Dump,
    Expected,
    Patch,
    Process,
    Processor,
    System,
    Thread,
)
from tests.synth.kernel.stacks import USER

PREEMPTED = ("nt!KiSwapContext", "nt!KiSwapThread", "nt!KiDispatchInterrupt", "nt!KiDpcInterrupt", USER)
SPINS = ("lab!LabSpin", "lab!LabDeviceControl", "nt!IofCallDriver", "nt!IopXxxControlFile", "nt!NtDeviceIoControlFile",
         *SYSTEM_CALL)  # fmt: skip
LAB_SERVICE = Process("labsvc", 7100, "labsvc.exe", 812, created_seconds=96_000)
IN_USER_MODE = (USER,)
"""A processor that the corral found in user mode."""
TWO_MINUTES = 7_680
"""In ticks."""
HOG_TICKS = 22_336
"""5 minutes and 49 seconds on one processor."""


def ready_thread(key: str, tid: int, process: str, seconds_ticks: int, **changes: object) -> Thread:
    """A thread that waits for a processor."""
    thread = Thread(
        key, process, tid, PREEMPTED, state=READY, reason=WR_PREEMPTED, since_ticks=seconds_ticks, user_mode=True
    )
    return replace(thread, **changes)  # type: ignore[arg-type]


def starvation(build: str) -> System:
    """A thread of priority 15 keeps processor 1 for minutes; twelve that may run only there wait behind it."""
    system = quiet_system(build)
    hog = Thread(
        "hog",
        "labsvc",
        7104,
        SPINS,
        state=RUNNING,
        reason=0,
        since_ticks=HOG_TICKS,
        priority=15,
        base_priority=15,
        kernel_ticks=HOG_TICKS,
        user_ticks=0,
        cycles=HOG_TICKS * 45_000_000,
        switches=1,
        created_seconds=system.clock.uptime_seconds - 352,
        next_processor=1,
        affinity=0b10,
    )
    starved = tuple(
        ready_thread(
            f"starved.{index}", 7200 + 4 * index, "svchost", TWO_MINUTES + 16 * index,
            priority=8 + index % 3, next_processor=1, affinity=0b10,
        )
        for index in range(12)
    )  # fmt: skip
    others = (
        ready_thread("standby", 7300, "svchost", 1, state=STANDBY, next_processor=2),
        ready_thread("deferred", 7304, "svchost", 0, state=DEFERRED_READY, next_processor=3),
        ready_thread("shared", 7308, "explorer", 2, shared_queue=True, next_processor=3),
        ready_thread(
            "newborn",
            7312,
            "System",
            1,
            stack=("nt!KiStartSystemThread",),
            user_mode=False,
            switches=0,
            kernel_ticks=0,
            user_ticks=0,
            cycles=0,
            start="nt!ExpWorkerThread",
            next_processor=2,
        ),
    )
    processors = (
        IDLE_PROCESSORS[0],
        Processor("hog", kernel_ticks=6_200_000, idle_ticks=5_800_000),
        replace(IDLE_PROCESSORS[2], standby="standby"),
        IDLE_PROCESSORS[3],
    )
    expected = (
        Expected("starved", tuple(thread.key for thread in starved), processor=1, count=12, text="behind hog"),
        Expected("runaway", ("hog",), processes=("labsvc",), modules=("lab",), processor=1),
    )
    system = replace(system, processors=processors, expected=expected)
    return system.added(threads=(hog, *starved, *others), processes=(LAB_SERVICE,))


def saturation(build: str) -> System:
    """Every processor is busy and threads wait for one, none of them long."""
    system = quiet_system(build)
    stacks = (IN_USER_MODE, SPINS, IN_USER_MODE)
    busy = tuple(
        Thread(
            f"busy.{number}", "labsvc", 7400 + 4 * number, stack, state=RUNNING, reason=0, since_ticks=1,
            kernel_ticks=700, user_ticks=4_000, switches=90_000, created_seconds=96_100 + number,
            next_processor=number, user_mode=True,
        )
        for number, stack in enumerate(stacks, 1)
    )  # fmt: skip
    ready = tuple(
        ready_thread(
            f"ready.{index}", 7500 + 4 * index, "labsvc", 2 + 5 * index,
            shared_queue=index % 2 == 0, next_processor=1 + index % 3,
        )
        for index in range(7)
    )  # fmt: skip
    processors = (
        replace(IDLE_PROCESSORS[0], idle_ticks=1_200_000),
        *(Processor(f"busy.{number}", kernel_ticks=4_000_000, user_ticks=2_220_800, idle_ticks=1_100_000)
          for number in (1, 2, 3)),
    )  # fmt: skip
    expected = (Expected("saturated", tuple(thread.key for thread in ready), count=7),)
    system = replace(system, processors=processors, expected=expected)
    return system.added(threads=(*busy, *ready), processes=(LAB_SERVICE,))


def dpc_pressure(build: str) -> System:
    """DPCs take most of processor 1, with a long queue; interrupts take a fifth of processor 3."""
    system = quiet_system(build)
    total = 2_304_000
    queue = ("labnic!LabNicMiniportInterruptDpc", "ndis!ndisInterruptDpc", "labnic!LabNicTimerDpc") * 48
    processors = (
        replace(IDLE_PROCESSORS[0], kernel_ticks=total - 30_000, user_ticks=30_000, idle_ticks=2_000_000),
        Processor(
            "idle:1", kernel_ticks=total - 9_000, user_ticks=9_000, dpc_ticks=1_430_000, idle_ticks=700_000,
            queued_dpcs=queue, dpc_count=1_900_000_000,
        ),
        Processor("idle:2", kernel_ticks=total, user_ticks=0, idle_ticks=2_200_000, interrupted_by=""),
        Processor(
            "idle:3", kernel_ticks=total, user_ticks=0, interrupt_ticks=510_000, idle_ticks=1_700_000,
            interrupt_count=2_210_000_000,
        ),
    )  # fmt: skip
    expected = (
        Expected("dpc-time", processor=1, modules=("labnic", "ndis"), count=len(queue)),
        Expected("interrupt-time", processor=3),
    )
    threads = tuple(replace(thread, created_seconds=min(thread.created_seconds, 35_000)) for thread in system.threads)
    processes = tuple(
        replace(process, created_seconds=min(process.created_seconds, 34_000)) for process in system.processes
    )
    clock = Clock(ticks=total)
    return replace(system, clock=clock, processors=processors, expected=expected, threads=threads, processes=processes)


WAITS_FOR_SPIN_LOCK = ("nt!KxWaitForSpinLockAndAcquire", "nt!KeAcquireSpinLockRaiseToDpc")
CLOCK_WATCHDOG = (
    "nt!KeBugCheckEx",
    "nt!KeAccumulateTicks",
    "nt!KiUpdateRunTime",
    "nt!KeClockInterruptNotify",
    "hal!HalpClockInterrupt",
    "nt!KiCallInterruptServiceRoutine",
    "nt!KiInterruptDispatchNoLock",
)
DPC_OF_NIC = (
    "labnic!LabNicReclaim",
    "labnic!LabNicMiniportInterruptDpc",
    "ndis!ndisInterruptDpc",
    "nt!KiExecuteAllDpcs",
    "nt!KiRetireDpcList",
    "nt!KiDispatchInterruptContinue",
    "nt!KiDpcInterrupt",
)
LOCK = "labnic!g_labnicLock"


def spin_lock_convoy(build: str) -> System:
    """A crash: the DPC watchdog found processor 0 in a network driver's DPC, three others spin on its lock."""
    system = quiet_system(build)
    receives = (*WAITS_FOR_SPIN_LOCK, "labnic!LabNicReceive", "ndis!ndisMTopReceiveNetBufferLists",
                "ndis!ndisReceiveWorkerThread", *WORKER)  # fmt: skip
    spinning = tuple(
        Thread(
            f"spinning.{number}", "System", 900 + 4 * number, receives, state=RUNNING, reason=0, since_ticks=2_000,
            priority=12, kernel_ticks=2_100, next_processor=number, start="nt!ExpWorkerThread",
            registers=((WAITS_FOR_SPIN_LOCK[0], "rdi", LOCK), (WAITS_FOR_SPIN_LOCK[0], "rcx", LOCK)),
        )
        for number in (1, 2, 3)
    )  # fmt: skip
    crashed = Thread(
        "crashed", "System", 896, (*CLOCK_WATCHDOG, *DPC_OF_NIC, *WORKER), state=RUNNING, reason=0,
        since_ticks=7_700, kernel_ticks=12, start="nt!ExpWorkerThread",
    )  # fmt: skip
    processors = (
        Processor(
            "crashed", active_dpc="labnic!LabNicMiniportInterruptDpc", dpc_time_count=1_150, nesting=2,
            dpc_ticks=400_000, idle_ticks=5_700_000,
        ),
        *(Processor(thread.key, idle_ticks=5_800_000) for thread in spinning),
    )  # fmt: skip
    expected = (
        Expected("spin-lock", tuple(thread.key for thread in spinning), (LOCK,), ("labnic",), count=3),
        Expected("dpc-time", modules=("labnic",), processor=0),
    )
    threads = tuple(thread for thread in system.threads if thread.key != "requester")
    return replace(
        system,
        processors=processors,
        threads=(*threads, crashed, *spinning),
        requester="crashed",
        patches=(Patch(LOCK, "0", 1),),
        dump=Dump(0x133, (1, 0x1E00, 0, 0), attributes=0),
        expected=expected,
    )


def kernel_stacks(build: str) -> System:
    """Task Manager's small choice: stacks and images are there, pool is not."""
    return replace(starvation(build), dump=Dump(attributes=LIVE | SELECTIVE, omit=("arena:pool", "arena:paged")))
