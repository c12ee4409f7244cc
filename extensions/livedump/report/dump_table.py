"""Rows of dumps as text, as they come: as wide as they are, or cut to what a terminal has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Of lines that are printed as they come; longer text pushes on what follows, until there is room again."""
    least: int
    """Of lines that must fit: with less it says nothing."""

    @property
    def title(self) -> str:
        """The field's name in words."""
        return title_of(self.field)


def title_of(field: str) -> str:
    """The head of a column."""
    return field.replace("_", " ").capitalize()


NO_SYMPTOM = "nothing stands out"
COLUMNS = (
    Column("name", 24, 16),
    Column("captured_at", 19, 19),
    Column("code", 36, 14),
    Column("origin", 33, 16),
    Column("process", 15, 12),
    Column("symptoms", 30, 20),
    Column("reporter", 36, 20),
    Column("complete", 9, 12),
    Column("scope", 24, 14),
    Column("build", 5, 5),
    Column("signature", 24, 20),
    Column("folder", 0, 12),
)
IMPORTANCE = (
    "name", "code", "origin", "symptoms", "captured_at", "process", "folder", "complete", "reporter", "signature",
    "scope", "build",
)  # fmt: skip
"""Which columns a line has that must fit: as many of these, from the first on, as there is room for."""
BETWEEN = 2
"""Spaces from one column to the next."""
_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"


class Layout(NamedTuple):
    """Which columns the lines of a table have, and how wide they are."""

    columns: tuple[Column, ...] = COLUMNS
    width: int | None = None
    """Letters of a line, if it must fit: what is longer is cut. None where it may have any length."""
    color: bool = False
    """Whether what failed and what is not complete is shown in colours, too."""


ALL = Layout()
"""Every column, as wide as it comes."""


def layout_for(width: int | None, fields: Sequence[str] = (), color: bool = False) -> Layout:
    """The layout of lines of that width, with these fields of the row or else as many columns as there is room for."""
    known = {column.field: column for column in COLUMNS}
    chosen = [known.get(field) or Column(field, 12, 8) for field in fields] or list(COLUMNS)
    if width is None:
        return Layout(tuple(chosen), None, color)
    if not fields:
        chosen = [column for column in chosen if column.field in _that_fit(width)]
    return Layout(tuple(_widened(chosen, width)), width, color)


def _that_fit(width: int) -> set[str]:
    least = {column.field: column.least for column in COLUMNS}
    found: set[str] = set()
    for field in IMPORTANCE:
        width -= least[field] + (BETWEEN if found else 0)
        if width < 0:
            break
        found.add(field)
    return found or {IMPORTANCE[0]}


def _widened(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns with the room that is left: first as wide as each would like to be, then the last one all of it."""
    spare = max(0, width - sum(column.least for column in columns) - BETWEEN * (len(columns) - 1))
    widened: list[Column] = []
    for column in columns:
        more = min(spare, max(0, column.width - column.least))
        spare -= more
        widened.append(column._replace(width=column.least + more))
    widened[-1] = widened[-1]._replace(width=widened[-1].width + spare)
    return widened


def cells(row: DumpRow, columns: Sequence[Column] = COLUMNS) -> tuple[str, ...]:
    """The texts of a row under its columns; an empty one where nothing is known."""
    return tuple(cell(row, column.field) for column in columns)


def cell(row: DumpRow, field: str) -> str:
    """The text of one field of a row for people."""
    if field in _CELLS:
        return _CELLS[field](row)
    value = getattr(row, field)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _origin(row: DumpRow) -> str:
    return f"{row.origin} ({row.confidence})" if row.origin and row.origin != "unknown" else row.origin or ""


_CELLS: Mapping[str, Callable[[DumpRow], str]] = {
    "captured_at": lambda row: moment_text(row.captured_at),
    "code": lambda row: f"could not be judged: {row.error}" if row.error is not None else bug_check(row),
    "origin": _origin,
    "symptoms": lambda row: NO_SYMPTOM if row.symptoms == "" else row.symptoms or "",
    "complete": lambda row: {True: "complete", False: "not complete", None: ""}[row.complete],
    "scope": lambda row: ", ".join(dict.fromkeys(part for part in (row.kind, row.scope) if part and part != "unknown")),
}
"""Columns that say more than the value of their field."""


def moment_text(moment: datetime | None) -> str:
    """A time to the second, UTC; empty when it is not known."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def bug_check(row: DumpRow) -> str:
    """``0x161 LIVE_SYSTEM_DUMP``; the code alone where it has no name."""
    if row.code is None:
        return ""
    return f"{row.code:#x} {row.code_name}" if row.code_name else f"{row.code:#x}"


def table_head(layout: Layout = ALL) -> str:
    """The two lines above rows that are printed as they come."""
    titles = "  ".join(f"{_title(column, layout):<{column.width}}" for column in layout.columns)
    rules = "  ".join("-" * (column.width or len(column.title)) for column in layout.columns)
    return f"{titles.rstrip()}\n{rules}\n"


def _title(column: Column, layout: Layout) -> str:
    return column.title if layout.width is None else cut_text(column.title, column.width)


def table_line(row: DumpRow, layout: Layout = ALL) -> str:
    """One row under ``table_head``."""
    if layout.width is None:
        line = _line_as_it_comes(cells(row, layout.columns), layout.columns)
    else:
        line = _failed_line(row, layout) if row.failed else "  ".join(_fitted(row, layout)).rstrip()
    return f"{_RED}{line}{_PLAIN}\n" if layout.color and row.failed else f"{line}\n"


def _line_as_it_comes(texts: Sequence[str], columns: Sequence[Column]) -> str:
    line, start = "", 0
    for text, column in zip(texts, columns):
        before = line + " " * BETWEEN if start else ""
        line = before.ljust(start) + clean_text(text)
        start += column.width + BETWEEN
    return line.rstrip()


def _fitted(row: DumpRow, layout: Layout) -> Iterator[str]:
    for column in layout.columns:
        text = f"{cut_text(clean_text(cell(row, column.field)), column.width):<{column.width}}"
        warns = layout.color and column.field == "complete" and row.complete is False
        yield f"{_YELLOW}{text}{_PLAIN}" if warns else text


def _failed_line(row: DumpRow, layout: Layout) -> str:
    first = layout.columns[0]
    reason = row.error if first.field == "code" else f"could not be judged: {row.error}"
    line = f"{cut_text(clean_text(cell(row, first.field)), first.width):<{first.width}}  {clean_text(reason or '')}"
    return cut_text(line, layout.width)


def cut_text(text: str, width: int | None) -> str:
    """The text, without its end where it has more letters than that; all of it without a width."""
    return text if width is None or len(text) <= width else f"{text[: max(0, width - 1)]}…"


def markdown_head(layout: Layout = ALL) -> str:
    """The two lines above rows of Markdown."""
    titles = " | ".join(column.title for column in layout.columns)
    return f"| {titles} |\n| {' | '.join(['---'] * len(layout.columns))} |\n"


def markdown_line(row: DumpRow, layout: Layout = ALL) -> str:
    """One row of Markdown."""
    return f"| {' | '.join(map(markdown, cells(row, layout.columns)))} |\n"


def csv_head(fields: Sequence[str] = ()) -> str:
    """The names of all columns, or of those that were chosen."""
    return csv_line(fields or flat_names(DumpRow))


def csv_row(row: DumpRow, fields: Sequence[str] = ()) -> str:
    """All columns of one row, or those that were chosen, safe to open in a spreadsheet. Unknown is empty."""
    values = dict(flat(row))
    return csv_line(csv_text(values[field]) for field in fields or values)


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
