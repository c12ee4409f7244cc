"""Object types, object headers, handle tables and the table of client ids."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from tests.synth.kernel.layout import Record, words
from tests.synth.kernel.spec import ObjectType, Process
from tests.synth.kernel.world import World

COOKIE = 0x5C
OBJECT_HEADER = 0x30
NAME_INFO, NAME_BIT = 0x20, 2
"""Size of an object's name before its header, and the bit that tells of it."""
BUCKETS = 37
"""Of a directory."""
ENTRIES_PER_PAGE = 256
TYPE_NAMES = words(
    "Type Directory SymbolicLink Token Job Process Thread Partition UserApcReserve IoCompletionReserve "
    "ActivityReference DebugObject Event Mutant Callback Semaphore Timer IRTimer Profile KeyedEvent WindowStation "
    "Desktop Composition RawInputManager CoreMessaging TpWorkerFactory Adapter Controller Device Driver IoCompletion "
    "WaitCompletionPacket File TmTm TmTx TmRm TmEn Section Session Key Port Waitable Process-Filter EtwRegistration"
)
FIRST_INDEX = 2
TYPE_OF_PORT = "ALPC Port"
VARIABLES = {
    "PsProcessType": "Process",
    "PsThreadType": "Thread",
    "ExEventObjectType": "Event",
    "ExMutantObjectType": "Mutant",
    "ExSemaphoreObjectType": "Semaphore",
    "ExTimerObjectType": "Timer",
    "IoFileObjectType": "File",
    "IoDriverObjectType": "Driver",
    "IoDeviceObjectType": "Device",
    "ObpTypeObjectType": "Type",
}


def type_names() -> tuple[str, ...]:
    """Names of all object types, in the order of their indices."""
    return tuple(TYPE_OF_PORT if name == "Port" else name for name in TYPE_NAMES)


def write_object_types(world: World) -> None:
    """OBJECT_TYPEs with their counts, their table, and the kernel's variables that point to them."""
    world.set_global("ObHeaderCookie", struct.pack("<I", COOKIE))
    known = {each.name: each for each in world.system.object_types}
    table = [0, 0xBAD0B0B0]
    for index, name in enumerate(type_names(), FIRST_INDEX):
        table.append(_write_type(world, index, known.get(name, ObjectType(name, 3, 2))))
    world.set_global("ObTypeIndexTable", struct.pack(f"<{len(table)}Q", *table))
    world.set_global("ObpObjectTypes", struct.pack(f"<{len(table) - 2}Q", *table[2:]))
    for variable, name in VARIABLES.items():
        world.set_global(variable, world.address(f"type:{name}"))


def _write_type(world: World, index: int, counts: ObjectType) -> int:
    _, text = world.write_text(counts.name)
    address = allocate_object(world, f"type:{counts.name}", "Type", world.layout.size("_OBJECT_TYPE"), tag="ObjT")
    record = world.record("_OBJECT_TYPE").put(
        Name=text,
        Index=index,
        TotalNumberOfObjects=counts.objects,
        TotalNumberOfHandles=counts.handles,
        HighWaterNumberOfObjects=max(counts.most_objects, counts.objects),
        HighWaterNumberOfHandles=max(counts.most_handles, counts.handles),
        Key=int.from_bytes((counts.key or counts.name)[:4].ljust(4).encode(), "little"),
    )
    record.links("TypeList", address, address)
    world.put(address, bytes(record))
    return address


def allocate_object(
    world: World, name: str, type_name: str, size: int, *, tag: str = "", arena: str = "pool", named: bool = False
) -> int:
    """Address of an object's body, behind its header; ``named`` leaves room for its name before that."""
    before = NAME_INFO if named else 0
    start = world.allocate(name, before + OBJECT_HEADER + size, tag or type_name[:4], arena) + before
    world.put(start, object_header(world, start, type_name, named=named))
    world.names[name] = start + OBJECT_HEADER
    return start + OBJECT_HEADER


def put_name(world: World, name: str, text: str, directory: int) -> None:
    """Give a named object its name and the directory that it is in."""
    record = world.record("_OBJECT_HEADER_NAME_INFO").put(Directory=directory, Name=world.write_text(text, "paged")[1])
    world.put(world.address(name) - OBJECT_HEADER - NAME_INFO, bytes(record)[:NAME_INFO])


def write_directories(world: World) -> None:
    """The root of the object names with ``Driver`` and ``FileSystem`` in it, and in those the drivers."""
    mask = bytearray(0x100)
    mask[NAME_BIT] = mask[NAME_BIT | 1] = NAME_INFO
    world.set_global("ObpInfoMaskToOffset", bytes(mask))
    members: dict[str, list[str]] = {"Driver": [], "FileSystem": []}
    for driver in world.system.driver_objects:
        folder, _, text = driver.name.lstrip("\\").partition("\\")
        put_name(world, f"driver:{driver.key}", text, world.address(f"directory:{folder}"))
        members[folder].append(f"driver:{driver.key}")
    for folder, names in members.items():
        put_name(world, f"directory:{folder}", folder, world.address("directory:"))
        _write_directory(world, f"directory:{folder}", names)
    _write_directory(world, "directory:", [f"directory:{folder}" for folder in members])
    world.set_global("ObpRootDirectoryObject", world.address("directory:"))


def reserve_directories(world: World) -> None:
    """Give the directories their addresses."""
    for folder in ("", "Driver", "FileSystem"):
        allocate_object(
            world, f"directory:{folder}", "Directory", world.layout.size("_OBJECT_DIRECTORY"), named=bool(folder)
        )


def _write_directory(world: World, name: str, members: Sequence[str]) -> None:
    """Members in the buckets that their names hash to; those of one bucket are chained."""
    record = world.record("_OBJECT_DIRECTORY")
    buckets: dict[int, int] = {}
    for member in members:
        bucket = zlib.crc32(member.encode()) % BUCKETS
        entry = world.record("_OBJECT_DIRECTORY_ENTRY").put(
            ChainLink=buckets.get(bucket, 0), Object=world.address(member)
        )
        buckets[bucket] = world.allocate(f"entry:{member}", len(entry.data), "ObDi", "paged")
        world.put(buckets[bucket], bytes(entry))
    for bucket, entry_address in buckets.items():
        record.at(f"HashBuckets[{bucket}]", entry_address)
    world.put(world.address(name), bytes(record))


def object_header(world: World, address: int, type_name: str, *, named: bool = False) -> bytes:
    """OBJECT_HEADER at ``address``: its type index hides behind the cookie and the address where the build does so."""
    index = type_names().index(type_name) + FIRST_INDEX
    if world.has_global("ObHeaderCookie"):
        index ^= COOKIE ^ (address >> 8 & 0xFF)
    header = Record(world.layout, "_OBJECT_HEADER").put(PointerCount=32769, HandleCount=1, TypeIndex=index)
    header.put(InfoMask=NAME_BIT if named else 0)
    return bytes(header)[:OBJECT_HEADER]


def write_handle_tables(world: World) -> None:
    """One table for each process that has handles, all on the kernel's list; and the table of client ids."""
    count = max((len(process.handle_free_lists) for process in world.system.present), default=1) or 1
    world.set_global("ExpFreeListCount", struct.pack("<I", count))
    heads = [world.global_address("HandleTableListHead")]
    for process in world.system.present:
        table = _write_process_table(world, process, count)
        place = world.layout.at("_EPROCESS.ObjectTable")
        world.put_pointer(world.address(f"process:{process.key}") + place, table)
        if table:
            heads.append(table + world.layout.at("_HANDLE_TABLE.HandleTableList"))
    world.ring(heads)
    _write_client_ids(world)


def _write_process_table(world: World, process: Process, free_lists: int) -> int:
    if process.exited_seconds is not None:
        return 0
    entries = [
        pointer
        for type_name, count in process.handles
        for pointer in [object_entry(world, _shared_object(world, process, type_name))]
        for _ in range(count)
    ]
    name = f"handles:{process.key}"
    table = _new_table(world, name, entries, free_lists, process.handle_free_lists)
    table.put(QuotaProcess=world.address(f"process:{process.key}"), UniqueProcessId=process.pid)
    world.put(world.address(name), bytes(table))
    return world.address(name)


def _shared_object(world: World, process: Process, type_name: str) -> int:
    """Header of the one object of a type that all of the process's handles of that type lead to."""
    name = f"handled:{process.key}:{type_name}"
    return allocate_object(world, name, type_name, 0x20) - OBJECT_HEADER


def object_entry(world: World, pointer: int) -> bytes:
    """HANDLE_TABLE_ENTRY that leads to an object's header, or to the body itself in the table of client ids."""
    entry = Record(world.layout, "_HANDLE_TABLE_ENTRY")
    if world.layout.has("_HANDLE_TABLE_ENTRY.ObjectPointerBits"):
        entry.put(Unlocked=1, RefCnt=0x7FF0, ObjectPointerBits=pointer >> 4 & (1 << 44) - 1, GrantedAccessBits=0x1F0003)
    else:
        entry.put(Object=pointer | 1, GrantedAccess=0x1F0003)
    return bytes(entry)


def _new_table(world: World, name: str, entries: Sequence[bytes], free_lists: int, counts: Sequence[int]) -> Record:
    pages = list(_entry_pages(entries))
    layout = world.layout
    size = layout.size("_HANDLE_TABLE")
    if layout.has("_HANDLE_TABLE.FreeLists"):
        size = max(size, layout.at("_HANDLE_TABLE.FreeLists") + 0x40 * free_lists)
    world.allocate(name, size, "Obtb", "paged")
    table = Record(layout, "_HANDLE_TABLE", size)
    table.put(TableCode=_table_code(world, pages, name), NextHandleNeedingPool=len(pages) * ENTRIES_PER_PAGE * 4)
    if layout.has("_HANDLE_TABLE.FreeLists"):
        start, inner = layout.at("_HANDLE_TABLE.FreeLists"), layout.at("_HANDLE_TABLE_FREE_LIST.HandleCount")
        for index, count in enumerate(counts or (len(entries),)):
            struct.pack_into("<iI", table.data, start + 0x40 * index + inner, count, max(count, 0))
    else:
        table.put(HandleCount=len(entries))
    return table


def _entry_pages(entries: Sequence[bytes]) -> Iterator[bytes]:
    """Pages of entries, the first entry of each reserved."""
    room = ENTRIES_PER_PAGE - 1
    for start in range(0, max(len(entries), 1), room):
        yield (bytes(16) + b"".join(entries[start : start + room])).ljust(0x1000, b"\0")


def _table_code(world: World, pages: Sequence[bytes], name: str) -> int:
    """Where the pages of entries are, behind as many levels of pointers as they need; the levels in the low bits."""
    addresses = []
    for page in pages:
        addresses.append(world.reserve("paged", 0x1000, 0x1000))
        world.put(addresses[-1], page)
        world.mark(f"{name}:entries", addresses[-1], 0x1000)
    level = 0
    while len(addresses) > 1 or (level == 0 and len(pages) > 1):
        level += 1
        groups = [addresses[start : start + 512] for start in range(0, len(addresses), 512)]
        addresses = []
        for group in groups:
            addresses.append(world.reserve("paged", 0x1000, 0x1000))
            world.put(addresses[-1], struct.pack(f"<{len(group)}Q", *group))
    return addresses[0] | level


def _write_client_ids(world: World) -> None:
    """PspCidTable: a thread's or process's id divided by four is its place in it."""
    owners = {process.pid: f"process:{process.key}" for process in world.system.present}
    owners.update({thread.tid: f"thread:{thread.key}" for thread in world.threads.values() if thread.tid})
    last = max(owners, default=0) // 4
    entries = [bytes(16)] * (last + 1)
    for number, name in owners.items():
        entries[number // 4] = object_entry(world, world.address(name))
    pages = [
        b"".join(entries[start : start + ENTRIES_PER_PAGE]).ljust(0x1000, b"\0")
        for start in range(0, len(entries), ENTRIES_PER_PAGE)
    ]
    world.allocate("cids", 0x180, "Obtb", "paged")
    table = Record(world.layout, "_HANDLE_TABLE", 0x180)
    table.put(TableCode=_table_code(world, pages, "cids"), NextHandleNeedingPool=len(pages) * ENTRIES_PER_PAGE * 4)
    address = world.address("cids")
    ring = address + world.layout.at("_HANDLE_TABLE.HandleTableList")
    world.put(address, bytes(table))
    world.put_links(ring, ring, ring)
    world.set_global("PspCidTable", address)
