"""Rows of dumps as text, as they come or all at once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.text import clean_text
from livedump.report.codec import flat, flat_names
from livedump.report.csv_text import csv_line, csv_text
from livedump.report.dump_row import DumpRow
from livedump.report.escape import markdown


class Column(NamedTuple):
    """One column of the tables for people."""

    field: str
    """Of the row, by whose name the column is called."""
    width: int
    """Of lines that are printed as they come; longer text pushes the rest to the right."""

    @property
    def title(self) -> str:
        """The field's name in words."""
        return self.field.replace("_", " ").capitalize()


NO_SYMPTOM = "nothing stands out"
COLUMNS = (
    Column("name", 24),
    Column("captured_at", 19),
    Column("code", 30),
    Column("origin", 24),
    Column("process", 15),
    Column("symptoms", 30),
    Column("reporter", 36),
    Column("complete", 9),
    Column("scope", 24),
    Column("build", 5),
    Column("signature", 24),
    Column("folder", 0),
)


def cells(row: DumpRow) -> tuple[str, ...]:
    """The texts of a row under COLUMNS; an empty one where nothing is known."""
    if row.error is not None:
        return (row.name, "", f"could not be judged: {row.error}", *[""] * (len(COLUMNS) - 4), row.folder)
    return (
        row.name,
        moment_text(row.captured_at),
        bug_check(row),
        f"{row.origin} ({row.confidence})" if row.origin and row.origin != "unknown" else row.origin or "",
        row.process or "",
        NO_SYMPTOM if row.symptoms == "" else row.symptoms or "",
        row.reporter or "",
        {True: "complete", False: "not complete", None: ""}[row.complete],
        ", ".join(part for part in (row.kind, row.scope) if part and part != "unknown"),
        "" if row.build is None else str(row.build),
        row.signature or "",
        row.folder,
    )


def moment_text(moment: datetime | None) -> str:
    """A time to the second, UTC; empty when it is not known."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def bug_check(row: DumpRow) -> str:
    """``0x161 LIVE_SYSTEM_DUMP``; the code alone where it has no name."""
    if row.code is None:
        return ""
    return f"{row.code:#x} {row.code_name}" if row.code_name else f"{row.code:#x}"


def table_head() -> str:
    """The two lines above rows that are printed as they come."""
    titles = "  ".join(f"{column.title:<{column.width}}" for column in COLUMNS)
    rules = "  ".join("-" * (column.width or len(column.title)) for column in COLUMNS)
    return f"{titles.rstrip()}\n{rules}\n"


def table_line(row: DumpRow) -> str:
    """One row under ``table_head``."""
    texts = (f"{clean_text(cell):<{column.width}}" for cell, column in zip(cells(row), COLUMNS))
    return f"{'  '.join(texts).rstrip()}\n"


def markdown_head() -> str:
    """The two lines above rows of Markdown."""
    titles = " | ".join(column.title for column in COLUMNS)
    return f"| {titles} |\n| {' | '.join(['---'] * len(COLUMNS))} |\n"


def markdown_line(row: DumpRow) -> str:
    """One row of Markdown."""
    return f"| {' | '.join(map(markdown, cells(row)))} |\n"


def csv_head() -> str:
    """The names of all columns."""
    return csv_line(flat_names(DumpRow))


def csv_row(row: DumpRow) -> str:
    """All columns of one row, safe to open in a spreadsheet. Unknown is empty."""
    return csv_line(csv_text(value) for _, value in flat(row))


def group_of(row: DumpRow, key: str) -> str:
    """The name of the group that a row belongs to, by signature, origin, code, day or symptom."""
    if row.error is not None:
        return f"could not be judged: {row.error_category}"
    if key == "day":
        return f"{row.captured_at:%Y-%m-%d}" if row.captured_at else "not known when"
    if key == "symptom":
        return _first_symptom(row)
    if key == "code":
        return bug_check(row) or "no code"
    known = row.origin_title if key == "origin" else row.signature
    return known or f"no {key}"


def _first_symptom(row: DumpRow) -> str:
    if row.symptoms is None:
        return "not known what went on"
    return row.symptoms.partition(", ")[0] or NO_SYMPTOM


def group_head(group: str, count: int) -> str:
    """The line above a group's rows."""
    return f"{count} dump{'' if count == 1 else 's'}: {clean_text(group)}\n\n"
