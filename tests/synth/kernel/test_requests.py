"""Requests, device stacks and work queues, read by a reader of a few lines."""

from __future__ import annotations

import pytest

from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenarios import build

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", ["storage-stall", "stuck-requests"])
def test_requests_are_on_their_threads(name: str, build_name: str) -> None:
    dump = build(name, build_name)
    reader = KernelReader(dump)
    for thread in dump.truth.threads:
        expected = [each.irp for each in dump.truth.requests if each.thread == thread.address]
        assert reader.list_of("_ETHREAD.IrpList", thread.address, "_IRP.ThreadListEntry") == expected


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", ["storage-stall", "stuck-requests"])
def test_the_current_location_names_the_driver(name: str, build_name: str) -> None:
    dump = build(name, build_name)
    reader = KernelReader(dump)
    for request in dump.truth.requests:
        current = reader.field("_IRP.CurrentLocation", request.irp)
        assert (current > reader.field("_IRP.StackCount", request.irp)) == request.completed
        location = reader.field("_IRP.Tail.Overlay.CurrentStackLocation", request.irp)
        assert location == request.irp + 0xD0 + 0x48 * (current - 1)
        if request.completed:
            continue
        device = reader.field("_IO_STACK_LOCATION.DeviceObject", location)
        driver = reader.field("_DEVICE_OBJECT.DriverObject", device)
        assert device == request.device
        assert reader.field("_IO_STACK_LOCATION.MajorFunction", location) == request.major
        assert reader.field("_DRIVER_OBJECT.DriverStart", driver) == dump.truth.module_bases[request.module]


def test_a_drivers_name_may_be_paged_out() -> None:
    dump = build("stuck-requests")
    reader = KernelReader(dump)
    driver = dump.truth.names["driver:lab"]
    assert reader.memory.pfn_of(reader.field("_DRIVER_OBJECT.DriverName.Buffer", driver)) is None
    other = dump.truth.names["driver:disk"] + reader.layout.at("_DRIVER_OBJECT.DriverName")
    assert reader.memory.text(other) == r"\Driver\disk"


@pytest.mark.parametrize("build_name", BUILDS)
def test_devices_are_stacked(build_name: str) -> None:
    dump = build("storage-stall", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    assert reader.field("_DEVICE_OBJECT.AttachedDevice", names["device:unit"]) == names["device:disk"]
    extension = reader.field("_DEVICE_OBJECT.DeviceObjectExtension", names["device:disk"])
    assert reader.field("_DEVOBJ_EXTENSION.AttachedTo", extension) == names["device:unit"]
    driver = names["driver:stornvme"]
    assert reader.field("_DRIVER_OBJECT.DeviceObject", driver) == names["device:unit"]
    assert reader.field("_DEVICE_OBJECT.NextDevice", names["device:unit"]) == names["device:adapter"]


@pytest.mark.parametrize("build_name", BUILDS)
def test_drivers_are_found_by_name(build_name: str) -> None:
    dump = build("storage-stall", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    root = directory(reader, reader.variable("ObpRootDirectoryObject"))
    drivers = {**directory(reader, root["Driver"]), **directory(reader, root["FileSystem"])}
    expected = {each.name.rpartition("\\")[2]: names[f"driver:{each.key}"] for each in dump.truth.system.driver_objects}
    assert drivers == expected


def directory(reader: KernelReader, address: int) -> dict[str, int]:
    """Objects of a directory by name."""
    found = {}
    for bucket in range(37):
        entry = reader.memory.pointer(address + 8 * bucket)
        while entry:
            body = reader.field("_OBJECT_DIRECTORY_ENTRY.Object", entry)
            mask = reader.field("_OBJECT_HEADER.InfoMask", body - 0x30)
            offset = reader.memory.read(reader.truth.names["global:ObpInfoMaskToOffset"] + (mask & 3), 1)[0]
            name = reader.layout.at("_OBJECT_HEADER_NAME_INFO.Name")
            found[reader.memory.text(body - 0x30 - offset + name)] = body
            entry = reader.field("_OBJECT_DIRECTORY_ENTRY.ChainLink", entry)
    return found


@pytest.mark.parametrize("build_name", BUILDS)
def test_device_nodes_hang_on_the_root(build_name: str) -> None:
    dump = build("storage-stall", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    root = reader.variable("IopRootDeviceNode")
    child = reader.field("_DEVICE_NODE.Child", root)
    assert reader.field("_DEVICE_NODE.PhysicalDeviceObject", child) == names["device:unit"]
    assert reader.memory.text(child + reader.layout.at("_DEVICE_NODE.InstancePath")).startswith("SCSI")


def queue_address(reader: KernelReader, node: int, index: int) -> int:
    """A work queue, by the way that leads to it in this build."""
    layout = reader.layout
    if not layout.has("_KPRIQUEUE"):
        return reader.truth.names["global:ExWorkerQueue"] + layout.size("_EX_WORK_QUEUE") * index
    if layout.has("_ENODE.ExWorkQueues"):
        enode = reader.memory.pointer(reader.truth.names["global:KeNodeBlock"] + 8 * node)
        return reader.memory.pointer(enode + layout.at("_ENODE.ExWorkQueues") + 8 * index)
    partition = reader.field("_EPARTITION.ExPartition", reader.variable("PspSystemPartition"))
    nodes = reader.field("_EX_PARTITION.WorkQueues", partition)
    return reader.memory.pointer(reader.memory.pointer(nodes + 8 * node) + 8 * index)


def pending(reader: KernelReader, queue: int) -> int:
    """Entries in the queue's lists."""
    if not reader.layout.has("_KPRIQUEUE"):
        return len(reader.members(queue + reader.layout.at("_KQUEUE.EntryListHead"), "_WORK_QUEUE_ITEM.List"))
    heads = queue + reader.layout.at("_KPRIQUEUE.EntryListHead")
    return sum(len(reader.memory.ring(heads + 16 * priority)) for priority in range(32))


@pytest.mark.parametrize("build_name", BUILDS)
def test_work_queues_are_where_the_build_keeps_them(build_name: str) -> None:
    dump = build("stuck-work-queue", build_name)
    reader = KernelReader(dump)
    assert reader.variable("KeNumberNodes", 2) == 1 + max(each.node for each in dump.truth.work_queues)
    for truth in dump.truth.work_queues:
        queue = queue_address(reader, truth.node, truth.index)
        assert queue == truth.address
        assert pending(reader, queue) == truth.pending
        assert workers(dump, reader, queue) == truth.workers
        assert reader.field("_EX_WORK_QUEUE.WorkItemsProcessed", queue) == truth.spec.processed


def workers(dump: BuiltSystem, reader: KernelReader, queue: int) -> tuple[int, ...]:
    """Threads that serve the queue."""
    type_name = "_KPRIQUEUE" if reader.layout.has("_KPRIQUEUE") else "_KQUEUE"
    threads = reader.members(queue + reader.layout.at(f"{type_name}.ThreadListHead"), "_KTHREAD.QueueListEntry")
    assert set(threads) <= {thread.address for thread in dump.truth.threads}
    return tuple(threads)
