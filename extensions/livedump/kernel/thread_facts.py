"""What one thread alone is asked for: the rest is in the pass over all of them.

Source: public symbols of nt; the kinds of dispatcher objects from wdm.h of the Windows SDK.
"""

from __future__ import annotations

from livedump.kernel import locks as c
from livedump.kernel.locks import DispatcherHeader, KMutant
from livedump.kernel.structure import Structure, member
from livedump.kernel.tasks import EThread
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.waits import waited_objects
from livedump.model.listing import Listing
from livedump.model.requests import Request
from livedump.model.thread_view import AwaitedObject, ThreadFacts
from livedump.model.threads import Thread

KINDS = {
    0: "NotificationEvent",
    1: "SynchronizationEvent",
    2: "Mutant",
    3: "ProcessObject",
    4: "QueueObject",
    5: "Semaphore",
    6: "Thread",
    7: "Gate",
    8: "NotificationTimer",
    9: "SynchronizationTimer",
    21: "PriorityQueueObject",
}
"""By DISPATCHER_HEADER.Type."""


class OneThread(Structure):
    """Members that nobody asks of thousands of threads."""

    type_name = "_ETHREAD"
    teb = member("Tcb.Teb", int)
    win32_thread = member("Tcb.Win32Thread", int)
    ideal_processor = member("Tcb.IdealProcessor", int)


def read_thread_facts(memory: TypedMemory, thread: Thread, requests: Listing[Request]) -> ThreadFacts:
    """What the thread's own members, its wait blocks and the objects there tell."""
    own = OneThread(memory, thread.address)
    objects = waited_objects(memory, thread.address) if thread.waits else ()
    return ThreadFacts(
        teb=own.teb,
        win32_thread=own.win32_thread,
        ideal_processor=own.ideal_processor,
        attached_process=EThread(memory, thread.address).attached_process or None,
        objects=tuple(_object(memory, each) for each in objects),
        requests=requests,
    )


def _object(memory: TypedMemory, address: int) -> AwaitedObject:
    number = DispatcherHeader(memory, address).kind
    kind = None if number is None else number & c.DISPATCHER_KIND
    owner = KMutant(memory, address).owner if kind == c.MUTANT else None
    return AwaitedObject(address, None if kind is None else KINDS.get(kind, f"type {kind}"), owner or None)
