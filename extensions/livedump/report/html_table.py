"""The table of all dumps: as cells, of which the page's script draws rows, and drawn already where there are few."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from livedump.model.text import clean_text
from livedump.report.dump_row import DumpRow
from livedump.report.dump_table import NO_SYMPTOM, moment_text, title_of
from livedump.report.html_digest import Digest, shortened
from livedump.report.markup import Markup, element, joined
from livedump.report.rows import NOT_KNOWN

_STATES = {"complete": "good", "not complete": "warn", "not judged": "bad"}

FIELDS = (
    "name", "folder", "host", "captured_at", "code", "origin", "symptoms", "process", "complete", "signature",
    "reporter", "scope", "build",
)  # fmt: skip
"""The columns from what is looked for to what is looked up: a page is narrower than they are together."""
_HOST = re.compile(r"(?:\\\\|//|[a-z][a-z0-9+-]+://(?:[^/@]*@)?)([^\\/:]+)", re.IGNORECASE)


class TableCell(NamedTuple):
    """One cell, in the order in which the page's script reads it. All text may be hostile."""

    text: str
    kind: str = ""
    """Words for its style; ``unknown`` stands last however rows are sorted."""
    small: str = ""
    """What stands below it in small letters."""
    key: int | None = None
    """By what it is sorted, where that is not its text."""


def fields_of(digests: Iterable[Digest]) -> tuple[str, ...]:
    """The columns of a page: hosts only where a path names one."""
    hosts = any(host_of(digest.row) for digest in digests)
    return tuple(field for field in FIELDS if hosts or field != "host")


def host_of(row: DumpRow) -> str:
    r"""The machine that the folder lies on, by a path such as ``\\host\share`` or an address; empty for our own."""
    found = _HOST.match(row.folder)
    return "" if found is None or found[1] in ("?", ".") else found[1]


def cells_of(digest: Digest, fields: Sequence[str]) -> list[TableCell]:
    """The cells of one row."""
    row = digest.row
    code, _, name = digest.bug_check.partition(" ")
    found = {
        "name": TableCell(digest.name, "name"),
        "folder": TableCell(shortened(row.folder), "folder"),
        "host": _known(host_of(row), "host"),
        "captured_at": _known(moment_text(row.captured_at), "number"),
        "code": _known(digest.bug_check) if row.code is None else TableCell(code, "code", name, int(row.code)),
        "origin": _known(row.origin_title, "origin", row.confidence or ""),
        "symptoms": _known(NO_SYMPTOM if row.symptoms == "" else row.symptoms, "symptoms"),
        "process": _known(row.process, "process"),
        "reporter": _known(row.reporter, "mono"),
        "complete": TableCell(digest.state, f"state {_STATES.get(digest.state, 'unknown')}"),
        "scope": _known(digest.scope),
        "build": _known(None if row.build is None else str(row.build), "number", key=row.build),
        "signature": _known(digest.signature, "mono"),
    }
    return [_cleaned(found[field]) for field in fields]


def iter_table(digests: Sequence[Digest], fields: Sequence[str], drawn: bool) -> Iterator[Markup]:
    """The table piece by piece, its rows only where they are to be drawn here."""
    heads = [element("th", title_of(field), scope="col", class_=field) for field in fields]
    yield Markup('<div class="wide" id="dumps-box" role="region" aria-labelledby="table-caption" tabindex="0">')
    yield element(
        "table", _caption(), element("thead", element("tr", *heads)), _body(digests, fields, drawn), id="dumps-table"
    )
    yield Markup("</div>\n")


def state_mark(state: str) -> Markup:
    """The state in words, with a sign that needs no colour."""
    return element("span", state, class_=f"state {_STATES.get(state, 'unknown')}")


def _caption() -> Markup:
    return element("caption", "All dumps, times in UTC; a file's name leads to its section", id="table-caption")


def _body(digests: Iterable[Digest], fields: Sequence[str], drawn: bool) -> Markup:
    rows = (joined(_row(digest, fields), Markup("\n")) for digest in digests) if drawn else ()
    return element("tbody", *rows)


def _row(digest: Digest, fields: Sequence[str]) -> Markup:
    name, *rest = cells_of(digest, fields)
    link = element("th", element("a", name.text, href=f"#{digest.anchor}"), scope="row")
    return element("tr", link, *map(_drawn, rest), data_section=digest.anchor)


def _drawn(cell: TableCell) -> Markup:
    small = element("small", *_breakable(cell.small)) if cell.small else None
    return element("td", element("span", cell.text), small, class_=cell.kind or None)


def _breakable(text: str) -> Iterator[Markup | str]:
    first, *rest = text.split("_")
    yield first
    for piece in rest:
        yield Markup("_<wbr>")
        yield piece


def _known(text: str | None, kind: str = "", small: str = "", key: int | None = None) -> TableCell:
    return TableCell(text, kind, small, key) if text and text != NOT_KNOWN else TableCell(NOT_KNOWN, "unknown")


def _cleaned(cell: TableCell) -> TableCell:
    return cell._replace(text=clean_text(cell.text), small=clean_text(cell.small))
