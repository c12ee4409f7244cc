"""The one row that stands for a dump, with the same columns in CSV, Parquet, tables and results that are kept."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import ShortHex
from livedump.model.instants import Instant
from livedump.model.report import Report
from livedump.model.text_kinds import FilePath, ParameterHex, ProcessName, SymbolText, SymptomKeys
from livedump.reference.formats import parameter_text
from livedump.report.rows import code_name, verdict


class DumpRow(NamedTuple):
    """What a table shows of one dump. None: not known."""

    folder: FilePath
    """What stands before the last slash of either kind; empty where there is none."""
    name: FilePath
    """File name."""
    size: int | None
    verdict: str
    """The line that says it all."""
    live: bool | None
    type: int | None
    kind: str | None
    scope: str | None
    captured_at: datetime | None
    """Aware, UTC."""
    uptime_seconds: float | None
    machine: str | None
    build: int | None
    code: ShortHex | None
    code_name: str | None
    parameter_1: ParameterHex | None
    """Hexadecimal, as in JSON: numbers of 64 bits fit into few tables."""
    parameter_2: ParameterHex | None
    parameter_3: ParameterHex | None
    parameter_4: ParameterHex | None
    text: str | None
    """The first parameter as text, where it is text."""
    process: ProcessName | None
    origin: str | None
    """OriginKind by name."""
    origin_title: str | None
    confidence: str | None
    reporter: SymbolText | None
    """Call site of the first frame outside of the capture machinery."""
    complete: bool | None
    signature: SymbolText | None
    """None where none was made."""
    symptoms: SymptomKeys | None
    """Keys of what went on, the first finding first; empty where nothing stands out, None where not all that could show
    it could be looked at."""
    kernel_base: str | None
    """Hexadecimal. With the next ones it tells one boot of one machine from every other."""
    processors: int | None
    boot_id: int | None
    boot_time: datetime | None
    """Aware, UTC; does not move when the clock is set."""
    since_boot_seconds: float | None
    """By interrupt time, which nobody sets: it orders the dumps of one boot."""
    error_category: str | None
    """Why the file could not be judged; None when it was."""
    error: str | None

    @property
    def failed(self) -> bool:
        """Whether the file could not be judged."""
        return self.error is not None


def dump_row(report: Report) -> DumpRow:
    """The row of one report."""
    problem = report.problems[0] if report.problems and report.dump is None else None
    dump, check, origin, instant = report.dump, report.bug_check, report.origin, report.instant or Instant()
    folder, name = split_path(report.path)
    first, second, third, fourth = map(_hexadecimal, check.parameters) if check else [None] * 4
    return DumpRow(
        folder=folder,
        name=name,
        size=report.size,
        verdict=verdict(report),
        live=report.live,
        type=dump.type if dump else None,
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
        process=report.process.name if report.process else None,
        origin=origin.kind.value if origin else None,
        origin_title=origin.title if origin else None,
        confidence=origin.confidence.value if origin else None,
        reporter=report.reporter.call_site if report.reporter else None,
        complete=dump.complete if dump else None,
        signature=report.signature,
        symptoms=_symptoms(report),
        kernel_base=_hexadecimal(report.system.kernel_base) if report.system else None,
        processors=report.system.processors if report.system else None,
        boot_id=instant.boot_id,
        boot_time=instant.boot_time,
        since_boot_seconds=instant.since_boot.total_seconds() if instant.since_boot is not None else None,
        error_category=problem.category if problem else None,
        error=problem.message if problem else None,
    )


def split_path(path: str) -> tuple[str, str]:
    """Folder and file name, divided at the last slash of either kind; the whole is a name where nothing follows it."""
    end = max(path.rstrip("/\\").rfind("/"), path.rstrip("/\\").rfind("\\"))
    return (path[:end] or path[: end + 1], path[end + 1 :]) if end >= 0 else ("", path)


def path_of(row: DumpRow) -> str:
    """Folder and file name in one, with the slash of the folder; that of an archive's members is ``/``."""
    if not row.folder:
        return row.name
    of_windows = row.folder[1:] == ":" or ("\\" in row.folder and "/" not in row.folder)
    slash = "\\" if of_windows and not row.folder.endswith("!") else "/"
    return f"{row.folder}{row.name}" if row.folder.endswith(slash) else f"{row.folder}{slash}{row.name}"


def _hexadecimal(value: int | None) -> str | None:
    return None if value is None else f"{value:#018x}"


def _symptoms(report: Report) -> str | None:
    found = report.symptoms
    if found is None or not (found.findings or found.looked_everywhere):
        return None
    return ", ".join(each.key for each in found.findings)


def _text(value: int | None) -> str | None:
    return None if value is None else parameter_text(value)
