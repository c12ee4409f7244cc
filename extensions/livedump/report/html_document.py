"""A document as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livedump.model.text import clean_text
from livedump.report.document import (
    Block,
    Cell,
    Document,
    EvidenceRow,
    Fact,
    Facts,
    Kind,
    Line,
    Paragraph,
    Table,
    Verbatim,
)
from livedump.report.html_pictures import format_picture
from livedump.report.markup import Markup, element

MAX_LINES = 257
"""Lines of a stack that are shown, its head with them; it hardly ever has more."""
_REMARK_COLUMN = 110
"""Where remarks stand at most; a longer line pushes its own remark to the right."""
_MONO = frozenset({Kind.ADDRESS, Kind.CODE_ADDRESS, Kind.COMMAND, Kind.NUMBER})


def format_content(document: Document, name: str, lead: Iterable[Markup] = ()) -> list[Markup]:
    """The document's elements, its appendix with them; ``lead`` stands below the headline.

    ``name`` is what it is about, in few letters, for whoever cannot see the page.
    """
    parts = [element("p", document.headline, class_="verdict")] if document.headline else []
    parts += lead
    for block in document.blocks:
        parts += _block(block, name)
    parts += map(format_picture, document.pictures())
    if document.evidence:
        parts += [element("h4", "Evidence"), element("ul", *map(_evidence, document.evidence), class_="evidence")]
    for block in document.appendix():
        parts += _block(block, name)
    if document.limits:
        limits = (element("li", limit) for limit in document.limits)
        parts += [element("h4", "Limits"), element("ul", *limits, class_="limits")]
    return parts


def _block(block: Block, name: str) -> list[Markup]:
    if isinstance(block, Facts):
        return [_facts(block.rows, name)]
    if isinstance(block, Paragraph):
        return [element("p", line) for line in block.text.split("\n")]
    title = [element("h4", block.title)] if block.title else []
    return [*title, _verbatim(block, name) if isinstance(block, Verbatim) else _table(block, name)]


def _facts(rows: Sequence[Fact], name: str) -> Markup:
    caption = element("caption", f"Facts about {name}, and the WinDbg command that shows each", class_="hidden")
    return element("table", caption, *map(_fact, rows), class_="facts")


def _fact(row: Fact) -> Markup:
    check = element("td", row.check, class_="mono") if row.check else None
    return element("tr", element("th", row.label, scope="row"), element("td", row.value.text), check)


def _table(block: Table, name: str) -> Markup:
    caption = element("caption", f"{block.title or 'What is known'}: {name}", class_="hidden")
    heads = [element("th", header, scope="col") for header in block.headers]
    head = element("thead", element("tr", *heads)) if heads else None
    body = element("tbody", *(element("tr", *map(_cell, row)) for row in block.rows))
    table = element("table", caption, head, body, class_="listed")
    return element("div", table, class_="wide", role="group", tabindex=0, aria_label=f"Table of {name}")


def _cell(cell: Cell) -> Markup:
    return element("td", cell.text, class_="mono" if cell.kind in _MONO else None)


def _evidence(row: EvidenceRow) -> Markup:
    for_it = row.sign == "+"
    sign = element("span", "for" if for_it else "against", class_=f"sign {'good' if for_it else 'bad'}")
    return element("li", sign, element("span", row.fact), element("code", row.check))


def _verbatim(block: Verbatim, name: str) -> Markup:
    shown = block.lines[:MAX_LINES]
    width = min(_REMARK_COLUMN, max((len(clean_text(line.text)) for line in shown[1:]), default=0))
    lines = [_line(line, width) for line in shown]
    if len(block.lines) > len(shown):
        lines.append(element("span", f"{len(block.lines) - len(shown)} more frames", class_="head"))
    text = Markup("\n".join(lines))
    label = f"{block.title or 'Text'} of {name}"
    return element("pre", element("code", text), tabindex=0, role="group", aria_label=label)


def _line(line: Line, width: int) -> Markup:
    text = f"{clean_text(line.text):<{width}}  {line.remark}" if line.remark else line.text
    return element("span", text, class_=line.mark or None)
