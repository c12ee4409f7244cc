"""The images of the made-up system: the kernel of the source paper's listings, drivers, and user-mode libraries.

An offset in a name's site is the return address that a listing shows: the listings of facts/seed-listings.md, a full
and a small live dump of a display driver's engine reset, and plausible ones for the rest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.synth import toolchain
from tests.synth.arm64 import functions as arm64_functions
from tests.synth.arm64 import structures as arm64_structures
from tests.synth.functions import Alloc, Function, MachineFrame, Push, Save, SaveXmm, SetFrame, assembler_text
from tests.synth.small_layouts import PFN_TYPES, layouts

FIRST_TIMESTAMP = 0x67000000
"""Time stamps of the images count up from here: 2024-10-04."""

SYSTEM_CALL = (MachineFrame(), Alloc(8), Push("rbp"), Alloc(0x158), SetFrame("rbp", 0x80))
TRAP = (MachineFrame(error_code=True), Push("rbp"), Alloc(0x158), SetFrame("rbp", 0x80))
INTERRUPT = SYSTEM_CALL

KERNEL_FUNCTIONS = (
    Function("EntryPoint", 0x1000, (0x20,), (Alloc(0x28),)),
    Function("KiIdleLoop", 0x200100, (0x54, 0x9E), (Push("rbx"), Alloc(0x20))),
    Function(
        "KiRetireDpcList",
        0x200280,
        (0x1B0,),
        (Push("rbp"), Push("rbx"), Push("rsi"), Push("rdi"), Alloc(0xC8), SetFrame("rbp", 0x40)),
    ),
    Function("KiExecuteAllDpcs", 0x200480, (0x335,), (Push("rbx"), Push("r12"), Push("r13"), Alloc(0x120))),
    Function("KiDpcInterrupt", 0x200900, (0x32F,), INTERRUPT),
    Function("SwapContext", 0x200D00, (0x1B4,), (Push("rbp"), Alloc(0x30))),
    Function("KiSwapContext", 0x200F00, (0x76,), (Alloc(0x138), SaveXmm("xmm6", 0x20))),
    Function("KiSwapThread", 0x201080, (0x500,), (Push("rbp"), Push("rbx"), Alloc(0xA8))),
    Function("KiCommitThreadWait", 0x201600, (0x14F,), (Push("rbx"), Push("rsi"), Alloc(0xA8))),
    Function("KeWaitForSingleObject", 0x201800, (0x233,), (Push("rbx"), Push("rdi"), Alloc(0x98))),
    Function(
        "IoCaptureLiveDump",
        0x2A9B98,
        (0x428, 0x432),
        (Push("rbp"), Push("rbx"), Push("rsi"), Push("rdi"), Alloc(0x208)),
    ),
    Function("DbgkCaptureLiveKernelDump", 0x33A718, (0x336,), (Push("rbx"), Push("rsi"), Alloc(0x88))),
    Function("DbgkpWerCaptureLiveTriageDump", 0x33AC00, (0x8E,), (Push("rbx"), Alloc(0x520))),
    Function("DbgkpWerCaptureLiveFullDump", 0x33AD00, (0x181,), (Push("rbx"), Alloc(0x50))),
    Function("DbgkpWerProcessPolicyResult", 0x33AF00, (0x21, 0x30), (Alloc(0x28),)),
    Function("DbgkWerCaptureLiveKernelDump2", 0x33B000, (0x1EA,), (Push("rbx"), Push("r14"), Alloc(0x48))),
    Function("DbgkWerCaptureLiveKernelDump", 0x33B300, (0x69,), (Alloc(0x78),)),
    Function("IopLiveDumpCollectPages", 0x355A00, (0xD9,), (Push("rbx"), Push("rsi"), Alloc(0x38))),
    Function("IopLiveDumpCorralDpc", 0x355AE8, (0x5C,), (Alloc(0x28),)),
    Function("IopLiveDumpCapture", 0x355B74, (0x86,), (Push("rbx"), Alloc(0x50))),
    Function("IopLiveDumpCaptureMemoryPages", 0x355C8C, (0x50,), (Push("rbp"), Push("r15"), Alloc(0x128))),
    Function("IopLiveDumpEndMirroringCallback", 0x356580, (0x55,), (Alloc(0x28),)),
    Function("ZooTop", 0x357000, (0x40, 0x45), (Push("rbx"), Push("rsi"), Alloc(0x40)), partial={0x45: 2}),
    Function(
        "ZooPushes",
        0x357100,
        (0x44,),
        (Push("rbx"), Push("rsi"), Push("rdi"), Push("r12"), Push("r13"), Push("r14"), Push("r15"), Alloc(0x30)),
    ),
    Function(
        "ZooSaves",
        0x357180,
        (0x60,),
        (
            Alloc(0xB8),
            Save("rbx", 0xD0),
            Save("rbp", 0x70),
            Save("rsi", 0x90),
            SaveXmm("xmm6", 0x40),
            SaveXmm("xmm15", 0x50),
        ),
    ),
    Function(
        "ZooFramePointer",
        0x357240,
        (0x55,),
        (Push("rbp"), Push("rdi"), Alloc(0x48), SetFrame("rbp", 0x20)),
        dynamic=0x130,
    ),
    Function(
        "ZooFrameR13", 0x357300, (0x66,), (Push("r13"), Push("rbx"), Alloc(0x88), SetFrame("r13", 0x80)), dynamic=0x40
    ),
    Function("ZooLarge", 0x357400, (0x30,), (Push("rbx"), Alloc(0x1230))),
    Function("ZooChained", 0x357480, (0x30, 0x200), (Alloc(0x98),), fragment=0x1E0),
    Function("ZooLeaf", 0x357780, (0x20,), (), described=False),
    Function("ZooPrologue", 0x357800, (0x2, 0x40), (Push("rbx"), Push("rsi"), Alloc(0x40)), partial={0x2: 2}),
    Function("ZooHuge", 0x357900, (0x41,), (Push("rdi"), Alloc(0x80010))),
    Function("KeBugCheckEx", 0x489000, (0x100,), (Alloc(0x28),)),
    Function("KiBugCheckDispatch", 0x489400, (0x69,), (Alloc(0x138), Save("rbx", 0x100), Save("rdi", 0x108))),
    Function("KiPageFault", 0x489700, (0x463,), TRAP),
    Function("KiInterruptDispatch", 0x489D00, (0xB1,), INTERRUPT),
    Function("KiSystemServiceCopyEnd", 0x48A230, (0x25,), SYSTEM_CALL),
    Function("PspSystemThreadStartup", 0x48A800, (0x57,), (Push("rbx"), Alloc(0x30))),
    Function("KiStartSystemThread", 0x48A900, (0x34,), (Alloc(0x28),)),
    Function("ExpWorkerThread", 0x48AA00, (0x155,), (Push("rbx"), Push("rsi"), Alloc(0x88))),
    Function("PopPowerButtonWorker", 0x48AD00, (0x8E,), (Push("rbx"), Alloc(0x60))),
    Function("NtSystemDebugControl", 0x82DAF0, (0x80, 0xC41BF), (Alloc(0x118),), fragment=0xC4180),
    Function("MmDuplicateMemory", 0x925020, (0x2E7,), (Push("rbp"), Push("rbx"), Push("rdi"), Alloc(0x70))),
)
KERNEL_DATA = {
    "KdDebuggerDataBlock": 0x40,
    "PsLoadedModuleList": 0x400,
    "PsActiveProcessHead": 0x410,
    "KiBugCheckData": 0x420,
    "MmUnloadedDrivers": 0x450,
    "MmLastUnloadedDriver": 0x458,
    "MmHighestUserAddress": 0x460,
    "MmSystemRangeStart": 0x468,
    "MmUserProbeAddress": 0x470,
    "KiWaitAlways": 0x480,
    "KiWaitNever": 0x488,
    "KdpDataBlockEncoded": 0x490,
    "PsInitialSystemProcess": 0x498,
    "PsIdleProcess": 0x4A0,
    "NtBuildNumber": 0x4A8,
    "KeNumberProcessors": 0x4B0,
    "KeTimeIncrement": 0x4B4,
    "MmPfnDatabase": 0x4B8,
    "NtBuildLab": 0x4C0,
    "MmPhysicalMemoryBlock": 0x600,
    "KiProcessorBlock": 0x800,
}


@dataclass(frozen=True)
class ImageSource:
    """An image before it is linked."""

    file_name: str
    module: str
    """Name before the exclamation mark."""
    functions: tuple[Function, ...] = ()
    data: Mapping[str, int] = field(default_factory=dict)
    types_of_build: int | None = None
    more_types: str = ""
    """C text of types that only some images' symbols have."""


def _driver(stem: str, *functions: Function) -> ImageSource:
    return ImageSource(f"{stem}.sys", stem, (Function("EntryPoint", 0x1000, (0x20,), (Alloc(0x28),)), *functions))


def _program(stem: str) -> ImageSource:
    return ImageSource(f"{stem}.exe", stem, (Function("EntryPoint", 0x1000, (0x20,), (Alloc(0x28),)),))


def _kernel(build: int, more_types: str = "") -> ImageSource:
    return ImageSource("ntkrnlmp.exe", "nt", KERNEL_FUNCTIONS, KERNEL_DATA, build, more_types)


CAPTURE_CLASS = "?CaptureLiveDump@CLogCollectionServer@@QEAAJXZ"
SOURCES: Mapping[str, ImageSource] = {
    "nt": _kernel(26100),
    "nt-22621": _kernel(22621),
    "hal": ImageSource("hal.dll", "hal", (Function("EntryPoint", 0x1000, (0x20,), (Alloc(0x28),)),)),
    "CLFS": _driver("CLFS"),
    "ndis": _driver("ndis"),
    "tcpip": _driver("tcpip"),
    "nvlddmkm": _driver("nvlddmkm"),
    "dxgkrnl": _driver(
        "dxgkrnl",
        Function(
            "TdrCollectDbgInfoStage1",
            0x1800,
            (0xD69,),
            (Push("rbp"), Push("rbx"), Push("rsi"), Push("rdi"), Alloc(0x198)),
        ),
        Function("DxgCreateLiveDumpWithWdLogs", 0x3000, (0x70,), (Push("rbx"), Alloc(0x50))),
        Function(
            "DISPLAYSTATECHECKER::CreateBlackScreenLiveDump",
            0x3100,
            (0x1C4,),
            (Push("rbx"), Alloc(0x70)),
            decorated="?CreateBlackScreenLiveDump@DISPLAYSTATECHECKER@@QEAAXXZ",
        ),
    ),
    "dxgmms2": _driver(
        "dxgmms2",
        Function("VidSchiResetEngine", 0x1800, (0x36E,), (Push("rbp"), Push("rbx"), Push("rsi"), Alloc(0x1D0))),
        Function("VidSchiResetEngines", 0x1D00, (0xEA,), (Push("rbx"), Alloc(0x40))),
        Function(
            "VidSchWaitForCompletionEvent", 0x1F00, (0x37B,), (Push("rbx"), Push("rsi"), Push("rdi"), Alloc(0x60))
        ),
        Function("VidSchiWaitForCompletePreemption", 0x2400, (0x7E,), (Push("rbx"), Alloc(0xE0))),
        Function("VidSchiCompletePreemption", 0x2500, (0x13,), (Alloc(0x28),)),
        Function("VidSchiRun_PriorityTable", 0x2600, (0x25E,), (Push("rbx"), Push("rsi"), Alloc(0x58))),
        Function("VidSchiWorkerThread", 0x2A00, (0xCA,), (Push("rbx"), Alloc(0x40))),
    ),
    "watchdog": _driver(
        "watchdog",
        Function("WdDbgReportRecreate", 0x1800, (0xAF,), (Push("rbx"), Alloc(0x60))),
        Function("WdDbgReportCreate", 0x1900, (0x3A,), (Alloc(0x48),)),
        Function("WdpDbgCaptureTriageDump", 0x1A00, (0xB5,), (Push("rdi"), Alloc(0x80))),
    ),
    "storport": _driver(
        "storport",
        Function("RaidpCaptureLiveDump", 0x1800, (0x112,), (Push("rbx"), Push("rdi"), Alloc(0x98))),
        Function("StorPortExtendedFunction", 0x1A00, (0x4D2,), (Alloc(0x68),)),
    ),
    "stornvme": _driver(
        "stornvme",
        Function("NVMeWaitForReady", 0x1800, (0x5C,), (Push("rbx"), Push("rbp"), Alloc(0x28))),
        Function("NVMeControllerReset", 0x1900, (0x81,), (Push("rbx"), Alloc(0x30))),
    ),
    "netft": _driver(
        "netft",
        Function("NetftWatchdogLiveDump", 0x1800, (0x14A,), (Push("rbx"), Alloc(0x70))),
        Function("NetftProcessWatchdogEvent", 0x1A00, (0x84,), (Alloc(0x48),)),
    ),
    "VerifierExt": _driver(
        "VerifierExt",
        Function("SLIC_abort", 0x1800, (0x47,), (Alloc(0x58),)),
        Function("SLIC_IoCallDriver_entry", 0x1900, (0xC7,), (Push("rbx"), Alloc(0x40))),
    ),
    "win32kfull": _driver(
        "win32kfull", Function("xxxDisplayDiagBlackScreenDetected", 0x1800, (0x5E,), (Push("rbx"), Alloc(0x40)))
    ),
    "livedrv": _driver(
        "livedrv",
        Function("LiveDrvReadRegister", 0x1800, (0x1B,), (Push("rbx"), Alloc(0x20))),
        Function("LiveDrvSpin", 0x1900, (0x2C,), (Push("rbx"), Alloc(0x20))),
        Function("LiveDrvWorker", 0x1980, (0x9D,), (Push("rbx"), Alloc(0x50))),
    ),
    "ntdll": ImageSource(
        "ntdll.dll",
        "ntdll",
        (
            Function("NtSystemDebugControl", 0xA3040, (0x14,), (), described=False),
            Function("RtlUserThreadStart", 0x1B20, (0x28,), (Alloc(0x28),)),
        ),
    ),
    "mispace": ImageSource(
        "mispace.dll",
        "mispace",
        (
            Function(
                "CLogCollectionServer::CaptureLiveDump",
                0xEC2C,
                (0x1B3,),
                (Push("rbx"), Push("rsi"), Push("rdi"), Alloc(0xF0)),
                decorated=CAPTURE_CLASS,
            ),
        ),
    ),
    **{
        stem: _program(stem)
        for stem in ("Taskmgr", "WmiPrvSE", "evil", "dumper", "livekd64", "Darktide", "dwm", "clussvc")
    },
    "fwcfg": _driver("fwcfg"),
    "viostor": _driver("viostor"),
    "nt-pfn": _kernel(26100, PFN_TYPES),  # last, for a place in this list is a time stamp
}


@dataclass(frozen=True)
class Image:
    """A linked image with its functions and its symbol file."""

    key: str
    source: ImageSource
    linked: toolchain.LinkedImage
    symbol_file: Path
    file: Path

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Functions by the name that a debugger prints."""
        return {function.symbol: function for function in self.source.functions}

    def data_rva(self, name: str) -> int:
        """Where the data called ``name`` lies."""
        return self.linked.section(".data").rva + self.source.data[name]


def linked_image(key: str, folder: Path, processor: str = "x64") -> Image:
    """The image called ``key`` of SOURCES, linked into ``folder`` unless it is there already."""
    source, place = SOURCES[key], folder / (key if processor == "x64" else f"{processor}-{key}")
    if not place.exists():
        _link_into(source, place, processor, FIRST_TIMESTAMP + 0x1000 * list(SOURCES).index(key))
    stem = source.file_name.rpartition(".")[0]
    return Image(
        key, source, toolchain.read_image(place / source.file_name), place / f"{stem}.pdb", place / source.file_name
    )


def _link_into(source: ImageSource, place: Path, processor: str, timestamp: int) -> None:
    text = assembler_text if processor == "x64" else arm64_functions.assembler_text
    layouts_of = layouts if processor == "x64" else arm64_structures.layouts
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(place.parent)) as temporary:
        work = Path(temporary) / "image"
        work.mkdir()
        objects = [toolchain.assemble(work, text(source.functions, source.data), processor)]
        if source.types_of_build is not None:
            types = layouts_of(source.types_of_build).c_source() + source.more_types
            objects.append(toolchain.compile_types(work, types, processor))
        toolchain.link(work, source.file_name, objects, timestamp, processor)
        try:
            work.rename(place)
        except OSError:
            if not place.exists():
                raise
