"""Requests (IRPs) that threads have sent and that are not done with.

Source: public symbols of nt; wdm.h of the Windows SDK. The stack locations of a request lie right behind it, so that
the current one follows from their number whatever the symbols tell of the request's unnamed members.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from livedump.kernel.devices import DeviceObject, DeviceReader, ModuleAt
from livedump.kernel.linked_list import walk_list
from livedump.kernel.structure import Structure, member, pointer
from livedump.kernel.typed_memory import TypedMemory
from livedump.model.errors import DumpError
from livedump.model.listing import Listing, joined_problems
from livedump.model.patience import KeepGoing
from livedump.model.requests import DeviceStack, Request
from livedump.model.threads import Census

MAX_REQUESTS = 1 << 20
"""Of all threads together."""
SMALLEST_REQUEST = 0xD0
"""Bytes of an IRP without what drivers keep behind it."""
MAX_REQUESTS_OF_ONE = 1 << 16
MAX_LOCATIONS = 126
MAX_STACKS = 256
"""Devices whose stacks are read."""
MAX_PROBLEMS = 8
"""That are told one by one."""


class FileObject(Structure):
    """An open file."""

    type_name = "_FILE_OBJECT"
    name = member("FileName", str)
    volume = member("Vpb", int)


class StackLocation(Structure):
    """What one driver is asked to do with a request."""

    type_name = "_IO_STACK_LOCATION"
    major = member("MajorFunction", int)
    minor = member("MinorFunction", int)
    device = member("DeviceObject", pointer(DeviceObject))
    file = member("FileObject", pointer(FileObject))


class Irp(Structure):
    """A request."""

    type_name = "_IRP"
    stack_count = member("StackCount", int)
    current_location = member("CurrentLocation", int)
    cancel = member("Cancel", bool)


class RequestReader:
    """Reads the requests of all threads of one dump."""

    def __init__(self, memory: TypedMemory, module_at: ModuleAt, keep_going: KeepGoing) -> None:
        self._memory = memory
        self._keep_going = keep_going
        self._devices = DeviceReader(memory, module_at)
        self._problems: list[str] = []

    def read(self, census: Census) -> Listing[Request]:
        """All requests, thread by thread.

        Raises:
            NotKnown: nothing tells where a thread keeps them.
        """
        head = self._memory.offset("_ETHREAD", "IrpList")
        link = self._memory.offset(Irp.type_name, "ThreadListEntry")
        self._problems += [census.threads.problem] if census.threads.problem else []
        found: list[Request] = []
        most = self._memory.room_for(MAX_REQUESTS, SMALLEST_REQUEST)
        for index, thread in enumerate(census.threads):
            if len(found) >= most or not self._keep_going():
                left = len(census.threads) - index
                self._problems.append(f"the requests of {left:,} threads were not looked at")
                break
            found += self._of_thread(thread.address, head, link, most - len(found))
        return Listing(tuple(found), joined_problems(*self._problems))

    def read_thread(self, thread: int) -> Listing[Request]:
        """The requests of the ETHREAD at that address.

        Raises:
            NotKnown: nothing tells where a thread keeps them.
        """
        head = self._memory.offset("_ETHREAD", "IrpList")
        link = self._memory.offset(Irp.type_name, "ThreadListEntry")
        found = tuple(self._of_thread(thread, head, link, self._memory.room_for(MAX_REQUESTS, SMALLEST_REQUEST)))
        return Listing(found, joined_problems(*self._problems))

    def device_stacks(self, requests: Iterable[Request]) -> Listing[DeviceStack]:
        """The stacks of the devices that have requests which are not done with, those with the most first."""
        counts = Counter(each.device for each in requests if each.device is not None and not each.completed)
        found = []
        for device, count in counts.most_common(MAX_STACKS):
            if not self._keep_going():
                break
            found.append(self._devices.stack(device, count))
        left = len(counts) - len(found)
        return Listing(tuple(found), f"the stacks of {left:,} devices were not looked at" if left else None)

    def _of_thread(self, thread: int, head: int, link: int, most: int) -> Iterator[Request]:
        return (self._request(Irp(self._memory, at - link), thread) for at in self._links(thread + head, most))

    def _links(self, head: int, most: int) -> Iterator[int]:
        try:
            walk = walk_list(self._memory, head, min(MAX_REQUESTS_OF_ONE, most))
        except DumpError as error:
            self._note(f"a thread's list of requests is missing: {error}")
            return
        if walk.problem:
            self._note(f"a thread's list of requests: {walk.problem}")
        yield from walk.entries

    def _note(self, problem: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(problem)

    def _request(self, irp: Irp, thread: int) -> Request:
        location, count = irp.current_location, irp.stack_count
        completed = location is not None and count is not None and location > count
        at = self._location(irp, location) if not completed else None
        device = at.device if at else None
        driver = self._devices.driver(device.driver if device else None)
        file = at.file if at else None
        return Request(
            irp=irp.address,
            thread=thread,
            driver=driver.module,
            driver_name=driver.name,
            device=device.address if device else None,
            file=file.name if file else None,
            volume=self._devices.volume_of(file.volume) if file else None,
            major=at.major if at else None,
            minor=at.minor if at else None,
            completed=completed,
            cancelled=bool(irp.cancel),
        )

    def _location(self, irp: Irp, number: int | None) -> StackLocation | None:
        if number is None or not 0 < number <= MAX_LOCATIONS:
            return None
        start = irp.address + Irp.size(self._memory)
        return StackLocation(self._memory, start + (number - 1) * StackLocation.size(self._memory))
