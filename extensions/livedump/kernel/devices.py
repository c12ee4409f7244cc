"""Devices that stand on each other, and the volume that a file system is mounted on.

Source: public symbols of nt; wdm.h of the Windows SDK. A file system's device is attached to no device of the storage
below it: a volume parameter block (VPB) leads from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

from livedump.kernel.structure import Structure, member, pointer
from livedump.kernel.typed_memory import TypedMemory
from livedump.model.addresses import format_address, is_kernel_address
from livedump.model.requests import DeviceStack, StackedDevice

MAX_HEIGHT = 64
"""Devices of one stack, up and down from the first; Windows counts them in a signed byte."""

ModuleAt = Callable[[int], Optional[str]]
"""The module at an address."""


class DriverObject(Structure):
    """A driver."""

    type_name = "_DRIVER_OBJECT"
    name = member("DriverName", str)
    start = member("DriverStart", int)


class DeviceObject(Structure):
    """A device."""

    type_name = "_DEVICE_OBJECT"
    driver = member("DriverObject", pointer(DriverObject))
    above = member("AttachedDevice", int)
    volume = member("Vpb", int)
    extension = member("DeviceObjectExtension", int)


class DeviceExtension(Structure):
    """What the kernel keeps of a device for itself."""

    type_name = "_DEVOBJ_EXTENSION"
    below = member("AttachedTo", int)


class VolumeBlock(Structure):
    """A VPB."""

    type_name = "_VPB"
    file_system = member("DeviceObject", int)
    """The device of the file system that is mounted; 0 where none is."""
    real_device = member("RealDevice", int)
    """The device of the volume."""


class Driver(NamedTuple):
    """The driver of a device."""

    module: str | None
    name: str | None


class DeviceReader:
    """Reads devices of one dump; each driver once."""

    def __init__(self, memory: TypedMemory, module_at: ModuleAt) -> None:
        self._memory = memory
        self._module_at = module_at
        self._drivers: dict[int, Driver] = {}

    def driver(self, driver: DriverObject | None) -> Driver:
        """Module and name of a driver object."""
        if not driver:
            return Driver(None, None)
        known = self._drivers.get(driver.address)
        if known is None:
            start = driver.start
            known = Driver(self._module_at(start) if start else None, driver.name)
            self._drivers[driver.address] = known
        return known

    def volume_of(self, block: int | None) -> int | None:
        """The device of the volume that a VPB is of."""
        return VolumeBlock(self._memory, block).real_device or None if block else None

    def stack(self, device: int, requests: int) -> DeviceStack:
        """All devices above and below one, with the file system that is mounted on one of them."""
        problems: list[str] = []
        upper = list(self._above(device, problems))
        lower = list(self._below(device, problems))
        addresses = [*reversed(upper), device, *lower]
        return DeviceStack(
            device=device,
            requests=requests,
            devices=tuple(map(self._described, addresses)),
            file_system=next(filter(None, map(self._mounted, addresses)), None),
            problem="; ".join(problems) or None,
        )

    def _described(self, address: int) -> StackedDevice:
        driver = self.driver(DeviceObject(self._memory, address).driver)
        return StackedDevice(address, driver.module, driver.name)

    def _mounted(self, address: int) -> StackedDevice | None:
        block = DeviceObject(self._memory, address).volume
        mounted = VolumeBlock(self._memory, block).file_system if block else None
        return self._described(mounted) if mounted else None

    def _above(self, device: int, problems: list[str]) -> Iterator[int]:
        return _steps(device, lambda at: DeviceObject(self._memory, at).above, "above", problems)

    def _below(self, device: int, problems: list[str]) -> Iterator[int]:
        return _steps(device, self._attached_to, "below", problems)

    def _attached_to(self, device: int) -> int | None:
        extension = DeviceObject(self._memory, device).extension
        return DeviceExtension(self._memory, extension).below if extension else extension


def _steps(device: int, step: Callable[[int], int | None], way: str, problems: list[str]) -> Iterator[int]:
    # From device to device, until there is none; a missing page, a circle and whatever is no address are told.
    seen = {device}
    while (following := step(device)) != 0:
        if following is None:
            problems.append(f"what stands {way} {format_address(device)} is not captured")
            return
        if following in seen or not is_kernel_address(following) or len(seen) > MAX_HEIGHT:
            problems.append(f"what stands {way} {format_address(device)} makes no sense: {format_address(following)}")
            return
        seen.add(following)
        yield following
        device = following
