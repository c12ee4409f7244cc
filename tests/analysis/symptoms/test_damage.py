"""Damaged lists, forged owners and absurd numbers: what is left is said, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from livedump.analysis.symptoms.examining import judge
from livedump.analysis.symptoms.gathering import gather
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence
from livedump.model.memory_use import MemoryFacts
from livedump.model.requests import RequestFacts
from livedump.model.symptoms import AnalysisState
from livedump.model.waits import WaitFacts
from livedump.report.dump_row import dump_row
from livedump.report.triage_page import triage_row
from tests.analysis.symptoms.examined import Examined, without_limit
from tests.synth.kernel.scenario_damage import DAMAGED, RINGS
from tests.synth.kernel.scenarios import build_damaged
from tests.synth.toolchain import ToolchainMissing

CUT = tuple(f"{name}-{how}" for name in RINGS for how in ("circular", "cut", "astray"))
SHORT = tuple(f"{name}-{how}" for name in RINGS for how in ("empty", "one"))
NOT_WALKED = ("ready", "mutants")
"""Lists that no analysis needs: a thread's state and a mutant's own owner tell the same."""


@cache
def examined(name: str) -> Examined:
    try:
        built = build_damaged(name)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        scene = gather(engine, built.truth.system.live, without_limit)
        return Examined(built, scene, judge(scene))
    finally:
        engine.close()


def problems_of(found: Examined) -> list[str]:
    """Everything that is said of lists that are not whole."""
    scene, symptoms = found.scene, found.symptoms
    analyses = (symptoms.processors, symptoms.stacks, symptoms.waits, symptoms.memory, symptoms.requests)
    listings = [scene.census.processes, scene.census.threads]
    return [each for each in (*(one.reason for one in analyses), *(one.problem for one in listings)) if each]


def waits_of(found: Examined) -> WaitFacts:
    assert not isinstance(found.scene.waits, DumpError)
    return found.scene.waits


def requests_of(found: Examined) -> RequestFacts:
    assert not isinstance(found.scene.requests, DumpError)
    return found.scene.requests


def memory_of(found: Examined) -> MemoryFacts:
    assert not isinstance(found.scene.memory, DumpError)
    return found.scene.memory


@pytest.mark.parametrize("name", DAMAGED)
def test_every_damage_gets_an_answer(name: str) -> None:
    found = examined(name)
    assert found.symptoms.processors.processors
    assert found.symptoms.more_findings == 0


@pytest.mark.parametrize("name", [name for name in CUT if not name.startswith(NOT_WALKED)])
def test_a_list_that_breaks_off_says_so(name: str) -> None:
    assert problems_of(examined(name))


@pytest.mark.parametrize("name", SHORT)
def test_a_short_list_is_no_problem_unless_something_else_counts_more(name: str) -> None:
    # Without processes what runs belongs to none; a process counts its threads.
    assert bool(problems_of(examined(name))) == name.startswith(("processes", "threads"))


@pytest.mark.parametrize(("how", "listed"), [("empty", 0), ("one", 1)])
def test_a_process_that_counts_more_threads_than_are_on_its_list_says_so(how: str, listed: int) -> None:
    found = examined(f"threads-{how}")
    lost = {each.address for each in found.truth.threads} - set(found.scene.threads)
    (process,) = {each.process for each in found.truth.threads if each.address in lost}
    counted = sum(each.process == process for each in found.truth.threads)
    name = found.scene.processes[process].name
    assert counted - listed == len(lost)
    said = f"{name} ({found.scene.processes[process].process_id}): {listed} of its {counted} threads are on its list"
    assert found.scene.census.threads.problem == said
    assert said in (found.symptoms.stacks.reason or "")


@pytest.mark.parametrize("name", DAMAGED)
def test_a_list_with_a_problem_never_shows_that_there_is_nothing(name: str) -> None:
    found = examined(name)
    waits, requests = found.symptoms.waits, found.symptoms.requests
    lists = [(waits.state, waits_of(found).waits), (requests.state, requests_of(found).requests)]
    assert not [each for state, each in lists if each.problem and state is AnalysisState.NONE]
    if found.scene.census.threads.problem:
        assert "nobody waits" not in found.symptoms.processors.summary
    if waits_of(found).waits.problem:
        assert "no thread waits" not in waits.summary
    if requests_of(found).requests.problem:
        assert "no request is pending" not in requests.summary


@pytest.mark.parametrize("how", ["circular", "cut", "astray"])
def test_locks_are_counted_as_what_could_be_read_where_their_list_breaks_off(how: str) -> None:
    found = examined(f"resources-{how}")
    read = waits_of(found).resources
    assert 0 < read < len(found.truth.system.resources)
    assert f" held of the {read} ERESOURCEs that could be read; " in found.symptoms.waits.summary


@pytest.mark.parametrize("name", DAMAGED)
def test_a_list_with_a_problem_proves_no_deadlock(name: str) -> None:
    found = examined(name)
    certain = [each for each in found.symptoms.findings if each.confidence is Confidence.CERTAIN]
    assert not certain or waits_of(found).waits.problem is None
    assert {each.kind.value for each in certain} <= {"deadlock"}
    assert set(found.symptoms.waits.cycles) <= {*found.truth.chains.cycles, *_forged_cycles(found)}


def _forged_cycles(found: Examined) -> set[tuple[int, ...]]:
    # A message whose server is its own client.
    return {(found.truth.names[f"thread:{patch.value.partition(':')[2]}"],) for patch in found.truth.system.patches
            if patch.path == "_KALPC_MESSAGE.ServerThread" and isinstance(patch.value, str)}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_what_a_list_still_tells_is_not_lost(name: str) -> None:
    found = examined(name)
    names = found.truth.names
    (truth,) = found.truth.system.lists
    reached = {names[each] for each in truth.members if each != truth.missing}
    members: dict[str, Callable[[], set[int]]] = {
        "processes": lambda: {each.address for each in found.scene.census.processes},
        "threads": lambda: {each.address for each in found.scene.census.threads},
        "irps": lambda: {each.irp for each in requests_of(found).requests},
    }
    counts: dict[str, Callable[[], int]] = {
        "resources": lambda: waits_of(found).resources,
        "work-items": lambda: sum(len(queue.items) for queue in requests_of(found).queues),
    }
    if truth.name in members:
        assert members[truth.name]() >= reached
    elif truth.name in counts:
        assert counts[truth.name]() >= len(reached)
    else:
        assert truth.name in NOT_WALKED


@pytest.mark.parametrize("name", [name for name in DAMAGED if "-owner-" in name and not name.startswith("absurd")])
def test_a_forged_owner_is_no_thread_that_holds_the_lock(name: str) -> None:
    found = examined(name)
    threads = {each.address for each in found.truth.threads}
    lock = found.truth.names[found.truth.system.patches[-1].at]
    waiting = [each for each in waits_of(found).waits if each.object.address == lock]
    assert waiting
    assert {each.owners for each in waiting} == {()}
    orphans = [each for each in found.symptoms.findings if each.kind.value == "orphan-lock"]
    assert {each for orphan in orphans for each in orphan.objects} <= {lock}
    assert not [each for orphan in orphans for each in orphan.threads if each not in threads]
    assert not [each for each in found.symptoms.findings if each.kind.value == "deadlock"]


@pytest.mark.parametrize("name", ["thread-missing", "process-missing"])
def test_an_owner_that_may_be_on_a_list_that_broke_off_is_possibly_none(name: str) -> None:
    found = examined(name)
    assert {each.confidence for each in found.symptoms.findings} == {Confidence.POSSIBLE}
    assert found.scene.census.threads.problem


def test_a_processor_that_is_missing_starves_nobody_for_sure() -> None:
    found = examined("processor-missing")
    starved = [each for each in found.symptoms.findings if each.kind.value == "starved"]
    assert [each.confidence for each in starved] == [Confidence.POSSIBLE]
    missing = found.symptoms.processors.processors[1]
    assert (missing.idle, missing.dpc_percent, missing.dpc_queue_depth) == (None, None, None)
    assert found.symptoms.processors.reason


@pytest.mark.parametrize("name", ["shared-data-missing", "absurd-dump-of-time"])
def test_without_a_clock_nobody_has_waited_for_any_time(name: str) -> None:
    found = examined(name)
    assert {found.scene.waited_seconds(each) for each in found.scene.census.threads} == {None}
    assert found.symptoms.findings == ()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tags-missing", "pool tags"),
        ("tags-of-one-missing", "pool counters of a processor are not captured"),
        ("absurd-tag-count", "makes no sense"),
        ("absurd-expansion-count", "makes no sense"),
        ("absurd-big-page-count", "makes no sense"),
        ("big-pages-missing", "not captured"),
        ("handles-missing", "handle table"),
        ("processes-empty", "processes: the process that runs on processor 0 is not on the list"),
        ("processes-circular", "processes: the list runs in a circle"),
    ],
)
def test_what_of_memory_is_not_known_is_said(name: str, problem: str) -> None:
    assert problem in (examined(name).symptoms.memory.reason or "")


def test_counters_of_a_processor_that_are_missing_are_not_zeros() -> None:
    found = examined("tags-of-one-missing")
    leak = next(each for each in memory_of(found).tags if each.tag == "Leak")
    truth = next(each for each in found.truth.system.tags if each.tag == "Leak")
    assert 0 < leak.nonpaged_bytes < truth.nonpaged[2]
    evidence = next(each.evidence for each in found.symptoms.findings if each.kind.value == "pool-tag")
    assert "not captured" in evidence[0].fact


def test_a_handle_table_that_is_missing_is_not_an_empty_one() -> None:
    found = examined("handles-missing")
    counts = {each.id: each.count for each in memory_of(found).handles}
    lsass = found.truth.process("lsass")
    assert counts.pop(lsass.spec.pid) is None
    assert None not in counts.values()


def test_a_dpc_queue_in_a_circle_is_read_once() -> None:
    found = examined("absurd-dpc-circle")
    queue = found.scene.census.processors[1].dpc_queue
    assert len({each.address for each in queue}) == len(queue) > 0
    assert queue.problem
    assert "DPC" in (found.symptoms.processors.reason or "")


def test_a_request_at_an_impossible_place_blames_nobody() -> None:
    for name in ("absurd-irp-location", "absurd-irp-device"):
        found = examined(name)
        damaged = found.truth.names["irp:read.0"]
        request = next(each for each in requests_of(found).requests if each.irp == damaged)
        assert request.driver is None
        assert not [each for each in found.symptoms.findings if damaged in each.objects]


def test_a_thread_that_waits_for_itself_is_told_so() -> None:
    found = examined("absurd-message-circle")
    (deadlock,) = (each for each in found.symptoms.findings if each.kind.value == "deadlock")
    assert deadlock.confidence is not Confidence.CERTAIN
    assert "which it holds itself" in deadlock.text
    assert deadlock.threads == (found.truth.thread("client.0").address,)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("threads-cut", None, "nothing stands out, but not all could be looked at: "),
        ("processes-empty", None, "nothing stands out, but not all could be looked at: "),
        ("resources-astray", None, "nothing stands out, but not all could be looked at: "),
        ("resources-one", "", "nothing stands out"),
        ("resource-owner-user", "orphan-lock", ""),
    ],
)
def test_a_row_never_says_that_nothing_stands_out_where_an_analysis_could_not_look(
    name: str, keys: str | None, said: str
) -> None:
    built = examined(name).built
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        report = report_dump(engine, time=60)
    finally:
        engine.close()
    row = dump_row(report)
    assert row.symptoms == keys
    (finding,) = triage_row(row, report).findings
    assert finding.startswith(said)
    assert finding.startswith("nothing stands out") is (not keys)
