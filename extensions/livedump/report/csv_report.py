"""Reports as CSV, one row for each dump, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from livedump.model.addresses import format_address
from livedump.model.findings import Report
from livedump.reference.formats import parameter_text
from livedump.report.escape import csv_cell
from livedump.report.rows import code_name, verdict

COLUMNS = (
    "file", "size", "verdict", "live", "type", "kind", "scope", "captured_at", "uptime_seconds", "machine", "build",
    "code", "name", "parameter_1", "parameter_2", "parameter_3", "parameter_4", "text", "process", "origin",
    "confidence", "truncated", "error",
)  # fmt: skip


def format_reports(reports: Iterable[Report]) -> str:
    """A header and one row for each report. Unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for report in reports:
        writer.writerow(csv_cell(cell) for cell in _cells(report))
    return text.getvalue()


def _cells(report: Report) -> list[str]:
    problem = report.problems[0].message if report.problems and report.dump is None else None
    origin = report.origin
    cells = [report.path, report.size, verdict(report), *_dump_cells(report), *_bug_check_cells(report)]
    cells += [report.process.name if report.process else None]
    cells += [origin.kind.value, origin.confidence.value] if origin else [None, None]
    cells += [report.dump.truncated if report.dump else None, problem]
    return ["" if cell is None else _shown(cell) for cell in cells]


def _dump_cells(report: Report) -> list[object]:
    dump = report.dump
    if dump is None:
        return [None] * 8
    captured = dump.captured_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if dump.captured_at else None
    uptime = dump.uptime.total_seconds() if dump.uptime is not None else None
    build = report.system.build if report.system else None
    return [report.live, dump.type, dump.kind.value, report.scope.value, captured, uptime, dump.machine, build]


def _bug_check_cells(report: Report) -> list[object]:
    check = report.bug_check
    if check is None:
        return [None] * 7
    values = [None if value is None else format_address(value) for value in check.parameters]
    text = None if check.parameters[0] is None else parameter_text(check.parameters[0])
    return [f"{check.code:#x}", code_name(check.code), *values, text]


def _shown(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
