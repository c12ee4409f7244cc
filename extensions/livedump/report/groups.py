"""Dumps by what they have in common: a line for each group, and a folder in a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from livedump.model.amounts import count_text
from livedump.model.text import clean_text
from livedump.report.counts import Counts
from livedump.report.dump_row import DumpRow, path_of
from livedump.report.dump_table import BETWEEN, cut_text, group_of, moment_text
from livedump.report.escape import markdown
from livedump.report.incidents import incident_name, incidents

HEADS = ("Dumps", "Group", "First", "Last", "One of them")
LARGEST = 3
"""Groups of one kind that a summary names."""
_SUMMARY = ("code", "origin", "symptom", "signature")
_LABEL = 12


class Group(NamedTuple):
    """Dumps that have something in common."""

    name: str
    dumps: int
    first: datetime | None
    """Aware, UTC; None where no time of capture is known."""
    last: datetime | None
    example: str
    """Path of the first that came."""


def groups(rows: Iterable[DumpRow], key: str) -> list[Group]:
    """The groups by signature, origin, code, day, symptom or incident, the largest first."""
    found = _incidents(list(rows)) if key == "incident" else _by_name((group_of(row, key), row) for row in rows)
    return sorted(found, key=lambda group: (-group.dumps, group.name))


def table_lines(found: Sequence[Group], top: int | None, width: int | None) -> Iterator[str]:
    """A line for each group, ``top`` of them at most, cut to a width where there is one."""
    shown = found[:top]
    texts = [HEADS, *(tuple(map(clean_text, _texts(group))) for group in shown)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(HEADS))]
    if width is not None:
        rest = width - sum(widths) + widths[1] - BETWEEN * (len(HEADS) - 1)
        widths[1] = max(min(widths[1], 24), min(widths[1], rest))
    for number, row in enumerate(texts):
        yield _line(row, widths, width)
        if not number:
            yield _line(tuple("-" * each for each in widths), widths, width)
    if len(shown) < len(found):
        yield f"and {_more(found[len(shown) :])}\n"


def markdown_lines(found: Sequence[Group], top: int | None) -> Iterator[str]:
    """The same as a table of Markdown."""
    yield f"| {' | '.join(HEADS)} |\n| {' | '.join(['---'] * len(HEADS))} |\n"
    for group in found[:top]:
        yield f"| {' | '.join(map(markdown, _texts(group)))} |\n"
    if len(found) > len(found[:top]):
        yield f"\nand {_more(found[top:])}\n"


def summary_lines(rows: Sequence[DumpRow], found: int | None, top: int | None, width: int | None) -> Iterator[str]:
    """A folder in sixteen lines, however many dumps there are: counts, times, the largest groups of each kind.

    With ``found`` the rows were chosen out of so many.
    """
    folders = len({row.folder for row in rows})
    counts = Counts(rows)
    where = f", in {count_text(folders, 'folder')}" if rows else ""
    yield f"{cut_text(f'{counts.line(found)}{where}', width)}\n"
    if not rows:
        return
    yield f"{cut_text(_times(rows), width)}\n"
    for key in _SUMMARY:
        by_key = groups((row for row in rows if not row.failed), key)
        yield from (f"{cut_text(line, width)}\n" for line in _largest(key, by_key, top or LARGEST))


def _times(rows: Sequence[DumpRow]) -> str:
    moments = sorted(row.captured_at for row in rows if row.captured_at)
    if not moments:
        return "captured when is not known"
    most = groups((row for row in rows if row.captured_at), "day")[0]
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (moments[0], moments[-1]))
    return f"captured {first} to {last} UTC, most on {most.name} ({most.dumps:,})"


def _largest(key: str, found: Sequence[Group], top: int) -> Iterator[str]:
    # Where one more would do, the last line is it and no remark on it.
    shown = found if len(found) <= top else found[: top - 1]
    label = f"by {key}"
    for group in shown:
        yield f"{label:<{_LABEL}} {group.dumps:>7,}  {clean_text(group.name)}"
        label = ""
    if len(shown) < len(found):
        rest = found[len(shown) :]
        yield f"{label:<{_LABEL}} {sum(group.dumps for group in rest):>7,}  in {count_text(len(rest), 'other group')}"


def _more(rest: Sequence[Group]) -> str:
    return f"{count_text(len(rest), 'more group')} of {count_text(sum(group.dumps for group in rest), 'dump')}"


def _texts(group: Group) -> tuple[str, ...]:
    return f"{group.dumps:,}", group.name, moment_text(group.first), moment_text(group.last), group.example


def _line(row: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    cells = [f"{row[0]:>{widths[0]}}", *(f"{cut_text(text, each):<{each}}" for text, each in zip(row[1:], widths[1:]))]
    return f"{cut_text('  '.join(cells).rstrip(), width)}\n"


def _by_name(named: Iterable[tuple[str, DumpRow]]) -> list[Group]:
    found: dict[str, Group] = {}
    for name, row in named:
        found[name] = _with(found.get(name) or Group(name, 0, None, None, path_of(row)), row)
    return list(found.values())


def _with(group: Group, row: DumpRow) -> Group:
    moment = row.captured_at
    if moment is None:
        return group._replace(dumps=group.dumps + 1)
    first, last = min(group.first or moment, moment), max(group.last or moment, moment)
    return group._replace(dumps=group.dumps + 1, first=first, last=last)


def _incidents(rows: Sequence[DumpRow]) -> list[Group]:
    found: list[Group] = []
    for places in incidents(rows):
        name = incident_name(rows[at] for at in places)
        found += _by_name((name, rows[at]) for at in places)
    return found
