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


def reserve_queues(world: World) -> None:
    """Give every queue its address, where the build keeps queues."""
    size = world.layout.size("_EX_WORK_QUEUE")
    for queue in world.system.work_queues:
        name = f"queue:{queue.key}"
        if not world.layout.has("_KPRIQUEUE"):
            world.names[name] = world.global_address("ExWorkerQueue") + size * queue.index
        elif world.layout.has("_ENODE.ExWorkQueues") and queue.index in EMBEDDED:
            member = EMBEDDED[queue.index]
            if world.layout.has(f"_ENODE.{member}"):
                world.names[name] = _node(world) + world.layout.at(f"_ENODE.{member}")
        if name not in world.names:
            world.allocate(name, size, "ExWq")


EMBEDDED = {0: "ExWorkQueue", 1: "IoWorkQueue"}
"""Queues that a node holds by value where it holds queues at all."""


def _node(world: World) -> int:
    """Address of the machine's one node."""
    if "enode" not in world.names:
        size = world.layout.size("_ENODE" if world.layout.has("_ENODE") else "_KNODE")
        address = world.reserve("tables", size, 0x40)
        world.put(address, bytes(size))
        world.names["enode"] = address
    return world.names["enode"]


def write_queues(world: World) -> None:
    """Write the queues with their workers and items, and what leads to them."""
    world.set_global("KeNodeBlock", _node(world))
    _write_ways(world)
    for queue in world.system.work_queues:
        _write_queue(world, queue)


def _write_ways(world: World) -> None:
    layout = world.layout
    pointers = [0] * INDICES
    for queue in world.system.work_queues:
        pointers[queue.index] = world.address(f"queue:{queue.key}")
    if layout.has("_ENODE.ExWorkQueues"):
        world.put(_node(world) + layout.at("_ENODE.ExWorkQueues"), struct.pack(f"<{INDICES}Q", *pointers))
    if not layout.has("_EX_PARTITION"):
        return
    of_node = world.allocate("queues of node", 8 * INDICES, "ExPa", "tables")
    world.put(of_node, struct.pack(f"<{INDICES}Q", *pointers))
    of_nodes = world.allocate("queues of nodes", 8, "ExPa", "tables")
    world.put_pointer(of_nodes, of_node)
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
