"""The series in a batch: which of its dumps are of one boot, and what became of that machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from livedump.fleet.journal import Journal, Known
from livedump.fleet.output import report_of
from livedump.model.amounts import count_text
from livedump.report.dump_row import DumpRow, path_of
from livedump.report.series import find_series

if TYPE_CHECKING:
    from livedump.analysis.series import Member
    from livedump.model.report import Report
    from livedump.model.series import Series, SeriesPlace
    from livedump.report.redaction import Redactor


class Found(NamedTuple):
    """The series among some results."""

    series: tuple[Series, ...]
    members: tuple[tuple[tuple[int, ...], ...], ...]
    """Ids of the results of each: instant by instant, of a dump and its copies."""


def find_all_series(journal: Journal, results: Iterable[Known], redactor: Redactor | None = None) -> Found:
    """What became of each machine of which two or more of ``results`` are instants of one boot.

    Only rows are looked at to find them; the reports of a series are read one after the other. With ``redactor`` the
    series have no names.
    """
    ids: list[int] = []
    points = find_series(_rows(results, ids))
    members = tuple(tuple(tuple(ids[at] for at in places) for places in each) for each in points)
    if not members:
        return Found((), ())
    from livedump.analysis.series import tell_series  # noqa: PLC0415 - most batches have none

    told = tuple(tell_series([_member(journal, each, redactor) for each in instants]) for instants in members)
    return Found(redactor.record(told) if redactor else told, members)


def _rows(results: Iterable[Known], ids: list[int]) -> Iterator[DumpRow]:
    for known in results:
        ids.append(known.id)
        yield known.row


def _member(journal: Journal, ids: Sequence[int], redactor: Redactor | None) -> Member:
    from livedump.analysis.series import Member  # noqa: PLC0415

    copies = (journal.result(identity) for identity in ids[1:])
    return Member(partial(_report, journal, ids[0], redactor), tuple(path_of(known.row) for known in copies))


def _report(journal: Journal, identity: int, redactor: Redactor | None) -> Report:
    from livedump.fleet.saved_report import parse_report  # noqa: PLC0415

    report = parse_report(report_of(journal.result(identity)))
    if redactor:  # it tells which words of what is said of the series are names
        redactor.record(report)
    return report


def series_text(found: Found) -> str:
    """What stands below a table of dumps: some lines for each series; empty where there is none."""
    return "".join(f"\n{text}" for text in _texts(found.series))


def _texts(series: Sequence[Series]) -> Iterator[str]:
    if not series:
        return
    from livedump.report.sections.series import lines  # noqa: PLC0415 - most batches have none

    for each in series:
        yield "".join(f"{line}\n" for line in lines(each))


def iter_series(found: Found, results: Iterable[Known], top: int | None) -> Iterator[str]:
    """The series alone, ``top`` of them at most, and how many dumps stand for themselves."""
    members = {identity for instants in found.members for ids in instants for identity in ids}
    alone = sum(known.id not in members for known in results)
    shown = found.series[:top]
    for text in _texts(shown):
        yield f"{text}\n"
    rest = len(found.series) - len(shown)
    if rest:
        yield f"and {rest:,} more series\n"
    yield f"{count_text(alone, 'dump')} of no series\n"


def with_series(found: Found, results: Iterable[Known]) -> Iterator[Known]:
    """The results; the report of each that is part of a series says where it stands in it."""
    places = dict(_places(found)) if found.series else {}
    for known in results:
        place = places.get(known.id)
        yield known if place is None else known._replace(report=_with_place(known, place))


def _with_place(known: Known, place: SeriesPlace) -> str:
    from livedump.fleet.judge import report_text  # noqa: PLC0415
    from livedump.fleet.saved_report import parse_report  # noqa: PLC0415

    return report_text(parse_report(report_of(known))._replace(series=place))


def _places(found: Found) -> Iterator[tuple[int, SeriesPlace]]:
    from livedump.model.series import SeriesPlace  # noqa: PLC0415

    for number, (series, instants) in enumerate(zip(found.series, found.members), 1):
        for place, ids in enumerate(instants, 1):
            last = place == len(instants)
            stands = SeriesPlace(
                number=number,
                place=place,
                dumps=len(instants),
                seconds=series.dumps[place - 1].seconds,
                difference=series.steps[place - 2] if place > 1 else None,
                whole=series.whole if last and place > 2 else None,
                courses=series.courses if last else (),
            )
            yield from ((identity, stands) for identity in ids)
