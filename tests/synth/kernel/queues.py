"""System work queues: where each build keeps them, their workers and what waits in them."""

from __future__ import annotations

import struct

from tests.synth.kernel.layout import Record
from tests.synth.kernel.spec import WorkItem, WorkQueue
from tests.synth.kernel.waits import QUEUE
from tests.synth.kernel.world import World

PRIORITY_QUEUE = 21
"""DISPATCHER_HEADER.Type of a KPRIQUEUE."""
INDICES = 8
IO_WORK_ITEM = 0x58
"""Size of an IO_WORKITEM, which is in no symbols: routine at +20, device at +28."""


def queues_of(world: World) -> tuple[WorkQueue, ...]:
    """Queues that this build has a place for: the oldest knows no nodes."""
    nodes = world.layout.has("_KPRIQUEUE")
    return tuple(queue for queue in world.system.work_queues if nodes or queue.node == 0)


def reserve_queues(world: World) -> None:
    """Give every queue its address, where the build keeps queues."""
    size = world.layout.size("_EX_WORK_QUEUE")
    for queue in queues_of(world):
        name = f"queue:{queue.key}"
        if not world.layout.has("_KPRIQUEUE"):
            world.names[name] = world.global_address("ExWorkerQueue") + size * queue.index
        elif world.layout.has("_ENODE.ExWorkQueues") and queue.index in EMBEDDED:
            member = EMBEDDED[queue.index]
            if world.layout.has(f"_ENODE.{member}"):
                world.names[name] = _node(world, queue.node) + world.layout.at(f"_ENODE.{member}")
        if name not in world.names:
            world.allocate(name, size, "ExWq")


EMBEDDED = {0: "ExWorkQueue", 1: "IoWorkQueue"}
"""Queues that a node holds by value where it holds queues at all."""


def _node(world: World, number: int) -> int:
    """Address of a node of the machine."""
    name = f"enode:{number}"
    if name not in world.names:
        type_name = "_ENODE" if world.layout.has("_ENODE") else "_KNODE"
        record = world.record("_KNODE", world.layout.size(type_name)).put(NodeNumber=number)
        world.names[name] = world.reserve("tables", len(record.data), 0x40)
        world.put(world.names[name], bytes(record))
    return world.names[name]


def write_queues(world: World) -> None:
    """Write the queues with their workers and items, and what leads to them."""
    count = max((queue.node for queue in queues_of(world)), default=0) + 1
    nodes = [_node(world, number) for number in range(count)]
    world.set_global("KeNodeBlock", struct.pack(f"<{count}Q", *nodes))
    world.set_global("KeNumberNodes", struct.pack("<H", count))
    _write_ways(world, nodes)
    for queue in queues_of(world):
        _write_queue(world, queue)


def _write_ways(world: World, nodes: list[int]) -> None:
    layout = world.layout
    pointers = [[0] * INDICES for _ in nodes]
    for queue in queues_of(world):
        pointers[queue.node][queue.index] = world.address(f"queue:{queue.key}")
    if layout.has("_ENODE.ExWorkQueues"):
        for node, own in zip(nodes, pointers):
            world.put(node + layout.at("_ENODE.ExWorkQueues"), struct.pack(f"<{INDICES}Q", *own))
    if layout.has("_EX_PARTITION"):
        _write_partition(world, pointers)


def _write_partition(world: World, pointers: list[list[int]]) -> None:
    """The system's partition, and in it an array of queues for each node."""
    arrays = []
    for number, own in enumerate(pointers):
        arrays.append(world.allocate(f"queues of node {number}", 8 * INDICES, "ExPa", "tables"))
        world.put(arrays[-1], struct.pack(f"<{INDICES}Q", *own))
    of_nodes = world.allocate("queues of nodes", 8 * len(arrays), "ExPa", "tables")
    world.put(of_nodes, struct.pack(f"<{len(arrays)}Q", *arrays))
    executive = world.record("_EX_PARTITION").put(WorkQueues=of_nodes)
    world.put(world.allocate("ex partition", len(executive.data), "ExPa", "tables"), bytes(executive))
    partition = world.record("_EPARTITION").put(ExPartition=world.address("ex partition"))
    world.put(world.allocate("partition", len(partition.data), "PsPa", "tables"), bytes(partition))
    world.set_global("PspSystemPartition", world.address("partition"))


def _write_queue(world: World, queue: WorkQueue) -> None:
    layout, address = world.layout, world.address(f"queue:{queue.key}")
    workers = [thread.key for thread in world.threads.values() if thread.queue == queue.key]
    count = len(workers) if queue.thread_count is None else queue.thread_count
    record = world.record("_EX_WORK_QUEUE").put(
        WorkItemsProcessed=queue.processed, WorkItemsProcessedLastPass=queue.processed_last_pass
    )
    record.put_known(
        ThreadCount=count,
        MinThreads=queue.min_threads,
        MaxThreads=queue.max_threads,
        TryFailed=int(queue.try_failed),
        QueueIndex=queue.index,
        DynamicThreadCount=count,
        QueueDepthLastPass=len(queue.pending),
    )
    inner = "WorkPriQueue" if layout.has("_EX_WORK_QUEUE.WorkPriQueue") else "WorkerQueue"
    record.put(**{f"{inner}__Header__Type": PRIORITY_QUEUE if inner == "WorkPriQueue" else QUEUE})
    record.put(**{f"{inner}__Header__SignalState": len(queue.pending), f"{inner}__MaximumCount": 4})
    world.put(address, bytes(record))
    world.ring([address + layout.at(f"_EX_WORK_QUEUE.{inner}.Header.WaitListHead")])
    _link_workers(world, address + layout.at(f"_EX_WORK_QUEUE.{inner}"), workers)
    _link_items(world, queue, f"_EX_WORK_QUEUE.{inner}")


def _link_workers(world: World, queue: int, workers: list[str]) -> None:
    layout = world.layout
    type_name = "_KPRIQUEUE" if layout.has("_KPRIQUEUE") else "_KQUEUE"
    entries = []
    for key in workers:
        thread = world.address(f"thread:{key}")
        world.put_pointer(thread + layout.at("_KTHREAD.Queue"), queue)
        entries.append(thread + layout.at("_KTHREAD.QueueListEntry"))
    world.ring([queue + layout.at(f"{type_name}.ThreadListHead"), *entries])


def _link_items(world: World, queue: WorkQueue, path: str) -> None:
    layout, address = world.layout, world.address(f"queue:{queue.key}")
    items = [_item(world, f"item:{queue.key}:{index}", item) for index, item in enumerate(queue.pending)]
    heads = layout.place(f"{path}.EntryListHead")
    if "[" not in heads.type_name:
        world.ring([address + heads.offset, *items])
        return
    for priority in range(32):
        here = items if priority == queue.priority else []
        world.ring([address + layout.at(f"{path}.EntryListHead[{priority}]"), *here])


def _item(world: World, name: str, item: WorkItem) -> int:
    """Address of a work item's list entry; for a device's item its own routine and device stand behind it."""
    layout = world.layout
    routine = "nt!IopProcessWorkItem" if item.device else item.routine
    address = world.allocate(name, IO_WORK_ITEM, "IoWi")
    record = Record(layout, "_WORK_QUEUE_ITEM").put(WorkerRoutine=world.code.address(routine), Parameter=address)
    world.put(address, bytes(record))
    if item.device:
        device = world.address(f"device:{item.device}")
        world.put(address + 0x20, struct.pack("<QQQ", world.code.address(item.routine), device, address))
    return address + layout.at("_WORK_QUEUE_ITEM.List")
