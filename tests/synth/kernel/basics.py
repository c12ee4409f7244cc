"""What any dump needs: images, module lists, the debugger data block, shared data and the kernel's own variables."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Callable

from tests.synth import small_layouts as small
from tests.synth import structures
from tests.synth.execution import LoadedImage
from tests.synth.images import Image
from tests.synth.kernel.images import kernel_data
from tests.synth.kernel.layout import Layout
from tests.synth.kernel.spec import Driver, System
from tests.synth.kernel.world import World
from tests.synth.machine import filetime
from tests.synth.memory import PAGE

SHARED_USER_DATA = 0xFFFF_F780_0000_0000
TICK_MULTIPLIER = 0x0FA0_0000
REQUIRED_DRIVERS = ("hal", "intelppm")
VERSIONS = {"7601": (6, 1), "9600": (6, 3)}
LABS = {
    "7601": "7601.24540.amd64fre.win7sp1_ldr_escrow.191218-1736",
    "9600": "9600.21620.amd64fre.winblue_ltsb_escrow.231011-1713",
    "14393": "14393.6343.amd64fre.rs1_release.230913-1727",
    "17763": "17763.1.amd64fre.rs5_release.180914-1434",
    "18362": "18362.1.amd64fre.19h1_release.190318-1202",
    "19041": "19041.1.amd64fre.vb_release.191206-1406",
    "20348": "20348.1.amd64fre.fe_release.210507-1500",
    "22000": "22000.1.amd64fre.co_release.210604-1628",
    "26100": "26100.1.amd64fre.ge_release.240331-1435",
}
MAPPED_BY_NEED = ("ExPoolState",)
"""Variables of which only what is written is mapped: half a megabyte of nothing is in no test's interest."""


def kernel_base(system: System) -> int:
    """Where the kernel is loaded: another place in each build, on each machine and at each boot."""
    slot = int(system.build) * 37 + system.machine * 1009 + system.clock.boot_id * 211
    return 0xFFFF_F800_0000_0000 + (slot % 0x7000 + 0x10) * 0x200000


def loaded_images(system: System, kernel: Image, driver_of: Callable[[Driver], Image]) -> dict[str, LoadedImage]:
    """Kernel and drivers at their addresses, in load order."""
    base = kernel_base(system)
    images = {"nt": LoadedImage(kernel, base)}
    for index, driver in enumerate(all_drivers(system)):
        place = base - 0x140000 if driver.module == "hal" else base + 0x2200000 + 0x50000 * index
        if not driver.gone:
            images[driver.module] = LoadedImage(driver_of(driver), place)
    return images


def all_drivers(system: System) -> tuple[Driver, ...]:
    """Drivers that are loaded, with those that every system has."""
    named = {driver.module for driver in system.drivers}
    return (*(Driver(module) for module in REQUIRED_DRIVERS if module not in named), *system.drivers)


def write_images(world: World) -> None:
    """Map all of every image; of the kernel's largest variables only what is written later."""
    left_out = _unmapped(world)
    for module, loaded in world.images.items():
        header = bytearray(loaded.image.linked.header)
        optional = struct.unpack_from("<I", header, 0x3C)[0] + 24
        struct.pack_into("<Q", header, optional + 24, loaded.base)
        world.put(loaded.base, bytes(header))
        world.mark(f"image:{module}:header", loaded.base, len(header))
        for section in loaded.image.linked.sections:
            for offset in range(0, len(section.data), PAGE):
                if loaded.base + section.rva + offset not in left_out:
                    world.put(loaded.base + section.rva + offset, section.data[offset : offset + PAGE])
            world.mark(f"image:{module}:{section.name}", loaded.base + section.rva, len(section.data))


def _unmapped(world: World) -> set[int]:
    pages: set[int] = set()
    offsets, end = kernel_data(world.layout)
    for name in MAPPED_BY_NEED:
        if name in offsets:
            start = world.global_address(name)
            stop = start + end - offsets[name]
            pages |= set(range(start + PAGE & -PAGE, stop & -PAGE, PAGE))
    return pages


def write_module_list(world: World) -> None:
    """PsLoadedModuleList."""
    ring = [world.global_address("PsLoadedModuleList")]
    paths = {driver.module: driver.path for driver in world.system.drivers}
    for module, loaded in world.images.items():
        ring.append(_write_module(world, module, loaded, paths.get(module, "")))
    world.ring(ring)


def _write_module(world: World, module: str, loaded: LoadedImage, path: str) -> int:
    linked = loaded.image.linked
    name = "ntoskrnl.exe" if module == "nt" else loaded.image.source.file_name
    folder = r"\SystemRoot\system32" + ("" if module in ("nt", "hal") else r"\drivers")
    first = world.reserve("kept", 0)
    _, full = world.write_text(path or rf"{folder}\{name}", "kept")
    _, base = world.write_text(name, "kept")
    exceptions, size = linked.exception_directory
    record = small.KLDR_DATA_TABLE_ENTRY.pack(
        ExceptionTable=loaded.base + exceptions,
        ExceptionTableSize=size,
        DllBase=loaded.base,
        EntryPoint=loaded.base + linked.entry_point,
        SizeOfImage=linked.size_of_image,
        FullDllName=full,
        BaseDllName=base,
        Flags=0x09104000,
        LoadCount=1,
        CheckSum=linked.checksum,
        SizeOfImageNotRounded=linked.size_of_image,
        # The debugger takes the time stamp from here, public symbols have it at the end: both say the same.
        CoverageSection=linked.timestamp,
        TimeDateStamp=linked.timestamp,
    )
    address = world.reserve("kept", len(record))
    world.put(address, record)
    world.mark("modules", first, address + len(record) - first)
    world.names[f"module:{module}"] = address
    return address


def write_unloaded(world: World) -> None:
    """The array of unloaded drivers, with room for fifty."""
    drivers = world.system.unloaded
    table = b"".join(
        small.UNLOADED_DRIVER.pack(
            Name=world.write_text(driver.name, "kept")[1],
            StartAddress=driver.start,
            EndAddress=driver.end,
            CurrentTime=now(world) - 600_000_000 * (index + 1),
        )
        for index, driver in enumerate(drivers)
    )
    address = world.reserve("kept", 50 * small.UNLOADED_DRIVER.size)
    world.put(address, table.ljust(50 * small.UNLOADED_DRIVER.size, b"\0"))
    world.set_global("MmUnloadedDrivers", address if drivers else 0)
    world.set_global("MmLastUnloadedDriver", struct.pack("<I", len(drivers)))


def now(world: World) -> int:
    """SystemTime at the instant of the dump."""
    clock = world.system.clock
    moment = clock.booted + timedelta(seconds=clock.uptime_seconds + clock.set_by_seconds)
    return filetime(moment)


def write_variables(world: World) -> None:
    """Clock, build, processors and address ranges."""
    system, clock = world.system, world.system.clock
    word: Callable[[int], bytes] = struct.Struct("<I").pack
    booted = filetime(clock.booted)
    values: dict[str, int | bytes] = {
        "MmHighestUserAddress": structures.HIGHEST_USER_ADDRESS,
        "MmSystemRangeStart": structures.SYSTEM_RANGE_START,
        "MmUserProbeAddress": structures.USER_PROBE_ADDRESS,
        "MmPfnDatabase": structures.PFN_DATABASE,
        "NtBuildNumber": word(0xF0000000 | int(system.build)),
        "NtBuildLab": lab(system).encode() + b"\0",
        "NtBuildLabEx": lab(system).encode() + b"\0",
        "KeNumberProcessors": word(len(system.processors)),
        "KeMaximumProcessors": word(64),
        "KeMaximumIncrement": word(clock.increment),
        "KeTimeIncrement": word(clock.increment),
        "KeMinimumIncrement": word(5000),
        "KeBootTime": booted + clock.set_by_seconds * 10_000_000,
        "KeBootTimeBias": clock.set_by_seconds * 10_000_000,
        "ExpBootEnvironmentInformation": uuid.UUID(clock.boot_guid).bytes_le + bytes(16),
        "ExpTimeout": -40_000_000,
        "PsNtosImageBase": world.images["nt"].base,
        "KiProcessorIndexToNumberMappingTable": b"".join(
            struct.pack("<HBB", 0, number, 0) for number in range(len(system.processors))
        ),
    }
    for name, value in values.items():
        world.set_global(name, value)
    for head in ("KeBugCheckCallbackListHead", "IopErrorLogListHead", "AlpcpPortList", "PspJobList"):
        if world.has_global(head):
            world.ring([world.global_address(head)])


def lab(system: System) -> str:
    """NtBuildLab."""
    return LABS[system.build].replace("amd64", "amd64" if system.processor == "x64" else system.processor)


def write_shared_data(world: World) -> None:
    """KUSER_SHARED_DATA."""
    system, clock = world.system, world.system.clock
    record = world.record("_KUSER_SHARED_DATA", PAGE)
    major, minor = VERSIONS.get(system.build, (10, 0))
    record.put(
        TickCountMultiplier=TICK_MULTIPLIER * clock.increment // 156_250,
        InterruptTime=_system_time(clock.ticks * clock.increment),
        SystemTime=_system_time(now(world)),
        TickCountQuad=clock.ticks,
        NtProductType=3,
        ProductTypeIsValid=1,
        NtMajorVersion=major,
        NtMinorVersion=minor,
        NtSystemRoot="C:\\Windows".encode("utf-16-le"),
        SuiteMask=0x110,
        ActiveProcessorCount=len(system.processors),
        NumberOfPhysicalPages=min(system.memory.physical, 0xFFFF_FFFF),
    )
    record.put_known(BootId=clock.boot_id, NtBuildNumber=int(system.build), QpcFrequency=10_000_000)
    struct.pack_into("<I", record.data, 0x328, clock.ticks >> 32)
    world.put(SHARED_USER_DATA, bytes(record))
    world.mark("shared user data", SHARED_USER_DATA, PAGE)


def _system_time(value: int) -> bytes:
    return struct.pack("<III", value & 0xFFFF_FFFF, value >> 32, value >> 32)


POINTERS: Mapping[int, str] = {
    0x48: "PsLoadedModuleList",
    0x50: "PsActiveProcessHead",
    0x58: "PspCidTable",
    0x60: "ExpSystemResourcesList",
    0x78: "KeTimeIncrement",
    0x80: "KeBugCheckCallbackListHead",
    0x88: "KiBugCheckData",
    0x90: "IopErrorLogListHead",
    0x98: "ObpRootDirectoryObject",
    0xA0: "ObpTypeObjectType",
    0xC0: "MmPfnDatabase",
    0x1C8: "MmHighestUserAddress",
    0x1D0: "MmSystemRangeStart",
    0x1D8: "MmUserProbeAddress",
    0x208: "NtBuildLab",
    0x218: "KiProcessorBlock",
    0x220: "MmUnloadedDrivers",
    0x228: "MmLastUnloadedDriver",
}
OFFSETS: Mapping[int, str] = {
    0x29A: "_KTHREAD.Teb",
    0x29C: "_KTHREAD.KernelStack",
    0x29E: "_KTHREAD.InitialStack",
    0x2A0: "_KTHREAD.ApcState.Process",
    0x2A2: "_KTHREAD.State",
    0x2A8: "_EPROCESS",
    0x2AA: "_EPROCESS.Peb",
    0x2AC: "_EPROCESS.InheritedFromUniqueProcessId",
    0x2AE: "_KPROCESS.DirectoryTableBase",
    0x2B0: "_KPRCB",
    0x2B2: "_KPRCB.DpcRoutineActive",
    0x2B4: "_KPRCB.CurrentThread",
    0x2B6: "_KPRCB.MHz",
    0x2BC: "_KPRCB.ProcessorState.ContextFrame",
    0x2BE: "_KPRCB.Number",
    0x2C0: "_ETHREAD",
    0x2E0: "_KPCR",
    0x2E2: "_KPCR.Self",
    0x2E4: "_KPCR.CurrentPrcb",
    0x2E6: "_KPCR.Prcb",
    0x2F2: "_KPRCB.ProcessorState.SpecialRegisters",
    0x338: "_KPRCB.Context",
    0x350: "_KPRCB.IdleThread",
}
"""Fields of KDDEBUGGER_DATA64: addresses of variables; offsets of fields and sizes of types."""


def write_debugger_data(world: World) -> None:
    """KDDEBUGGER_DATA64, in clear."""
    own = world.global_address("KdDebuggerDataBlock")
    block = bytearray(structures.KDBG_SIZE)
    struct.pack_into("<QQ4sIQ", block, 0, own, own, b"KDBG", len(block), world.images["nt"].base)
    for offset, name in POINTERS.items():
        if world.has_global(name):
            struct.pack_into("<Q", block, offset, world.global_address(name))
    struct.pack_into("<Q", block, 0x138, structures.page_size())
    struct.pack_into("<Q", block, 0x360, structures.PTE_BASE)
    offsets = {offset: _offset(world.layout, path) for offset, path in OFFSETS.items()}
    for offset, value in {**offsets, **world.hardware.selectors}.items():
        struct.pack_into("<H", block, offset, value)
    limit, base = (world.layout.at(f"_KTHREAD.{name}") for name in ("StackLimit", "StackBase"))
    struct.pack_into("<II", block, 0x340, limit, base)
    world.debugger_data = bytes(block)
    world.put(own, bytes(block))


def _offset(layout: Layout, path: str) -> int:
    return layout.at(path) if "." in path else layout.size(path)
