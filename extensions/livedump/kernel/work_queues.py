"""The system's work queues: their workers, and what waits in them.

Source: public symbols of nt. Windows 7 has an array of three; 8.1 and the first Windows 10 have pointers to them in
each node of the machine; later ones in the executive's part of the system partition, by node and number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Optional

from livedump.kernel.linked_list import walk_list
from livedump.kernel.structure import Structure, member
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u64
from livedump.model.addresses import is_kernel_address
from livedump.model.errors import DumpError, NotKnown
from livedump.model.layout import TypeKind
from livedump.model.listing import Listing, joined_problems
from livedump.model.requests import QueueFacts

AddressOf = Callable[[str], Optional[int]]
MAX_NODES, QUEUES_OF_NODE, OLD_QUEUES = 64, 8, 3
PRIORITIES = 32
MAX_ITEMS = 1 << 16
MAX_WORKERS = 1 << 14
POINTER_SIZE, LINK_SIZE = 8, 16


class EPartition(Structure):
    """A partition of the system."""

    type_name = "_EPARTITION"
    executive = member("ExPartition", int)


class ExPartition(Structure):
    """The executive's part of it."""

    type_name = "_EX_PARTITION"
    work_queues = member("WorkQueues", int)


class ExWorkQueue(Structure):
    """A work queue."""

    type_name = "_EX_WORK_QUEUE"
    processed = member("WorkItemsProcessed", int)
    processed_last_pass = member("WorkItemsProcessedLastPass", int)
    thread_count = member("ThreadCount", int)
    max_threads = member("MaxThreads", int)


class WorkItem(Structure):
    """Something to do."""

    type_name = "_WORK_QUEUE_ITEM"
    routine = member("WorkerRoutine", int)


def read_work_queues(memory: TypedMemory, address_of: AddressOf) -> Listing[QueueFacts]:
    """All queues that this build has, those of the first node first.

    Raises:
        NotKnown: it is not known where they are.
    """
    places = list(_places(memory, address_of))
    if not places:
        raise NotKnown("it is not known where the system's work queues are")
    found = tuple(_read_queue(memory, *place) for place in places)
    return Listing(found, joined_problems(*(problem for queue in found for problem in _problems(queue))))


def _problems(queue: QueueFacts) -> Iterator[str]:
    if queue.items.problem:
        yield f"items of the work queue {queue.address:x}: {queue.items.problem}"
    if queue.workers.problem:
        yield f"workers of the work queue {queue.address:x}: {queue.workers.problem}"


def _places(memory: TypedMemory, address_of: AddressOf) -> Iterator[tuple[int, int, int]]:
    """Address, node and number of each."""
    if memory.find(ExPartition.type_name, "WorkQueues") is not None:
        yield from _of_partition(memory, address_of("PspSystemPartition"))
    elif memory.find("_ENODE", "ExWorkQueues") is not None:
        yield from _of_nodes(memory, address_of("KeNodeBlock"))
    else:
        array = address_of("ExWorkerQueue")
        if array is not None:
            size, head = ExWorkQueue.size(memory), memory.offset(ExWorkQueue.type_name, "WorkerQueue.EntryListHead")
            queues = ((array + index * size, 0, index) for index in range(OLD_QUEUES))
            # A queue that was never set up has no list.
            yield from (each for each in queues if find_u64(memory, each[0] + head) != 0)


def _of_partition(memory: TypedMemory, variable: int | None) -> Iterator[tuple[int, int, int]]:
    partition = find_u64(memory, variable)
    executive = EPartition(memory, partition).executive if partition else None
    nodes = ExPartition(memory, executive).work_queues if executive else None
    for node in range(MAX_NODES if nodes else 0):
        array = find_u64(memory, (nodes or 0) + node * POINTER_SIZE)
        if not array or not is_kernel_address(array):
            return
        yield from _of_array(memory, array, node)


def _of_nodes(memory: TypedMemory, block: int | None) -> Iterator[tuple[int, int, int]]:
    offset = memory.offset("_ENODE", "ExWorkQueues")
    for node in range(MAX_NODES if block else 0):
        address = find_u64(memory, (block or 0) + node * POINTER_SIZE)
        if not address or not is_kernel_address(address):
            return
        yield from _of_array(memory, address + offset, node)


def _of_array(memory: TypedMemory, array: int, node: int) -> Iterator[tuple[int, int, int]]:
    for index in range(QUEUES_OF_NODE):
        queue = find_u64(memory, array + index * POINTER_SIZE)
        if queue:
            yield queue, node, index


def _read_queue(memory: TypedMemory, address: int, node: int, index: int) -> QueueFacts:
    queue = ExWorkQueue(memory, address)
    inner = "WorkPriQueue" if memory.find(ExWorkQueue.type_name, "WorkPriQueue") else "WorkerQueue"
    return QueueFacts(
        address=address,
        node=node,
        index=index,
        workers=_workers(memory, address + memory.offset(ExWorkQueue.type_name, f"{inner}.ThreadListHead")),
        items=_items(memory, address, f"{inner}.EntryListHead"),
        thread_count=queue.thread_count,
        max_threads=queue.max_threads,
        processed=queue.processed,
        processed_last_pass=queue.processed_last_pass,
    )


def _workers(memory: TypedMemory, head: int) -> Listing[int]:
    try:
        walk = walk_list(memory, head, MAX_WORKERS)
        link = memory.offset("_ETHREAD", "Tcb.QueueListEntry")
    except DumpError as error:
        return Listing((), str(error))
    return Listing(tuple(entry - link for entry in walk.entries), walk.problem)


def _items(memory: TypedMemory, queue: int, path: str) -> Listing[int]:
    heads = memory.find(ExWorkQueue.type_name, path)
    if heads is None:
        return Listing((), "it is not known where they wait")
    count = PRIORITIES if heads.type.kind is TypeKind.ARRAY else 1
    routines: list[int] = []
    problems: list[str | None] = []
    for priority in range(count):
        head = queue + heads.offset + priority * LINK_SIZE
        try:
            walk = walk_list(memory, head, MAX_ITEMS)
        except DumpError as error:
            problems.append(str(error))
            continue
        problems.append(walk.problem)
        routines += [WorkItem(memory, entry).routine or 0 for entry in walk.entries]
    return Listing(tuple(routines), _first_of(problems))


def _first_of(problems: Iterable[str | None]) -> str | None:
    # A dump without pool lacks all of the lists; each would be named in a line that nobody reads.
    known = list(dict.fromkeys(filter(None, problems)))
    return f"{known[0]} (and {len(known) - 1} more of its lists)" if known[1:] else next(iter(known), None)
