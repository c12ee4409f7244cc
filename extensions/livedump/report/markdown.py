"""The report as Markdown, to paste into a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livedump.model.findings import Report
from livedump.model.text import clean_text
from livedump.report.escape import markdown
from livedump.report.rows import evidence_rows, table_rows, verdict
from livedump.report.stack_text import format_stack


def format_report(report: Report) -> str:
    """Verdict, table, evidence and stack as one section."""
    lines = [f"## {markdown(report.path)}", "", f"**{markdown(verdict(report))}**", ""]
    lines += _table(("", ""), ((row.label, row.value) for row in table_rows(report)))
    evidence = evidence_rows(report)
    if evidence:
        lines += ["", *_table(("", "Evidence", "Check"), ((row.sign, row.fact, row.check) for row in evidence))]
    if report.stack:
        lines += ["", "```", format_stack(report.stack).replace("```", "'''").rstrip(), "```"]
    limits = [*report.notes, *(problem.message for problem in report.problems)]
    lines += ["", *(f"* {markdown(clean_text(limit))}" for limit in limits)] if limits else []
    return "\n".join(lines) + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [headers, ["---"] * len(headers)]
    lines += [[markdown(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(line)} |" for line in lines]
