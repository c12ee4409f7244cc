"""Documents as plain text. The only importer of tabulate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from livedump.model.text import clean_text
from livedump.report.document import Block, Document, Facts, Line, Paragraph, Verbatim

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
CHECK = "the WinDbg command that checks it"


def format_document(document: Document, color: bool = False, titled: bool = False) -> str:
    """The document but for its appendix; ``titled`` puts what it is about above it."""
    parts = [[clean_text(document.title)]] if titled else []
    if document.headline:
        head = clean_text(document.headline)
        parts.append([f"{_BOLD}{head}{_PLAIN}" if color else head])
    parts += map(block_lines, document.blocks)
    if document.evidence:
        parts.append([f"{document.evidence_title[:-1]}; {CHECK})", *format_table(document.evidence)])
    if document.limits:
        parts.append(limit_lines(document))
    return "\n".join(_divided(parts, titled)) + "\n"


def limit_lines(document: Document) -> list[str]:
    """What the answer does not rest on, under its heading."""
    return ["Limits", *(f"  {clean_text(limit)}" for limit in document.limits)]


def block_lines(block: Block) -> list[str]:
    """The lines of one block, under its title where it has one."""
    if isinstance(block, Facts):
        return format_table((row.label, row.value.text) for row in block.rows)
    if isinstance(block, Paragraph):
        return [clean_text(line) for line in block.text.split("\n")]
    title = [clean_text(block.title)] if block.title else []
    if isinstance(block, Verbatim):
        return title + verbatim_lines(block)
    return title + format_table(([cell.text for cell in row] for row in block.rows), block.headers)


def verbatim_lines(block: Verbatim) -> list[str]:
    """Lines with their remarks behind them."""
    lines = [clean_text(line.text) for line in block.lines]
    if not block.remarks_aligned:
        return [f"{text}\t{clean_text(line.remark)}" if line.remark else text for text, line in zip(lines, block.lines)]
    width = max(map(len, lines), default=0)
    return [_with_remark(text, line, width) for text, line in zip(lines, block.lines)]


def format_table(rows: Iterable[Sequence[str]], headers: Sequence[str] = ()) -> list[str]:
    """Aligned lines, one for each row. Text stays text: nothing is read as a number."""
    shown = [[clean_text(cell) for cell in row] for row in rows]
    style = "simple" if headers else "plain"
    table: str = tabulate(shown, headers=headers, tablefmt=style, disable_numparse=True)
    return [line.rstrip() for line in table.split("\n")]


def _with_remark(text: str, line: Line, width: int) -> str:
    return f"{text:<{width}}  [{clean_text(line.remark)}]" if line.remark else text


def _divided(parts: Sequence[Sequence[str]], titled: bool) -> Iterator[str]:
    for index, lines in enumerate(parts):
        if index > (1 if titled else 0):
            yield ""
        yield from lines
