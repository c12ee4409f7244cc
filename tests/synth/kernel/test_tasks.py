"""Lists and numbers of processes, threads and processors, read by a reader of a few lines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build
from tests.synth.kernel.spec import READY
from tests.synth.machine import filetime

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize("build_name", BUILDS)
def test_lists_lead_to_every_process_and_thread(build_name: str) -> None:
    dump = build("starvation", build_name)
    reader = KernelReader(dump)
    head = dump.truth.names["global:PsActiveProcessHead"]
    assert reader.members(head, "_EPROCESS.ActiveProcessLinks") == [each.address for each in dump.truth.processes[1:]]
    for process in dump.truth.processes:
        for path, entry in (
            ("_EPROCESS.ThreadListHead", "_ETHREAD.ThreadListEntry"),
            ("_KPROCESS.ThreadListHead", "_KTHREAD.ThreadListEntry"),
        ):
            assert tuple(reader.list_of(path, process.address, entry)) == process.threads


@pytest.mark.parametrize("build_name", BUILDS)
def test_client_ids_lead_back(build_name: str) -> None:
    dump = build("starvation", build_name)
    reader = KernelReader(dump)
    code = reader.field("_HANDLE_TABLE.TableCode", reader.variable("PspCidTable"))
    for thread in dump.truth.threads:
        if thread.spec.tid:
            assert cid_object(reader, code, thread.spec.tid) == thread.address
    for process in dump.truth.processes[1:]:
        assert cid_object(reader, code, process.spec.pid) == process.address


def cid_object(reader: KernelReader, code: int, number: int) -> int:
    """What the table of client ids says behind a number."""
    table, level = code & ~7, code & 7
    index = number // 4
    assert level in (0, 1)
    page = reader.memory.pointer(table + 8 * (index // 256)) if level else table
    entry = page + 16 * (index % 256)
    if reader.layout.has("_HANDLE_TABLE_ENTRY.ObjectPointerBits"):
        return 0xFFFF000000000000 | reader.field("_HANDLE_TABLE_ENTRY.ObjectPointerBits", entry) << 4
    return reader.field("_HANDLE_TABLE_ENTRY.Object", entry) & ~7


@pytest.mark.parametrize("build_name", BUILDS)
def test_ready_queues_hold_the_threads_that_are_ready(build_name: str) -> None:
    dump = build("starvation", build_name)
    reader = KernelReader(dump)
    queued = []
    queues = {reader.field("_KPRCB.SharedReadyQueue", prcb(dump, 0))} if has_shared_queue(reader) else set()
    heads = [(start + reader.layout.at("_KSHARED_READY_QUEUE.ReadyListHead")) for start in queues]
    heads += [prcb(dump, number) + reader.layout.at("_KPRCB.DispatcherReadyListHead") for number in range(4)]
    for head in heads:
        for priority in range(32):
            members = reader.members(head + 16 * priority, "_KTHREAD.WaitListEntry")
            assert {reader.field("_KTHREAD.Priority", thread) for thread in members} <= {priority}
            queued += members
    assert sorted(queued) == sorted(each.address for each in dump.truth.ready if each.spec.state == READY)


def prcb(dump: object, number: int) -> int:
    """Address of a processor's block."""
    return dump.truth.names[f"prcb:{number}"]  # type: ignore[attr-defined, no-any-return]


def has_shared_queue(reader: KernelReader) -> bool:
    """Whether the build has queues that processors share."""
    return reader.layout.has("_KPRCB.SharedReadyQueue")


@pytest.mark.parametrize("build_name", BUILDS)
def test_clocks_agree(build_name: str) -> None:
    dump = build("quiet", build_name)
    reader, clock = KernelReader(dump), dump.truth.system.clock
    shared = 0xFFFFF78000000000
    assert reader.field("_KUSER_SHARED_DATA.TickCountQuad", shared) == clock.ticks
    interrupt_time = int.from_bytes(reader.memory.read(shared + 8, 8), "little")
    assert interrupt_time == clock.ticks * reader.variable("KeMaximumIncrement", 4)
    assert reader.variable("KeBootTime") - reader.variable("KeBootTimeBias") == filetime(clock.booted)
    system_time = int.from_bytes(reader.memory.read(shared + 0x14, 8), "little")
    assert system_time == filetime(clock.booted + timedelta(seconds=clock.uptime_seconds))


@pytest.mark.parametrize("build_name", BUILDS)
def test_handles_of_processes_lead_to_objects_of_their_types(build_name: str) -> None:
    dump = build("quiet", build_name)
    reader = KernelReader(dump)
    for process in dump.truth.processes[1:]:
        table = reader.field("_EPROCESS.ObjectTable", process.address)
        if reader.layout.has("_HANDLE_TABLE.HandleCount"):
            assert reader.field("_HANDLE_TABLE.HandleCount", table) == process.handle_count
            continue
        path = "_HANDLE_TABLE.FreeLists[0].HandleCount"
        assert reader.signed(path, table) == process.handle_count


@pytest.mark.parametrize("build_name", BUILDS)
def test_every_system_can_be_made_on_every_build(build_name: str) -> None:
    for name, scenario in KERNEL_SCENARIOS.items():
        if not scenario.large:
            truth = build(name, build_name).truth
            assert truth.system.build == build_name
            assert {each.kind for each in truth.expected} == {each.kind for each in truth.system.expected}


@pytest.mark.parametrize("build_name", BUILDS)
def test_nothing_is_wrong_on_a_quiet_machine(build_name: str) -> None:
    truth = build("quiet", build_name).truth
    assert truth.expected == ()
    assert truth.chains.heads == {}
    assert truth.ready == ()
    assert not any(process.zombie for process in truth.processes)
    assert all(request.completed is False for request in truth.requests)
