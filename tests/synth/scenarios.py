"""The made-up dumps by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.synth import stacks, systems
from tests.synth.spec import KERNEL_TRIAGE, LIVE, SELECTIVE, TASK_MANAGER, UNSET, VSM, Blob, DumpSpec

USER_PAGES = ("user:*",)
DISPLAY = ("CLFS", "ndis", "nvlddmkm", "dxgkrnl", "dxgmms2", "watchdog")
VIDEO_BLOB = "270A33FD-3DA6-460D-BA89-3C1BAE21E39B"
FIRMWARE_BLOB = "BC5C008F-1E3A-44D7-988D-86F6884C6758"
ZERO_BLOB = "00000000-0000-0000-0000-000000000000"
RECOVERY_CONTEXT, DRIVER_ADDRESS = 0xFFFF840D43151010, 0xFFFFF8017A0A2110


@dataclass(frozen=True)
class Scenario:
    """One made-up dump."""

    name: str
    description: str
    spec: Callable[[], DumpSpec]


def _taskmgr() -> DumpSpec:
    return DumpSpec(systems.asked_by("Taskmgr"), parameters=(TASK_MANAGER, 0, 0, 0), omit=USER_PAGES)


def _taskmgr_stacks() -> DumpSpec:
    return replace(_taskmgr(), attributes=LIVE | VSM | SELECTIVE)


def _powershell() -> DumpSpec:
    return DumpSpec(systems.asked_by_powershell())


def _requested(stem: str, code: int, parameter: int = 0) -> DumpSpec:
    folder = r"C:\Tools" if stem != "Taskmgr" else r"C:\Windows\System32"
    return DumpSpec(systems.asked_by(stem, 7788, folder), code=code, parameters=(parameter, 0, 0, 0), omit=USER_PAGES)


def _report(
    code: int,
    parameters: tuple[int, int, int, int],
    sites: tuple[str, ...],
    drivers: tuple[str, ...] = (),
    process: tuple[int, str] | None = None,
) -> DumpSpec:
    system = systems.reported_by((*stacks.FULL_REPORT, *sites), drivers or systems.MORE_DRIVERS)
    if process is not None:
        owner = systems.program(*process, systems.FIRST_NTDLL)
        system = systems.reported_by((*stacks.FULL_REPORT, *sites), drivers or systems.MORE_DRIVERS, owner)
    return DumpSpec(system, attributes=LIVE | VSM, code=code, parameters=parameters, omit=USER_PAGES)


def _engine_timeout() -> DumpSpec:
    parameters = (RECOVERY_CONTEXT, DRIVER_ADDRESS, 0, 0xFFFF840D4A51C080)
    return _report(0x141, parameters, stacks.ENGINE_RESET, DISPLAY, (9404, "Darktide"))


def _crash() -> DumpSpec:
    system = systems.reported_by(stacks.PAGE_FAULT_CRASH, child_sp=0xFFFFB189F3CB6100)
    driver = next(module.base for module in system.modules if module.key == "livedrv")
    parameters = (0x28, 2, 0, driver + 0x181B)
    return DumpSpec(replace(system, unloaded=systems.UNLOADED), attributes=VSM, code=0xD1, parameters=parameters)


def _small_report() -> DumpSpec:
    system = systems.reported_by((*stacks.SMALL_REPORT, *stacks.ENGINE_RESET), DISPLAY, child_sp=0xFFFFCE0F8D4565F0)
    blobs = (
        Blob(VIDEO_BLOB, bytes(range(256)) * 4),
        Blob(ZERO_BLOB, b""),
        Blob(FIRMWARE_BLOB, b"Serial 0123456789\0" * 3),
    )
    return DumpSpec(
        replace(system, unloaded=systems.UNLOADED),
        4,
        LIVE | KERNEL_TRIAGE,
        0x141,
        (RECOVERY_CONTEXT, DRIVER_ADDRESS, 0, 0xFFFF840D4A51C080),
        blobs=blobs,
    )


def _small_report_before_attributes() -> DumpSpec:
    return replace(_small_report(), attributes=UNSET, blobs=(), live=True)


def _vbs() -> DumpSpec:
    system = replace(
        systems.asked_by("Taskmgr"), large_kernel_pages=True, memory_runs=((0x1, 0x9E), (0x400, 0x1000), (0x8000, 0x2D))
    )
    blobs = (
        Blob(VIDEO_BLOB, b"hypervisor pages would stand here", pre_pad=0x20),
        Blob(ZERO_BLOB, b"\x01\x02\x03", post_pad=5),
    )
    return DumpSpec(
        system, attributes=LIVE | VSM, parameters=(TASK_MANAGER, 0, 0, 0), omit=USER_PAGES, bitmap_copies=3, blobs=blobs
    )


def _partial() -> DumpSpec:
    spec = DumpSpec(systems.with_four_processors())
    return replace(spec, omit=(*USER_PAGES, "image:tcpip:*", "image:dxgkrnl:*", "prcb:1", "stack:348"))


def _truncated() -> DumpSpec:
    return replace(_taskmgr(), cut_to=0x21234)


def _of_type(dump_type: int, attributes: int = VSM) -> DumpSpec:
    crash = _crash()
    system = replace(crash.machine, memory_runs=((0x1, 0x30), (0x60, 0x50)))
    return replace(crash, machine=system, dump_type=dump_type, attributes=attributes)


def _ranges(dump_type: int) -> DumpSpec:
    return replace(_of_type(dump_type, UNSET), live=False)


def _with_pfn_database() -> DumpSpec:
    spec = _of_type(1)
    kernel = spec.machine.modules[0]
    modules = (replace(kernel, key="nt-pfn"), *spec.machine.modules[1:])
    return replace(spec, machine=replace(spec.machine, modules=modules, pfn_database=True))


def _bitmap_full() -> DumpSpec:
    return replace(_of_type(5), bitmap_signature=b"FDMP")


def _header_only(architecture: str, dump_type: int, attributes: int) -> DumpSpec:
    parameters = (TASK_MANAGER, 0, 0, 0) if dump_type == 6 else (0x100, 0, 0, 0)
    return DumpSpec(
        systems.reported_by(stacks.WORKER),
        dump_type,
        attributes,
        0x161 if dump_type == 6 else 0x193,
        parameters,
        architecture=architecture,
    )


def _without_unwind_data() -> DumpSpec:
    return replace(_powershell(), omit=("image:nt:.pdata", "user:image:*:.pdata"))


def _encoded() -> DumpSpec:
    spec = _taskmgr()
    return replace(spec, machine=replace(spec.machine, encoded_kdbg=True))


def _from_outside(written_by: str) -> DumpSpec:
    return DumpSpec(systems.guest_of_qemu(), 1, 0, live=True, written_by=written_by)


def _zoo() -> DumpSpec:
    system = systems.reported_by(stacks.ZOO, child_sp=0xFFFFB189F3CB6A10)
    return DumpSpec(replace(system, memory_runs=((0x1, 0x9E), (0x100, 0x200))))


_ALL = (
    Scenario("taskmgr-full", "Task Manager, full, no user pages: the source paper's first listing", _taskmgr),
    Scenario(
        "powershell-user", "Get-StorageDiagnosticInfo with user pages: the source paper's second listing", _powershell
    ),
    Scenario("taskmgr-stacks", "Task Manager, kernel stacks only, VBS on", _taskmgr_stacks),
    Scenario(
        "powershell-nouser", "the second listing without user pages", lambda: replace(_powershell(), omit=USER_PAGES)
    ),
    Scenario("tool-zero", "LiveKd: code and parameters zero", lambda: _requested("livekd64", 0)),
    Scenario(
        "tool-161-null",
        "an unknown program with the code of a live dump and no parameters",
        lambda: _requested("dumper", 0x161),
    ),
    Scenario(
        "taskmgr-forged",
        "an unknown program that signs as Task Manager",
        lambda: _requested("evil", 0x161, TASK_MANAGER),
    ),
    Scenario("wer-141-full", "display engine reset, full report on a game's thread", _engine_timeout),
    Scenario("crash-d1", "a crash, no live dump: a driver's bad pointer", _crash),
    Scenario("triage-live-141", "display engine reset, small report with blobs", _small_report),
    Scenario("triage-old-141", "the same from a build that writes no attributes", _small_report_before_attributes),
    Scenario(
        "several-processors",
        "four processors, processor 2 takes the dump",
        lambda: DumpSpec(systems.with_four_processors()),
    ),
    Scenario("vbs", "three bitmaps' room, an odd bit count, large pages, blobs behind the pages", _vbs),
    Scenario("partial", "required pages missing: two images, a PRCB, a stack", _partial),
    Scenario("truncated", "taskmgr-full cut off in the middle of a page", _truncated),
    Scenario("full-type1", "complete memory dump of a crash", lambda: _of_type(1)),
    Scenario("full-pfn", "the same with the PFN database, which tells what pages are in use", _with_pfn_database),
    Scenario("summary-type2", "kernel dump in the older bitmap form", lambda: _of_type(2)),
    Scenario("bitmap-full-type5", "complete memory dump with a bitmap, FDMP", _bitmap_full),
    Scenario("rdmp-8", "written by a debugger: kernel pages", lambda: _ranges(8)),
    Scenario("rdmp-9", "written by a debugger: kernel and user pages", lambda: _ranges(9)),
    Scenario("rdmp-a", "written by a debugger: everything", lambda: _ranges(0xA)),
    Scenario(
        "arm64-header",
        "a live dump of an ARM64 system; its memory holds nothing",
        lambda: _header_only("arm64", 6, LIVE),
    ),
    Scenario(
        "arm64-triage", "a small live report of an ARM64 system", lambda: _header_only("arm64", 4, LIVE | KERNEL_TRIAGE)
    ),
    Scenario("x86-header", "a 32-bit crash dump; its memory holds nothing", lambda: _header_only("x86", 2, UNSET)),
    Scenario(
        "no-kdbg-symbols", "the second listing without unwind data: a stack must be scanned", _without_unwind_data
    ),
    Scenario("encoded-kdbg", "taskmgr-full with the debugger data block as it stands in raw memory", _encoded),
    Scenario(
        "hotkey-21c8",
        "black screen hotkey",
        lambda: _report(
            0x21C8,
            (0, 0, 0, 0),
            ("win32kfull!xxxDisplayDiagBlackScreenDetected+0x5e", *stacks.WORKER),
            ("win32kfull", *DISPLAY),
        ),
    ),
    Scenario(
        "hotkey-1a8",
        "black screen report of the window manager",
        lambda: _report(
            0x1A8,
            (1, 0, 0, 0),
            (
                "watchdog!WdpDbgCaptureTriageDump+0xb5",
                "watchdog!WdDbgReportRecreate+0xaf",
                "watchdog!WdDbgReportCreate+0x3a",
                "dxgkrnl!DISPLAYSTATECHECKER::CreateBlackScreenLiveDump+0x1c4",
                "win32kfull!xxxDisplayDiagBlackScreenDetected+0x5e",
            ),
            ("win32kfull", *DISPLAY),
            (1372, "dwm"),
        ),
    ),
    Scenario(
        "power-button-11c8",
        "power button held",
        lambda: _report(0x11C8, (5000, 0xFFFF840D43151010, 0, 0), ("nt!PopPowerButtonWorker+0x8e", *stacks.WORKER)),
    ),
    Scenario(
        "cluster-1c9",
        "failover cluster: a process failed its health check",
        lambda: _report(
            0x1C9,
            (0xFFFF840D4A51C080, 1200, 5, 0),
            ("netft!NetftWatchdogLiveDump+0x14a", "netft!NetftProcessWatchdogEvent+0x84", *stacks.WORKER),
            process=(2860, "clussvc"),
        ),
    ),
    Scenario(
        "storport-1e1",
        "a disk panicked",
        lambda: _report(
            0x1E1,
            (1, 1, 0xE4D2A1, 0),
            (
                "storport!RaidpCaptureLiveDump+0x112",
                "storport!StorPortExtendedFunction+0x4d2",
                "stornvme!NVMeControllerReset+0x81",
                *stacks.WORKER,
            ),
        ),
    ),
    Scenario(
        "verifier-1c4",
        "Driver Verifier saw a rule broken",
        lambda: _report(
            0x1C4,
            (0x20005, 0xFFFFF8017A240000, 0, 0),
            (
                "VerifierExt!SLIC_abort+0x47",
                "VerifierExt!SLIC_IoCallDriver_entry+0xc7",
                "livedrv!LiveDrvWorker+0x9d",
                *stacks.WORKER,
            ),
            ("VerifierExt", "livedrv"),
        ),
    ),
    Scenario(
        "wer-193",
        "the graphics kernel found a deadlock",
        lambda: _report(0x193, (0x810, 0xFFFF840D43151010, 0, 0), stacks.DEADLOCK, DISPLAY),
    ),
    Scenario("qemu-guest", "a guest of QEMU, written from outside while it ran", lambda: _from_outside("qemu")),
    Scenario("elf2dmp", "the same, made by elf2dmp of a dump of the machine", lambda: _from_outside("elf2dmp")),
    Scenario("unwind-zoo", "a stack that passes through one of each kind of frame", _zoo),
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}

ARM64_TWINS = (
    "taskmgr-full",
    "taskmgr-stacks",
    "powershell-user",
    "powershell-nouser",
    "wer-141-full",
    "crash-d1",
    "triage-live-141",
    "several-processors",
    "no-kdbg-symbols",
)
"""Scenarios of x64 that exist once more, as ``arm64-NAME``."""


def on_arm64(spec: DumpSpec, signs: bool = False) -> DumpSpec:
    """The same system with ARM64 processors; ``signs`` with keys for pointer authentication."""
    lab = spec.machine.build_lab.replace("amd64", "arm64")
    machine = replace(spec.machine, processor="arm64", signs_addresses=signs, build_lab=lab)
    return replace(spec, machine=machine, architecture="arm64")


def _twin(name: str) -> Scenario:
    twin = SCENARIOS[name]
    return Scenario(f"arm64-{name}", f"{twin.description}; on ARM64", lambda: on_arm64(twin.spec()))


ARM64_SCENARIOS: Mapping[str, Scenario] = {
    **{twin.name: twin for twin in map(_twin, ARM64_TWINS)},
    "arm64-signed": Scenario(
        "arm64-signed",
        "powershell-user on ARM64, with saved return addresses that carry codes of authentication",
        lambda: on_arm64(_powershell(), signs=True),
    ),
}
"""Those of ARM64 systems."""
