"""Where results go: one writer for each format. Those that can write each row as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from livedump.fleet.journal import Known
from livedump.model.text import clean_text
from livedump.report import dump_table
from livedump.report.dump_row import DumpRow
from livedump.report.incidents import incident_name, incidents


class Choice(NamedTuple):
    """Which rows are shown."""

    origin: str | None = None
    """Part of the origin's kind or title."""
    code: int | None = None
    since: datetime | None = None
    """Aware; captured then or later."""

    def takes(self, row: DumpRow) -> bool:
        """Whether a row is shown; one that could not be judged only where nothing is asked for."""
        return (
            (self.origin is None or self._is_origin(row, self.origin))
            and (self.code is None or row.code == self.code)
            and (self.since is None or (row.captured_at is not None and row.captured_at >= self.since))
        )

    @staticmethod
    def _is_origin(row: DumpRow, wanted: str) -> bool:
        return wanted.lower() in f"{row.origin or ''}\n{row.origin_title or ''}".lower()


class Format(NamedTuple):
    """A format that is written row by row."""

    head: Callable[[], str]
    line: Callable[[Known, int], str]
    """The text of one result; the number says how many came before."""
    tail: Callable[[], str]


def _nothing() -> str:
    return ""


def _json_line(known: Known, index: int) -> str:
    return f"{',' if index else ''}\n{report_of(known)}"


def report_of(known: Known) -> str:
    """The JSON object of one result; of a header alone as much of it as a header tells."""
    if known.report is not None:
        return known.report
    raise ValueError("only the header of this dump was read")


FORMATS = {
    "table": Format(dump_table.table_head, lambda known, _: dump_table.table_line(known.row), _nothing),
    "markdown": Format(dump_table.markdown_head, lambda known, _: dump_table.markdown_line(known.row), _nothing),
    "csv": Format(dump_table.csv_head, lambda known, _: dump_table.csv_row(known.row), _nothing),
    "jsonl": Format(_nothing, lambda known, _: f"{report_of(known)}\n", _nothing),
    "json": Format(lambda: "[", _json_line, lambda: "\n]\n"),
}


def iter_text(results: Iterable[Known], form: Format) -> Iterator[str]:
    """A whole document, piece by piece."""
    yield form.head()
    for index, known in enumerate(results):
        yield form.line(known, index)
    yield form.tail()


def iter_groups(results: Iterable[Known], key: str, form: Format) -> Iterator[str]:
    """A table for each group, the largest group first; rows in the order in which they come."""
    grouped = _by_incident(list(results)) if key == "incident" else _by_column(results, key)
    for group, members in sorted(grouped, key=lambda item: (-len(item[1]), item[0])):
        yield dump_table.group_head(group, len(members))
        yield from iter_text(members, form)
        yield "\n"


def _by_column(results: Iterable[Known], key: str) -> list[tuple[str, list[Known]]]:
    groups: dict[str, list[Known]] = {}
    for known in results:
        groups.setdefault(dump_table.group_of(known.row, key), []).append(known)
    return list(groups.items())


def _by_incident(results: Sequence[Known]) -> list[tuple[str, list[Known]]]:
    rows = [known.row for known in results]
    return [(incident_name(rows[at] for at in places), [results[at] for at in places]) for places in incidents(rows)]


def iter_overview(rows: Iterable[DumpRow]) -> Iterator[str]:
    """A few lines on what headers tell: how many dumps there are of each bug check, and how many are not complete."""
    groups: dict[str, list[DumpRow]] = {}
    for row in rows:
        groups.setdefault(dump_table.group_of(row, "code"), []).append(row)
    for group, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        cut = sum(row.complete is False for row in members)
        yield f"{len(members):>7} {clean_text(group)}{f', {cut} not complete' if cut else ''}\n"
