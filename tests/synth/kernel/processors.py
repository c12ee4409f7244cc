"""Processors: control regions, contexts, the corral of a live dump, DPC queues and ready queues."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.synth import structures
from tests.synth.arm64.structures import packed_context as arm64_context
from tests.synth.kernel.layout import Record
from tests.synth.kernel.spec import DEFERRED_READY, READY, Processor, System, Thread
from tests.synth.kernel.stacks import MXCSR
from tests.synth.kernel.tasks import place_stack
from tests.synth.kernel.world import World
from tests.synth.memory import PAGE

CAPTURE = (
    "nt!IopLiveDumpCollectPages",
    "nt!IopLiveDumpEndMirroringCallback",
    "nt!MmDuplicateMemory",
    "nt!IopLiveDumpCapture",
    "nt!IopLiveDumpCaptureMemoryPages",
    "nt!IoCaptureLiveDump",
)
"""What the requester's stack ends in."""
CORRAL = ("nt!IopLiveDumpProcessCorralStateChange", "nt!IopLiveDumpCorralDpc")
RETIRE = ("nt!KiExecuteAllDpcs", "nt!KiRetireDpcList")
SWITCHES = ("nt!KxRetireDpcList", "nt!KyRetireDpcList")
IDLE_LOOP = ("nt!KiIdleLoop",)
IDLE_STATE = ("nt!HalProcessorIdle", "nt!PpmIdleDefaultExecute", "nt!PpmIdleExecuteTransition", "nt!PoIdle")
"""What an idle processor does when the corral interrupts it."""
REGION_SIZE = 0x20000
TABLES = 0x1E000
CR0, CR4 = 0x80050033, 0x370EF8
CONTEXT_FLAGS = 0x10005F
CONTEXT_NAMES = {
    "rip": "Rip",
    **{f"r{number}": f"R{number}" for number in range(8, 16)},
    **{name: name.capitalize() for name in ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")},
}


def own_stack(system: System, number: int, threads: Mapping[str, Thread]) -> tuple[str, ...]:
    """What the processor itself was doing, below all that the capture added."""
    processor = system.processors[number]
    if not processor.thread.startswith("idle:"):
        return threads[processor.thread].stack
    interrupted = corralled(system, number) and bool(processor.interrupted_by)
    return (*IDLE_STATE, *IDLE_LOOP) if interrupted else IDLE_LOOP


def corralled(system: System, number: int) -> bool:
    """Whether the processor waits in the corral: all of a live dump but the one that captures."""
    return system.live and number != 0 and system.processors[number].frozen_by_corral


def capture_frames(system: System, number: int) -> tuple[str, ...]:
    """Frames that the corral put on top."""
    if not corralled(system, number):
        return ()
    interrupted_by = system.processors[number].interrupted_by
    if not interrupted_by:
        return (*CORRAL, *RETIRE)
    return (*CORRAL, *RETIRE, SWITCHES[number % 2], "nt!KiDispatchInterruptContinue", interrupted_by)


def place_stacks(world: World) -> None:
    """Work out where the frames of every thread lie, those that run below what the capture put on top."""
    system = world.system
    running: dict[str, int] = {processor.thread: number for number, processor in enumerate(system.processors)}
    for processor in range(len(system.processors)):
        base = world.reserve("stacks", 0x6000 + PAGE, PAGE) + 0x6000
        world.names[f"dpc stack:{processor}"] = base
    for key, thread in world.threads.items():
        number = running.get(key)
        if number is None:
            place_stack(world, thread, thread.stack)
            continue
        stack = (*capture_frames(system, number), *own_stack(system, number, world.threads))
        place_stack(world, thread, stack, world.names[f"dpc stack:{number}"])


def reserve_processors(world: World) -> None:
    """Give every processor its region."""
    for number in range(len(world.system.processors)):
        region = world.reserve("regions", REGION_SIZE, REGION_SIZE)
        world.names[f"pcr:{number}"] = region
        world.names[f"prcb:{number}"] = region + world.layout.at("_KPCR.Prcb")


def write_processors(world: World) -> None:
    """Write each processor's KPCR with its KPRCB, descriptor tables and context, and the ready queues."""
    blocks = []
    for number, processor in enumerate(world.system.processors):
        region = world.names[f"pcr:{number}"]
        record = _control_region(world, number, processor)
        world.put(region, bytes(record))
        world.mark(f"prcb:{number}", region, len(record.data))
        world.put(region + TABLES, structures.descriptor_tables() if world.hardware.selectors else bytes(PAGE))
        world.mark(f"tables:{number}", region + TABLES, PAGE)
        blocks.append(world.names[f"prcb:{number}"])
    world.set_global("KiProcessorBlock", struct.pack(f"<{len(blocks)}Q", *blocks))
    _link_ready_queues(world)


def _control_region(world: World, number: int, processor: Processor) -> Record:
    region, prcb = world.names[f"pcr:{number}"], world.names[f"prcb:{number}"]
    record = world.record("_KPCR")
    record.put(
        Self=region,
        CurrentPrcb=prcb,
        Used_Self=region,
        Irql=2 if corralled(world.system, number) else 0,
        MajorVersion=1,
        MinorVersion=1,
    )
    if world.hardware.selectors:
        record.put(GdtBase=region + TABLES, IdtBase=region + TABLES + 0x100)
    _put_identity(world, record, number, processor)
    _put_counters(record, processor)
    _put_state(world, record, number, processor)
    _put_dpcs(world, record, number, processor)
    _put_empty_queues(world, record, prcb)
    return record


def _put_identity(world: World, record: Record, number: int, processor: Processor) -> None:
    record.put(
        Prcb__MxCsr=MXCSR,
        Prcb__CurrentThread=world.address(f"thread:{processor.thread}"),
        Prcb__NextThread=world.address(f"thread:{processor.standby}") if processor.standby else 0,
        Prcb__IdleThread=world.address(f"thread:idle:{number}"),
        Prcb__Number=number,
        Prcb__Group=0,
        Prcb__GroupIndex=number,
        Prcb__GroupSetMember=1 << number,
        Prcb__MHz=processor.mhz,
        Prcb__NestingLevel=processor.nesting,
    )
    record.put_known(Prcb__LegacyNumber=number)


def _put_counters(record: Record, processor: Processor) -> None:
    low = 0xFFFF_FFFF
    record.put(
        Prcb__KernelTime=processor.kernel_ticks & low,
        Prcb__UserTime=processor.user_ticks & low,
        Prcb__DpcTime=processor.dpc_ticks & low,
        Prcb__InterruptTime=processor.interrupt_ticks & low,
        Prcb__InterruptCount=processor.interrupt_count & low,
        Prcb__KeSystemCalls=processor.system_calls & low,
        Prcb__KeContextSwitches=processor.context_switches & low,
        Prcb__DpcTimeCount=processor.dpc_time_count,
    )
    record.put_known(
        Prcb__DpcTimeLimit=1280,
        Prcb__DpcTimeLimitTicks=1280,
        Prcb__DpcWatchdogPeriod=7680,
        Prcb__DpcWatchdogPeriodTicks=7680,
        Prcb__ClockInterrupts=(processor.kernel_ticks + processor.user_ticks) & low,
    )


def _put_state(world: World, record: Record, number: int, processor: Processor) -> None:
    """Registers, also where the debugger data block says that a context is."""
    context = context_record(world, processor.thread)
    if world.system.processor == "x64":
        _put_special_registers(world, record, number, processor)
    # In the corral only the special registers go into the processor state: its context is an old one.
    stale = context_record(world, f"idle:{number}") if corralled(world.system, number) else context
    record.put(Prcb__ProcessorState__ContextFrame=stale)
    address = world.reserve("regions", 0x1000, 0x1000)
    world.put(address, context)
    world.mark(f"context:{number}", address, len(context))
    record.put(Prcb__Context=address)


def _put_special_registers(world: World, record: Record, number: int, processor: Processor) -> None:
    region = world.names[f"pcr:{number}"]
    process = world.threads[processor.thread].process
    special = "Prcb.ProcessorState.SpecialRegisters."
    for path, value in {
        "Cr0": CR0,
        "Cr3": world.spaces[process].directory_base,
        "Cr4": CR4,
        "Gdtr.Limit": 0x7F,
        "Gdtr.Base": region + TABLES,
        "Idtr.Limit": 0xEFF,
        "Idtr.Base": region + TABLES + 0x100,
        "Tr": 0x40,
        "MxCsr": MXCSR,
    }.items():
        record.at(special + path, value)
    if world.layout.has("_KSPECIAL_REGISTERS.Cr8"):
        record.at(special + "Cr8", 2 if corralled(world.system, number) else 0)


def context_record(world: World, thread: str) -> bytes:
    """CONTEXT of the thread's innermost frame."""
    registers = world.runs[thread].registers
    if world.system.processor != "x64":
        return arm64_context(registers)
    general = {CONTEXT_NAMES[name]: value for name, value in registers.items()}
    record = world.record("_CONTEXT").put(
        ContextFlags=CONTEXT_FLAGS,
        MxCsr=MXCSR,
        SegCs=0x10,
        SegDs=0x2B,
        SegEs=0x2B,
        SegFs=0x53,
        SegGs=0x2B,
        SegSs=0x18,
        EFlags=0x246,
        **general,
    )
    struct.pack_into("<I", record.data, 0x118, MXCSR)
    return bytes(record)


def _put_dpcs(world: World, record: Record, number: int, processor: Processor) -> None:
    active = "nt!IopLiveDumpCorralDpc" if corralled(world.system, number) else processor.active_dpc
    record.at("Prcb.DpcData[0].DpcCount", processor.dpc_count & 0xFFFF_FFFF)
    record.at("Prcb.DpcData[0].DpcQueueDepth", len(processor.queued_dpcs))
    record.put(Prcb__DpcStack=world.names[f"dpc stack:{number}"], Prcb__DpcRoutineActive=int(bool(active)))
    if active and world.layout.has("_KDPC_DATA.ActiveDpc"):
        record.at("Prcb.DpcData[0].ActiveDpc", _dpc(world, f"active dpc:{number}", active))
    queued = [
        _dpc(world, f"dpc:{number}:{index}", routine) + world.layout.at("_KDPC.DpcListEntry")
        for index, routine in enumerate(processor.queued_dpcs)
    ]
    head = world.names[f"prcb:{number}"] + world.layout.at("_KPRCB.DpcData[0]")
    if world.layout.has("_KDPC_DATA.DpcListHead"):
        world.ring([head, *queued]) if queued else None
        record.links("Prcb.DpcData[0].DpcListHead", *((queued[0], queued[-1]) if queued else (head, head)))
        other = world.names[f"prcb:{number}"] + world.layout.at("_KPRCB.DpcData[1]")
        record.links("Prcb.DpcData[1].DpcListHead", other, other)
        return
    for entry, after in zip(queued, [*queued[1:], 0]):
        world.put_pointer(entry, after)
    record.at("Prcb.DpcData[0].DpcList.ListHead.Next", queued[0] if queued else 0)
    record.at("Prcb.DpcData[0].DpcList.LastEntry", queued[-1] if queued else head)


def _dpc(world: World, name: str, routine: str) -> int:
    record = world.record("_KDPC").put(Type=0x13, Importance=1, DeferredRoutine=world.code.address(routine))
    address = world.allocate(name, len(record.data), "Kdpc")
    world.put(address, bytes(record))
    return address


def _put_empty_queues(world: World, record: Record, prcb: int) -> None:
    layout = world.layout
    heads = [f"DispatcherReadyListHead[{priority}]" for priority in range(32)]
    heads.append("WaitListHead")
    if embedded_queue(world):
        heads += [f"LocalSharedReadyQueue.ReadyListHead[{priority}]" for priority in range(32)]
    for path in heads:
        at = prcb + layout.at(f"_KPRCB.{path}")
        record.links(f"Prcb.{path}", at, at)
    queue = shared_queue(world)
    if queue:
        record.put(Prcb__SharedReadyQueue=queue)
        if not embedded_queue(world):
            record.put_known(Prcb__LocalSharedReadyQueue=queue)


def embedded_queue(world: World) -> bool:
    """Whether the KPRCB holds a shared ready queue by value."""
    return world.layout.has("_KPRCB.LocalSharedReadyQueue.ReadyListHead")


def shared_queue(world: World) -> int:
    """Address of the one ready queue that all processors share; 0 where the build has none."""
    layout = world.layout
    if not layout.has("_KPRCB.SharedReadyQueue"):
        return 0
    if "shared queue" not in world.names:
        if embedded_queue(world):
            world.names["shared queue"] = world.names["prcb:0"] + layout.at("_KPRCB.LocalSharedReadyQueue")
        else:
            _write_shared_queue(world)
    return world.names["shared queue"]


def _write_shared_queue(world: World) -> None:
    record = world.record("_KSHARED_READY_QUEUE")
    address = world.allocate("shared queue", len(record.data), "KeSq")
    for priority in range(32):
        at = address + world.layout.at(f"_KSHARED_READY_QUEUE.ReadyListHead[{priority}]")
        record.links(f"ReadyListHead[{priority}]", at, at)
    record.put(Affinity=(1 << len(world.system.processors)) - 1)
    world.put(address, bytes(record))


def _link_ready_queues(world: World) -> None:
    layout = world.layout
    queues: dict[tuple[int, int, int], dict[int, list[str]]] = {}
    for thread in world.threads.values():
        if thread.state == READY:
            queues.setdefault(_queue_of(world, thread), {}).setdefault(thread.priority, []).append(thread.key)
    for (start, summary, heads), by_priority in queues.items():
        world.put(start + summary, struct.pack("<I", sum(1 << priority for priority in by_priority)))
        for priority, keys in by_priority.items():
            entry = layout.at("_KTHREAD.WaitListEntry")
            links = [world.address(f"thread:{key}") + entry for key in keys]
            world.ring([start + heads + 16 * priority, *links])
    for number in range(len(world.system.processors)):
        deferred = [
            world.address(f"thread:{thread.key}") + layout.at("_KTHREAD.SwapListEntry")
            for thread in world.threads.values()
            if thread.state == DEFERRED_READY and thread.next_processor == number
        ]
        head = world.names[f"prcb:{number}"] + layout.at("_KPRCB.DeferredReadyListHead")
        for address, after in zip([head, *deferred], [*deferred, 0]):
            world.put_pointer(address, after)


def _queue_of(world: World, thread: Thread) -> tuple[int, int, int]:
    """Start of a ready queue, and where its summary and its list heads lie in it."""
    layout = world.layout
    if thread.shared_queue and shared_queue(world):
        name = "_KSHARED_READY_QUEUE"
        return shared_queue(world), layout.at(f"{name}.ReadySummary"), layout.at(f"{name}.ReadyListHead")
    prcb = world.names[f"prcb:{thread.next_processor}"]
    return prcb, layout.at("_KPRCB.ReadySummary"), layout.at("_KPRCB.DispatcherReadyListHead")
