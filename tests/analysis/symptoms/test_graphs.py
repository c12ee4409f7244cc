"""Who waits for whom, requests and work queues are those that the made-up systems were made of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from livedump.model.errors import DumpError
from livedump.model.requests import RequestFacts, major_name
from livedump.model.waits import WaitFacts
from tests.analysis.symptoms.examined import SERVER, SOME, Case, Examined, examine, examined
from tests.synth.kernel.building import BuiltSystem, build_system
from tests.synth.kernel.scenario_damage import NOWHERE
from tests.synth.kernel.scenario_requests import DISK_STACK, storage_stall
from tests.synth.kernel.spec import WAITING, File, Irp, Location, Patch
from tests.synth.toolchain import ToolchainMissing

WITH_POOL = tuple(case for case in (*SOME, SERVER) if case.name not in ("locks-on-stacks", "kernel-stacks"))
"""Locks, requests and queues lie in pool."""
WITHOUT_POOL = tuple(case for case in SOME if case.name == "locks-on-stacks")


def waits_of(found: Examined) -> WaitFacts:
    assert not isinstance(found.scene.waits, DumpError)
    return found.scene.waits


def requests_of(found: Examined) -> RequestFacts:
    assert not isinstance(found.scene.requests, DumpError)
    return found.scene.requests


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_who_holds_what_others_wait_for(case: Case) -> None:
    found = examined(case)
    assert waits_of(found).waits.problem is None
    owners = {each.thread: set(each.owners) for each in waits_of(found).waits if each.owners}
    edges = found.truth.chains.edges
    assert owners == {thread: set(held) for thread, held in edges.items() if not _forged(found, thread)}


def _forged(found: Examined, thread: int) -> bool:
    # What it waits for had its owner overwritten at last.
    overwritten = {patch.at for patch in found.truth.system.patches}
    spec = next(each.spec for each in found.truth.threads if each.address == thread)
    return any(wait.on in overwritten for wait in spec.waits)


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_heads_and_how_many_wait_behind_them(case: Case) -> None:
    found = examined(case)
    heads = {head: chain.behind for chain in found.symptoms.waits.chains for head in chain.heads}
    forged = {thread for thread in found.truth.chains.edges if _forged(found, thread)}
    expected = Counter(found.truth.chains.heads)
    for thread in forged:
        expected.subtract(found.truth.chains.edges[thread])
    assert heads == +expected


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_rings_of_threads_that_wait_for_each_other(case: Case) -> None:
    found = examined(case)
    assert sorted(found.symptoms.waits.cycles) == sorted(found.truth.chains.cycles)


@pytest.mark.parametrize("case", [*SOME, SERVER], ids=str)
def test_no_wait_is_made_up(case: Case) -> None:
    found = examined(case)
    waiting = {each.address for each in found.truth.threads if each.spec.state == WAITING}
    for wait in waits_of(found).waits:
        assert wait.thread in waiting
        assert set(wait.owners) <= set(found.truth.chains.edges.get(wait.thread, ()))


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_every_resource_is_counted(case: Case) -> None:
    found = examined(case)
    listed = [each for each in found.truth.system.resources if each.listed]
    assert waits_of(found).resources == len(listed)
    assert waits_of(found).held_resources == sum(bool(each.exclusive or each.shared) for each in listed)


def test_locks_that_are_not_in_the_dump_are_not_counted_as_none() -> None:
    assert WITHOUT_POOL
    for case in WITHOUT_POOL:
        assert examined(case).symptoms.waits.summary.startswith("no ERESOURCE could be read; ")


def test_work_queues_that_are_not_in_the_dump_are_each_told_by_one_address() -> None:
    for case in WITHOUT_POOL:
        queues = requests_of(examined(case)).queues
        assert (queues.problem or "").count("items of the work queue ") == len(queues)
        assert (queues.problem or "").count("is not captured") <= 2 * len(queues)  # of items and of workers


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_every_request_on_the_list_of_a_thread(case: Case) -> None:
    found = examined(case)
    assert requests_of(found).requests.problem is None
    names = found.truth.names
    unnamed = {each.name for each in found.truth.system.driver_objects if each.name_paged_out}
    expected = {
        each.irp: (
            each.thread, each.completed, each.module or None,
            None if each.driver in unnamed else each.driver or None, each.device or None, each.major,
            each.waits_seconds,
        )
        for each in found.truth.requests if each.thread
    }  # fmt: skip
    seconds = {each.irp: each.waits_seconds for each in found.symptoms.requests.pending}
    assert {
        each.irp: (each.thread, each.completed, each.driver, each.driver_name, each.device, each.major,
                   seconds[each.irp])
        for each in requests_of(found).requests
    } == expected  # fmt: skip
    cancelled = {names[f"irp:{each.key}"] for each in found.truth.system.irps if each.cancelled and each.thread}
    assert {each.irp for each in requests_of(found).requests if each.cancelled} == cancelled


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_what_each_driver_owes(case: Case) -> None:
    found = examined(case)
    owed: defaultdict[str, list[float]] = defaultdict(list)
    for each in found.truth.requests:
        if each.thread and not each.completed:
            owed[each.module].append(each.waits_seconds)
    assert {each.driver: (each.count, each.longest_wait_seconds) for each in found.symptoms.requests.by_driver} == {
        module: (len(waits), max(waits)) for module, waits in owed.items()
    }
    shown = [each for each in found.symptoms.requests.pending if not each.completed]
    assert {each.major for each in shown} == {
        major_name(each.major or 0) for each in found.truth.requests if each.thread and not each.completed
    }


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_what_stands_above_and_below_each_device_that_has_requests(case: Case) -> None:
    found = examined(case)
    names, system = found.truth.names, found.truth.system
    drivers = {each.key: each for each in system.driver_objects}
    devices = {each.key: each for each in system.devices}
    on = {each.on: each.key for each in system.devices if each.on}

    def stack_of(key: str) -> list[tuple[int, str]]:
        while devices[key].on:
            key = devices[key].on
        whole = [key]
        while whole[0] in on:
            whole.insert(0, on[whole[0]])
        return [(names[f"device:{each}"], drivers[devices[each].driver].module) for each in whole]

    keys = {names[f"device:{key}"]: key for key in devices}
    counts = Counter(each.device for each in found.truth.requests if each.thread and not each.completed)
    stacks = found.symptoms.requests.device_stacks
    assert stacks.problem is None
    assert {each.device: each.requests for each in stacks} == counts
    for each in stacks:
        assert [(one.device, one.driver) for one in each.devices] == stack_of(keys[each.device])
        assert (each.file_system, each.problem) == (None, None)


ROOM = File("vpb", "", "volume")
"""Whose memory becomes a volume parameter block: the made-up systems have none."""
MOUNTED = (
    Patch("device:volume", "_DEVICE_OBJECT.Vpb", "file:vpb"),
    Patch("device:volume", "_DEVICE_OBJECT.AttachedDevice", 0),
    Patch("file:vpb", "_VPB.DeviceObject", "device:filesystem"),
    Patch("file:vpb", "_VPB.RealDevice", "device:volume"),
    Patch("file:log", "_FILE_OBJECT.Vpb", "file:vpb"),
)


def with_a_volume(build: str, *patches: Patch) -> BuiltSystem:
    """A write that the volume's driver has; the file system is mounted on it, and attached to nothing."""
    system = storage_stall(build)
    locations = tuple(Location(device, 4, pending=True, file="log") for device in DISK_STACK)
    system = system.added(files=(ROOM,), irps=(Irp("held", locations, 4, "writer"),))
    try:
        return build_system(replace(system, patches=(*system.patches, *MOUNTED, *patches)), "mounted")
    except ToolchainMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("build", ["7601", "20348"])
def test_a_volume_is_found_by_its_parameter_block(build: str) -> None:
    made = with_a_volume(build)
    names = made.truth.names
    found = examine(made)
    held = next(each for each in requests_of(found).requests if each.irp == names["irp:held"])
    assert (held.device, held.volume) == (names["device:volume"], names["device:volume"])
    [stack] = [each for each in found.symptoms.requests.device_stacks if each.device == names["device:volume"]]
    assert [each.driver for each in stack.devices] == ["volmgr"]
    assert stack.file_system is not None
    assert stack.file_system[:2] == (names["device:filesystem"], "Ntfs")


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (Patch("device:disk", "_DEVICE_OBJECT.AttachedDevice", "device:unit"), "makes no sense"),
        (Patch("device:disk", "_DEVICE_OBJECT.AttachedDevice", NOWHERE), "is not captured"),
        (Patch("device:disk", "_DEVICE_OBJECT.AttachedDevice", 0x42), "makes no sense"),
    ],
)
def test_a_stack_of_devices_that_is_damaged_says_so(patch: Patch, words: str) -> None:
    made = with_a_volume("20348", patch)
    [stack] = [
        each for each in examine(made).symptoms.requests.device_stacks if each.device == made.truth.names["device:unit"]
    ]
    assert [each.driver for each in stack.devices][-2:] == ["disk", "stornvme"]
    assert words in str(stack.problem)


@pytest.mark.parametrize("case", WITH_POOL, ids=str)
def test_every_work_queue_and_which_is_stuck(case: Case) -> None:
    found = examined(case)
    stuck = {each for finding in found.truth.expected if finding.kind == "work-queue" for each in finding.objects}
    queues = {each.address: each for each in found.symptoms.waits.work_queues}
    for truth in found.truth.work_queues:
        queue = queues[truth.address]
        assert (queue.node, queue.index, queue.pending, queue.threads) == (
            truth.node, truth.index, truth.pending, len(truth.workers)
        )  # fmt: skip
        assert queue.stuck is (truth.address in stuck)
    known = {truth.address for truth in found.truth.work_queues}
    assert not [each for address, each in queues.items() if address not in known and (each.pending or each.threads)]
