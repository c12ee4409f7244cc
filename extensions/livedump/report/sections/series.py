"""Dumps of one boot, told together: what grew from the first to the last, and what never moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from livedump.model.series import Course, Series, SeriesDump
from livedump.report.amounts import amount_text
from livedump.report.document import Block, Cell, Document, Kind, Table, text
from livedump.report.dump_row import split_path
from livedump.report.pictures import Curve, Moment, Trend, Trends, shown_moments
from livedump.report.rows import NOT_KNOWN
from livedump.report.sections.symptom_parts import finding_evidence, findings_block

MAX_FINDINGS = 5
MAX_ROWS = 100
"""Dumps of one series that are listed."""
NAMED = 8
"""Dumps that the command names; of more the first and the last."""
NOTHING = "Nothing grew by more than noise, and nothing stood still that should not."
_MARKS = {"certain": "bad", "likely": "warn", "possible": "warn"}


def document(series: Series, links: Mapping[str, str] | None = None) -> Document:
    """Findings, pictures, amounts dump by dump; ``links`` leads by path to what is said of each dump alone."""
    return Document(
        title=series.summary,
        headline=headline(series),
        blocks=(_findings(series),) if series.findings else (),
        evidence=finding_evidence(series.findings),
        evidence_title="Evidence",
        appendix=lambda: (_table(series),),
        pictures=lambda: (_trends(series, links or {}),) if series.courses else (),
        limits=series.whole.notes,
    )


def headline(series: Series) -> str:
    """What became of the machine, in one line."""
    why = series.whole.refused
    return f"They are not compared: {why}" if why else "" if series.findings else NOTHING


def lines(series: Series) -> Iterator[str]:
    """The same below a table of dumps: what it is, what was found, and the command that tells all of it."""
    first, last = series.dumps[0].path, series.dumps[-1].path
    yield f"{series.summary}, {split_path(first)[1]} to {split_path(last)[1]}:"
    said = headline(series)
    if said:
        yield f"  {said}"
    yield from (f"  {each.text} ({each.confidence.value})" for each in series.findings[:MAX_FINDINGS])
    rest = len(series.findings) - MAX_FINDINGS
    if rest > 0:
        yield f"  and {rest} more"
    yield f"  {command(series)}"


def command(series: Series) -> str:
    """What to run for all of it."""
    paths = [each.path for each in series.dumps]
    named = paths if len(paths) <= NAMED else [paths[0], paths[-1]]
    return " ".join(("livedump diff", *map(_quoted, named)))


def _findings(series: Series) -> Block:
    found = series.findings[:MAX_FINDINGS]
    return findings_block(found, len(series.findings) - len(found))


def _quoted(path: str) -> str:
    return f'"{path}"' if set(path) & set(" &();") else path


def _trends(series: Series, links: Mapping[str, str]) -> Trends:
    moments = tuple(Moment(split_path(each.path)[1], each.seconds, links.get(each.path, "")) for each in series.dumps)
    return Trends(series.summary, moments, tuple(map(_trend, series.courses)))


def _trend(course: Course) -> Trend:
    outlook = course.outlook or ""
    return Trend(
        title=course.title,
        unit=course.unit,
        curves=tuple(Curve(line.name, line.values) for line in course.lines),
        rate=_rate(course),
        told=course.summary,
        ahead=f"{outlook[:1].upper()}{outlook[1:]}" if course.confidence else "",
        limit=course.limit,
        limit_name="limit",
        mark=_MARKS.get(course.confidence.value, "") if course.confidence else "",
    )


def _rate(course: Course) -> str:
    if course.per_minute is None or not course.confidence:
        return ""
    return f"{'+' if course.per_minute > 0 else ''}{amount_text(course.per_minute, course.unit)} a minute"


def _table(series: Series) -> Table:
    titles = [line.name.capitalize() if index == 0 else line.name for course in series.courses
              for index, line in enumerate(course.lines)]  # fmt: skip
    chosen = shown_moments(len(series.dumps), MAX_ROWS)
    rows = tuple((*_dump(series.dumps[at]), *_amounts(series, at)) for at in chosen)
    return Table(("Dump", "Captured at, UTC", "After, min", *titles), rows, "Dump by dump")


def _dump(dump: SeriesDump) -> Iterator[Cell]:
    more = len(dump.copies)
    yield Cell(f"{split_path(dump.path)[1]}{f' and {more} more of the same instant' if more else ''}", Kind.PATH)
    yield text(f"{dump.captured_at:%Y-%m-%d %H:%M:%S}" if dump.captured_at else NOT_KNOWN)
    yield text(f"{dump.seconds / 60:,.1f}")


def _amounts(series: Series, at: int) -> Iterator[Cell]:
    for course in series.courses:
        for line in course.lines:
            value = line.values[at]
            yield text(NOT_KNOWN if value is None else amount_text(value, course.unit))
