"""Two dumps of made-up machines that went on: each change that was planted is told, with its number, and no other."""

from __future__ import annotations

import pytest

from livedump.analysis.difference.comparing import compare, compare_all
from livedump.model.difference import Change, ChangeKind, Difference, Relation
from livedump.model.findings import Confidence
from tests.analysis.difference.series import Case, cases, dumps, kept, reports
from tests.synth.kernel.evolving import Change as Planted
from tests.synth.kernel.scenario_series import SERIES

PAGE = 4_096


def first_pair(case: Case) -> Difference:
    first, second, *_ = reports(case)
    return compare(first, second)


def planted(case: Case) -> dict[str, Planted]:
    """The changes of the first step by their subject."""
    return {each.subject: each for each in SERIES[case.name](case.build).changes[0]}


def told(difference: Difference) -> dict[str, Change]:
    return {each.subject: each for each in difference.findings}


@pytest.mark.parametrize("case", cases("leak"), ids=str)
def test_a_leak_is_told_with_what_it_leaks_a_minute(case: Case) -> None:
    difference, truth = first_pair(case), planted(case)
    found = told(difference)
    assert set(found) == {"commit", "tag:Leak", "process:svchost.exe:1184"}
    leak, handles, commit = found["tag:Leak"], found["process:svchost.exe:1184"], found["commit"]
    assert leak.amount == truth["tag:Leak"].amount
    assert leak.per_minute == pytest.approx(truth["tag:Leak"].per_minute)
    assert (handles.amount, handles.per_minute) == (1_200, 240)
    assert commit.amount == truth["memory:committed"].amount * PAGE
    assert (leak.kind, leak.confidence) == (ChangeKind.GROWS, Confidence.LIKELY)
    assert (difference.relation, difference.seconds) == (Relation.SAME_BOOT, 300)


@pytest.mark.parametrize("case", cases("leak"), ids=str)
def test_it_is_told_when_commit_reaches_its_limit(case: Case) -> None:
    commit = told(first_pair(case))["commit"]
    memory = dumps(case)[1].truth.system.memory
    minutes = (memory.limit - memory.committed) / planted(case)["memory:committed"].per_minute
    assert commit.kind is ChangeKind.EXHAUSTS
    assert f"{int(minutes) // 60} h {int(minutes) % 60} min" in commit.text


@pytest.mark.parametrize("case", cases("leak"), ids=str)
def test_totals_are_those_of_the_system_and_their_rates(case: Case) -> None:
    totals = {each.name: each for each in first_pair(case).totals}
    before, after = (built.truth.system.memory for built in dumps(case)[:2])
    for name in ("committed", "available", "nonpaged_pool", "paged_pool", "locked"):
        sides = totals[name].before, totals[name].after
        assert sides == (getattr(before, name) * PAGE, getattr(after, name) * PAGE), name
        assert totals[name].per_minute == pytest.approx((sides[1] - sides[0]) / 5, abs=0.1)


@pytest.mark.parametrize("case", cases("hang"), ids=str)
def test_what_hangs_spins_or_is_dead_is_told_and_nothing_else(case: Case) -> None:
    difference = first_pair(case)
    names = dumps(case)[1].truth.names
    truth = planted(case)
    kinds = {each.kind for each in difference.findings}
    assert kinds <= {ChangeKind.HANG_CONFIRMED, ChangeKind.WORK_QUEUE, ChangeKind.RUNAWAY, ChangeKind.STUCK}
    still = {names[subject] for subject, each in truth.items() if each.kind == "stuck"}
    standing = [each for each in difference.findings if each.kind is not ChangeKind.RUNAWAY]
    assert {thread for each in standing for thread in each.threads} == still
    (spins,) = (each for each in difference.findings if each.kind is ChangeKind.RUNAWAY)
    assert spins.threads == (names["thread:hog"],)
    assert spins.amount == pytest.approx(truth["thread:hog"].amount / 64)
    (queue,) = (each for each in difference.findings if each.kind is ChangeKind.WORK_QUEUE)
    assert (queue.objects, queue.amount) == ((names["queue:ex"],), truth["queue:ex"].amount)


@pytest.mark.parametrize("case", cases("quiet"), ids=str)
def test_nothing_is_told_of_a_machine_on_which_nothing_is_wrong(case: Case) -> None:
    difference = first_pair(case)
    assert (difference.findings, difference.refused, difference.notes) == ((), None, ())
    assert (difference.tags, difference.handles, difference.objects, difference.threads) == ((), (), (), ())


@pytest.mark.parametrize("case", cases("odd"), ids=str)
def test_what_only_looks_wrong_is_not_told(case: Case) -> None:
    difference = first_pair(case)
    assert sorted(told(difference)) == ["driver:Wdf01000", "driver:labflt"]
    assert [each.name for each in difference.drivers.loaded] == ["Wdf01000"]
    assert [each.name for each in difference.drivers.unloaded] == ["labflt"]
    assert difference.seconds == 300


@pytest.mark.parametrize("case", cases("odd"), ids=str)
def test_counters_that_started_anew_count_on(case: Case) -> None:
    before, after = (built.truth.system.processors for built in dumps(case)[:2])
    for rate, old, new in zip(first_pair(case).processors, before, after):
        assert old.kernel_ticks < 1 << 32 < new.kernel_ticks
        ticks = new.kernel_ticks - old.kernel_ticks + new.user_ticks - old.user_ticks
        assert rate.idle_percent == pytest.approx(100 * (new.idle_ticks - old.idle_ticks) / ticks, abs=0.1)
        assert rate.interrupts_per_second == pytest.approx((new.interrupt_count - old.interrupt_count) / 300, abs=0.1)


@pytest.mark.parametrize("case", cases("other-boot"), ids=str)
def test_of_two_boots_totals_and_drivers_are_compared_and_no_rates(case: Case) -> None:
    difference = first_pair(case)
    assert (difference.relation, difference.seconds, difference.refused) == (Relation.OTHER_BOOT, None, None)
    assert difference.totals
    assert {each.per_minute for each in difference.totals} == {None}
    assert difference.findings == ()
    (note,) = difference.notes
    assert "two that were set up alike have these in common, too" in note


@pytest.mark.parametrize("case", cases("other-machine"), ids=str)
def test_two_machines_are_refused_with_what_differs(case: Case) -> None:
    difference = first_pair(case)
    assert difference.relation is Relation.OTHER_MACHINE
    assert difference.refused is not None
    assert all(what in difference.refused for what in ("processors differs: 4 and 3", "16.0 GiB and 33.0 GiB"))
    assert difference.totals == ()
    first, second = reports(case)
    all_the_same = compare(first, second, anyway=True)
    assert all_the_same.refused is None
    assert all_the_same.totals
    assert {"driver:refs", "driver:srv2", "driver:HTTP"} <= set(told(all_the_same))


@pytest.mark.parametrize("name", SERIES)
def test_saved_reports_give_the_same_answer(name: str) -> None:
    first, second, *_ = reports(cases(name)[0])
    expected = compare(first, second)
    assert compare(kept(first), kept(second)) == expected
    assert compare(first, kept(second)) == expected


@pytest.mark.parametrize("name", ["leak", "hang"])
def test_the_order_in_which_two_dumps_are_given_does_not_matter(name: str) -> None:
    first, second, _ = reports(cases(name)[0])
    assert compare(second, first) == compare(first, second)


@pytest.mark.parametrize("name", ["leak", "hang"])
def test_nothing_is_certain_from_two_dumps_and_something_is_from_three(name: str) -> None:
    *steps, whole = compare_all(reports(cases(name)[0]))
    assert Confidence.CERTAIN not in {each.confidence for step in steps for each in step.findings}
    assert Confidence.CERTAIN in {each.confidence for each in whole.findings}


def test_one_dump_twice_is_refused() -> None:
    first = reports(cases("quiet")[0])[0]
    refused = compare(first, first).refused
    assert refused is not None
    assert "one dump twice" in refused
