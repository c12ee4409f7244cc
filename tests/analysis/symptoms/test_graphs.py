"""Who waits for whom, requests and work queues are those that the made-up systems were made of."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from livedump.model.errors import DumpError
from livedump.model.requests import RequestFacts, major_name
from livedump.model.waits import WaitFacts
from tests.analysis.symptoms.examined import SERVER, SOME, Case, Examined, examined
from tests.synth.kernel.spec import WAITING

WITH_POOL = tuple(case for case in (*SOME, SERVER) if case.name not in ("locks-on-stacks", "kernel-stacks"))
"""Locks, requests and queues lie in pool."""


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
