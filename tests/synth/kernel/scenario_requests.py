"""Systems whose trouble is what storage and drivers owe, and work that is not done."""

from __future__ import annotations

from dataclasses import replace

from tests.synth.kernel.scenario_parts import SYSTEM_CALL, WAIT_ONE, WORKER, quiet_system, reported
from tests.synth.kernel.scenario_waits import HELD_RESOURCES, IDLE_RESOURCES, SECOND, wants_resource
from tests.synth.kernel.spec import (
    EXECUTIVE,
    RUNNING,
    Device,
    DriverObject,
    Event,
    Expected,
    File,
    Irp,
    Location,
    Processor,
    Resource,
    System,
    Thread,
    Wait,
    WorkItem,
    WorkQueue,
)

READ, WRITE, DEVICE_CONTROL = 3, 4, 0xE
"""Major functions."""
CLUSTER_CODE = 0x1A3
DRIVER_OBJECTS = (
    DriverObject("stornvme", "stornvme", r"\Driver\stornvme"),
    DriverObject("disk", "disk", r"\Driver\disk"),
    DriverObject("partmgr", "partmgr", r"\Driver\partmgr"),
    DriverObject("volmgr", "volmgr", r"\Driver\volmgr"),
    DriverObject("ntfs", "Ntfs", r"\FileSystem\Ntfs"),
    DriverObject("afd", "afd", r"\Driver\AFD"),
)
DEVICES = (
    Device("unit", "stornvme", kind=7, instance=r"SCSI\Disk&Ven_NVMe&Prod_Lab\5&0"),
    Device("adapter", "stornvme", kind=4, instance=r"PCI\VEN_144D&DEV_A80A\4&0"),
    Device("disk", "disk", on="unit"),
    Device("partition", "partmgr", on="disk"),
    Device("volume", "volmgr", kind=7, references=3),
    Device("filesystem", "ntfs", kind=8, on="volume"),
    Device("afd", "afd", kind=17),
)
DISK_STACK = ("unit", "disk", "partition", "volume", "filesystem")
"""Devices that a request passes, the lowest first."""
FILES = (
    File("log", r"\ClusterStorage\quorum.log", "volume"),
    File("socket", r"\Endpoint", "afd"),
    File("data", r"\Users\lab\data.bin", "volume"),
)


def disk_request(key: str, thread: str, major: int, file: str = "data", **changes: object) -> Irp:
    """A request that has come down to the disk's miniport."""
    locations = tuple(Location(device, major, pending=index == 0, file=file) for index, device in enumerate(DISK_STACK))
    return replace(Irp(key, locations, 1, thread), **changes)  # type: ignore[arg-type]


ORDINARY = (
    Irp("poll.0", (Location("afd", DEVICE_CONTROL, pending=True, file="socket"),), 1, "svchost.3", cancellable=True),
    Irp("poll.1", (Location("afd", DEVICE_CONTROL, pending=True, file="socket"),), 1, "svchost.4", cancellable=True),
)
"""Requests that wait for the network, as they do on any machine."""


def with_storage(system: System) -> System:
    """The system with a disk, its drivers and files, and requests that any machine has."""
    return system.added(driver_objects=DRIVER_OBJECTS, devices=DEVICES, files=FILES, irps=ORDINARY)


WAITS_FOR_DISK = (*WAIT_ONE, "Ntfs!NtfsWaitSync", "Ntfs!NtfsNonCachedIo", "Ntfs!NtfsCommonWrite", "Ntfs!NtfsFsdWrite",
                  "FLTMGR!FltpDispatch", "nt!IofCallDriver", "nt!IopSynchronousServiceTail", "nt!NtWriteFile",
                  *SYSTEM_CALL)  # fmt: skip


def storage_stall(build: str) -> System:
    """A cluster's dump: the cluster service waits 93 seconds for a write, forty threads behind its lock."""
    writer = Thread(
        "writer", "clussvc", 2_300, WAITS_FOR_DISK, reason=EXECUTIVE, since_ticks=93 * SECOND,
        waits=(Wait("stack:Ntfs!NtfsWaitSync"),), switches=9_000, created_seconds=31,
    )  # fmt: skip
    behind = tuple(
        replace(wants_resource(f"behind.{index}", 7_200 + 4 * index, "Vcb", index, shared=index % 2 == 0),
                process="clussvc" if index % 3 else "svchost", created_seconds=32.0 + index)
        for index in range(40)
    )  # fmt: skip
    done = Irp("done", tuple(Location(device, READ, file="data") for device in DISK_STACK), 6, "explorer.0")
    system = with_storage(quiet_system(build)).added(
        threads=(writer, *behind),
        resources=(*IDLE_RESOURCES, Resource("Vcb", exclusive="writer", contention=40), *HELD_RESOURCES),
        irps=(disk_request("write", "writer", WRITE, "log"), done, disk_request("paging", "", READ)),
    )
    expected = (
        Expected("blocked", ("writer",), ("resource:Vcb",), ("stornvme",), ("clussvc",), count=40),
        Expected("pending-io", ("writer",), ("irp:write",), ("stornvme",), count=1),
        Expected("long-wait", ("writer",), modules=("Ntfs",), optional=True),
    )
    taken = reported(system, CLUSTER_CODE, "process:clussvc", "thread:writer", 93_000)
    return replace(taken, expected=expected)


def stuck_requests(build: str) -> System:
    """A driver keeps twelve requests for minutes, ignores that one is cancelled, and its name is paged out."""
    stack = (*WAIT_ONE, "nt!IopSynchronousServiceTail", "nt!NtReadFile", *SYSTEM_CALL)
    lab = DriverObject("lab", "lab", r"\Driver\lab", name_paged_out=True)
    device = Device("lab", "lab", kind=0x22, references=12)
    threads = tuple(
        Thread(
            f"reader.{index}", "svchost", 7_200 + 4 * index, stack, reason=EXECUTIVE,
            since_ticks=(240 - index) * SECOND, waits=(Wait("file:lab"),), user_mode=index % 2 == 0,
            created_seconds=100,
        )
        for index in range(12)
    )  # fmt: skip
    irps = tuple(
        Irp(
            f"read.{index}", (Location("lab", READ, pending=True, file="lab"),), 1, f"reader.{index}",
            cancelled=index == 5, cancellable=index == 5,
        )
        for index in range(12)
    )  # fmt: skip
    finished = Irp("finished", (Location("lab", READ, file="lab"),), 2, "explorer.1")
    system = with_storage(quiet_system(build)).added(
        threads=threads,
        driver_objects=(lab,),
        devices=(device,),
        files=(File("lab", r"\lab0", "lab"),),
        irps=(*irps, finished),
    )
    expected = (
        Expected("pending-io", tuple(thread.key for thread in threads), tuple(f"irp:{irp.key}" for irp in irps),
                 ("lab",), count=12),
        Expected("long-wait", tuple(thread.key for thread in threads), optional=True),
    )  # fmt: skip
    return replace(system, expected=expected)


def stuck_work_queue(build: str) -> System:
    """All eight workers of a queue wait in a driver and its items wait; another queue only looks like it."""
    blocked = (*WAIT_ONE, "lab!LabWaitForHardware", "lab!LabWorker", "nt!IopProcessWorkItem", *WORKER)
    system = with_storage(quiet_system(build))
    workers = tuple(
        Thread(
            f"worker.{index}", "System", 700 + 4 * index, blocked, reason=EXECUTIVE,
            since_ticks=(310 - index) * SECOND, waits=(Wait("event:hardware"),), priority=13, queue="ex",
            start="nt!ExpWorkerThread",
        )
        for index in range(8)
    )  # fmt: skip
    others = tuple(
        replace(
            thread, queue="io" if thread.queue == "ex" else thread.queue,
            waits=(Wait("queue:io"),) if thread.queue == "ex" else thread.waits,
        )
        for thread in system.threads
    )  # fmt: skip
    busy = Thread(
        "io busy", "System", 760, ("Ntfs!NtfsWriteLog", "Ntfs!NtfsWorker", *WORKER), state=RUNNING, reason=0,
        since_ticks=1, kernel_ticks=900, switches=80_000, queue="io", start="nt!ExpWorkerThread", next_processor=1,
    )  # fmt: skip
    lab = DriverObject("lab", "lab", r"\Driver\lab")
    queues = (
        WorkQueue(
            "ex", 0, 0, (WorkItem("lab!LabWorker", "lab"),) * 19 + (WorkItem("Ntfs!NtfsWorker"),) * 6,
            min_threads=2, max_threads=8, processed=812_345, processed_last_pass=812_345, try_failed=True,
        ),
        WorkQueue("io", 0, 1, (WorkItem("Ntfs!NtfsWorker"),) * 3, processed=70_500, processed_last_pass=70_000),
        WorkQueue("ex of node 1", 1, 0, processed=900, processed_last_pass=890),
    )  # fmt: skip
    processors = (system.processors[0], Processor("io busy"), *system.processors[2:])
    system = replace(system, threads=(*others, *workers, busy), work_queues=queues, processors=processors).added(
        driver_objects=(lab,),
        devices=(Device("lab", "lab", kind=0x22),),
        events=(Event("hardware", where="driver:lab!g_labEvent"),),
    )
    keys = tuple(thread.key for thread in workers)
    expected = (
        Expected("work-queue", keys, ("queue:ex",), ("lab",), count=25),
        Expected("long-wait", keys, ("event:hardware",), ("lab",), optional=True),
    )
    return replace(system, expected=expected)


def pool_deadlock(build: str) -> System:
    """The same stuck queue, and Windows itself noticed it."""
    return reported(stuck_work_queue(build), 0x1C5, 0, "queue:ex")
