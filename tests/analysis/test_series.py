"""What became of a machine over all dumps of one boot, held against what was done to the made-up machine."""

from __future__ import annotations

from collections import Counter

import pytest

from livedump.analysis.series import Member, tell_series
from livedump.model.difference import ChangeKind
from livedump.model.findings import Confidence
from livedump.model.report import Report
from livedump.model.series import Course, Series
from livedump.model.snapshot import Snapshot
from tests.analysis.difference.series import Case, dumps, reports
from tests.analysis.difference.test_thresholds import altered
from tests.synth.kernel.scenario_series import SERIES

BUILD = "22000"
LEAK = Case("long-leak", BUILD)
PAGE = 4096


def told(case: Case) -> Series:
    return tell_series([Member(lambda report=report: report) for report in reports(case)])  # type: ignore[misc]


def course(series: Series, title: str) -> Course:
    return next(each for each in series.courses if each.title == title)


def test_amounts_are_those_of_the_machine_dump_by_dump() -> None:
    series, systems = told(LEAK), [built.truth.system for built in dumps(LEAK)]
    nonpaged, commit = course(series, "Nonpaged pool"), course(series, "Commit")
    assert nonpaged.lines[0].values == tuple(system.memory.nonpaged_pool * PAGE for system in systems)
    assert commit.lines[0].values == tuple(system.memory.committed * PAGE for system in systems)
    leaked = [next(tag for tag in system.tags if tag.tag == "Leak").nonpaged[2] for system in systems]
    assert (nonpaged.lines[1].name, nonpaged.lines[1].values) == ("tag Leak (likely of lab)", tuple(leaked))
    opened = [sum(count for _, count in next(each for each in system.processes if each.key == "svchost").handles)
              for system in systems]  # fmt: skip
    gained = [after - opened[0] for after in opened]
    values = course(series, "Handles").lines[1].values
    assert [None if value is None else value - (values[0] or 0) for value in values] == gained


def test_the_time_is_that_of_the_steps() -> None:
    series, systems = told(LEAK), [built.truth.system for built in dumps(LEAK)]
    first = systems[0].clock.ticks
    between = [system.clock.seconds(system.clock.ticks - first) for system in systems]
    assert [each.seconds for each in series.dumps] == pytest.approx(between)
    assert series.summary == "6 dumps of one boot over 25 min 10 s"


def test_rates_are_of_the_whole_time() -> None:
    amount = sum(change.amount for step in SERIES["long-leak"](BUILD).changes for change in step
                 if change.subject == "memory:nonpaged_pool")  # fmt: skip
    nonpaged = course(told(LEAK), "Nonpaged pool")
    assert nonpaged.amount == amount * PAGE
    assert nonpaged.per_minute == pytest.approx(amount * PAGE * 60 / 1510)


def test_what_surely_grows_comes_first() -> None:
    first, *others = told(LEAK).courses
    assert (first.title, first.confidence) == ("Nonpaged pool", Confidence.CERTAIN)
    assert others[-1].confidence is None


def test_a_pool_that_takes_all_of_commit_says_when_nothing_is_left() -> None:
    series = told(LEAK)
    (exhausts,) = (each for each in series.findings if each.kind is ChangeKind.EXHAUSTS)
    nonpaged, commit = course(series, "Nonpaged pool"), course(series, "Commit")
    time = exhausts.text.rpartition(" in ")[2]
    assert nonpaged.outlook == f"at this rate nothing is left to commit in {time}"
    assert commit.outlook == f"at this rate it reaches its limit in {time}"
    assert course(series, "Paged pool").outlook is None


def test_that_something_else_runs_out_says_nothing_of_commit() -> None:
    before, after = reports(Case("quiet", BUILD))

    def fewer_ptes(snapshot: Snapshot) -> Snapshot:
        totals = snapshot.totals
        assert totals.free_system_ptes is not None
        assert totals.committed is not None
        # 20 MiB more are noise.
        gone = totals._replace(free_system_ptes=totals.free_system_ptes - 100_000, committed=totals.committed + 5_120)
        return snapshot._replace(totals=gone)

    pair = (before, altered(after, fewer_ptes))
    series = tell_series([Member(lambda report=report: report) for report in pair])  # type: ignore[misc]
    assert [each.subject for each in series.findings] == ["system-ptes"]
    assert {each.outlook for each in series.courses} == {None}


def test_what_hangs_grows_nowhere_and_is_found_all_the_same() -> None:
    series = told(Case("hang", BUILD))
    assert {each.confidence for each in series.courses} == {None}
    assert {each.kind for each in series.findings} >= {ChangeKind.HANG_CONFIRMED, ChangeKind.WORK_QUEUE}
    assert all(each.summary.startswith("steady") for each in series.courses)


def test_each_dump_is_asked_for_once_and_compared_twice_at_most() -> None:
    asked: Counter[int] = Counter()

    def ask(number: int) -> Report:
        asked[number] += 1
        return reports(LEAK)[number]

    series = tell_series([Member(lambda number=number: ask(number)) for number in range(6)])  # type: ignore[misc]
    assert asked == dict.fromkeys(range(6), 1)
    assert len(series.steps) == 5


def test_a_dump_that_does_not_tell_is_a_gap_and_no_zero() -> None:
    first, second, third, *_ = reports(LEAK)
    assert second.symptoms is not None
    blind = second._replace(symptoms=second.symptoms._replace(snapshot=None))
    series = tell_series([Member(lambda report=report: report) for report in (first, blind, third)])  # type: ignore[misc]
    values = course(series, "Nonpaged pool").lines[0].values
    assert values[1] is None
    assert None not in (values[0], values[2])
    assert series.steps[0].refused is not None
    assert series.whole.refused is None


def test_a_tag_that_was_too_small_to_be_counted_is_known_to_be_none() -> None:
    first, second, *_ = reports(LEAK)
    assert first.symptoms is not None
    assert first.symptoms.snapshot is not None
    tags = first.symptoms.snapshot.tags
    kept = [at for at, name in enumerate(tags.tags) if name != "Leak"]
    without = tags._replace(**{name: tuple(column[at] for at in kept) for name, column in tags._asdict().items()})
    small = first._replace(symptoms=first.symptoms._replace(snapshot=first.symptoms.snapshot._replace(tags=without)))
    series = tell_series([Member(lambda report=report: report) for report in (small, second)])  # type: ignore[misc]
    assert course(series, "Nonpaged pool").lines[1].values[0] == 0
