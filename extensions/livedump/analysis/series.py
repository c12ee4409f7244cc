"""What became of a machine over all dumps of one boot. Each dump is asked for once, and let go when the next one comes.

Nothing here grows with more than the number of dumps: each is held against the one before it, and the last against the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from livedump.analysis.difference.comparing import compare, confirmed
from livedump.analysis.difference.growth import counted_totals
from livedump.analysis.difference.leaks import minutes_left
from livedump.model.amounts import seconds_text, size_text
from livedump.model.difference import Change, ChangeKind, Difference, TagGrowth
from livedump.model.findings import Confidence
from livedump.model.report import Report
from livedump.model.series import Course, Line, Series, SeriesDump
from livedump.model.snapshot import Snapshot

MAX_PARTS = 2
"""Tags of a pool, and processes, that are shown with the whole."""
MOST = 0.7
"""Ours: of what commit gained, for it to be the work of one pool."""
STEADY = 0.01
"""Ours: of the greater of two amounts that are called the same."""


class Member(NamedTuple):
    """One instant of a series."""

    report: Callable[[], Report]
    """Reads it; the result is not kept."""
    copies: tuple[str, ...] = ()
    """Paths of other files of the same instant."""


class _Measure(NamedTuple):
    """Something that each dump tells an amount of."""

    name: str
    subject: str
    """As findings have it."""
    of: Callable[[Snapshot, Mapping[tuple[str, str], int]], int | None]


class _Plan(NamedTuple):
    """What one course shows."""

    title: str
    unit: str
    measures: tuple[_Measure, ...]
    """The whole, then its parts."""


def tell_series(members: Sequence[Member]) -> Series:
    """What became of the machine; ``members`` are two or more instants of one boot in the order of their time."""
    first, last = members[0].report(), members[-1].report()
    whole = compare(first, last)
    plans = tuple(_plans(whole))
    dumps: list[SeriesDump] = []
    steps: list[Difference] = []
    columns: list[list[list[int | None]]] = []
    before = first
    for at, member in enumerate(members):
        report = first if at == 0 else last if at == len(members) - 1 else member.report()
        dumps.append(_dump(first, report, member.copies))
        columns.append([_amounts(report, plan) for plan in plans])
        if at:
            steps.append(compare(before, report))
        before = report
    whole = confirmed(whole, steps)
    courses = [_course(plan, rows, whole, dumps[-1].seconds) for plan, rows in zip(plans, zip(*columns))]
    summary = f"{len(dumps)} dumps of one boot over {seconds_text(dumps[-1].seconds)}"
    return Series(summary, tuple(dumps), dumps[-1].seconds, tuple(steps), whole, _ranked(courses))


def _dump(first: Report, report: Report, copies: tuple[str, ...]) -> SeriesDump:
    return SeriesDump(
        report.path,
        copies,
        report.dump.captured_at if report.dump else None,
        _since_boot(report) - _since_boot(first),
    )


def _since_boot(report: Report) -> float:
    instant = report.instant
    return instant.since_boot.total_seconds() if instant and instant.since_boot is not None else 0.0


def _plans(whole: Difference) -> Iterator[_Plan]:
    for pool in ("nonpaged", "paged"):
        tags = [each for each in whole.tags if each.pool == pool and each.amount > 0][:MAX_PARTS]
        total = _total(f"{pool} pool", f"memory:{pool}_pool", f"{pool}_pool", "bytes")
        yield _Plan(f"{pool.capitalize()} pool", "bytes", (total, *map(_tag, tags)))
    yield _Plan("Commit", "bytes", (_total("commit", "commit", "committed", "bytes"),))
    opened = [each for each in whole.handles if each.amount > 0][:MAX_PARTS]
    processes = (_handles(each.process or "a process", each.process_id) for each in opened)
    yield _Plan("Handles", "handles", (_total("all handles", "handles", "handles", "handles"), *processes))


def _total(name: str, subject: str, total: str, unit: str) -> _Measure:
    return _Measure(name, subject, lambda _, totals: totals.get((total, unit)))


def _tag(grown: TagGrowth) -> _Measure:
    tag, pool = grown.tag, grown.pool
    owner = f" (likely of {grown.owners[0]})" if len(grown.owners) == 1 else ""

    def of(snapshot: Snapshot, _: object) -> int | None:
        # What a whole table does not name holds less than a page.
        none = None if snapshot.lacks("pool tags") else 0
        tags = snapshot.tags
        return dict(zip(tags.tags, getattr(tags, f"{pool}_bytes"))).get(tag, none)

    return _Measure(f"tag {tag}{owner}", f"tag:{tag}", of)


def _handles(process: str, process_id: int | None) -> _Measure:
    def of(snapshot: Snapshot, _: object) -> int | None:
        return next((each.handles for each in snapshot.processes if each.id == process_id), None)

    return _Measure(f"{process} (id {process_id})", f"process:{process}:{process_id}", of)


def _amounts(report: Report, plan: _Plan) -> list[int | None]:
    snapshot = report.symptoms.snapshot if report.symptoms else None
    if snapshot is None:
        return [None] * len(plan.measures)
    totals = counted_totals(snapshot)
    return [measure.of(snapshot, totals) for measure in plan.measures]


def _course(plan: _Plan, rows: Sequence[Sequence[int | None]], whole: Difference, seconds: float) -> Course:
    lines = tuple(Line(measure.name, values) for measure, values in zip(plan.measures, zip(*rows)))
    values = lines[0].values
    amount = None if values[0] is None or values[-1] is None else values[-1] - values[0]
    rate = amount * 60 / seconds if amount is not None and seconds else None
    limit = _after(whole, "commit_limit") if plan.title == "Commit" else None
    return Course(
        title=plan.title,
        unit=plan.unit,
        lines=lines,
        amount=amount,
        per_minute=rate,
        summary=_summary(plan, lines, amount, limit),
        outlook=_outlook(plan, whole, amount),
        limit=limit,
        confidence=_confidence(plan, whole),
    )


def _summary(plan: _Plan, lines: Sequence[Line], amount: int | None, limit: int | None) -> str:
    first, last = lines[0].values[0], lines[0].values[-1]
    if first is None or last is None or amount is None:
        return "not known of all dumps"
    of = f" of {_text(limit, plan.unit)}" if limit else ""
    if abs(amount) <= STEADY * max(first, last):
        return f"steady at {_text(last, plan.unit)}{of}"
    gained = [(line.name, line.values[-1] - line.values[0]) for line in lines[1:]
              if line.values[0] is not None and line.values[-1] is not None]  # fmt: skip
    parts = "".join(f", {_text(more, plan.unit)} of it {name}" for name, more in gained)
    return f"from {_text(first, plan.unit)} to {_text(last, plan.unit)}{of}{parts}"


def _outlook(plan: _Plan, whole: Difference, amount: int | None) -> str | None:
    if plan.unit != "bytes" or amount is None or not any(_tells_end_of_commit(each) for each in whole.findings):
        return None
    totals = {each.name: each for each in whole.totals}
    commit = totals["committed"]
    left = minutes_left(commit, totals.get("commit_limit"))
    if left is None or amount < MOST * commit.amount:
        return None
    what = "it reaches its limit" if plan.title == "Commit" else "nothing is left to commit"
    return f"at this rate {what} in {seconds_text(60 * left)}"


def _tells_end_of_commit(change: Change) -> bool:
    return change.kind is ChangeKind.EXHAUSTS and change.subject == "commit"


def _after(whole: Difference, total: str) -> int | None:
    return next((each.after for each in whole.totals if each.name == total), None)


def _confidence(plan: _Plan, whole: Difference) -> Confidence | None:
    found = [each.confidence for each in _findings(plan.measures, whole)]
    return min(found, key=lambda each: each.rank, default=None)


def _findings(measures: Sequence[_Measure], whole: Difference) -> list[Change]:
    subjects = {each.subject for each in measures}
    return [each for each in whole.findings if each.subject in subjects]


def _ranked(courses: Sequence[Course]) -> tuple[Course, ...]:
    # What surely grows first; of what is equally sure what gained the greater share of itself.
    def rank(course: Course) -> tuple[int, float]:
        last = course.lines[0].values[-1]
        share = (course.amount or 0) / last if last else 0.0
        return (Confidence.NONE.rank if course.confidence is None else course.confidence.rank, -share)

    return tuple(sorted(courses, key=rank))


def _text(amount: int, unit: str) -> str:
    return size_text(amount) if unit == "bytes" else f"{amount:,}"
