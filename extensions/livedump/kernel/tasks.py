"""Processors, processes and threads as the kernel keeps them: what is read of each.

Source: public symbols of nt. The names are Microsoft's; where a build has another name for the same thing, both stand.
"""

from __future__ import annotations

from datetime import datetime

from livedump.kernel.structure import Structure, array, joined, member, pointer
from livedump.model.thread_states import ThreadState

SHARED_DATA_ADDRESS = 0xFFFFF78000000000
"""Where every 64-bit Windows maps KUSER_SHARED_DATA for the kernel."""
SHARED_READY_QUEUE = 0x80000000
"""In KTHREAD.NextProcessor: the number is that of a queue that several processors share."""
CROSS_THREAD_TERMINATED = 0x1
"""In ETHREAD.CrossThreadFlags."""
USER_MODE = 1
"""KPROCESSOR_MODE.UserMode, in KTHREAD.WaitMode."""


class SharedData(Structure):
    """The page that the kernel shares with all processes; it stands still while a live dump is taken."""

    type_name = "_KUSER_SHARED_DATA"
    ticks = member("TickCountQuad", int)
    interrupt_time = member(joined("InterruptTime.LowPart", "InterruptTime.High1Time"), int)
    system_time = member(joined("SystemTime.LowPart", "SystemTime.High1Time"), int)
    boot_id = member("BootId", int)


class KDpc(Structure):
    """A deferred procedure call."""

    type_name = "_KDPC"
    routine = member("DeferredRoutine", int)


class KDpcData(Structure):
    """One of a processor's two queues of DPCs."""

    type_name = "_KDPC_DATA"
    first = member("DpcList.ListHead.Next", int, "DpcListHead.Flink")
    queue_depth = member("DpcQueueDepth", int)
    count = member("DpcCount", int)
    active = member("ActiveDpc", pointer(KDpc))


class KPrcb(Structure):
    """A processor."""

    type_name = "_KPRCB"
    group = member("Group", int)
    current_thread = member("CurrentThread", int)
    next_thread = member("NextThread", int)
    idle_thread = member("IdleThread", int)
    context = member("Context", int)
    """Address of the CONTEXT that current builds save when the processor is stopped; older ones save it inside."""
    kernel_ticks = member("KernelTime", int)
    user_ticks = member("UserTime", int)
    dpc_ticks = member("DpcTime", int)
    interrupt_ticks = member("InterruptTime", int)
    interrupt_count = member("InterruptCount", int)
    system_calls = member("KeSystemCalls", int)
    context_switches = member("KeContextSwitches", int)
    dpc_data = member("DpcData", array(KDpcData))
    dpc_routine_active = member("DpcRoutineActive", bool)
    dpc_ticks_now = member("DpcTimeCount", int)
    dpc_limit_ticks = member("DpcTimeLimitTicks", int, "DpcTimeLimit")
    mhz = member("MHz", int)


class KAffinityEx(Structure):
    """A set of processors of all groups."""

    type_name = "_KAFFINITY_EX"
    bitmap = member("Bitmap", array(int), "StaticBitmap")


class EThread(Structure):
    """A thread."""

    type_name = "_ETHREAD"
    process_id = member("Cid.UniqueProcess", int)
    thread_id = member("Cid.UniqueThread", int)
    state = member("Tcb.State", ThreadState)
    wait_reason = member("Tcb.WaitReason", int)
    wait_mode = member("Tcb.WaitMode", int)
    alertable = member("Tcb.Alertable", bool)
    wait_ticks = member("Tcb.WaitTime", int)
    priority = member("Tcb.Priority", int)
    base_priority = member("Tcb.BasePriority", int)
    kernel_ticks = member("Tcb.KernelTime", int)
    user_ticks = member("Tcb.UserTime", int)
    cycles = member("Tcb.CycleTime", int)
    context_switches = member("Tcb.ContextSwitches", int)
    next_processor = member("Tcb.NextProcessor", int)
    affinity = member("Tcb.Affinity.Mask", int)
    affinity_of_groups = member("Tcb.Affinity", pointer(KAffinityEx))
    kernel_stack = member("Tcb.KernelStack", int)
    initial_stack = member("Tcb.InitialStack", int)
    stack_base = member("Tcb.StackBase", int)
    """First address above the kernel stack."""
    stack_limit = member("Tcb.StackLimit", int)
    """Its lowest address."""
    stack_resident = member("Tcb.KernelStackResident", bool)
    process = member("Tcb.Process", int)
    attached_process = member("Tcb.ApcState.Process", int)
    """In whose address space it runs: its own process, or one that it has attached to."""
    teb = member("Tcb.Teb", int)
    start_address = member("StartAddress", int)
    win32_start_address = member("Win32StartAddress", int)
    created = member("CreateTime", datetime)
    suspend_count = member("Tcb.SuspendCount", int)
    cross_thread_flags = member("CrossThreadFlags", int)


class EProcess(Structure):
    """A process."""

    type_name = "_EPROCESS"
    name = member("ImageFileName", str)
    process_id = member("UniqueProcessId", int)
    parent_id = member("InheritedFromUniqueProcessId", int)
    directory_table_base = member("Pcb.DirectoryTableBase", int)
    created = member("CreateTime", datetime)
    exited = member("ExitTime", datetime)
    exit_time = member("ExitTime", int)
    active_threads = member("ActiveThreads", int)
    kernel_ticks = member("Pcb.KernelTime", int, joined("Pcb.KernelTimeLow", "KernelTimeHigh"))
    user_ticks = member("Pcb.UserTime", int, joined("Pcb.UserTimeLow", "UserTimeHigh"))
    cycles = member("Pcb.CycleTime", int)
    object_table = member("ObjectTable", int)
    session = member("Session", int)
    peb = member("Peb", int)
    commit_pages = member("CommitCharge", int)
    commit_peak_pages = member("CommitChargePeak", int)
    working_set_pages = member("Vm.WorkingSetSize", int, "Vm.Instance.WorkingSetSize")
    virtual_size = member("VirtualSize", int)
    quota = member("ProcessQuotaUsage", array(int))
    """Of nonpaged and of paged pool, bytes."""
    locked_pages = member("NumberOfLockedPages", int)
