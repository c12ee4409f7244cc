"""Requests that drivers have not completed, and the work queues of the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.listing import Listing
from livedump.model.symptoms import AnalysisState
from livedump.model.text_kinds import FilePath, ImagePath, ModuleName, ProcessName

MAJOR_FUNCTIONS = (
    "CREATE", "CREATE_NAMED_PIPE", "CLOSE", "READ", "WRITE", "QUERY_INFORMATION", "SET_INFORMATION", "QUERY_EA",
    "SET_EA", "FLUSH_BUFFERS", "QUERY_VOLUME_INFORMATION", "SET_VOLUME_INFORMATION", "DIRECTORY_CONTROL",
    "FILE_SYSTEM_CONTROL", "DEVICE_CONTROL", "INTERNAL_DEVICE_CONTROL", "SHUTDOWN", "LOCK_CONTROL", "CLEANUP",
    "CREATE_MAILSLOT", "QUERY_SECURITY", "SET_SECURITY", "POWER", "SYSTEM_CONTROL", "DEVICE_CHANGE", "QUERY_QUOTA",
    "SET_QUOTA", "PNP",
)  # fmt: skip
"""IRP_MJ_* by number. Source: wdm.h of the Windows SDK."""


def major_name(number: int) -> str:
    """``IRP_MJ_WRITE`` for 4; a number without a name stays one."""
    return f"IRP_MJ_{MAJOR_FUNCTIONS[number]}" if 0 <= number < len(MAJOR_FUNCTIONS) else f"{number:#x}"


class Request(NamedTuple):
    """One IRP on a thread's list. It has no time stamp: that its thread waits is all that tells how old it is."""

    irp: Address
    thread: Address
    driver: ModuleName | None
    """Module of the driver that has it now: ``stornvme``."""
    driver_name: ImagePath | None
    """Of its driver object: ``\\Driver\\stornvme``; None where that is paged out."""
    device: Address | None
    file: FilePath | None
    """The file that it is about."""
    volume: Address | None
    """Device of the volume that the file is on: its VPB's real device."""
    major: int | None
    minor: int | None
    completed: bool
    """Whether it only waits for its thread to take notice."""
    cancelled: bool


@dataclass(frozen=True)
class QueueFacts:
    """One system work queue as the kernel keeps it."""

    address: Address
    node: int
    index: int
    workers: Listing[int]
    """ETHREADs."""
    items: Listing[int]
    """Addresses of routines that wait to be called."""
    thread_count: int | None
    max_threads: int | None
    processed: int | None
    processed_last_pass: int | None


class StackedDevice(NamedTuple):
    """One device of a stack."""

    device: Address
    driver: ModuleName | None
    driver_name: ImagePath | None


class DeviceStack(NamedTuple):
    """The devices above and below one that has requests."""

    device: Address
    requests: int
    """Not done with, on lists of threads."""
    devices: tuple[StackedDevice, ...]
    """The uppermost first; that device is one of them."""
    file_system: StackedDevice | None
    """That is mounted on one of them, by its VPB; None where none is, or that is not known."""
    problem: str | None
    """Why these may not be all."""


class RequestFacts(NamedTuple):
    """All requests on the lists of threads, and all work queues."""

    requests: Listing[Request]
    queues: Listing[QueueFacts]
    device_stacks: Listing[DeviceStack]


class PendingRequest(NamedTuple):
    """A request that a driver has not completed, or of which its thread took no notice yet."""

    irp: Address
    driver: ModuleName | None
    driver_name: ImagePath | None
    device: Address | None
    file: FilePath | None
    volume: Address | None
    """Device of the volume that the file is on."""
    major: str | None
    thread: Address
    process: ProcessName | None
    waits_seconds: float | None
    """How long its thread has waited: the request is at least as old, if the thread waits for it."""
    completed: bool
    cancelled: bool


@dataclass(frozen=True)
class DriverRequests:
    """What one driver owes."""

    driver: ModuleName | None
    count: int
    longest_wait_seconds: float | None
    devices: int


class Requests(NamedTuple):
    """Requests that are under way, by driver."""

    state: AnalysisState
    reason: str | None
    summary: str
    pending: tuple[PendingRequest, ...] = ()
    """The longest waited for first."""
    by_driver: tuple[DriverRequests, ...] = ()
    """The most first."""
    device_stacks: Listing[DeviceStack] = Listing(())
    """Of the devices that have requests."""
    more_pending: int = 0
    """Those that are not listed."""
