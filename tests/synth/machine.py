"""Puts a described system into physical pages: kernel image, lists, processors, processes, threads and their stacks."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from tests.synth import small_layouts as c
from tests.synth import structures
from tests.synth.execution import Execution, LoadedImage
from tests.synth.hardware import Hardware, hardware_of
from tests.synth.images import Image
from tests.synth.memory import PAGE, AddressSpace, Arena, PhysicalMemory, Region
from tests.synth.spec import RUNNING, MachineSpec, Module, Process, Thread
from tests.synth.user_mode import write_environment, write_image, write_images

POOL = 0xFFFFD10A4C201000
PROCESSOR_REGIONS = 0xFFFFAF8000000000
SHARED_USER_DATA = 0xFFFFF78000000000
FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
IDLE_PROCESS = Process(0, "Idle")
WAIT_ALWAYS, WAIT_NEVER = 0x8A3D5F10C7B2E946, 0x3BC91E7FA5D0641D
BOOT_ID = 0x2A
STACK_SIZE = 0x6000


def filetime(moment: datetime) -> int:
    """A moment in units of 100 ns since 1601."""
    difference = moment - FILETIME_EPOCH
    return (difference.days * 86400 + difference.seconds) * 10_000_000 + difference.microseconds * 10


@dataclass
class Machine:
    """A system in physical memory, with what a dump's header and truth need to know of it."""

    spec: MachineSpec
    physical: PhysicalMemory
    kernel: AddressSpace
    images: Mapping[str, LoadedImage]
    layouts: c.Layouts
    hardware: Hardware
    spaces: dict[int, AddressSpace] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    processes: dict[int, int] = field(default_factory=dict)
    """Process id -> address of its EPROCESS."""
    threads: dict[Thread, int] = field(default_factory=dict)
    """Thread -> address of its ETHREAD."""
    executions: dict[Thread, Execution] = field(default_factory=dict)
    processor_blocks: list[int] = field(default_factory=list)
    """Address of each processor's KPRCB."""
    debugger_data: bytes = b""
    """Of the kernel, in clear."""

    @property
    def current(self) -> Thread:
        """The thread that takes the dump."""
        return self.spec.processors[self.spec.current]

    def kernel_address(self, name: str) -> int:
        """Address of a named variable of the kernel."""
        loaded = self.images["nt"]
        return loaded.base + loaded.image.data_rva(name)

    def mark(self, name: str, address: int, size: int) -> None:
        """Name a stretch of the kernel's memory."""
        self.regions.append(Region(name, address, size, self.kernel.directory_base))


def assemble_machine(spec: MachineSpec, image_of: Callable[[str], Image]) -> Machine:
    """The system that ``spec`` describes; ``image_of`` gives linked images by key."""
    physical = PhysicalMemory(spec.memory_runs)
    hardware = hardware_of(spec)
    kernel = hardware.space(physical)
    machine = Machine(spec, physical, kernel, _loaded_images(spec, image_of), hardware.layouts(spec.build), hardware)
    arena = Arena(kernel, POOL)
    for process in (IDLE_PROCESS, *spec.processes):
        machine.spaces[process.pid] = kernel if process.pid in (0, 4) else hardware.space(physical, kernel)
        machine.processes[process.pid] = arena.reserve(machine.layouts.eprocess.size)
    _write_kernel_images(machine)
    _write_threads(machine, arena)
    _write_processes(machine)
    _write_module_list(machine, arena)
    _write_unloaded(machine, arena)
    _write_processors(machine, arena)
    _write_globals(machine)
    _write_physical_memory_block(machine, arena)
    if spec.pfn_database:
        _write_pfn_database(machine)
    for space in machine.spaces.values():
        space.share_kernel_half()
    return machine


def _all_threads(spec: MachineSpec) -> tuple[Thread, ...]:
    return (*spec.processors, *spec.waiting)


def _loaded_images(spec: MachineSpec, image_of: Callable[[str], Image]) -> dict[str, LoadedImage]:
    """Images by module name, which is what call sites use, and by key."""
    loaded: dict[str, LoadedImage] = {}
    user = [module for process in spec.processes for module in process.modules]
    for module in (*spec.modules, *user):
        image = LoadedImage(image_of(module.key), module.base)
        loaded[module.key] = loaded[image.image.source.module] = image
    return loaded


def _write_kernel_images(machine: Machine) -> None:
    spec = machine.spec
    machine.executions = {
        thread: machine.hardware.execute(thread.stack, machine.images) for thread in _all_threads(spec)
    }
    wanted = set(_code_pages(machine, machine.executions.values()))
    for module in spec.modules:
        if spec.large_kernel_pages and module.key.startswith("nt"):
            _map_large(machine, module)
        loaded = machine.images[module.key]
        write_image(machine.kernel, loaded, wanted, f"image:{loaded.image.source.module}", machine.mark)


def _map_large(machine: Machine, module: Module) -> None:
    size = machine.images[module.key].image.linked.size_of_image
    for address in range(module.base, module.base + size, 0x200000):
        machine.kernel.map_large(address)


def _code_pages(machine: Machine, executions: Iterable[Execution]) -> Iterable[int]:
    """Pages in which the frames' functions begin, and those in which the frames stand."""
    for execution in executions:
        for module, address in execution.code:
            yield address & -PAGE
            loaded = machine.images[module]
            for function in loaded.image.functions.values():
                if address - loaded.base - function.rva in function.sites:
                    yield (loaded.base + function.rva) & -PAGE


def _write_threads(machine: Machine, arena: Arena) -> None:
    for thread in _all_threads(machine.spec):
        machine.threads[thread] = arena.reserve(machine.layouts.ethread.size)
    for thread, address in machine.threads.items():
        execution = machine.executions[thread]
        machine.kernel.write(address, _thread_bytes(machine, thread, execution))
        machine.mark(f"thread:{thread.tid}", address, machine.layouts.ethread.size)
        _write_stack(machine, thread, execution)


def _thread_bytes(machine: Machine, thread: Thread, execution: Execution) -> bytes:
    limit, base = stack_bounds(thread)
    process = machine.processes[thread.pid]
    traps = [child_sp for child_sp in execution.trap_frames if child_sp >> 63]
    kthread = machine.layouts.kthread.pack(
        Header=c.DISPATCHER_HEADER.pack(Type=6),
        InitialStack=base - 0x4D0,
        StackLimit=limit,
        StackBase=base,
        KernelStack=execution.stack_pointer,
        TrapFrame=traps[-1] if traps else 0,
        ApcState=c.KAPC_STATE.pack(Process=process),
        State=thread.state,
        Process=process,
        PreviousMode=1 if thread.stack.user_sp else 0,
        WaitReason=thread.wait_reason,
        KernelTime=thread.kernel_time,
        UserTime=thread.user_time,
        ContextSwitches=1000 + thread.tid,
        **machine.hardware.switched(execution),
    )
    return machine.layouts.ethread.pack(
        Tcb=kthread,
        CreateTime=filetime(machine.spec.captured_at) - 36_000_000_000,
        Cid=c.CLIENT_ID.pack(UniqueProcess=thread.pid, UniqueThread=thread.tid),
        StartAddress=execution.frames[-1].instruction,
    )


def stack_bounds(thread: Thread) -> tuple[int, int]:
    """Lowest address and end of the thread's kernel stack."""
    size = STACK_SIZE if "nt!ZooHuge+0x41" not in thread.stack.sites else 0x90000
    base = (thread.stack.child_sp + 0x2400 if size == STACK_SIZE else thread.stack.child_sp + 0x88000) & -PAGE
    return base - size, base


def _write_stack(machine: Machine, thread: Thread, execution: Execution) -> None:
    space = machine.spaces[thread.pid]
    for address, value in sorted(execution.memory.items()):
        space.write(address, struct.pack("<Q", value))
    # Up to its base, as a system has it: debuggers refuse to save a dump whose current stack is not whole.
    for page in range(thread.stack.child_sp & -PAGE, stack_bounds(thread)[1], PAGE):
        space.map_page(page)
        machine.mark(f"stack:{thread.tid}", page, PAGE)
    for page in sorted({address & -PAGE for address in execution.memory if not address >> 63}):
        machine.regions.append(Region("user:stack", page, PAGE, space.directory_base))


def _write_processes(machine: Machine) -> None:
    spec, layout = machine.spec, machine.layouts
    for process in (IDLE_PROCESS, *spec.processes):
        peb = _write_user_half(machine, process)
        address = machine.processes[process.pid]
        kprocess = layout.kprocess.pack(
            Header=c.DISPATCHER_HEADER.pack(Type=3), DirectoryTableBase=machine.spaces[process.pid].directory_base
        )
        threads = [thread for thread in machine.threads if thread.pid == process.pid]
        machine.kernel.write(
            address,
            layout.eprocess.pack(
                Pcb=kprocess,
                UniqueProcessId=process.pid,
                InheritedFromUniqueProcessId=process.parent,
                Peb=peb,
                ImageFileName=process.name.encode("ascii")[:14],
                ActiveThreads=len(threads),
                CreateTime=filetime(spec.captured_at) - 72_000_000_000,
                SectionBaseAddress=process.modules[0].base if process.modules else 0,
            ),
        )
        machine.mark(f"process:{process.pid}", address, layout.eprocess.size)
        _link_threads(machine, address, [machine.threads[thread] for thread in threads])
    offset = layout.eprocess.offset("ActiveProcessLinks")
    _link(
        machine,
        [
            machine.kernel_address("PsActiveProcessHead"),
            *(machine.processes[process.pid] + offset for process in spec.processes),
        ],
    )


def _link_threads(machine: Machine, process: int, threads: list[int]) -> None:
    layout = machine.layouts
    for head, entry in (
        (layout.kprocess.offset("ThreadListHead"), layout.kthread.offset("ThreadListEntry")),
        (layout.eprocess.offset("ThreadListHead"), layout.ethread.offset("ThreadListEntry")),
    ):
        _link(machine, [process + head, *(thread + entry for thread in threads)])


def _write_user_half(machine: Machine, process: Process) -> int:
    """Address of the process's PEB; 0 for one without a user-mode half."""
    if not process.modules:
        return 0
    space = machine.spaces[process.pid]

    def mark(name: str, address: int, size: int) -> None:
        machine.regions.append(Region(name, address, size, space.directory_base))

    executions = [machine.executions[thread] for thread in machine.threads if thread.pid == process.pid]
    write_images(space, process.modules, machine.images, _code_pages(machine, executions), mark)
    return write_environment(space, process.modules, machine.images, mark)


def _link(machine: Machine, ring: list[int]) -> None:
    for address, links in structures.list_links(ring).items():
        machine.kernel.write(address, links)


def _write_module_list(machine: Machine, arena: Arena) -> None:
    ring = [machine.kernel_address("PsLoadedModuleList")]
    for module in machine.spec.modules:
        linked = machine.images[module.key].image.linked
        full = arena.place(module.path.encode("utf-16-le") + b"\0\0")
        base = arena.place(module.name.encode("utf-16-le") + b"\0\0")
        exceptions, size = linked.exception_directory
        entry = arena.place(
            c.KLDR_DATA_TABLE_ENTRY.pack(
                ExceptionTable=module.base + exceptions,
                ExceptionTableSize=size,
                DllBase=module.base,
                EntryPoint=module.base + linked.entry_point,
                SizeOfImage=linked.size_of_image,
                FullDllName=structures.unicode_string(module.path, full),
                BaseDllName=structures.unicode_string(module.name, base),
                Flags=0x09104000,
                LoadCount=1,
                CheckSum=linked.checksum,
                SizeOfImageNotRounded=linked.size_of_image,
                TimeDateStamp=linked.timestamp,
            )
        )
        machine.mark("modules", full, entry + c.KLDR_DATA_TABLE_ENTRY.size - full)
        ring.append(entry)
    _link(machine, ring)


def _write_unloaded(machine: Machine, arena: Arena) -> None:
    """The array of unloaded drivers has room for fifty; the counter counts all that ever went."""
    drivers = machine.spec.unloaded
    if not drivers:
        return
    names = [arena.place(driver.name.encode("utf-16-le") + b"\0\0") for driver in drivers]
    table = b"".join(
        c.UNLOADED_DRIVER.pack(
            Name=structures.unicode_string(driver.name, name),
            StartAddress=driver.start,
            EndAddress=driver.end,
            CurrentTime=filetime(machine.spec.captured_at) - 600_000_000 * (index + 1),
        )
        for index, (driver, name) in enumerate(zip(drivers, names))
    )
    address = arena.place(table.ljust(50 * c.UNLOADED_DRIVER.size, b"\0"))
    machine.kernel.write(machine.kernel_address("MmUnloadedDrivers"), struct.pack("<QI", address, len(drivers)))


def _write_processors(machine: Machine, arena: Arena) -> None:
    idle_threads = _idle_threads(machine, arena)
    for number, thread in enumerate(machine.spec.processors):
        pcr = PROCESSOR_REGIONS + 0x10000 * number
        context = machine.hardware.context_record(machine.executions[thread])
        parts = structures.ProcessorParts(
            number,
            pcr,
            machine.threads[thread],
            idle_threads[number],
            machine.spaces[thread.pid].directory_base,
            context,
            arena.place(context),
            pcr + 0xE000,
        )
        machine.kernel.write(pcr, machine.hardware.processor_region(parts))
        kpcr = machine.layouts.struct("_KPCR")
        machine.kernel.write(parts.tables, machine.hardware.descriptor_tables)
        machine.mark(f"prcb:{number}", pcr, kpcr.size)
        machine.mark(f"tables:{number}", parts.tables, PAGE)
        machine.processor_blocks.append(pcr + kpcr.offset("Prcb"))


def _idle_threads(machine: Machine, arena: Arena) -> list[int]:
    """Address of each processor's idle thread: the running one where that is idle, a bare one elsewhere."""
    addresses = []
    for thread in machine.spec.processors:
        if thread.pid == IDLE_PROCESS.pid:
            addresses.append(machine.threads[thread])
            continue
        kthread = machine.layouts.kthread.pack(
            Header=c.DISPATCHER_HEADER.pack(Type=6),
            State=RUNNING,
            ApcState=c.KAPC_STATE.pack(Process=machine.processes[IDLE_PROCESS.pid]),
            Process=machine.processes[IDLE_PROCESS.pid],
        )
        addresses.append(arena.place(machine.layouts.ethread.pack(Tcb=kthread)))
    return addresses


def _write_globals(machine: Machine) -> None:
    spec, at, write = machine.spec, machine.kernel_address, machine.kernel.write
    words = {
        "MmHighestUserAddress": structures.HIGHEST_USER_ADDRESS,
        "MmSystemRangeStart": structures.SYSTEM_RANGE_START,
        "MmUserProbeAddress": structures.USER_PROBE_ADDRESS,
        "PsIdleProcess": machine.processes[0],
        "PsInitialSystemProcess": machine.processes.get(4, 0),
        "MmPfnDatabase": structures.PFN_DATABASE,
    }
    for name, value in words.items():
        write(at(name), struct.pack("<Q", value))
    write(at("NtBuildNumber"), struct.pack("<I", 0xF0000000 | spec.build))
    write(at("KeNumberProcessors"), struct.pack("<II", len(spec.processors), 156250))
    write(at("NtBuildLab"), spec.build_lab.encode("ascii") + b"\0")
    write(at("KiProcessorBlock"), struct.pack(f"<{len(machine.processor_blocks)}Q", *machine.processor_blocks))
    write(SHARED_USER_DATA, _shared_user_data(spec))
    machine.mark("shared user data", SHARED_USER_DATA, PAGE)
    _write_debugger_data(machine)


def _write_pfn_database(machine: Machine) -> None:
    first, count = machine.spec.memory_runs[-1]
    machine.kernel.write(structures.PFN_DATABASE, c.page_in_use() * (first + count))


def _write_physical_memory_block(machine: Machine, arena: Arena) -> None:
    address = arena.place(structures.physical_memory_descriptor(machine.spec.memory_runs))
    machine.kernel.write(machine.kernel_address("MmPhysicalMemoryBlock"), struct.pack("<Q", address))


def _write_debugger_data(machine: Machine) -> None:
    at, write = machine.kernel_address, machine.kernel.write
    source = machine.images["nt"].image.source
    data = structures.KernelData(machine.spec.kernel_base, {name: at(name) for name in source.data})
    own, selectors = at("KdDebuggerDataBlock"), machine.hardware.selectors
    machine.debugger_data = structures.debugger_data(own, data, machine.layouts, selectors)
    block = machine.debugger_data
    if machine.spec.encoded_kdbg:
        write(at("KiWaitAlways"), struct.pack("<QQB", WAIT_ALWAYS, WAIT_NEVER, 1))
        block = structures.encoded(block, WAIT_ALWAYS, WAIT_NEVER, at("KdpDataBlockEncoded"))
    write(at("KdDebuggerDataBlock"), block)


def record_bug_check(machine: Machine, code: int, parameters: tuple[int, int, int, int]) -> None:
    """Store the bug check where a crashing kernel does. A live dump's code stands in the header alone."""
    machine.kernel.write(machine.kernel_address("KiBugCheckData"), struct.pack("<5Q", code, *parameters))


def _shared_user_data(spec: MachineSpec) -> bytes:
    page = bytearray(PAGE)
    uptime, moment = round(spec.uptime_seconds * 10_000_000), filetime(spec.captured_at)
    for offset, value in ((0x08, uptime), (0x14, moment)):
        struct.pack_into("<IiI", page, offset, value & 0xFFFFFFFF, value >> 32, value >> 32)
    struct.pack_into("<I", page, 0x260, spec.build)
    struct.pack_into("<IB3xII", page, 0x264, spec.product_type, 1, 10, 0)
    struct.pack_into("<I", page, 0x2C4, BOOT_ID)
    struct.pack_into("<I", page, 0x2D0, 0x110)
    page[0x30 : 0x30 + 20] = "C:\\Windows".encode("utf-16-le")
    return bytes(page)
