"""The table of all dumps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livedump.report.dump_table import COLUMNS, moment_text
from livedump.report.html_digest import Digest, shortened
from livedump.report.markup import Markup, element, joined
from livedump.report.rows import NOT_KNOWN

_STATES = {"complete": "good", "not complete": "warn", "not judged": "bad"}
_MARKS = {"complete": "●", "not complete": "◐", "not judged": "✕"}


_ORDER = (
    "name", "captured_at", "code", "origin", "signature", "complete", "process", "reporter", "scope", "build", "folder",
)  # fmt: skip
"""The columns of the row from what is looked for to what is looked up: a page is narrower than they are together."""


def iter_table(digests: Iterable[Digest]) -> Iterator[Markup]:
    """The table piece by piece. Each row links to the section of its dump."""
    titles = {column.field: column.title for column in COLUMNS}
    heads = [element("th", titles[field], scope="col") for field in _ORDER]
    yield Markup('<div class="wide" role="region" aria-labelledby="table-caption" tabindex="0">')
    yield Markup('<table id="dumps-table">')
    yield element("caption", "All dumps, times in UTC; a file's name leads to its section", id="table-caption")
    yield joined(element("thead", element("tr", *heads)), Markup("<tbody>\n"))
    for digest in digests:
        yield joined(_row(digest), Markup("\n"))
    yield Markup("</tbody></table></div>\n")


def state_mark(state: str) -> Markup:
    """The state in words, with a sign that needs no colour."""
    sign = element("span", _MARKS.get(state, "○"), aria_hidden="true")
    return element("span", sign, Markup("&nbsp;"), state, class_=f"state {_STATES.get(state, 'unknown')}")


def _row(digest: Digest) -> Markup:
    row = digest.row
    doubt = element("small", f" {row.confidence}") if row.confidence else None
    cells = {
        "name": element("th", element("a", digest.name, href=f"#{digest.anchor}"), scope="row"),
        "captured_at": _cell(moment_text(row.captured_at) or NOT_KNOWN, class_="number"),
        "code": _cell(_code(digest), key=row.code),
        "origin": _cell(joined(row.origin or NOT_KNOWN, doubt), class_="origin"),
        "process": _cell(row.process or NOT_KNOWN, class_="process"),
        "reporter": _cell(row.reporter or NOT_KNOWN, class_="mono"),
        "complete": _cell(state_mark(digest.state)),
        "scope": _cell(digest.scope),
        "build": _cell(str(row.build) if row.build is not None else NOT_KNOWN, class_="number"),
        "signature": _cell(digest.signature, class_="mono"),
        "folder": _cell(shortened(row.folder), class_="folder"),
    }
    return element("tr", *(cells[field] for field in _ORDER), data_section=digest.anchor)


def _code(digest: Digest) -> Markup:
    code, _, name = digest.bug_check.partition(" ")
    if digest.row.code is None:
        return joined(digest.bug_check)
    pieces = [joined(piece, Markup("_<wbr>")) for piece in name.split("_")[:-1]]
    broken = element("small", " ", *pieces, name.split("_")[-1]) if name else None
    return joined(element("span", code, class_="mono"), broken)


def _cell(content: str, class_: str | None = None, key: int | None = None) -> Markup:
    if content == NOT_KNOWN:
        return element("td", content, class_="unknown")
    return element("td", content, class_=class_, data_key=key)
