"""The one row that stands for a dump in tables, in CSV and in the file of results."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import format_address
from livedump.model.findings import Report
from livedump.reference.formats import parameter_text
from livedump.report.rows import code_name

Cell = object
"""str, int, bool, datetime or None."""


class DumpRow(NamedTuple):
    """What a table shows of one dump. None: not known."""

    name: str
    size: int | None
    live: bool | None
    kind: str | None
    scope: str | None
    captured_at: datetime | None
    """Aware, UTC."""
    uptime_seconds: float | None
    machine: str | None
    build: int | None
    code: int | None
    code_name: str | None
    parameter_1: str | None
    parameter_2: str | None
    parameter_3: str | None
    parameter_4: str | None
    text: str | None
    """The first parameter as text, where it is text."""
    origin: str | None
    """OriginKind by name."""
    origin_title: str | None
    confidence: str | None
    process: str | None
    frame: str | None
    """Call site of the report's reporter."""
    complete: bool | None
    signature: str | None
    error_category: str | None
    """Why the file could not be judged; None when it was."""
    error: str | None

    @property
    def failed(self) -> bool:
        """Whether the file could not be judged."""
        return self.error is not None


def row_of(report: Report) -> DumpRow:
    """The row of one report."""
    problem = report.problems[0] if report.problems and report.dump is None else None
    dump, check, origin = report.dump, report.bug_check, report.origin
    first, second, third, fourth = map(_parameter, check.parameters) if check else [None] * 4
    return DumpRow(
        name=report.path,
        size=report.size,
        live=report.live,
        kind=dump.kind.value if dump else None,
        scope=report.scope.value if dump else None,
        captured_at=dump.captured_at if dump else None,
        uptime_seconds=dump.uptime.total_seconds() if dump and dump.uptime is not None else None,
        machine=dump.machine if dump else None,
        build=report.system.build if report.system else None,
        code=check.code if check else None,
        code_name=code_name(check.code) if check else None,
        parameter_1=first,
        parameter_2=second,
        parameter_3=third,
        parameter_4=fourth,
        text=_text(check.parameters[0]) if check else None,
        origin=origin.kind.value if origin else None,
        origin_title=origin.title if origin else None,
        confidence=origin.confidence.value if origin else None,
        process=report.process.name if report.process else None,
        frame=report.reporter.call_site if report.reporter else None,
        complete=_complete(report),
        signature=report.signature,
        error_category=problem.category if problem else None,
        error=problem.message if problem else None,
    )


def _parameter(value: int | None) -> str | None:
    return None if value is None else format_address(value)


def _text(value: int | None) -> str | None:
    return None if value is None else parameter_text(value)


def _complete(report: Report) -> bool | None:
    if report.dump is None or report.dump.truncated is None:
        return None
    return not report.dump.truncated
