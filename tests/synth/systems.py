"""The made-up systems of the scenarios."""

from __future__ import annotations

from collections.abc import Sequence

from tests.synth import stacks
from tests.synth.execution import Stack
from tests.synth.images import SOURCES
from tests.synth.spec import WAITING, MachineSpec, Module, Process, Thread, UnloadedDriver

FIRST_BASE = 0xFFFFF80177E00000
SECOND_BASE = 0xFFFFF802D5400000
"""Kernel base of the source paper's first and second listing."""
FIRST_SP, SECOND_SP = 0xFFFFFC05F6F5A310, 0xFFFFBD09A52CED50
FIRST_USER_SP, SECOND_USER_SP = 0x0000007BB6F7F838, 0x000000BBCE27D458
FIRST_NTDLL, SECOND_NTDLL = 0x00007FFCD24C0000, 0x00007FFCC6D20000
MISPACE = 0x00007FFC90770000
PROGRAM = 0x00007FF6A1B30000
SYSTEM = Process(4, "System")
COMPANY = (SYSTEM, Process(140, "Registry", 4), Process(536, "smss.exe", 4), Process(1184, "lsass.exe", 980))
"""Processes that any system has, without a user-mode half in the dump."""
DRIVERS = ("tcpip", "storport", "stornvme", "netft")
MORE_DRIVERS = (*DRIVERS, "CLFS", "dxgkrnl", "livedrv")
SYSTEM_ROOT = r"\SystemRoot\system32"
UNLOADED = (
    UnloadedDriver("dump_stornvme.sys", 0xFFFFF80181A00000, 0xFFFFF80181A24000),
    UnloadedDriver("hwpolicy.sys", 0xFFFFF80182010000, 0xFFFFF8018201C000),
)


def kernel_modules(kernel_base: int, drivers: Sequence[str] = DRIVERS, kernel: str = "nt") -> tuple[Module, ...]:
    """Kernel, HAL and drivers in load order."""
    first = (
        Module(kernel, kernel_base, rf"{SYSTEM_ROOT}\ntoskrnl.exe", "ntoskrnl.exe"),
        Module("hal", kernel_base - 0x140000, rf"{SYSTEM_ROOT}\hal.dll", "hal.dll"),
    )
    rest = (
        Module(
            key,
            kernel_base + 0x2200000 + 0x50000 * index,
            rf"{SYSTEM_ROOT}\drivers\{SOURCES[key].file_name}",
            SOURCES[key].file_name,
        )
        for index, key in enumerate(drivers)
    )
    return (*first, *rest)


def program(pid: int, stem: str, ntdll: int, mispace: bool = False, folder: str = r"C:\Windows\System32") -> Process:
    """A process with its user-mode images."""
    modules = [
        Module(stem, PROGRAM, rf"{folder}\{stem}.exe", f"{stem}.exe"),
        Module("ntdll", ntdll, r"C:\Windows\SYSTEM32\ntdll.dll", "ntdll.dll"),
    ]
    if mispace:
        modules.append(Module("mispace", MISPACE, r"C:\Windows\system32\mispace.dll", "mispace.dll"))
    return Process(pid, f"{stem}.exe", 812, tuple(modules))


def asked_by(
    stem: str, pid: int = 5932, folder: str = r"C:\Windows\System32", drivers: Sequence[str] = DRIVERS
) -> MachineSpec:
    """The system of the first listing; the program ``stem`` asked for the dump."""
    stack = Stack(FIRST_SP, (*stacks.SYSTEM_CALL, "ntdll!NtSystemDebugControl+0x14"), FIRST_USER_SP)
    return MachineSpec(
        FIRST_BASE,
        (Thread(6120, pid, stack),),
        kernel_modules(FIRST_BASE, drivers),
        (*COMPANY, program(pid, stem, FIRST_NTDLL, folder=folder)),
    )


def asked_by_powershell() -> MachineSpec:
    """The system of the second listing: the storage management provider asked for the dump."""
    sites = (
        *stacks.SYSTEM_CALL,
        "ntdll!NtSystemDebugControl+0x14",
        "mispace!CLogCollectionServer::CaptureLiveDump+0x1b3",
    )
    return MachineSpec(
        SECOND_BASE,
        (Thread(7204, 3276, Stack(SECOND_SP, sites, SECOND_USER_SP)),),
        kernel_modules(SECOND_BASE),
        (*COMPANY, program(3276, "WmiPrvSE", SECOND_NTDLL, mispace=True, folder=r"C:\Windows\System32\wbem")),
    )


def reported_by(
    sites: Sequence[str],
    drivers: Sequence[str] = MORE_DRIVERS,
    process: Process = SYSTEM,
    child_sp: int = 0xFFFFB189F3CB65E0,
) -> MachineSpec:
    """A client system on which kernel code reached ``sites`` on a thread of ``process``."""
    processes = COMPANY if process is SYSTEM else (*COMPANY, process)
    return MachineSpec(
        FIRST_BASE,
        (Thread(284, process.pid, Stack(child_sp, tuple(sites))),),
        kernel_modules(FIRST_BASE, drivers),
        processes,
        product_type=1,
    )


def guest_of_qemu() -> MachineSpec:
    """A guest that runs: processor 0 is idle, a driver's thread of System is on processor 1. Nobody in it asked."""
    return MachineSpec(
        FIRST_BASE,
        (
            Thread(0, 0, Stack(0xFFFFBD09A1006A50, stacks.IDLE)),
            Thread(332, 4, Stack(0xFFFFBD09A2116100, stacks.SPINNING)),
        ),
        kernel_modules(FIRST_BASE, ("viostor", "fwcfg", "livedrv")),
        COMPANY,
        current=1,
        memory_runs=((0x1, 0x30), (0x60, 0x50)),
    )


def with_four_processors() -> MachineSpec:
    """Processor 2 takes the dump; 0 is idle, 1 has a driver that spins, 3 resets a disk. Two threads wait."""
    base = SECOND_BASE
    requester = program(3276, "WmiPrvSE", SECOND_NTDLL, mispace=True, folder=r"C:\Windows\System32\wbem")
    running = (
        Thread(0, 0, Stack(0xFFFFBD09A1006A50, (*stacks.CORRAL, *stacks.IDLE))),
        Thread(
            332,
            4,
            Stack(0xFFFFBD09A2116100, (*stacks.CORRAL, *stacks.INTERRUPTED, *stacks.SPINNING)),
            kernel_time=420000,
        ),
        asked_by_powershell().processors[0],
        Thread(
            348,
            4,
            Stack(0xFFFFBD09A3226100, (*stacks.CORRAL, *stacks.INTERRUPTED, *stacks.CONTROLLER_RESET)),
            kernel_time=90,
        ),
    )
    waiting = (
        Thread(
            356,
            4,
            Stack(0xFFFFBD09A4336500, (*stacks.WAITING, "livedrv!LiveDrvWorker+0x9d", *stacks.WORKER)),
            WAITING,
            0,
        ),
        Thread(1220, 1184, Stack(0xFFFFBD09A5446500, (*stacks.WAITING, *stacks.SYSTEM_THREAD)), WAITING, 7),
    )
    return MachineSpec(
        base,
        running,
        kernel_modules(base, MORE_DRIVERS, "nt-22621"),
        (*COMPANY, requester),
        waiting,
        UNLOADED,
        current=2,
        build=22621,
        build_lab="22621.1.amd64fre.ni_release.220506-1250",
        memory_runs=((0x1, 0x9E), (0x100, 0x200)),
    )
