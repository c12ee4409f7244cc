"""Dispatcher objects, wait blocks and locks: who waits for what, written the way each build keeps it."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.synth.kernel.layout import Record
from tests.synth.kernel.objects import allocate_object
from tests.synth.kernel.spec import Event, Message, Mutant, Mutex, PushLock, Resource, Thread, Wait
from tests.synth.kernel.tasks import ALL_FREE, LOCK_ENTRIES, local
from tests.synth.kernel.world import World

EVENT, SYNCHRONIZATION_EVENT, MUTANT, QUEUE, SEMAPHORE, GATE, TIMER = 0, 1, 2, 4, 5, 7, 8
"""DISPATCHER_HEADER.Type."""
TIMER_BLOCK = 3
WAIT_ANY, ACTIVE = 1, 4
EXCLUSIVE_FLAG = 0x80
COOKIE_MARK = 3
RESOURCE_WAIT = ("nt!ExpWaitForResource",)
PUSH_WAIT = (
    "nt!ExfAcquirePushLockExclusiveEx",
    "nt!ExfAcquirePushLockSharedEx",
    "nt!ExfAcquirePushLockExclusive",
    "nt!ExfAcquirePushLockShared",
    "nt!ExBlockOnAddressPushLock",
)
MUTEX_WAIT = (
    "nt!ExpAcquireFastMutexContended",
    "nt!KiAcquireFastMutex",
    "nt!KiAcquireGuardedMutex",
    "nt!KeAcquireGuardedMutex",
    "nt!ExAcquireFastMutex",
)
STACK_EVENT = 0x18
"""Size of a KEVENT; where it begins in the wait block of an ERESOURCE."""
PUSH_LOCKED, PUSH_WAITING, PUSH_MULTIPLE = 1, 2, 8
OBJECT_KINDS = {
    "event": ("Event", SYNCHRONIZATION_EVENT, "_KEVENT"),
    "notification": ("Event", EVENT, "_KEVENT"),
    "semaphore": ("Semaphore", SEMAPHORE, "_KSEMAPHORE"),
    "timer": ("Timer", TIMER, "_KTIMER"),
    "queue": ("IoCompletion", QUEUE, "_KQUEUE"),
}
OBJECT_TAGS = ("Even", "Sema", "Time", "IoCo", "Muta")


class Waiters:
    """Threads that wait, by what they wait for, in the order of the system's threads."""

    def __init__(self, threads: Mapping[str, Thread]) -> None:
        self._by_object: dict[str, list[tuple[str, Wait]]] = {}
        for thread in threads.values():
            for wait in thread.waits:
                self._by_object.setdefault(wait.on, []).append((thread.key, wait))

    def of(self, name: str, shared: bool | None = None) -> list[str]:
        """Threads that wait for ``name``; ``shared`` asks for those of one way only."""
        return [key for key, wait in self._by_object.get(name, []) if shared is None or wait.shared is shared]


def reserve_objects(world: World) -> None:
    """Give every object and lock its address."""
    system, layout = world.system, world.layout
    waiters = Waiters(world.threads)
    for event in system.events:
        _reserve_event(world, event)
    for mutant in system.mutants:
        allocate_object(world, f"mutant:{mutant.key}", "Mutant", layout.size("_KMUTANT"))
    for resource in system.resources:
        _reserve(world, f"resource:{resource.key}", "_ERESOURCE", resource.where)
        if separate_waiters(world) and waiters.of(f"resource:{resource.key}"):
            for part, size in (("shared", 0x20), ("exclusive", 0x18)):
                world.allocate(f"resource:{resource.key}:{part}", size, "ExWr")
    for lock in system.push_locks:
        _reserve(world, f"push:{lock.key}", "_EX_PUSH_LOCK", lock.where)
    for mutex in system.mutexes:
        _reserve(world, f"mutex:{mutex.key}", mutex_type(world, mutex), mutex.where)
    for port in system.ports:
        for name in (f"port:{port.key}", f"port:{port.key}:client"):
            allocate_object(world, name, "ALPC Port", layout.size("_ALPC_PORT"), tag="AlPo")
    for message in system.messages:
        world.allocate(f"message:{message.key}", layout.size("_KALPC_MESSAGE"), "AlMs", "paged")


def separate_waiters(world: World) -> bool:
    """Whether an ERESOURCE has objects of its own to wait on, rather than one on each waiter's stack."""
    return "_KSEMAPHORE" in world.layout.place("_ERESOURCE.SharedWaiters").type_name


def mutex_type(world: World, mutex: Mutex) -> str:
    """Structure of a mutex."""
    return "_KGUARDED_MUTEX" if mutex.guarded and world.layout.has("_KGUARDED_MUTEX") else "_FAST_MUTEX"


def _reserve(world: World, name: str, type_name: str, where: str) -> None:
    kind, _, rest = where.partition(":")
    if kind == "pool":
        world.allocate(name, world.layout.size(type_name), rest)
    elif kind == "driver":
        variable, _, offset = rest.partition("+")
        world.names[name] = world.address(variable) + int(offset or "0", 16)
    else:
        raise ValueError(f"{name} cannot lie in {where}")


def _reserve_event(world: World, event: Event) -> None:
    type_name, _, structure = OBJECT_KINDS[event.kind]
    tag = event.where.partition(":")[2]
    if event.where.startswith("pool:") and tag in OBJECT_TAGS:
        allocate_object(world, f"event:{event.key}", type_name, world.layout.size(structure), tag=tag)
    else:
        _reserve(world, f"event:{event.key}", structure, event.where)


def entry_address(world: World, thread: str, index: int) -> int:
    """Address of one of a thread's lock entries; 0 where the build names none."""
    layout = world.layout
    for path in ("_KTHREAD.LockEntries", "_ETHREAD.LockEntries"):
        if layout.has(path) and layout.place(path).type_name.startswith("_KLOCK_ENTRY["):
            return world.address(f"thread:{thread}") + layout.at(f"{path}[{index}]")
    return 0


def recorded_locks(world: World) -> dict[str, list[tuple[str, bool]]]:
    """Thread -> (lock, whether it holds it) in the order of its lock entries."""
    waiters = Waiters(world.threads)
    recorded: dict[str, list[tuple[str, bool]]] = {}
    locks = [(f"push:{lock.key}", lock.owners) for lock in world.system.push_locks if lock.recorded]
    locks += [(f"mutex:{mutex.key}", (mutex.owner,) if mutex.owner else ()) for mutex in world.system.mutexes]
    for name, owners in locks:
        for owner in owners:
            recorded.setdefault(owner, []).append((name, True))
        for waiter in waiters.of(name):
            recorded.setdefault(waiter, []).append((name, False))
    return recorded


def pinned_registers(world: World) -> dict[str, dict[tuple[str, str], int]]:
    """What waiting for a lock leaves in registers: thread -> (call site, register) -> value."""
    pinned: dict[str, dict[tuple[str, str], int]] = {}
    recorded = recorded_locks(world)
    for thread in world.threads.values():
        for wait in thread.waits:
            kind = wait.on.partition(":")[0]
            sites = {"push": PUSH_WAIT, "mutex": MUTEX_WAIT, "resource": RESOURCE_WAIT}.get(kind, ())
            entries = [name for name, _ in recorded.get(thread.key, [])]
            index = entries.index(wait.on) if wait.on in entries else LOCK_ENTRIES
            entry = entry_address(world, thread.key, index) if index < LOCK_ENTRIES else 0
            for site in sites:
                held = {"rdi": world.address(wait.on), "rsi": world.address(wait.on), "rbx": entry}
                pinned.setdefault(thread.key, {}).update({(site, name): value for name, value in held.items() if value})
    return pinned


def waited_object(world: World, thread: str, wait: Wait) -> int:
    """Address of the dispatcher object that a wait block leads to."""
    kind, _, rest = wait.on.partition(":")
    if kind == "resource":
        if separate_waiters(world):
            return world.address(f"{wait.on}:{'shared' if wait.shared else 'exclusive'}")
        return local(world, thread, *RESOURCE_WAIT) + STACK_EVENT
    if kind == "push":
        return local(world, thread, *PUSH_WAIT)
    if kind == "mutex":
        mutex = next(each for each in world.system.mutexes if each.key == rest)
        type_name = mutex_type(world, mutex)
        member = "Gate" if type_name == "_KGUARDED_MUTEX" else "Event"
        return world.address(wait.on) + world.layout.at(f"{type_name}.{member}")
    if kind == "stack":
        return local(world, thread, rest)
    if kind == "file":
        return world.address(wait.on) + world.layout.at("_FILE_OBJECT.Event")
    if kind == "message":
        return world.address(f"thread:{thread}") + world.layout.at("_ETHREAD.AlpcWaitSemaphore")
    return world.address(wait.on)


def write_waits(world: World) -> None:
    """Write objects, locks, lock entries and wait blocks, in the order in which later ones lie in earlier ones."""
    waiters = Waiters(world.threads)
    _write_events(world)
    for mutant in world.system.mutants:
        _write_mutant(world, mutant)
    for mutex in world.system.mutexes:
        _write_mutex(world, mutex, len(waiters.of(f"mutex:{mutex.key}")))
    for lock in world.system.push_locks:
        _write_push_lock(world, lock, waiters.of(f"push:{lock.key}"))
    _write_resources(world, waiters)
    _write_lock_entries(world)
    _write_messages(world)
    _write_wait_blocks(world)


def header(world: World, kind: int, size: int, signal: int = 0) -> bytes:
    """DISPATCHER_HEADER whose list is empty but for where it lies: ring it afterwards."""
    record = Record(world.layout, "_DISPATCHER_HEADER").put(Type=kind, Size=size // 4)
    record.at("SignalState", signal)
    return bytes(record)


def _put_object(world: World, address: int, kind: int, size: int, signal: int = 0) -> None:
    world.put(address, header(world, kind, size, signal))
    world.ring([address + world.layout.at("_DISPATCHER_HEADER.WaitListHead")])


def _write_events(world: World) -> None:
    for event in world.system.events:
        _, kind, structure = OBJECT_KINDS[event.kind]
        address = world.address(f"event:{event.key}")
        _put_object(world, address, kind, world.layout.size(structure), event.signaled)
        if event.kind == "semaphore":
            world.put(address + world.layout.at("_KSEMAPHORE.Limit"), struct.pack("<i", event.limit))
        if event.kind == "queue":
            for path in ("EntryListHead", "ThreadListHead"):
                world.ring([address + world.layout.at(f"_KQUEUE.{path}")])


def _write_mutant(world: World, mutant: Mutant) -> None:
    layout, address = world.layout, world.address(f"mutant:{mutant.key}")
    owner = world.address(f"thread:{mutant.owner}") if mutant.owner else 0
    record = world.record("_KMUTANT").put(OwnerThread=owner, Abandoned=int(mutant.abandoned))
    world.put(address, bytes(record))
    signal = 1 - mutant.recursion if mutant.owner else 1
    _put_object(world, address, MUTANT, layout.size("_KMUTANT"), signal)
    entry = address + layout.at("_KMUTANT.MutantListEntry")
    if not owner:
        world.ring([entry])
        return
    head = owner + layout.at("_KTHREAD.MutantListHead")
    owned = [each for each in world.system.mutants if each.owner == mutant.owner]
    if owned[-1] is mutant:
        entries = [world.address(f"mutant:{each.key}") + layout.at("_KMUTANT.MutantListEntry") for each in owned]
        world.ring([head, *entries])


def _write_mutex(world: World, mutex: Mutex, waiting: int) -> None:
    type_name, address = mutex_type(world, mutex), world.address(f"mutex:{mutex.key}")
    owner = world.address(f"thread:{mutex.owner}") if mutex.owner else 0
    record = world.record(type_name).put(Owner=owner, Contention=mutex.contention + waiting)
    record.at("Count", -waiting if mutex.owner else 1)
    world.put(address, bytes(record))
    gate = type_name == "_KGUARDED_MUTEX"
    inner = address + world.layout.at(f"{type_name}.{'Gate' if gate else 'Event'}")
    _put_object(world, inner, GATE if gate else SYNCHRONIZATION_EVENT, 0x18)


def _write_push_lock(world: World, lock: PushLock, waiting: list[str]) -> None:
    """The lock's value is the newest wait block, which lies on its waiter's stack, or the count of those who share."""
    shared = PUSH_MULTIPLE if lock.shared and len(lock.owners) > 1 else 0
    value = 0
    if lock.owners:
        value = PUSH_LOCKED | (len(lock.owners) << 4 if lock.shared else 0)
    if waiting:
        value = local(world, waiting[-1], *PUSH_WAIT) | PUSH_LOCKED | PUSH_WAITING | shared
    world.put_pointer(world.address(f"push:{lock.key}"), value)
    blocks = [local(world, key, *PUSH_WAIT) for key in waiting]
    kind = GATE if world.layout.has("_KGUARDED_MUTEX") else SYNCHRONIZATION_EVENT
    for index, block in enumerate(blocks):
        _put_object(world, block, kind, 0x18)
        older = blocks[index - 1] if index else 0
        newer = blocks[index + 1] if index + 1 < len(blocks) else 0
        last = blocks[0] if index + 1 == len(blocks) else 0
        exclusive = PUSH_WAITING if not lock.shared else 0
        share_count = len(lock.owners) if lock.shared and index == 0 else 0
        world.put(block + 0x18, struct.pack("<QQQII", older, last, newer, share_count, exclusive))


def _write_resources(world: World, waiters: Waiters) -> None:
    ring = [world.global_address("ExpSystemResourcesList")]
    for resource in world.system.resources:
        address = world.address(f"resource:{resource.key}")
        name = f"resource:{resource.key}"
        exclusive, shared = waiters.of(name, shared=False), waiters.of(name, shared=True)
        world.put(address, bytes(_resource_record(world, resource, exclusive, shared)))
        if resource.listed:
            ring.append(address)
        else:
            world.ring([address])
    world.ring(ring)


def _resource_record(world: World, resource: Resource, exclusive: list[str], shared: list[str]) -> Record:
    owners = [(resource.exclusive, resource.recursion)] if resource.exclusive else list(resource.shared)
    record = world.record("_ERESOURCE").put(
        ActiveCount=len(owners),
        ActiveEntries=len(owners),
        Flag=EXCLUSIVE_FLAG if resource.exclusive else 0,
        ContentionCount=resource.contention,
        NumberOfSharedWaiters=len(shared),
        NumberOfExclusiveWaiters=len(exclusive),
        SharedWaiters=_waiter_list(world, resource.key, "shared", shared),
        ExclusiveWaiters=_waiter_list(world, resource.key, "exclusive", exclusive),
    )
    record.put_known(ResourceTimeoutCount=resource.timeouts)
    if owners:
        _put_owner(world, record, "OwnerEntry.", owners[0], COOKIE_MARK if resource.cookie else 0)
    if len(owners) > 1:
        record.put(OwnerTable=_write_owner_table(world, resource, owners[1:]))
    return record


def _put_owner(world: World, record: Record, path: str, owner: tuple[str, int], mark: int) -> None:
    record.at(f"{path}OwnerThread", world.address(f"thread:{owner[0]}") | mark)
    record.at(f"{path}OwnerCount", owner[1])


def _write_owner_table(world: World, resource: Resource, owners: list[tuple[str, int]]) -> int:
    """Table of the owners beyond the first; its first entry holds the size of the table."""
    size = 4
    while size < len(owners) + 1:
        size += 4
    entries = [Record(world.layout, "_OWNER_ENTRY") for _ in range(size)]
    entries[0].put(TableSize=size)
    for entry, owner in zip(entries[1:], owners):
        _put_owner(world, entry, "", owner, 0)
    raw = b"".join(map(bytes, entries))
    address = world.allocate(f"owners:{resource.key}", len(raw), "Rest")
    world.put(address, raw)
    return address


def _waiter_list(world: World, key: str, part: str, waiting: list[str]) -> int:
    """What SharedWaiters or ExclusiveWaiters points to.

    An object of its own in the builds whose symbols say so, else blocks on the waiters' stacks: links, thread, event.
    They are a ring without a head; where the symbols speak of a chain, one that ends.
    """
    if separate_waiters(world):
        if not waiting:
            return 0
        address = world.address(f"resource:{key}:{part}")
        kind, size = (SEMAPHORE, 0x20) if part == "shared" else (SYNCHRONIZATION_EVENT, 0x18)
        _put_object(world, address, kind, size)
        return address
    blocks = [local(world, thread, *RESOURCE_WAIT) for thread in waiting]
    for thread, block in zip(waiting, blocks):
        world.put_pointer(block + 0x10, world.address(f"thread:{thread}"))
        _put_object(world, block + STACK_EVENT, SYNCHRONIZATION_EVENT, 0x18)
    if blocks and world.layout.has("_KWAIT_CHAIN"):
        for block, after in zip(blocks, [*blocks[1:], 0]):
            world.put_links(block, after, 0)
    elif blocks:
        world.ring(blocks)
    return blocks[0] if blocks else 0


def _write_lock_entries(world: World) -> None:
    layout = world.layout
    waited = {name for locks in recorded_locks(world).values() for name, held in locks if not held}
    for owner, locks in recorded_locks(world).items():
        if not entry_address(world, owner, 0):
            continue
        free = ALL_FREE
        for index, (name, held) in enumerate(locks[:LOCK_ENTRIES]):
            free &= ~(1 << index)
            record = _lock_entry(world, owner, world.address(name), held, name in waited)
            world.put(entry_address(world, owner, index), bytes(record))
        if layout.has("_KTHREAD.AbEntrySummary"):
            at = world.address(f"thread:{owner}") + layout.at("_KTHREAD.AbEntrySummary")
            world.put(at, bytes([free]))
    for thread in world.threads.values():
        _write_stale_entries(world, thread)
        _write_entry_pointer(world, thread)


def _lock_entry(world: World, thread: str, lock: int, held: bool, contended: bool) -> Record:
    record = world.record("_KLOCK_ENTRY")
    if world.layout.has("_KLOCK_ENTRY.ThreadUnsafe"):
        record.put(ThreadUnsafe=world.address(f"thread:{thread}") & (1 << 56) - 1)
    record.put(LockUnsafe=lock & (1 << 63) - 1 | int(contended) << 63, SessionId=0xFFFF_FFFF)
    record.put(AcquiredByte=int(held))
    if not held:
        for name, value in (("WaitingByte", 1), ("WaitingBit", 1), ("WaitingAndBusyByte", (lock & 0xFC) | 1)):
            if world.layout.has(f"_KLOCK_ENTRY.{name}"):
                record.at(name, value)
                break
    return record


def _write_stale_entries(world: World, thread: Thread) -> None:
    """Free entries that still name the lock that they once were for: the last ones."""
    for index, name in enumerate(reversed(thread.stale_locks)):
        at = entry_address(world, thread.key, LOCK_ENTRIES - 1 - index)
        if at:
            world.put(at, bytes(_lock_entry(world, thread.key, world.address(name), held=True, contended=False)))


def _write_entry_pointer(world: World, thread: Thread) -> None:
    """Two builds keep the array in the ETHREAD and a pointer to it in the KTHREAD; 9600 chains the free entries."""
    layout, address = world.layout, world.address(f"thread:{thread.key}")
    if layout.has("_KTHREAD.LockEntries") and layout.place("_KTHREAD.LockEntries").type_name.startswith("ptr"):
        first = entry_address(world, thread.key, 0) or address + layout.size("_KTHREAD")
        world.put_pointer(address + layout.at("_KTHREAD.LockEntries"), first)
    if layout.has("_KTHREAD.LockEntriesFreeList"):
        used = len(recorded_locks_of(world).get(thread.key, [])[:LOCK_ENTRIES])
        chain = [address + layout.at("_KTHREAD.LockEntriesFreeList")]
        chain += [entry_address(world, thread.key, index) for index in range(used, LOCK_ENTRIES)]
        for at, after in zip(chain, [*chain[1:], 0]):
            world.put_pointer(at, after)


def recorded_locks_of(world: World) -> dict[str, list[tuple[str, bool]]]:
    """``recorded_locks``, worked out once."""
    if not world.recorded:
        world.recorded.update(recorded_locks(world))
    return world.recorded


def _write_messages(world: World) -> None:
    layout = world.layout
    for port in world.system.ports:
        for name in (f"port:{port.key}", f"port:{port.key}:client"):
            record = world.record("_ALPC_PORT")
            client = name.endswith(":client")
            owner = _client_process(world, port.key) if client else port.owner
            record.put(OwnerProcess=world.address(f"process:{owner}") if owner else 0)
            address = world.address(name)
            world.put(address, bytes(record))
            for path in ("PortListEntry", "MainQueue", "PendingQueue", "LargeMessageQueue", "WaitQueue"):
                world.ring([address + layout.at(f"_ALPC_PORT.{path}")])
    for message in world.system.messages:
        _write_message(world, message)


def _client_process(world: World, port: str) -> str:
    keys = {message.key for message in world.system.messages if message.port == port}
    return next((thread.process for thread in world.threads.values() if thread.message in keys), "")


def _write_message(world: World, message: Message) -> None:
    layout, address = world.layout, world.address(f"message:{message.key}")
    port = world.address(f"port:{message.port}")
    client = next(thread for thread in world.threads.values() if thread.message == message.key)
    record = world.record("_KALPC_MESSAGE").put(
        PortQueue=port,
        OwnerPort=world.address(f"port:{message.port}:client"),
        WaitingThread=world.address(f"thread:{client.key}"),
        ServerThread=world.address(f"thread:{message.server}") if message.server else 0,
        QuotaProcess=world.address(f"process:{client.process}"),
    )
    world.put(address, bytes(record))
    queue = "PendingQueue" if message.server else "MainQueue"
    same = [
        each
        for each in world.system.messages
        if each.port == message.port and bool(each.server) == bool(message.server)
    ]
    if same[-1] is message:
        entries = [world.address(f"message:{each.key}") for each in same]
        world.ring([port + layout.at(f"_ALPC_PORT.{queue}"), *entries])
    thread = world.address(f"thread:{client.key}")
    world.put_pointer(thread + layout.at("_ETHREAD.AlpcMessage"), address | 1)
    world.put_pointer(thread + layout.at("_ETHREAD.AlpcMessageId"), 0x1000 + (address & 0xFFFF))
    _put_object(world, thread + layout.at("_ETHREAD.AlpcWaitSemaphore"), SEMAPHORE, 0x20)


def _write_wait_blocks(world: World) -> None:
    """Wait blocks in their threads, each on the list of its object."""
    layout = world.layout
    rings: dict[int, list[int]] = {}
    for thread in world.threads.values():
        waits = list(thread.waits) + ([Wait(f"message:{thread.message}")] if thread.message else [])
        objects = [waited_object(world, thread.key, wait) for wait in waits]
        _write_blocks_of(world, thread, objects, rings)
        for wait, target in zip(waits, objects):
            if wait.on.startswith("stack:"):
                _put_object(world, target, EVENT, 0x18)
    for target, blocks in rings.items():
        head = target + layout.at("_DISPATCHER_HEADER.WaitListHead")
        world.ring([head, *blocks])


def _write_blocks_of(world: World, thread: Thread, objects: list[int], rings: dict[int, list[int]]) -> None:
    layout, address = world.layout, world.address(f"thread:{thread.key}")
    inline = address + layout.at("_KTHREAD.WaitBlock")
    size = layout.size("_KWAIT_BLOCK")
    start = (
        inline if len(objects) <= TIMER_BLOCK else world.allocate(f"blocks:{thread.key}", size * len(objects), "Wait")
    )
    blocks = [(start + size * index, target) for index, target in enumerate(objects)]
    count = len(blocks)
    if thread.timeout:
        timer = address + layout.at("_KTHREAD.Timer")
        _put_object(world, timer, TIMER, layout.size("_KTIMER"))
        blocks.append((inline + size * TIMER_BLOCK, timer))
    if not blocks:
        return
    for index, (at, target) in enumerate(blocks):
        record = Record(layout, "_KWAIT_BLOCK")
        # In these structures other fields of the thread lie in the blocks' spare room, so only single fields are set.
        record.put(WaitType=WAIT_ANY, BlockState=ACTIVE, WaitKey=index if target else 0)
        record.put(Thread=address, Object=target)
        if layout.has("_KWAIT_BLOCK.NextWaitBlock"):
            record.put(NextWaitBlock=blocks[(index + 1) % len(blocks)][0])
        for name in ("WaitType", "BlockState", "WaitKey", "Thread", "Object", "NextWaitBlock"):
            if layout.has(f"_KWAIT_BLOCK.{name}"):
                place = layout.place(f"_KWAIT_BLOCK.{name}")
                world.put(at + place.offset, bytes(record.data[place.offset : place.offset + place.size]))
        rings.setdefault(target, []).append(at)
    world.put_pointer(address + layout.at("_KTHREAD.WaitBlockList"), blocks[0][0])
    if layout.has("_KTHREAD.WaitBlockCount"):
        world.put(address + layout.at("_KTHREAD.WaitBlockCount"), bytes([count or 1]))
