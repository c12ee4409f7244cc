"""The report as plain text. The only importer of tabulate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from livedump.model.findings import Report
from livedump.model.text import clean_text
from livedump.report.rows import evidence_rows, table_rows, verdict

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def format_report(report: Report, color: bool = False) -> str:
    """Verdict, triage table, evidence with the command that checks each fact, and what is not known."""
    head = clean_text(verdict(report))
    parts = [f"{_BOLD}{head}{_PLAIN}" if color else head, ""]
    parts += format_table((row.label, row.value) for row in table_rows(report))
    evidence = evidence_rows(report)
    if evidence:
        parts += ["", "Evidence (+ for, - against; the WinDbg command that checks it)"]
        parts += format_table((row.sign, row.fact, row.check) for row in evidence)
    return "\n".join(parts + remarks(report)) + "\n"


def remarks(report: Report) -> list[str]:
    """Lines on what limits the verdict; none when nothing does."""
    lines = [f"  {clean_text(note)}" for note in report.notes]
    lines += [f"  {clean_text(problem.message)}" for problem in report.problems if report.dump is not None]
    return ["", "Limits", *lines] if lines else []


def format_table(rows: Iterable[Sequence[str]], headers: Sequence[str] = ()) -> list[str]:
    """Aligned lines, one for each row. Text stays text: nothing is read as a number."""
    shown = [[clean_text(cell) for cell in row] for row in rows]
    style = "simple" if headers else "plain"
    table: str = tabulate(shown, headers=headers, tablefmt=style, disable_numparse=True)
    return [line.rstrip() for line in table.split("\n")]
