"""Documents as Markdown, to paste into a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livedump.report.document import Block, Document, Facts, Paragraph, Verbatim
from livedump.report.escape import markdown
from livedump.report.plain import verbatim_lines


def format_document(document: Document) -> str:
    """The document as one section, with its appendix."""
    parts = [[f"## {markdown(document.title)}"]] if document.title else []
    parts += [[f"**{markdown(document.headline)}**"]] if document.headline else []
    parts += map(_block, document.blocks)
    if document.evidence:
        parts.append(_table(("", "Evidence", "Check"), document.evidence))
    parts += (_block(block, titled=False) for block in document.appendix())
    if document.limits:
        parts.append([f"* {markdown(limit)}" for limit in document.limits])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _block(block: Block, titled: bool = True) -> list[str]:
    if isinstance(block, Facts):
        return _table(("", ""), ((row.label, row.value.text) for row in block.rows))
    if isinstance(block, Paragraph):
        return [markdown(line) for line in block.text.split("\n")]
    title = [f"{markdown(block.title)}:", ""] if block.title and titled else []
    if isinstance(block, Verbatim):
        return [*title, "```", *(line.replace("```", "'''") for line in verbatim_lines(block)), "```"]
    width = max(map(len, block.rows), default=0)
    rows = ([cell.text for cell in row] for row in block.rows)
    return title + _table(block.headers or ("",) * width, rows)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [headers, ["---"] * len(headers)]
    lines += [[markdown(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(line)} |" for line in lines]
