"""Drivers, devices, files and requests, and the tree of devices."""

from __future__ import annotations

from tests.synth.kernel.layout import Record
from tests.synth.kernel.objects import allocate_object
from tests.synth.kernel.spec import Device, DriverObject, File, Irp, Location
from tests.synth.kernel.world import World
from tests.synth.memory import PAGE

DRIVER_TYPE, DEVICE_TYPE, FILE_TYPE, IRP_TYPE, EXTENSION_TYPE = 4, 3, 5, 6, 13
"""First field of each structure."""
PRIVATE_EXTENSION = 0x40
"""What a driver keeps for itself behind its device object."""
PENDING, INVOKE_ALWAYS = 0x01, 0xE0
ROOT_STATE = 0x308


def reserve_requests(world: World) -> None:
    """Give every driver, device, file and request its address."""
    layout, system = world.layout, world.system
    for driver in system.driver_objects:
        allocate_object(world, f"driver:{driver.key}", "Driver", layout.size("_DRIVER_OBJECT"), named=True)
    for device in system.devices:
        size = layout.size("_DEVICE_OBJECT") + PRIVATE_EXTENSION + layout.size("_DEVOBJ_EXTENSION")
        allocate_object(world, f"device:{device.key}", "Device", size)
        if device.instance:
            world.allocate(f"node:{device.key}", layout.size("_DEVICE_NODE"), "Dvnd")
    for file in system.files:
        allocate_object(world, f"file:{file.key}", "File", layout.size("_FILE_OBJECT"))
    for irp in system.irps:
        size = layout.size("_IRP") + layout.size("_IO_STACK_LOCATION") * len(irp.locations)
        world.allocate(f"irp:{irp.key}", size, "Irp ")


def write_requests(world: World) -> None:
    """Write them and link them to each other and to their threads."""
    system = world.system
    for driver in system.driver_objects:
        _write_driver(world, driver)
    for device in system.devices:
        _write_device(world, device)
    for file in system.files:
        _write_file(world, file)
    _write_nodes(world)
    for irp in system.irps:
        _write_irp(world, irp)
    _link_to_threads(world)


def _link_to_threads(world: World) -> None:
    offset = world.layout.at("_IRP.ThreadListEntry")
    entries: dict[str, list[int]] = {}
    for irp in world.system.irps:
        if irp.thread:
            entries.setdefault(irp.thread, []).append(world.address(f"irp:{irp.key}") + offset)
    for thread, links in entries.items():
        world.ring([world.address(f"thread:{thread}") + world.layout.at("_ETHREAD.IrpList"), *links])


def _address(world: World, kind: str, key: str) -> int:
    return world.address(f"{kind}:{key}") if key else 0


def _write_driver(world: World, driver: DriverObject) -> None:
    loaded = world.images[driver.module]
    devices = [device.key for device in world.system.devices if device.driver == driver.key]
    record = world.record("_DRIVER_OBJECT").put(
        Type=DRIVER_TYPE,
        Size=world.layout.size("_DRIVER_OBJECT"),
        DeviceObject=_address(world, "device", devices[0] if devices else ""),
        DriverStart=loaded.base,
        DriverSize=loaded.image.linked.size_of_image,
        DriverSection=world.address(f"module:{driver.module}"),
        DriverName=_driver_name(world, driver),
    )
    dispatch = loaded.base + loaded.image.source.functions[1].rva
    for major in range(28):
        record.at(f"MajorFunction[{major}]", dispatch)
    world.put(world.address(f"driver:{driver.key}"), bytes(record))


def _driver_name(world: World, driver: DriverObject) -> bytes:
    """A UNICODE_STRING whose characters may be in the page file."""
    if not driver.name_paged_out:
        return world.write_text(driver.name, "paged")[1]
    size = 2 * len(driver.name)
    address = world.reserve("paged", PAGE, PAGE)
    return size.to_bytes(2, "little") + (size + 2).to_bytes(2, "little") + bytes(4) + address.to_bytes(8, "little")


def _write_device(world: World, device: Device) -> None:
    layout, address = world.layout, world.address(f"device:{device.key}")
    siblings = [each.key for each in world.system.devices if each.driver == device.driver]
    following = siblings[siblings.index(device.key) + 1 :]
    above = next((each.key for each in world.system.devices if each.on == device.key), "")
    extension = address + layout.size("_DEVICE_OBJECT") + PRIVATE_EXTENSION
    record = world.record("_DEVICE_OBJECT").put(
        Type=DEVICE_TYPE,
        Size=layout.size("_DEVICE_OBJECT") + PRIVATE_EXTENSION,
        ReferenceCount=device.references,
        DriverObject=world.address(f"driver:{device.driver}"),
        NextDevice=_address(world, "device", following[0] if following else ""),
        AttachedDevice=_address(world, "device", above),
        DeviceExtension=address + layout.size("_DEVICE_OBJECT"),
        DeviceType=device.kind,
        StackSize=_height(world, device),
        DeviceObjectExtension=extension,
    )
    world.put(address, bytes(record))
    more = world.record("_DEVOBJ_EXTENSION").put(
        Type=EXTENSION_TYPE,
        DeviceObject=address,
        AttachedTo=_address(world, "device", device.on),
        DeviceNode=_address(world, "node", device.key if device.instance else ""),
    )
    world.put(extension, bytes(more))


def _height(world: World, device: Device) -> int:
    height, below = 1, device.on
    while below:
        height += 1
        below = next(each.on for each in world.system.devices if each.key == below)
    return height


def _write_nodes(world: World) -> None:
    """A root with one child for each physical device object that has a node."""
    layout = world.layout
    children = [device for device in world.system.devices if device.instance]
    root = world.allocate("node", layout.size("_DEVICE_NODE"), "Dvnd")
    _, text = world.write_text(r"HTREE\ROOT\0")
    record = world.record("_DEVICE_NODE").put(State=ROOT_STATE, InstancePath=text)
    if children:
        record.put(Child=world.address(f"node:{children[0].key}"), LastChild=world.address(f"node:{children[-1].key}"))
    world.put(root, bytes(record))
    world.set_global("IopRootDeviceNode", root)
    for device, after in zip(children, [*children[1:], None]):
        service = next(each for each in world.system.driver_objects if each.key == device.driver).module
        node = world.record("_DEVICE_NODE").put(
            Parent=root,
            Sibling=world.address(f"node:{after.key}") if after else 0,
            PhysicalDeviceObject=world.address(f"device:{device.key}"),
            InstancePath=world.write_text(device.instance)[1],
            ServiceName=world.write_text(service)[1],
            State=device.node_state,
            Problem=device.problem,
            Level=1,
        )
        world.put(world.address(f"node:{device.key}"), bytes(node))


def _write_file(world: World, file: File) -> None:
    layout, address = world.layout, world.address(f"file:{file.key}")
    record = world.record("_FILE_OBJECT").put(
        Type=FILE_TYPE,
        Size=layout.size("_FILE_OBJECT"),
        DeviceObject=world.address(f"device:{file.device}"),
        FileName=world.write_text(file.name, "paged")[1],
    )
    for member in ("Lock", "Event"):
        record.at(f"{member}.Header.Type", int(member == "Lock"))
        record.at(f"{member}.Header.Size", 6)
        at = address + layout.at(f"_FILE_OBJECT.{member}.Header.WaitListHead")
        record.links(f"{member}.Header.WaitListHead", at, at)
    world.put(address, bytes(record))


def _write_irp(world: World, irp: Irp) -> None:
    layout, address = world.layout, world.address(f"irp:{irp.key}")
    header, step = layout.size("_IRP"), layout.size("_IO_STACK_LOCATION")
    record = world.record("_IRP").put(
        Type=IRP_TYPE,
        Size=header + step * len(irp.locations),
        StackCount=len(irp.locations),
        CurrentLocation=irp.current,
        Cancel=int(irp.cancelled),
        UserEvent=world.address(f"event:{irp.event}") if irp.event else 0,
        Tail__Overlay__Thread=_address(world, "thread", irp.thread),
        Tail__Overlay__CurrentStackLocation=address + header + step * (irp.current - 1),
    )
    if irp.cancellable:
        record.put(CancelRoutine=world.code.address(_cancel_routine(world, irp)))
    own = address + layout.at("_IRP.ThreadListEntry")
    record.links("ThreadListEntry", own, own)
    world.put(address, bytes(record))
    for index, location in enumerate(irp.locations):
        if index >= irp.current - 1:
            world.put(address + header + step * index, bytes(_location(world, location)))


def _cancel_routine(world: World, irp: Irp) -> str:
    module = module_of(world, irp.locations[min(irp.current, len(irp.locations)) - 1].device)
    return f"{module}!{world.images[module].image.source.functions[-1].symbol}"


def _location(world: World, location: Location) -> Record:
    return world.record("_IO_STACK_LOCATION").put(
        MajorFunction=location.major,
        MinorFunction=location.minor,
        Control=INVOKE_ALWAYS | (PENDING if location.pending else 0),
        DeviceObject=world.address(f"device:{location.device}"),
        FileObject=_address(world, "file", location.file),
    )


def module_of(world: World, device: str) -> str:
    """Module of a device's driver."""
    driver = next(each.driver for each in world.system.devices if each.key == device)
    return next(each.module for each in world.system.driver_objects if each.key == driver)
