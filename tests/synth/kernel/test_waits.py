"""Locks, their owners and waiters, and wait blocks, read by a reader of a few lines."""

from __future__ import annotations

import pytest

from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS, layout_of
from tests.synth.kernel.scenario_waits import records_push_locks
from tests.synth.kernel.scenarios import build
from tests.synth.kernel.spec import Thread

pytestmark = pytest.mark.usefixtures("compiler")


def stack_of(dump: BuiltSystem, key: str) -> range:
    """Addresses of a thread's kernel stack."""
    base = dump.truth.names[f"stack:{key}"]
    return range(base - 0x6000, base)


def resources(reader: KernelReader) -> list[int]:
    """All ERESOURCEs of the kernel's list."""
    return reader.members(reader.truth.names["global:ExpSystemResourcesList"], "_ERESOURCE.SystemResourcesList")


@pytest.mark.parametrize("build_name", BUILDS)
def test_resources_have_their_owners(build_name: str) -> None:
    dump = build("resource-deadlock", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    assert resources(reader) == [names[f"resource:{each.key}"] for each in dump.truth.system.resources]
    for resource in dump.truth.system.resources:
        address = names[f"resource:{resource.key}"]
        owner = reader.field("_ERESOURCE.OwnerEntry.OwnerThread", address)
        owners = [resource.exclusive] if resource.exclusive else [key for key, _ in resource.shared]
        assert reader.field("_ERESOURCE.ActiveEntries", address) == len(owners)
        assert owner & ~3 == (names[f"thread:{owners[0]}"] if owners else 0)
        assert bool(owner & 3) == resource.cookie
        assert bool(reader.field("_ERESOURCE.Flag", address) & 0x80) == bool(resource.exclusive)


def test_further_owners_stand_in_the_table() -> None:
    dump = build("resource-deadlock")
    reader, names = KernelReader(dump), dump.truth.names
    table = reader.field("_ERESOURCE.OwnerTable", names["resource:held.shared"])
    assert reader.field("_OWNER_ENTRY.TableSize", table) == 4
    listed = [
        (reader.field("_OWNER_ENTRY.OwnerThread", table + 16 * index),
         reader.field("_OWNER_ENTRY.OwnerCount", table + 16 * index))
        for index in (1, 2, 3)
    ]  # fmt: skip
    assert listed == [(names["thread:svchost.3"], 2), (names["thread:svchost.4"], 1), (0, 0)]


def waiting_for(dump: BuiltSystem, resource: str, *, shared: bool) -> list[Thread]:
    """Threads that want the resource one way."""
    return [
        thread
        for thread in dump.truth.system.threads
        for wait in thread.waits
        if wait.on == f"resource:{resource}" and wait.shared is shared
    ]


@pytest.mark.parametrize("build_name", [name for name in BUILDS if name not in ("7601", "9600", "14393")])
@pytest.mark.parametrize(("field", "shared"), [("SharedWaiters", True), ("ExclusiveWaiters", False)])
def test_waiters_of_a_resource_form_a_ring_on_their_stacks(build_name: str, field: str, shared: bool) -> None:
    dump = build("resource-deadlock", build_name)
    reader = KernelReader(dump)
    address = dump.truth.names["resource:A"]
    expected = waiting_for(dump, "A", shared=shared)
    assert reader.field(f"_ERESOURCE.NumberOf{field}", address) == len(expected)
    first = reader.field(f"_ERESOURCE.{field}", address)
    ring = [first, *reader.memory.ring(first)]
    assert len(ring) == len(expected)
    for thread, block in zip(expected, ring):
        assert block in stack_of(dump, thread.key)
        assert reader.memory.pointer(block + 0x10) == dump.truth.names[f"thread:{thread.key}"]
        assert reader.memory.pointer(block + 0x18) & 0xFFFFFFFF == 0x60001


@pytest.mark.parametrize("build_name", ["7601", "9600"])
def test_old_builds_wait_on_objects_of_the_resource(build_name: str) -> None:
    dump = build("resource-deadlock", build_name)
    reader = KernelReader(dump)
    semaphore = reader.field("_ERESOURCE.SharedWaiters", dump.truth.names["resource:A"])
    assert reader.field("_DISPATCHER_HEADER.Type", semaphore) == 5
    blocks = reader.members(semaphore + 8, "_KWAIT_BLOCK.WaitListEntry")
    assert [reader.field("_KWAIT_BLOCK.Thread", block) for block in blocks] == [
        dump.truth.names[f"thread:{thread.key}"] for thread in waiting_for(dump, "A", shared=True)
    ]


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", ["resource-deadlock", "lock-chain", "alpc-chain"])
def test_wait_blocks_hang_on_their_objects(name: str, build_name: str) -> None:
    dump = build(name, build_name)
    reader = KernelReader(dump)
    for thread in dump.truth.threads:
        if not thread.spec.waits and not thread.spec.message:
            continue
        block = reader.field("_KTHREAD.WaitBlockList", thread.address)
        target = reader.field("_KWAIT_BLOCK.Object", block)
        assert reader.field("_KWAIT_BLOCK.Thread", block) == thread.address
        assert block in reader.members(target + 8, "_KWAIT_BLOCK.WaitListEntry"), thread.key


@pytest.mark.parametrize("build_name", [name for name in BUILDS if records_push_locks(name)])
def test_lock_entries_tell_holders_from_waiters(build_name: str) -> None:
    dump = build("lock-chain", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    assert entries(reader, "head") == {(names["push:P"], True)}
    assert entries(reader, "second") == {(names["push:P"], False), (names["mutex:M"], True)}
    assert entries(reader, "third") == {(names["mutex:M"], False)}
    assert entries(reader, "reader.3") == {(names["push:P"], False)}


@pytest.mark.parametrize("build_name", [name for name in BUILDS if layout_of(name).has("_KTHREAD.AbEntrySummary")])
def test_a_free_entry_may_still_name_a_lock(build_name: str) -> None:
    if not records_push_locks(build_name):
        pytest.skip("this build names no lock entries")
    dump = build("lock-chain", build_name)
    reader = KernelReader(dump)
    assert entries(reader, "lsass.2") >= {(dump.truth.names["push:P"], True)}
    assert reader.field("_KTHREAD.AbEntrySummary", dump.truth.names["thread:lsass.2"]) == 0x3F


def entries(reader: KernelReader, key: str) -> set[tuple[int, bool]]:
    """(lock, held) of each lock entry that names one."""
    path = "_KTHREAD.LockEntries" if embedded(reader) else "_ETHREAD.LockEntries"
    found = set()
    for index in range(6):
        at = reader.truth.names[f"thread:{key}"] + reader.layout.at(f"{path}[{index}]")
        lock = reader.field("_KLOCK_ENTRY.LockUnsafe", at) & 0x7FFFFFFFFFFFFFFC
        if lock:
            held = bool(reader.field("_KLOCK_ENTRY.AcquiredByte", at) & 1)
            assert held is not waiting(reader, at)
            found.add((lock | 1 << 63, held))
    return found


def embedded(reader: KernelReader) -> bool:
    """Whether the KTHREAD holds the entries themselves."""
    path = "_KTHREAD.LockEntries"
    return reader.layout.has(path) and not reader.layout.place(path).type_name.startswith("ptr")


def waiting(reader: KernelReader, entry: int) -> bool:
    """What the entry says of waiting, by whichever name the build has for it."""
    for name in ("WaitingByte", "WaitingBit", "LockState.Waiting"):
        if reader.layout.has(f"_KLOCK_ENTRY.{name}"):
            return bool(reader.field(f"_KLOCK_ENTRY.{name}", entry))
    raise KeyError("no field tells who waits")


@pytest.mark.parametrize("build_name", BUILDS)
def test_a_contended_push_lock_leads_to_the_newest_waiter(build_name: str) -> None:
    dump = build("lock-chain", build_name)
    value = KernelReader(dump).memory.pointer(dump.truth.names["push:P"])
    assert value & 3 == 3
    assert value & ~0xF in stack_of(dump, "reader.4")


@pytest.mark.parametrize("build_name", BUILDS)
def test_mutants_hang_on_their_owner(build_name: str) -> None:
    dump = build("lock-chain", build_name)
    reader, names = KernelReader(dump), dump.truth.names
    owned = reader.list_of("_KTHREAD.MutantListHead", names["thread:third"], "_KMUTANT.MutantListEntry")
    assert owned == [names["mutant:U"]]
    assert reader.field("_KMUTANT.OwnerThread", names["mutant:U"]) == names["thread:third"]


def test_chains_follow_from_the_description() -> None:
    deadlock = build("resource-deadlock").truth
    first, second = deadlock.names["thread:first"], deadlock.names["thread:second"]
    assert [set(ring) for ring in deadlock.chains.cycles] == [{first, second}]
    assert deadlock.chains.heads == {}
    chain = build("lock-chain").truth
    assert chain.chains.heads == {chain.names["thread:head"]: 8}
    assert chain.chains.cycles == ()


def test_no_push_lock_has_a_known_owner_where_symbols_name_no_entries() -> None:
    chain = build("lock-chain", "26100").truth
    assert chain.chains.heads == {chain.names["thread:second"]: 2}
