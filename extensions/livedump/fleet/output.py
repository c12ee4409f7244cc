"""Where results go: one writer for each format. Those that can write each row as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from livedump.fleet.journal import Known
from livedump.model.text import clean_text
from livedump.report import dump_table
from livedump.report.dump_row import DumpRow
from livedump.report.dump_table import Layout


class Choice(NamedTuple):
    """Which rows are shown."""

    origin: str | None = None
    """Part of the origin's kind or title."""
    code: int | None = None
    since: datetime | None = None
    """Aware; captured then or later."""
    until: datetime | None = None
    """Aware; captured then or earlier."""
    process: str | None = None
    """Part of the name of the process that asked, or of one that a finding is about."""
    driver: str | None = None
    """A module that reports, or that a finding or the signature names."""
    symptom: str | None = None
    """Part of the key of a finding."""

    @property
    def chooses(self) -> bool:
        """Whether anything is asked for."""
        return any(each is not None for each in self)

    def takes(self, row: DumpRow) -> bool:
        """Whether a row is shown; one that could not be judged only where nothing is asked for."""
        return (
            (self.code is None or row.code == self.code)
            and _has(self.origin, row.origin, row.origin_title)
            and _has(self.process, row.process, row.symptoms)
            and _has(self.symptom, row.symptoms)
            and (self.driver is None or _module(self.driver) in _modules_of(row))
            and (self.since is None or (row.captured_at is not None and row.captured_at >= self.since))
            and (self.until is None or (row.captured_at is not None and row.captured_at <= self.until))
        )


def _has(wanted: str | None, *texts: str | None) -> bool:
    return wanted is None or any(wanted.lower() in text.lower() for text in texts if text)


def _modules_of(row: DumpRow) -> set[str]:
    words = " ".join(filter(None, (row.reporter, row.signature, row.symptoms)))
    return set(map(_module, re.split(r"[^\w.-]+", words)))


def _module(name: str) -> str:
    return name.lower().removesuffix(".sys")


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


def format_called(name: str, layout: Layout, fields: Sequence[str] = ()) -> Format:
    """A format by its name; tables have the layout, CSV these fields or all."""
    return {
        "table": Format(
            lambda: dump_table.table_head(layout), lambda known, _: dump_table.table_line(known.row, layout), _nothing
        ),
        "markdown": Format(
            lambda: dump_table.markdown_head(layout),
            lambda known, _: dump_table.markdown_line(known.row, layout),
            _nothing,
        ),
        "csv": Format(
            lambda: dump_table.csv_head(fields), lambda known, _: dump_table.csv_row(known.row, fields), _nothing
        ),
        "jsonl": Format(_nothing, lambda known, _: f"{report_of(known)}\n", _nothing),
        "json": Format(lambda: "[", _json_line, lambda: "\n]\n"),
    }[name]


def iter_text(results: Iterable[Known], form: Format) -> Iterator[str]:
    """A whole document, piece by piece."""
    yield form.head()
    for index, known in enumerate(results):
        yield form.line(known, index)
    yield form.tail()


def iter_overview(rows: Iterable[DumpRow]) -> Iterator[str]:
    """A few lines on what headers tell: how many dumps there are of each bug check, and how many are not complete."""
    groups: dict[str, list[DumpRow]] = {}
    for row in rows:
        groups.setdefault(dump_table.group_of(row, "code"), []).append(row)
    for group, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        cut = sum(row.complete is False for row in members)
        yield f"{len(members):>7} {clean_text(group)}{f', {cut} not complete' if cut else ''}\n"
