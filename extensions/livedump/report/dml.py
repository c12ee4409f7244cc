"""The report in Debugger Markup Language: the command that checks a fact becomes a link."""

from __future__ import annotations

import re

from livedump.model.findings import Report
from livedump.report import escape
from livedump.report.rows import evidence_rows, table_rows, verdict
from livedump.report.text import format_table, remarks

_COMMAND = re.compile(r"[ !.|;`\-0-9a-z]+\Z")
"""What a link may run: our own lower-case commands; nothing that a dump could have put there."""


def format_report(report: Report) -> str:
    """The same lines as the plain text, with links and a bold verdict."""
    lines = [f"<b>{escape.dml(verdict(report))}</b>", ""]
    lines += _linked([(row.label, row.value, row.check) for row in table_rows(report)])
    evidence = evidence_rows(report)
    if evidence:
        lines += ["", "Evidence (+ for, - against; click to check)"]
        lines += _linked([(row.sign, row.fact, row.check) for row in evidence])
    return "\n".join(lines + [escape.dml(line) for line in remarks(report)]) + "\n"


def link(command: str) -> str:
    """The command as a link that runs it, or as plain text where it is not one of ours."""
    shown = escape.dml(command)
    return f'<link cmd="{shown}">{shown}</link>' if _COMMAND.match(command) else shown


def _linked(rows: list[tuple[str, str, str]]) -> list[str]:
    lines = format_table(rows)
    return [_link_end(line, check) for line, (_, _, check) in zip(lines, rows)]


def _link_end(line: str, check: str) -> str:
    if not check or not line.endswith(check):
        return escape.dml(line)
    return escape.dml(line[: -len(check)]) + link(check)
