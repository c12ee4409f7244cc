"""Processes and threads: EPROCESSes, ETHREADs, kernel stacks, and the lists between them."""

from __future__ import annotations

import struct
from datetime import timedelta

from tests.synth.kernel.code import ACQUIRE
from tests.synth.kernel.layout import Record
from tests.synth.kernel.objects import allocate_object
from tests.synth.kernel.spec import (
    RUNNING,
    TERMINATED,
    Process,
    Thread,
)
from tests.synth.kernel.stacks import LOCALS, SWITCH_FRAME, Room, switch_frame
from tests.synth.kernel.world import World
from tests.synth.machine import filetime
from tests.synth.memory import PAGE

STACK_SIZE = 0x6000
CONTROL_SIZE = 0x190
"""Between the end of a thread's stack and its InitialStack: control block and saved extended state."""
USER_CODE = 0x7FFC_5A10_0000
USER_STACKS = 0x0000_00A1_2F00_0000
IDLE = Process("Idle", 0, "Idle", commit_pages=15, working_set_pages=2, private_pages=15)
LOCK_ENTRIES = 6
EXPANSION = "nt!KxSwitchKernelStackCallout"
"""Where a stack goes on in a second segment."""
ALL_FREE = (1 << LOCK_ENTRIES) - 1


def idle_thread(world: World, number: int) -> Thread:
    """The idle thread of a processor: always in state Running, whatever runs there."""
    processor = world.system.processors[number]
    return Thread(
        f"idle:{number}",
        IDLE.key,
        0,
        ("nt!KiIdleLoop",),
        state=RUNNING,
        reason=0,
        since_ticks=world.system.clock.ticks & 0xFFFF_FFFF,
        priority=0,
        base_priority=0,
        kernel_ticks=processor.idle_ticks,
        user_ticks=0,
        cycles=processor.idle_ticks * 45_000_000,
        switches=processor.context_switches // 2,
        created_seconds=0,
        next_processor=number,
        start="nt!KiIdleLoop",
    )


def reserve_tasks(world: World) -> None:
    """Give every process its address space and EPROCESS, every thread its ETHREAD and stack."""
    system, layout = world.system, world.layout
    for process in (IDLE, *system.processes):
        world.pids[process.key] = process.pid
        shared = process.key in ("Idle", "System")
        world.spaces[process.key] = world.kernel if shared else world.hardware.space(world.physical, world.kernel)
        allocate_object(world, f"process:{process.key}", "Process", layout.size("_EPROCESS"), arena="processes")
    threads = [*(idle_thread(world, number) for number in range(len(system.processors))), *system.threads]
    for thread in threads:
        if not thread.gone:
            world.threads[thread.key] = thread
        if thread.slot:
            world.names[f"thread:{thread.key}"] = world.names[f"thread:{thread.slot}"]
        else:
            allocate_object(world, f"thread:{thread.key}", "Thread", layout.size("_ETHREAD"), arena="threads")
        base = world.reserve("stacks", STACK_SIZE + PAGE, PAGE) + STACK_SIZE
        world.names[f"stack:{thread.key}"] = base
        if thread.expanded:
            world.names[f"outer stack:{thread.key}"] = world.reserve("stacks", STACK_SIZE + PAGE, PAGE) + STACK_SIZE


def room_of(world: World, thread: Thread, dpc_top: int = 0) -> Room:
    """Where the thread's frames go."""
    base = world.names[f"stack:{thread.key}"]
    index = base >> 15 & 0xFFFF
    outer = world.names.get(f"outer stack:{thread.key}")
    return Room(
        (outer or base) - CONTROL_SIZE,
        base - CONTROL_SIZE if outer else dpc_top,
        USER_STACKS + index * 0x10000 + 0xF8B8,
        USER_CODE + 0x9D000 + 0x20 * (index % 0x300) + 0x14,
    )


def place_stack(world: World, thread: Thread, stack: tuple[str, ...], dpc_top: int = 0) -> None:
    """Work out where the frames of ``stack`` lie."""
    hardware = world.hardware
    world.runs[thread.key] = hardware.run(hardware.place(stack, room_of(world, thread, dpc_top), world.code), {})


def local(world: World, key: str, *functions: str) -> int:
    """Address of the variables of the first of ``functions`` that is on the thread's stack."""
    for frame in world.runs[key].placed:
        if frame.name in functions:
            if frame.function is None or frame.function.steps != ACQUIRE:
                raise ValueError(f"{frame.name} has no room for variables of its own")
            return frame.child_sp + LOCALS
    raise KeyError(f"{key} is in none of {functions}")


def write_stacks(world: World, pinned: dict[str, dict[tuple[str, str], int]]) -> None:
    """Run every stack with what locks put into registers, and write it; those that are paged out stay away."""
    for key, thread in world.threads.items():
        pins = dict(pinned.get(key, {}))
        for site, register, name in thread.registers:
            pins[site, register] = world.address(name)
        outcome = world.runs[key] = world.hardware.run(world.runs[key].placed, pins)
        if not outcome.placed:
            continue
        if world.hardware.stacked_switch and thread.state not in (RUNNING, TERMINATED):
            switch_frame(outcome)
        if thread.resident:
            _write_words(world, key, outcome.memory)


def _write_words(world: World, key: str, memory: dict[int, int]) -> None:
    """Write the words as one stretch for each stack that they lie on."""
    words = sorted(memory.items())
    start = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or words[index][0] - words[index - 1][0] > STACK_SIZE:
            first, last = words[start][0], words[index - 1][0]
            block = bytearray(last + 8 - first)
            for address, value in words[start:index]:
                struct.pack_into("<Q", block, address - first, value)
            if first >> 63:
                world.kernel.write(first, bytes(block))
                world.mark(f"stack:{key}", first, len(block))
            start = index


def write_threads(world: World) -> None:
    """Write the ETHREADs."""
    for key, thread in world.threads.items():
        world.put(world.address(f"thread:{key}"), bytes(_thread_record(world, thread)))
        if thread.resident and thread.state != TERMINATED:
            _write_stack_control(world, key)


def _write_stack_control(world: World, key: str) -> None:
    """Control block at InitialStack; of a stack that was expanded it leads back to the segment before."""
    base, outer = world.names[f"stack:{key}"], world.names.get(f"outer stack:{key}")
    if world.layout.has("_KSTACK_CONTROL"):
        control = world.record("_KSTACK_CONTROL").put(StackBase=base, ActualLimit=base - STACK_SIZE)
        control.put(StackExpansion=int(outer is not None))
    else:
        control = world.record("_KERNEL_STACK_CONTROL")
        control.put(Current__StackBase=base, Current__StackLimit=base - STACK_SIZE)
    if outer is not None:
        switch = next(frame for frame in world.runs[key].placed if frame.name == EXPANSION)
        control.put(
            Previous__StackBase=outer,
            Previous__StackLimit=outer - STACK_SIZE,
            Previous__InitialStack=outer - CONTROL_SIZE,
            Previous__KernelStack=switch.entry_sp,
        )
    world.put(base - CONTROL_SIZE, bytes(control))


def _thread_record(world: World, thread: Thread) -> Record:
    layout, system = world.layout, world.system
    base = world.names[f"stack:{thread.key}"]
    outcome = world.runs[thread.key]
    below = SWITCH_FRAME if world.hardware.stacked_switch else 0
    kernel_stack = outcome.placed[0].child_sp - below if outcome.placed else base - CONTROL_SIZE
    process = world.address(f"process:{thread.process}")
    every = (1 << len(system.processors)) - 1
    record = Record(layout, "_ETHREAD")
    record.put(
        Tcb__Header__Type=6,
        Tcb__InitialStack=base - CONTROL_SIZE,
        Tcb__StackLimit=base - STACK_SIZE,
        Tcb__StackBase=base,
        Tcb__KernelStack=kernel_stack,
        Tcb__CycleTime=thread.cycles,
        Tcb__State=thread.state,
        Tcb__Running=int(thread.state == RUNNING),
        Tcb__WaitReason=thread.reason,
        Tcb__WaitTime=(system.clock.ticks - thread.since_ticks) & 0xFFFF_FFFF,
        Tcb__WaitMode=int(thread.user_mode),
        Tcb__Alertable=int(thread.alertable),
        Tcb__Priority=thread.priority,
        Tcb__BasePriority=thread.base_priority,
        Tcb__KernelTime=thread.kernel_ticks & 0xFFFF_FFFF,
        Tcb__UserTime=thread.user_ticks & 0xFFFF_FFFF,
        Tcb__ContextSwitches=thread.switches & 0xFFFF_FFFF,
        Tcb__IdealProcessor=thread.next_processor,
        Tcb__KernelStackResident=int(thread.resident),
        Tcb__SystemThread=int(thread.process in ("System", "Idle")),
        Tcb__ApcState__Process=process,
        Tcb__Process=process,
        Tcb__TrapFrame=outcome.trap_frame,
        Tcb__PreviousMode=int(bool(outcome.trap_frame)),
        Tcb__SuspendCount=thread.suspend_count,
        Tcb__Teb=_teb(thread),
        Cid__UniqueProcess=world.pids[thread.process],
        Cid__UniqueThread=thread.tid,
        StartAddress=_start(world, thread),
        Win32StartAddress=0 if thread.start else USER_CODE + 0x1B20,
        CreateTime__QuadPart=moment(world, thread.created_seconds),
        Terminated=int(thread.terminated),
    )
    shared = int(thread.shared_queue) << 31 if layout.has("_KTHREAD.SharedReadyQueue") else 0
    record.put(Tcb__NextProcessor=thread.next_processor | shared)
    record.put_known(
        Tcb__AbEntrySummary=ALL_FREE, ThreadInserted=1, Tcb__Header__Size=layout.size("_KTHREAD") // 4 & 0xFF
    )
    if not world.hardware.stacked_switch and outcome.placed:
        frame = outcome.registers
        record.put(Tcb__SwitchFrame__Fp=frame["fp"], Tcb__SwitchFrame__Return=frame["pc"])
    _put_affinity(world, record, thread.affinity or every)
    _put_empty_lists(world, record, thread)
    return record


def _put_affinity(world: World, record: Record, mask: int) -> None:
    place_of = world.layout.place("_KTHREAD.Affinity")
    if place_of.type_name == "_GROUP_AFFINITY":
        record.put(Tcb__Affinity__Mask=mask)
        return
    name = f"affinity:{mask:x}"
    if name not in world.names:
        affinity = world.record("_KAFFINITY_EX").put(Count=1, Size=20)
        affinity.at("Bitmap[0]", mask)
        world.allocate(name, len(affinity.data), "KeAf")
        world.put(world.names[name], bytes(affinity))
    record.put(Tcb__Affinity=world.names[name])


def _put_empty_lists(world: World, record: Record, thread: Thread) -> None:
    address = world.address(f"thread:{thread.key}")
    for path in ("Tcb.MutantListHead", "IrpList", "Tcb.Header.WaitListHead"):
        at = address + world.layout.at(f"_ETHREAD.{path}")
        record.links(path, at, at)


def moment(world: World, seconds: float | None) -> int:
    """A moment after boot as the kernel stores it; 0 for never."""
    if seconds is None:
        return 0
    clock = world.system.clock
    shift = clock.set_by_seconds if seconds >= clock.set_at_seconds else 0
    return filetime(clock.booted + timedelta(seconds=seconds + shift))


def _teb(thread: Thread) -> int:
    return 0 if thread.start else USER_STACKS - 0x100_0000 + thread.tid * 0x800


def _start(world: World, thread: Thread) -> int:
    return world.code.address(thread.start) if thread.start else USER_CODE + 0x4B50


def write_processes(world: World) -> None:
    """Write the EPROCESSes and link processes and threads."""
    layout = world.layout
    for process in (IDLE, *world.system.present):
        world.put(world.address(f"process:{process.key}"), bytes(_process_record(world, process)))
    for key, process in {each.key: each for each in (IDLE, *world.system.present)}.items():
        members = [f"thread:{thread.key}" for thread in world.threads.values() if thread.process == key]
        owner = world.address(f"process:{process.key}")
        for head, entry in (
            ("_KPROCESS.ThreadListHead", "_KTHREAD.ThreadListEntry"),
            ("_EPROCESS.ThreadListHead", "_ETHREAD.ThreadListEntry"),
        ):
            world.ring([owner + layout.at(head), *(world.address(each) + layout.at(entry) for each in members)])
    offset = layout.at("_EPROCESS.ActiveProcessLinks")
    links = [world.address(f"process:{process.key}") + offset for process in world.system.present]
    world.ring([world.global_address("PsActiveProcessHead"), *links])
    world.set_global("PsIdleProcess", world.address("process:Idle"))
    world.set_global("PsInitialSystemProcess", world.address("process:System"))


def _process_record(world: World, process: Process) -> Record:
    threads = [thread for thread in world.threads.values() if thread.process == process.key]
    kernel = sum(thread.kernel_ticks for thread in threads) if process.kernel_ticks is None else process.kernel_ticks
    user = sum(thread.user_ticks for thread in threads) if process.user_ticks is None else process.user_ticks
    address = world.address(f"process:{process.key}")
    record = Record(world.layout, "_EPROCESS").put(
        Pcb__Header__Type=3,
        Pcb__DirectoryTableBase=world.spaces[process.key].directory_base,
        Pcb__CycleTime=process.cycles,
        Pcb__BasePriority=8,
        Pcb__StackCount__StackCount=len(threads),
        UniqueProcessId=process.pid,
        InheritedFromUniqueProcessId=process.parent,
        ImageFileName=process.name.encode()[:14],
        ActiveThreads=sum(not thread.terminated for thread in threads),
        CreateTime__QuadPart=moment(world, process.created_seconds),
        ExitTime__QuadPart=moment(world, process.exited_seconds),
        CommitCharge=process.commit_pages,
        CommitChargePeak=process.commit_peak_pages,
        VirtualSize=process.virtual_size,
        PeakVirtualSize=process.virtual_size,
        NumberOfPrivatePages=process.private_pages,
        Peb=0 if process.key in ("Idle", "System") else USER_STACKS - 0x200_0000 + process.pid * 0x1000,
    )
    record.at("ProcessQuotaUsage[0]", process.nonpaged_quota)
    record.at("ProcessQuotaUsage[1]", process.paged_quota)
    record.put_known(NumberOfLockedPages=process.locked_pages)
    _put_process_times(record, kernel, user)
    working_set = "Vm.WorkingSetSize" if world.layout.has("_MMSUPPORT") else "Vm.Instance.WorkingSetSize"
    record.at(working_set, process.working_set_pages)
    links = address + world.layout.at("_EPROCESS.Pcb.Header.WaitListHead")
    record.links("Pcb.Header.WaitListHead", links, links)
    _put_image_name(world, record, process)
    return record


def _put_process_times(record: Record, kernel: int, user: int) -> None:
    for name, ticks in (("KernelTime", kernel), ("UserTime", user)):
        if record.layout.has(f"_KPROCESS.{name}"):
            size = record.layout.place(f"_KPROCESS.{name}").size
            record.at(f"Pcb.{name}", ticks & (1 << 8 * size) - 1)
        else:
            record.at(f"Pcb.{name}Low", ticks & 0xFFFF_FFFF)
            record.at(f"{name}High", ticks >> 32)


def _put_image_name(world: World, record: Record, process: Process) -> None:
    """SeAuditProcessCreationInfo: the whole path."""
    if process.key == "Idle":
        return
    path = rf"\Device\HarddiskVolume3\Windows\System32\{process.name}"
    _, text = world.write_text(path, "pool")
    address = world.reserve("pool", len(text))
    world.put(address, text)
    record.put(SeAuditProcessCreationInfo__ImageFileName=address)
