"""Documents as plain text. The only importer of tabulate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from livedump.model.text import clean_text
from livedump.report.document import Block, Document, Facts, Line, Paragraph, Verbatim

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
CHECK = "the WinDbg command that checks it"


def format_document(document: Document, color: bool = False, titled: bool = False, width: int | None = None) -> str:
    """The document but for its appendix; ``titled`` puts what it is about above it.

    With a ``width`` lines have not more letters than that, but for those that are shown letter by letter.
    """
    parts = [[clean_text(document.title)]] if titled else []
    if document.headline:
        head = "\n".join(_sentence(document.headline, width))
        parts.append([f"{_BOLD}{head}{_PLAIN}" if color else head])
    parts += (block_lines(block, width) for block in document.blocks)
    if document.evidence:
        title = f"{document.evidence_title[:-1]}; {CHECK})"
        parts.append([*_sentence(title, width), *format_table(document.evidence, (), width)])
    if document.limits:
        parts.append(limit_lines(document, width))
    return "\n".join(_divided(parts, titled)) + "\n"


def limit_lines(document: Document, width: int | None = None) -> list[str]:
    """What the answer does not rest on, under its heading."""
    return ["Limits", *(line for limit in document.limits for line in _sentence(f"  {limit}", width))]


def block_lines(block: Block, width: int | None = None) -> list[str]:
    """The lines of one block, under its title where it has one."""
    if isinstance(block, Facts):
        return format_table(((row.label, row.value.text) for row in block.rows), (), width)
    if isinstance(block, Paragraph):
        return [line for text in block.text.split("\n") for line in _sentence(text, width)]
    title = [clean_text(block.title)] if block.title else []
    if isinstance(block, Verbatim):
        return title + verbatim_lines(block)
    return title + format_table(([cell.text for cell in row] for row in block.rows), block.headers, width)


def verbatim_lines(block: Verbatim) -> list[str]:
    """Lines with their remarks behind them."""
    lines = [clean_text(line.text) for line in block.lines]
    if not block.remarks_aligned:
        return [f"{text}\t{clean_text(line.remark)}" if line.remark else text for text, line in zip(lines, block.lines)]
    width = max(map(len, lines), default=0)
    return [_with_remark(text, line, width) for text, line in zip(lines, block.lines)]


def format_table(rows: Iterable[Sequence[str]], headers: Sequence[str] = (), width: int | None = None) -> list[str]:
    """Aligned lines, one for each row. Text stays text: nothing is read as a number.

    With a ``width`` cells are broken and columns left out until they fit.
    """
    shown: Sequence[Sequence[str]] = [[clean_text(cell) for cell in row] for row in rows]
    remark: list[str] = []
    if width is not None:
        from livedump.report.fitting import fit_table  # noqa: PLC0415 - only terminals have a width

        shown, headers, left_out = fit_table(shown, headers, width)
        remark = [f"{left_out} column{'' if left_out == 1 else 's'} more: --wide"] if left_out else []
    style = "simple" if headers else "plain"
    table: str = tabulate(shown, headers=headers, tablefmt=style, disable_numparse=True)
    return [*(line.rstrip() for line in table.split("\n")), *remark]


def _sentence(text: str, width: int | None) -> list[str]:
    shown = clean_text(text)
    if width is None or len(shown) <= width:
        return [shown]
    from livedump.report.fitting import fit_text  # noqa: PLC0415

    return fit_text(shown, width)


def _with_remark(text: str, line: Line, width: int) -> str:
    return f"{text:<{width}}  [{clean_text(line.remark)}]" if line.remark else text


def _divided(parts: Sequence[Sequence[str]], titled: bool) -> Iterator[str]:
    for index, lines in enumerate(parts):
        if index > (1 if titled else 0):
            yield ""
        yield from lines
