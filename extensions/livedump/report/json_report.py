"""The report as a JSON object and back: schema ``livedump/1``, written down in ``livedump-1.schema.json``.

The records below are the published shape, in its order; the codec writes and reads them. Keys may be added; none is
renamed without a new version of the schema.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from livedump.model.addresses import Address, Parameter, ShortHex
from livedump.model.bug_check import BugCheck
from livedump.model.dump import ATTRIBUTE_NAMES, Dump, DumpKind, Scope, System, attribute_names
from livedump.model.findings import Finding, Origin
from livedump.model.frames import Frame, Stack
from livedump.model.images import Module
from livedump.model.listing import ListProblem
from livedump.model.processors import Process
from livedump.model.report import Problem, Report
from livedump.model.text_kinds import FilePath, SymbolText
from livedump.model.told import Told
from livedump.reference.codes import find_live_code
from livedump.reference.formats import parameter_text
from livedump.report.codec import Json, decode, encode
from livedump.report.rows import code_name, verdict

if TYPE_CHECKING:
    from livedump.model.examination import Symptoms
    from livedump.model.series import SeriesPlace

SCHEMA = "livedump/1"


class FilePart(NamedTuple):
    """The file."""

    path: FilePath
    size: int | None


class DumpPart(NamedTuple):
    """The file as a container, and what it was found to be."""

    type: int | None
    kind: DumpKind
    machine: str | None
    live: bool | None
    scope: Scope
    attributes: tuple[str, ...] | None
    captured_at: datetime | None
    uptime_seconds: timedelta | None
    pages_present: int | None
    pages_promised: int | None
    expected_size: int | None
    truncated: bool | None
    complete: bool | None
    problems: tuple[str, ...]
    missing: tuple[str, ...] | None
    saved_again: tuple[str, ...] | None


class SystemPart(NamedTuple):
    """The machine that was captured."""

    build: int | None
    build_lab: str | None
    processors: int | None
    product: str | None
    kernel_base: Address | None


class BugCheckPart(NamedTuple):
    """The code with what is known of it."""

    code: ShortHex
    name: str | None
    live_code: bool
    parameters: tuple[Parameter | None, Parameter | None, Parameter | None, Parameter | None]
    text: str | None


class ReportObject(NamedTuple):
    """The whole object."""

    schema: str
    engine: str
    file: FilePart
    verdict: str
    dump: DumpPart | None
    system: SystemPart | None
    bug_check: BugCheckPart | None
    process: Process | None
    origin: Origin | None
    signature: SymbolText | None
    symptoms: Json
    """What was going on, as it is written: records in their dozens, which a report without them does not import."""
    told: Told | None
    stack: tuple[Frame, ...] | None
    reporter: Frame | None
    driver: Module | None
    stack_end: str | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    problems: tuple[ListProblem, ...]
    errors: tuple[Problem, ...]
    series: Json
    """The same of where the dump stands among others."""


def report_object(report: Report) -> dict[str, Any]:
    """The object of one report, ready for ``json.dumps``."""
    written: dict[str, Any] = encode(_published(report))
    return written


def read_report(written: Any) -> Report:
    """The report that was written as this object; without modules and all else that the object does not hold.

    Raises:
        ValueError: it is no such object.
    """
    saved = decode(ReportObject, written)
    return Report(
        engine=saved.engine,
        path=saved.file.path,
        size=saved.file.size,
        dump=_dump(saved, saved.dump) if saved.dump else None,
        live=saved.dump.live if saved.dump else None,
        scope=saved.dump.scope if saved.dump else Scope.UNKNOWN,
        system=System(*saved.system) if saved.system else None,
        bug_check=BugCheck(saved.bug_check.code, saved.bug_check.parameters) if saved.bug_check else None,
        process=saved.process,
        stack=None if saved.stack is None else Stack(saved.stack, saved.stack_end),
        reporter=saved.reporter,
        driver=saved.driver,
        signature=saved.signature,
        origin=saved.origin,
        findings=saved.findings,
        notes=saved.notes,
        incomplete=saved.problems,
        symptoms=None if saved.symptoms is None else _symptoms(saved.symptoms),
        problems=saved.errors,
        series=None if saved.series is None else _series(saved.series),
    )


def _symptoms(written: Json) -> Symptoms:
    from livedump.model.examination import Symptoms  # noqa: PLC0415 - the verdict alone needs none of it

    return decode(Symptoms, written)


def _series(written: Json) -> SeriesPlace:
    from livedump.model.series import SeriesPlace  # noqa: PLC0415 - most reports are of one dump alone

    return decode(SeriesPlace, written)


def _published(report: Report) -> ReportObject:
    return ReportObject(
        schema=SCHEMA,
        engine=report.engine,
        file=FilePart(report.path, report.size),
        verdict=verdict(report),
        dump=_dump_part(report, report.dump) if report.dump else None,
        system=_system_part(report.system) if report.system else None,
        bug_check=_bug_check_part(report.bug_check) if report.bug_check else None,
        process=report.process,
        origin=report.origin,
        signature=report.signature,
        symptoms=None if report.symptoms is None else encode(report.symptoms),
        told=report.dump.told if report.dump else None,
        stack=report.stack.frames if report.stack else None,
        reporter=report.reporter,
        driver=report.driver,
        stack_end=report.stack.stop_reason if report.stack else None,
        findings=report.findings,
        notes=report.notes,
        problems=report.incomplete,
        errors=report.problems,
        series=None if report.series is None else encode(report.series),
    )


def _dump_part(report: Report, dump: Dump) -> DumpPart:
    return DumpPart(
        type=dump.type,
        kind=dump.kind,
        machine=dump.machine,
        live=report.live,
        scope=report.scope,
        attributes=None if dump.attributes is None else attribute_names(dump.attributes),
        captured_at=dump.captured_at,
        uptime_seconds=dump.uptime,
        pages_present=dump.pages_present,
        pages_promised=dump.pages_promised,
        expected_size=dump.expected_size,
        truncated=dump.truncated,
        complete=dump.complete,
        problems=dump.problems,
        missing=dump.missing,
        saved_again=dump.saved_again,
    )


def _dump(saved: ReportObject, part: DumpPart) -> Dump:
    return Dump(
        path=saved.file.path,
        size=saved.file.size,
        type=part.type,
        machine=part.machine,
        attributes=None if part.attributes is None else sum(map(_attribute, part.attributes)),
        captured_at=part.captured_at,
        uptime=part.uptime_seconds,
        directory_table_base=None,
        pages_present=part.pages_present,
        pages_promised=part.pages_promised,
        expected_size=part.expected_size,
        reported_truncated=part.truncated,
        problems=part.problems,
        missing=part.missing,
        saved_again=part.saved_again,
        told=saved.told,
    )


def _system_part(system: System) -> SystemPart:
    return SystemPart(system.build, system.build_lab, system.processors, system.product, system.kernel_base)


def _bug_check_part(check: BugCheck) -> BugCheckPart:
    known = find_live_code(check.code)
    first = check.parameters[0]
    return BugCheckPart(
        code=check.code,
        name=code_name(check.code),
        live_code=known is not None and known.can_crash is False,
        parameters=check.parameters,
        text=None if first is None else parameter_text(first),
    )


def _attribute(name: str) -> int:
    known = {text: int(bit) for bit, text in ATTRIBUTE_NAMES.items()}
    return known[name] if name in known else int(name, 16)
