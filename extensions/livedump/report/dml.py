"""Documents in Debugger Markup Language: the command that checks a fact becomes a link."""

from __future__ import annotations

import re
from collections.abc import Sequence

from livedump.model.text import clean_text
from livedump.report import escape
from livedump.report.document import Block, Cell, Document, Facts, Kind, Table, Verbatim
from livedump.report.plain import block_lines, format_table, limit_lines

_COMMAND = re.compile(r"[ !.|;`\-0-9a-z]+\Z")
"""What a link may run: our own lower-case commands; nothing that a dump could have put there."""
_FRAME = re.compile(r"([0-9a-f]{2,3} [0-9a-f`]{17} )([0-9a-f]{8}`[0-9a-f]{8}) (\w{1,64})([!+].*)", re.ASCII)
"""A row of ``kn``: number and stack, return address, module, the rest. What becomes a command is digits and letters."""
_NOWHERE = "00000000`00000000"
CHECK = "click to check"


def format_document(document: Document) -> str:
    """The same lines as the plain text, with links and a bold headline."""
    parts = [[f"<b>{escape.dml(document.headline)}</b>"]] if document.headline else []
    parts += map(_block, document.blocks)
    if document.evidence:
        rows = [(Cell(row.sign), Cell(row.fact), Cell(row.check, Kind.COMMAND)) for row in document.evidence]
        parts.append([f"{document.evidence_title[:-1]}; {CHECK})", *_linked(rows, ())])
    if document.limits:
        parts.append(list(map(escape.dml, limit_lines(document))))
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def link(command: str) -> str:
    """The command as a link that runs it, or as plain text where it is not one of ours."""
    shown = escape.dml(command)
    return f'<link cmd="{shown}">{shown}</link>' if _COMMAND.match(command) else shown


def _block(block: Block) -> list[str]:
    if isinstance(block, Facts):
        return _linked([(Cell(row.label), row.value, Cell(row.check, Kind.COMMAND)) for row in block.rows], ())
    if isinstance(block, Verbatim):
        return list(map(_frame, block_lines(block)))
    if isinstance(block, Table):
        return [*map(escape.dml, filter(None, [block.title])), *_linked(block.rows, block.headers)]
    return list(map(escape.dml, block_lines(block)))


def _frame(line: str) -> str:
    """A line of the debugger; in a row of its stack the code that is returned to and the module become links."""
    found = _FRAME.fullmatch(line)
    if not found:
        return escape.dml(line)
    head, returns_to, module, rest = found.groups()
    code = returns_to if returns_to == _NOWHERE else f'<link cmd="ln {returns_to}">{returns_to}</link>'
    return f'{head}{code} <link cmd="lmvm {module}">{module}</link>{escape.dml(rest)}'


def _linked(rows: Sequence[Sequence[Cell]], headers: Sequence[str]) -> list[str]:
    lines = format_table(([cell.text for cell in row] for row in rows), headers)
    first = len(lines) - len(rows)
    return [*map(escape.dml, lines[:first]), *map(_marked, lines[first:], rows)]


def _marked(line: str, row: Sequence[Cell]) -> str:
    """An aligned line with its commands as links. Between cells there is nothing but spaces."""
    done, rest = "", line
    for cell in row:
        shown = clean_text(cell.text).strip()
        before, found, behind = rest.partition(shown) if shown else ("", "", "")
        if not found or before.strip():
            continue
        done += before + (link(shown) if cell.kind is Kind.COMMAND else escape.dml(shown))
        rest = behind
    return done + escape.dml(rest)
