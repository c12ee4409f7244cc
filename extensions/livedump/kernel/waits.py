"""What each waiting thread waits for, and who holds it.

A thread knows the object of its wait block; what lock that belongs to is found from the side of the lock: the list of
all ERESOURCEs, the lock entries of all threads, the mutex around its event, the mutant itself.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Optional

from livedump.kernel import locks as c
from livedump.kernel.locks import (
    AlpcPort,
    DispatcherHeader,
    EResource,
    FastMutex,
    GuardedMutex,
    KAlpcMessage,
    KLockEntry,
    KMutant,
    KWaitBlock,
    LockHolder,
    OwnerEntry,
    WaitingThread,
)
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_u64, read_bytes, read_prefix
from livedump.model.addresses import is_kernel_address
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.layout import TypeKind
from livedump.model.listing import Listing, joined_problems
from livedump.model.patience import KeepGoing, why_ended
from livedump.model.threads import WAIT_REASONS, Census, Thread
from livedump.model.waits import ObjectKind, ThreadWait, WaitedObject, WaitFacts

MAX_RESOURCES = 1 << 20
MAX_WAITERS = 1 << 16
"""Of one lock; and blocks of one thread's ring."""
MAX_WAIT_BLOCKS = 64
MAX_STACK_WORDS = 0xC00
"""Of a waiting thread's stack that are searched for the lock that it waits for: 24 KiB."""
MAX_CANDIDATES = 256
"""Of them, those that are followed."""
MAX_SEARCHED = 512
"""Threads whose stacks are searched."""

AddressOf = Callable[[str], Optional[int]]

_LPC_REPLY, _PUSH_LOCK = WAIT_REASONS.index("WrLpcReply"), WAIT_REASONS.index("WrPushLock")
_MUTEX_REASONS = frozenset({WAIT_REASONS.index("WrFastMutex"), WAIT_REASONS.index("WrGuardedMutex")})
_KINDS = {
    **dict.fromkeys(c.EVENTS, ObjectKind.EVENT),
    c.MUTANT: ObjectKind.MUTANT,
    c.PROCESS: ObjectKind.PROCESS,
    **dict.fromkeys(c.QUEUES, ObjectKind.QUEUE),
    c.SEMAPHORE: ObjectKind.SEMAPHORE,
    c.THREAD: ObjectKind.THREAD,
    c.GATE: ObjectKind.GATE,
    **dict.fromkeys(c.TIMERS, ObjectKind.TIMER),
}


class _Lock(NamedTuple):
    kind: ObjectKind
    address: int
    owners: tuple[int, ...]
    lost_owner: int | None
    problem: str | None


class _Entries(NamedTuple):
    # What the lock entries of all threads say.
    holders: dict[int, list[int]]
    waits: dict[int, int]
    """Lock by waiting thread."""


class WaitReader:
    """Reads the waits of one dump."""

    def __init__(self, memory: TypedMemory, address_of: AddressOf, census: Census, keep_going: KeepGoing) -> None:
        self._memory = memory
        self._address_of = address_of
        self._keep_going = keep_going
        self._threads = {thread.address: thread for thread in census.threads}
        self._stacks = sorted(
            (thread.stack_limit, thread.stack_base, thread.address)
            for thread in census.threads
            if thread.stack_limit is not None and thread.stack_base is not None
        )
        self._bottoms = [low for low, _, _ in self._stacks]
        self._searched = 0
        self._problems: list[str] = [census.threads.problem] if census.threads.problem else []

    def read(self) -> WaitFacts:
        """All waits."""
        listed, waited, whole = self._resources()
        entries = self._entries()
        waits = tuple(self._waits(waited, entries))
        return WaitFacts(
            waits=Listing(waits, joined_problems(*self._problems)),
            resources=len(listed),
            held_resources=sum(held for _, held in listed),
            push_locks_known=entries is not None,
            resources_whole=whole,
        )

    def _waits(self, waited: dict[int, _Lock], entries: _Entries | None) -> Iterator[ThreadWait]:
        for index, thread in enumerate(self._threads.values()):
            if not thread.waits:
                continue
            if not self._keep_going():
                left = len(self._threads) - index
                self._problems.append(
                    f"{why_ended(self._keep_going)}: the waits of {left:,} threads were not looked at"
                )
                return
            found = self._wait_of(thread, waited, entries)
            if found is not None:
                yield found

    def _wait_of(self, thread: Thread, waited: dict[int, _Lock], entries: _Entries | None) -> ThreadWait | None:
        if thread.address in waited:
            return _wait(thread, waited[thread.address])
        if thread.wait_reason == _LPC_REPLY:
            return self._message_wait(thread)
        objects = waited_objects(self._memory, thread.address)
        by_object = next((waited[each] for each in objects if each in waited), None)
        if by_object is not None:
            return _wait(thread, by_object)
        if thread.wait_reason in _MUTEX_REASONS and objects:
            return _wait(thread, self._mutex_around(objects[0]))
        if entries is not None and thread.address in entries.waits:
            return _wait(thread, self._push_lock(entries.waits[thread.address], entries))
        if thread.wait_reason == _PUSH_LOCK:
            return self._searched_wait(thread, objects)
        return self._object_wait(thread, objects)

    # --- what a thread says itself ---

    def _object_wait(self, thread: Thread, objects: tuple[int, ...]) -> ThreadWait | None:
        # Of several things that would each end the wait none says whom it waits for.
        if len(objects) != 1:
            return None
        kind = self._kind_of(objects[0])
        if kind is ObjectKind.MUTANT:
            return _wait(thread, self._mutant(objects[0]))
        owners = (objects[0],) if kind is ObjectKind.THREAD and objects[0] in self._threads else ()
        process = objects[0] if kind is ObjectKind.PROCESS else None
        return ThreadWait(thread.address, WaitedObject(kind, objects[0]), owners, process)

    def _kind_of(self, address: int) -> ObjectKind:
        found = DispatcherHeader(self._memory, address).kind
        return ObjectKind.OTHER if found is None else _KINDS.get(found & c.DISPATCHER_KIND, ObjectKind.OTHER)

    def _mutant(self, address: int) -> _Lock:
        owner = KMutant(self._memory, address).owner
        return self._owned_by(ObjectKind.MUTANT, address, owner, "the mutant is not captured")

    def _mutex_around(self, event: int) -> _Lock:
        for kind, structure, path in (
            (ObjectKind.GUARDED_MUTEX, GuardedMutex, "Gate"),
            (ObjectKind.FAST_MUTEX, FastMutex, "Event"),
        ):
            if kind is ObjectKind.GUARDED_MUTEX and self._kind_of(event) is not ObjectKind.GATE:
                continue
            try:
                mutex = structure.around(self._memory, event, path)
            except NotKnown:
                continue
            return self._owned_by(kind, mutex.address, mutex.owner, "the mutex is not captured")
        return _Lock(ObjectKind.FAST_MUTEX, event, (), None, "the symbols do not tell where a mutex begins")

    def _owned_by(self, kind: ObjectKind, address: int, owner: int | None, missing: str) -> _Lock:
        if owner is None:
            return _Lock(kind, address, (), None, missing)
        if not owner & ~c.OWNER_FLAGS:
            return _Lock(kind, address, (), None, "nobody holds it any more")
        return self._held(kind, address, (owner,))

    def _held(self, kind: ObjectKind, address: int, owners: Iterable[int]) -> _Lock:
        # An owner that is no thread of the list has ended, unless it only goes by a name of its own choice.
        threads: list[int] = []
        lost: int | None = None
        for owner in owners:
            thread = owner & ~c.OWNER_FLAGS
            if thread in self._threads:
                threads.append(thread)
            elif not owner & c.OWNER_FLAGS:
                lost = lost or owner
        unknown = None if threads or lost else "its owner goes by something that is no thread"
        return _Lock(kind, address, tuple(dict.fromkeys(threads)), lost, unknown)

    def _message_wait(self, thread: Thread) -> ThreadWait | None:
        address = WaitingThread(self._memory, thread.address).alpc_message
        if not address:
            return None
        at = address & ~c.MESSAGE_FLAGS
        waited, message = WaitedObject(ObjectKind.ALPC_MESSAGE, at), KAlpcMessage(self._memory, at)
        try:
            server = message.read(KAlpcMessage.server_thread)
        except DumpError as error:
            return ThreadWait(thread.address, waited, (), owner_problem=f"the message is not known: {error}")
        if server in self._threads:
            return ThreadWait(thread.address, waited, (server,))
        port = message.connection_port or message.port_queue
        process = AlpcPort(self._memory, port).owner_process if port else None
        return ThreadWait(thread.address, waited, (), process, owner_problem="no thread of the server has taken it up")

    # --- ERESOURCEs ---

    def _resources(self) -> tuple[list[tuple[int, bool]], dict[int, _Lock], bool]:
        """Resources with whether they are held; locks by waiting thread, or by the object that it waits for; whether
        these are all resources."""
        head = self._address_of("ExpSystemResourcesList")
        if head is None:
            self._problems.append("it is not known where the list of ERESOURCEs is")
            return [], {}, False
        listed: list[tuple[int, bool]] = []
        waited: dict[int, _Lock] = {}
        try:
            for resource, contended in self._iter_resources(head, listed):
                if contended:
                    self._check_time()
                    waited.update(self._waiters_of(resource))
        except DumpError as error:
            self._problems.append(f"the list of ERESOURCEs breaks off after {len(listed)}: {error}")
            return listed, waited, False
        return listed, waited, True

    def _iter_resources(self, head: int, listed: list[tuple[int, bool]]) -> Iterator[tuple[EResource, bool]]:
        # One read for each: of tens of thousands only a few are held.
        memory, type_name = self._memory, EResource.type_name
        links = memory.offset(type_name, "SystemResourcesList")
        size = memory.size(type_name)
        counts = [memory.offset(type_name, name) for name in ("NumberOfSharedWaiters", "NumberOfExclusiveWaiters")]
        active = memory.offset(type_name, "ActiveEntries")
        entry, seen = int.from_bytes(read_bytes(memory, head, 8), "little"), {head}
        most = memory.room_for(MAX_RESOURCES, size)
        while entry != head:
            if entry in seen or len(seen) > most:
                raise NotKnown("it runs in a circle" if entry in seen else "it is longer than any")
            seen.add(entry)
            data = read_bytes(memory, entry - links, size)
            held = data[active : active + 4] != bytes(4)
            listed.append((entry - links, held))
            if held:
                yield EResource(memory, entry - links), any(data[at : at + 4] != bytes(4) for at in counts)
            entry = int.from_bytes(data[links : links + 8], "little")
            if len(seen) % 1024 == 0:
                self._check_time()

    def _check_time(self) -> None:
        if not self._keep_going():
            raise NotKnown(why_ended(self._keep_going))

    def _waiters_of(self, resource: EResource) -> Iterator[tuple[int, _Lock]]:
        lock = self._held(ObjectKind.RESOURCE, resource.address, self._owners_of(resource))
        for first in filter(None, (resource.shared_waiters, resource.exclusive_waiters)):
            keys = (first,) if self._wait_on_objects() else self._iter_ring(first)
            yield from ((key, lock) for key in keys)

    def _wait_on_objects(self) -> bool:
        # Up to Windows 8.1 an event and a semaphore stand there, and the symbols say so; later blocks on stacks.
        found = self._memory.find(EResource.type_name, "SharedWaiters")
        return found is not None and found.type.of is not None and found.type.of.kind is TypeKind.STRUCTURE

    def _iter_ring(self, first: int) -> Iterator[int]:
        # A ring without a head; in one build a chain that ends.
        block, seen = first, set[int]()
        most = min(MAX_WAITERS, 2 * len(self._threads) + MAX_WAIT_BLOCKS)  # one for each thread, and some that left
        while block and block not in seen and len(seen) < most:
            seen.add(block)
            try:
                data = read_bytes(self._memory, block, c.WAITER_SIZE)
            except MemoryGap as gap:
                self._problems.append(f"not all waiters of an ERESOURCE are known: {gap}")
                return
            waiter = self._thread_on_stack(block) or c.WAITER_THREAD.read(data)
            if waiter in self._threads:
                yield waiter
            block = c.WAITER_NEXT.read(data)

    def _owners_of(self, resource: EResource) -> Iterator[int]:
        first = resource.owner
        if first is not None and first.thread:
            yield first.thread
        table = resource.owner_table
        if not table:
            return
        size = OwnerEntry.size(self._memory)
        count = OwnerEntry(self._memory, table).table_size or 0
        for index in range(1, min(count, c.MAX_OWNERS)):
            owner = OwnerEntry(self._memory, table + index * size).thread
            if owner is None:
                self._problems.append(f"not all owners of the ERESOURCE at {resource.address:x} are captured")
                return
            if owner:
                yield owner

    def _thread_on_stack(self, address: int) -> int | None:
        at = bisect_right(self._bottoms, address) - 1
        if at < 0:
            return None
        low, high, thread = self._stacks[at]
        return thread if low <= address < high else None

    # --- lock entries ---

    def _entries(self) -> _Entries | None:
        """What the lock entries say; None where the symbols do not tell where they are."""
        start, size = self._entry_place(), self._entry_size()
        if start is None or size is None:
            return None
        found = _Entries({}, {})
        for thread in self._threads.values():
            if not self._keep_going():
                self._problems.append(f"{why_ended(self._keep_going)}: not all threads' lock entries were looked at")
                break
            for entry in self._used_entries(thread, start, size):
                self._note(found, thread, entry)
        return found

    def _note(self, found: _Entries, thread: Thread, entry: KLockEntry) -> None:
        lock, acquired = entry.lock, entry.acquired
        if not lock or acquired is None:
            return
        address = lock & c.LOCK_ADDRESS | c.KERNEL_HALF
        if acquired & 1:
            found.holders.setdefault(address, []).append(thread.address)
        elif thread.waits and (entry.waiting if entry.waiting is not None else thread.wait_reason == _PUSH_LOCK):
            found.waits[thread.address] = address

    def _used_entries(self, thread: Thread, start: int, size: int) -> Iterator[KLockEntry]:
        holder = LockHolder(self._memory, thread.address)
        free = holder.free_entries
        listed = self._free_list(holder) if free is None else frozenset()
        for index in range(c.LOCK_ENTRIES):
            address = thread.address + start + index * size
            if (free is None or not free >> index & 1) and address not in listed:
                yield KLockEntry(self._memory, address)

    def _free_list(self, holder: LockHolder) -> frozenset[int]:
        found: list[int] = []
        entry = holder.first_free
        while entry and entry not in found and len(found) < c.LOCK_ENTRIES:
            found.append(entry)
            entry = find_u64(self._memory, entry)
        return frozenset(found)

    def _entry_place(self) -> int | None:
        for type_name, path in (("_ETHREAD", "LockEntries"), ("_ETHREAD", "Tcb.LockEntries")):
            found = self._memory.find(type_name, path)
            if found is not None and found.type.kind is TypeKind.ARRAY:
                return found.offset
        return None

    def _entry_size(self) -> int | None:
        try:
            return KLockEntry.size(self._memory)
        except NotKnown:
            return None

    def _push_lock(self, address: int, entries: _Entries) -> _Lock:
        owners = tuple(entries.holders.get(address, ()))
        problem = None if owners else "no thread's lock entries say that it holds it"
        return _Lock(ObjectKind.PUSH_LOCK, address, owners, None, problem)

    # --- push locks by the stack of who waits ---

    def _searched_wait(self, thread: Thread, objects: tuple[int, ...]) -> ThreadWait | None:
        unknown = "this build does not record who holds push locks"
        for address in self._contended_on(thread):
            return ThreadWait(thread.address, WaitedObject(ObjectKind.PUSH_LOCK, address), (), owner_problem=unknown)
        if not objects:
            return None
        event = WaitedObject(ObjectKind.EVENT, objects[0])
        return ThreadWait(thread.address, event, (), owner_problem="the push lock is not known")

    def _contended_on(self, thread: Thread) -> Iterator[int]:
        # The lock's address was kept in a register by those who called the wait: it is somewhere on the stack.
        if thread.kernel_stack is None or thread.stack_base is None or self._searched >= MAX_SEARCHED:
            return
        self._searched += 1
        size = min(max(thread.stack_base - thread.kernel_stack, 0), 8 * MAX_STACK_WORDS)
        data = read_prefix(self._memory, thread.kernel_stack, size & ~7)
        words = dict.fromkeys(struct.unpack(f"<{len(data) // 8}Q", data[: len(data) & ~7]))
        likely = [word for word in words if is_kernel_address(word) and not word & 7 and not self._on(thread, word)]
        yield from filter(self._is_contended, likely[:MAX_CANDIDATES])

    def _on(self, thread: Thread, address: int) -> bool:
        return self._thread_on_stack(address) == thread.address

    def _is_contended(self, address: int) -> bool:
        value = find_u64(self._memory, address)
        if value is None or value & c.CONTENDED_PUSH_LOCK != c.CONTENDED_PUSH_LOCK:
            return False
        waiter = self._threads.get(self._thread_on_stack(value & ~c.PUSH_LOCK_FLAGS) or 0)
        return waiter is not None and waiter.waits


def waited_objects(memory: TypedMemory, thread: int) -> tuple[int, ...]:
    """Addresses of what the ETHREAD at ``thread`` waits for by its wait blocks, without its own timer; 64 at most."""
    own = WaitingThread(memory, thread)
    try:
        timer = own.address_of("Tcb.Timer")
    except NotKnown:
        timer = None
    blocks = _array_of_blocks(own) if own.wait_block_count is not None else _ring_of_blocks(own)
    objects = (block.object for block in blocks)
    return tuple(each for each in objects if each and each != timer)


def _array_of_blocks(thread: WaitingThread) -> Iterator[KWaitBlock]:
    start, count = thread.wait_blocks, thread.wait_block_count or 0
    size = KWaitBlock.size(thread.memory)
    for index in range(min(count, MAX_WAIT_BLOCKS) if start else 0):
        yield KWaitBlock(thread.memory, (start or 0) + index * size)


def _ring_of_blocks(thread: WaitingThread) -> Iterator[KWaitBlock]:
    address, seen = thread.wait_blocks, set[int]()
    while address and address not in seen and len(seen) < MAX_WAIT_BLOCKS:
        seen.add(address)
        block = KWaitBlock(thread.memory, address)
        yield block
        address = block.next


def _wait(thread: Thread, lock: _Lock) -> ThreadWait:
    owners = tuple(owner for owner in lock.owners if owner != thread.address)
    found = ThreadWait(thread.address, WaitedObject(lock.kind, lock.address), owners, owner_problem=lock.problem)
    return found._replace(lost_owner=lock.lost_owner)
