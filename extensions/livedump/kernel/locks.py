"""Locks and other things that threads wait for, as the kernel keeps them.

Sources: public symbols of nt; wdm.h of the Windows SDK (ERESOURCE flags, kinds of dispatcher objects). What waits on an
ERESOURCE from Windows 8.1 on is in no PDB: a ring of blocks on the stacks of the waiting threads, to whose first the
resource points, each with its links at +0, its thread at +0x10 and its event at +0x18.
"""

from __future__ import annotations

from livedump.kernel.structure import Structure, member
from livedump.model.fields import U64, Field

DISPATCHER_KIND = 0x7F
"""In DISPATCHER_HEADER.Type, the rest are flags."""
EVENTS, MUTANT, PROCESS, QUEUES, SEMAPHORE, THREAD, GATE = (0, 1), 2, 3, (4, 21), 5, 6, 7
TIMERS = (8, 9, 24, 25)
"""Values of DISPATCHER_HEADER.Type."""
OWNER_FLAGS = 3
"""In an owner of an ERESOURCE: set where it is no thread, but what the owner chose to be known by."""
MAX_OWNERS = 1024
LOCK_ADDRESS = 0x7FFFFFFFFFFFFFFC
"""In KLOCK_ENTRY.LockUnsafe; bit 63 is set in the address itself."""
KERNEL_HALF = 1 << 63
LOCK_ENTRIES = 6
MESSAGE_FLAGS = 7
"""In ETHREAD.AlpcMessage."""
CONTENDED_PUSH_LOCK = 3
"""Locked and waited for: then the rest of an EX_PUSH_LOCK is the address of the newest wait block."""
PUSH_LOCK_FLAGS = 0xF

WAITER_NEXT, WAITER_THREAD = Field(0x00, U64), Field(0x10, U64)
"""Of the ring at an ERESOURCE."""
WAITER_SIZE = 0x18


class DispatcherHeader(Structure):
    """How every object begins that can be waited for."""

    type_name = "_DISPATCHER_HEADER"
    kind = member("Type", int)


class KMutant(Structure):
    """A mutex of user mode, or of a driver."""

    type_name = "_KMUTANT"
    owner = member("OwnerThread", int)


class FastMutex(Structure):
    """A fast mutex, and from Windows 8 on a guarded one."""

    type_name = "_FAST_MUTEX"
    owner = member("Owner", int)


class GuardedMutex(Structure):
    """A guarded mutex of Windows 7."""

    type_name = "_KGUARDED_MUTEX"
    owner = member("Owner", int)


class OwnerEntry(Structure):
    """One owner of an ERESOURCE; the first of a table has the table's size in place of a count."""

    type_name = "_OWNER_ENTRY"
    thread = member("OwnerThread", int)
    table_size = member("TableSize", int)


class EResource(Structure):
    """A lock that threads share or have alone."""

    type_name = "_ERESOURCE"
    owner = member("OwnerEntry", OwnerEntry)
    owner_table = member("OwnerTable", int)
    shared_waiters = member("SharedWaiters", int)
    exclusive_waiters = member("ExclusiveWaiters", int)


class KLockEntry(Structure):
    """A lock that a thread holds, or waits for, as the kernel notes it to lift its owner's priority."""

    type_name = "_KLOCK_ENTRY"
    lock = member("LockUnsafe", int)
    acquired = member("AcquiredByte", int)
    waiting = member("WaitingByte", int, "WaitingBit")


class KAlpcMessage(Structure):
    """A message whose sender may wait for the answer."""

    type_name = "_KALPC_MESSAGE"
    server_thread = member("ServerThread", int)
    port_queue = member("PortQueue", int)
    connection_port = member("ConnectionPort", int)


class AlpcPort(Structure):
    """Where messages arrive."""

    type_name = "_ALPC_PORT"
    owner_process = member("OwnerProcess", int)


class KWaitBlock(Structure):
    """One thing that a thread waits for."""

    type_name = "_KWAIT_BLOCK"
    object = member("Object", int)
    next = member("NextWaitBlock", int)
    """Of the ring that Windows 7 has in place of an array."""


class WaitingThread(Structure):
    """What a thread tells of its waiting."""

    type_name = "_ETHREAD"
    wait_blocks = member("Tcb.WaitBlockList", int)
    wait_block_count = member("Tcb.WaitBlockCount", int)
    alpc_message = member("AlpcMessage", int)


class LockHolder(Structure):
    """Which of a thread's lock entries are free."""

    type_name = "_ETHREAD"
    free_entries = member("Tcb.AbEntrySummary", int)
    first_free = member("Tcb.LockEntriesFreeList.Next", int)
