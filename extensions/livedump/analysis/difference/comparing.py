"""Two reports held against each other, or many in a row.

``compare(before, after)`` is a pure function of two reports that have their symptoms: fresh ones, or what was read back
from JSON or from a file of results. ``compare_all(reports)`` puts reports into their order, holds each against the one
before it, and of three or more the first against the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from livedump.analysis.difference.drivers import driver_changes, find_driver_changes
from livedump.analysis.difference.growth import measure_growth, total_growths
from livedump.analysis.difference.leaks import find_growth
from livedump.analysis.difference.pair import COUNTER, FASTEST_PER_SECOND, Pair
from livedump.analysis.difference.rates import find_busy, process_rates, processor_rates, thread_rates
from livedump.analysis.difference.relation import Judged, judge_relation
from livedump.analysis.difference.standstill import find_standstill
from livedump.model.amounts import seconds_text
from livedump.model.difference import Change, ChangeKind, Difference, DriverChanges, Relation, Side
from livedump.model.findings import Confidence, Sign
from livedump.model.report import Report
from livedump.model.snapshot import Snapshot

CLOCK_SECONDS = 5
"""Ours: a clock that is kept right by others moves by less."""
ROUGH_SECONDS = 10
"""Ours: rates over less are rough."""
ALIKE = "it is one machine by its processors, memory and drivers; two that were set up alike have these in common, too"
CERTAIN_FROM = 3
"""Dumps that must agree before anything is certain."""
_SURER = {Confidence.POSSIBLE: Confidence.LIKELY, Confidence.LIKELY: Confidence.CERTAIN}
ORDER = tuple(ChangeKind)


def compare(before: Report, after: Report, *, anyway: bool = False) -> Difference:
    """What became of the machine between two dumps; they may be given in either order.

    Dumps of two machines, and of which nobody can tell, are refused (``refused`` says why) unless ``anyway``; then, as
    of two boots of one machine, totals and drivers are compared, and nothing that needs the time between.
    """
    judged = judge_relation(before, after)
    if _is_later(before, after, judged):
        before, after = after, before
        judged = judge_relation(before, after)
    one_boot = judged.relation is Relation.SAME_BOOT
    pair = _pair(before, after, _seconds_between(before, after) if one_boot else None)
    nothing = _nothing(before, after, judged)
    why = _why_refused(before, after, judged, anyway)
    if pair is None or why:
        return nothing._replace(refused=why)
    return _of_one_boot(nothing, pair) if one_boot else _of_two_boots(nothing, pair)


def compare_all(reports: Sequence[Report], anyway: bool = False) -> tuple[Difference, ...]:
    """Each report against the one before it, and the first against the last where there are more than two.

    What each step of three or more dumps shows is a degree surer in the last of the differences.
    """
    ordered = in_order(reports)
    steps = tuple(compare(*each, anyway=anyway) for each in zip(ordered, ordered[1:]))
    if len(steps) < CERTAIN_FROM - 1:
        return steps
    return (*steps, confirmed(compare(ordered[0], ordered[-1], anyway=anyway), steps))


def in_order(reports: Iterable[Report]) -> tuple[Report, ...]:
    """Reports by the time of capture: by when the machine was started, then by how long it ran."""
    return tuple(sorted(reports, key=_moment))


def _moment(report: Report) -> tuple[float, float]:
    started = report.instant.boot_time if report.instant else None
    captured = report.dump.captured_at if report.dump else None
    first = started or captured
    return (first.timestamp() if first else 0.0, _uptime(report) or 0.0)


def confirmed(whole: Difference, steps: Sequence[Difference]) -> Difference:
    """The difference of the last from the first: what each of at least two steps between them shows is certain."""
    if len(steps) < CERTAIN_FROM - 1:
        return whole
    return whole._replace(findings=tuple(_confirmed(whole.findings, steps)))


def _confirmed(findings: Iterable[Change], steps: Sequence[Difference]) -> Iterator[Change]:
    shown = [{(each.kind, each.subject) for each in step.findings} for step in steps]
    for each in findings:
        always = all((each.kind, each.subject) in keys for keys in shown)
        yield each._replace(confidence=_SURER.get(each.confidence, each.confidence)) if always else each


def _snapshot(report: Report) -> Snapshot | None:
    return report.symptoms.snapshot if report.symptoms else None


def _uptime(report: Report) -> float | None:
    """Seconds since boot, without sleep."""
    since = report.instant.since_boot if report.instant else None
    return None if since is None else since.total_seconds()


def _is_later(before: Report, after: Report, judged: Judged) -> bool:
    if judged.relation is not Relation.SAME_BOOT:
        return _moment(before) > _moment(after)
    seconds = _seconds_between(before, after)
    return seconds is not None and seconds < 0


def _seconds_between(one: Report, other: Report) -> float | None:
    first, second = _uptime(one), _uptime(other)
    return None if first is None or second is None else round(second - first, 3)


def _why_refused(before: Report, after: Report, judged: Judged, anyway: bool) -> str | None:
    for report in (before, after):
        if _snapshot(report) is None:
            return f"{report.path}: {_why_no_counts(report)}"
    if judged.relation is Relation.SAME_BOOT and _seconds_between(before, after) == 0:
        return "both were taken at the same instant: it is one dump twice"
    if anyway or judged.relation in (Relation.SAME_BOOT, Relation.OTHER_BOOT):
        return None
    differs = "; ".join(each.fact for each in judged.evidence if each.sign is Sign.AGAINST)
    if judged.relation is None:
        what = f"nothing tells whether they are of one machine{f' ({differs})' if differs else ''}"
    else:
        what = f"they are of two machines: {differs}"
    return f"{what}; --anyway compares totals and drivers all the same"


def _why_no_counts(report: Report) -> str:
    if report.symptoms is None:
        return "nothing was noted of what went on; read the dump itself, or save its report again without --no-symptoms"
    state = report.symptoms.processors
    if state.reason:
        return f"what went on in the machine is {state.state.value.replace('-', ' ')}: {state.reason}"
    return "the report was saved without counts; save it again with this version of livedump"


def _side(report: Report) -> Side:
    return Side(report.path, report.dump.captured_at if report.dump else None, _uptime(report))


def _nothing(before: Report, after: Report, judged: Judged) -> Difference:
    return Difference(
        relation=judged.relation,
        seconds=None,
        evidence=judged.evidence,
        findings=(),
        threads=(),
        processors=(),
        tags=(),
        handles=(),
        drivers=DriverChanges(),
        totals=(),
        before=_side(before),
        after=_side(after),
        notes=(*_lacking("earlier", before), *_lacking("later", after)),
    )


def _lacking(which: str, report: Report) -> Iterator[str]:
    """What of one dump was not compared, or not all of it."""
    snapshot = _snapshot(report)
    for each in snapshot.problems if snapshot else ():
        yield f"of the {which} dump not all {each.what} may be known: {each.message}"


def _pair(before: Report, after: Report, seconds: float | None) -> Pair | None:
    was, now = before.symptoms, after.symptoms
    if was is None or now is None or was.snapshot is None or now.snapshot is None:
        return None
    return Pair(was.snapshot, now.snapshot, was, now, seconds)


def _of_two_boots(nothing: Difference, pair: Pair) -> Difference:
    drivers = driver_changes(pair.before, pair.after)
    doubt = (ALIKE,) if nothing.relation is Relation.OTHER_BOOT else ()
    return nothing._replace(
        findings=tuple(find_driver_changes(drivers, one_boot=False)),
        drivers=drivers,
        totals=total_growths(pair),
        notes=(*doubt, *nothing.notes),
    )


def _of_one_boot(nothing: Difference, pair: Pair) -> Difference:
    processors, growth = processor_rates(pair), measure_growth(pair)
    drivers = driver_changes(pair.before, pair.after)
    found = (
        *find_standstill(pair),
        *find_busy(pair, processors),
        *find_growth(pair, growth),
        *find_driver_changes(drivers, one_boot=True),
    )
    return nothing._replace(
        seconds=pair.seconds,
        findings=tuple(sorted(found, key=lambda each: (ORDER.index(each.kind), each.confidence.rank, -each.weight))),
        threads=thread_rates(pair),
        processors=processors,
        processes=process_rates(pair),
        tags=growth.tags,
        handles=growth.handles,
        commit=growth.commit,
        objects=growth.objects,
        drivers=drivers,
        totals=growth.totals,
        notes=(*_roughness(pair), *nothing.notes),
    )


def _roughness(pair: Pair) -> Iterator[str]:
    """What makes the numbers rough, or fewer."""
    if pair.seconds is None:
        yield "the time between the dumps is not known: there are no rates"
        return
    if pair.seconds < ROUGH_SECONDS:
        yield f"only {seconds_text(pair.seconds)} lie between the dumps: rates are rough"
    if pair.seconds * FASTEST_PER_SECOND > COUNTER:
        yield (
            f"{seconds_text(pair.seconds)} lie between the dumps: counters of 32 bits (switches, interrupts, DPCs, "
            "system calls) may have started anew more than once, and their rates are not told"
        )
    yield from _clock_set(pair)


def _clock_set(pair: Pair) -> Iterator[str]:
    first, second = (side.clock.system_time if side.clock else None for side in (pair.was, pair.now))
    if first is None or second is None or pair.seconds is None:
        return
    gained = (second - first).total_seconds() - pair.seconds
    if abs(gained) > CLOCK_SECONDS:
        how = "was set back" if gained < 0 else "was set forward, or the machine slept,"
        yield f"the clock {how} by {seconds_text(abs(gained))} between the dumps; the times here do not depend on it"
