"""Rows and reports as text, as they come or all at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from livedump.fleet.row import DumpRow
from livedump.model.text import clean_text
from livedump.report.escape import csv_cell, markdown


class Column(NamedTuple):
    """One column of the tables for people."""

    title: str
    width: int
    """Of lines that are printed as they come; longer text pushes the rest to the right."""


COLUMNS = (
    Column("Name", 32),
    Column("Captured at (UTC)", 19),
    Column("Bug check", 30),
    Column("Origin", 24),
    Column("Process", 15),
    Column("First frame outside of the capture", 36),
    Column("Complete", 9),
    Column("Kind, scope", 24),
    Column("Build", 5),
    Column("Signature", 0),
)


def cells(row: DumpRow) -> tuple[str, ...]:
    """The texts of a row under COLUMNS; an empty one where nothing is known."""
    if row.error is not None:
        return (row.name, "", f"could not be judged: {row.error}", *[""] * (len(COLUMNS) - 3))
    return (
        row.name,
        f"{row.captured_at:%Y-%m-%d %H:%M:%S}" if row.captured_at else "",
        bug_check(row),
        f"{row.origin} ({row.confidence})" if row.origin and row.origin != "unknown" else row.origin or "",
        row.process or "",
        row.frame or "",
        {True: "complete", False: "truncated", None: ""}[row.complete],
        ", ".join(part for part in (row.kind, row.scope) if part and part != "unknown"),
        "" if row.build is None else str(row.build),
        row.signature or "",
    )


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
    return _csv_line(DumpRow._fields)


def csv_line(row: DumpRow) -> str:
    """All columns of one row, safe to open in a spreadsheet. Unknown is empty."""
    return _csv_line([_shown(name, cell) for name, cell in zip(DumpRow._fields, row)])


def group_of(row: DumpRow, key: str) -> str:
    """The name of the group that a row belongs to, by signature, origin, code or day."""
    if row.error is not None:
        return f"could not be judged: {row.error_category}"
    if key == "day":
        return f"{row.captured_at:%Y-%m-%d}" if row.captured_at else "not known when"
    if key == "code":
        return bug_check(row) or "no code"
    known = row.origin_title if key == "origin" else row.signature
    return known or f"no {key}"


def group_head(group: str, count: int) -> str:
    """The line above a group's rows."""
    return f"{count} dump{'' if count == 1 else 's'}: {clean_text(group)}\n\n"


def _csv_line(texts: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(texts)
    return line.getvalue()


def _shown(name: str, cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return csv_cell(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"{cell:#x}" if name == "code" else str(cell)
