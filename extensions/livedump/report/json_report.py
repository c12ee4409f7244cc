"""The report as a JSON object: schema ``livedump/1``, written down in ``livedump-1.schema.json``.

Addresses and 64-bit values are hex strings; unknown is null; empty means known to be none. Keys may be added; none is
renamed without a new version of the schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from livedump.model.dump import Dump, attribute_names
from livedump.model.findings import Evidence, Origin
from livedump.model.frames import Frame
from livedump.model.processors import Process
from livedump.model.report import Report
from livedump.model.told import Told
from livedump.reference.codes import find_live_code
from livedump.reference.formats import parameter_text
from livedump.report.codec import encode
from livedump.report.rows import code_name, verdict

SCHEMA = "livedump/1"


def report_object(report: Report) -> dict[str, Any]:
    """The object of one report, ready for ``json.dumps``."""
    return {
        "schema": SCHEMA,
        "engine": report.engine,
        "file": {"path": report.path, "size": report.size},
        "verdict": verdict(report),
        "dump": _dump(report, report.dump) if report.dump else None,
        "system": _system(report),
        "bug_check": _bug_check(report),
        "process": _process(report.process) if report.process else None,
        "origin": _origin(report.origin) if report.origin else None,
        "signature": report.signature,
        "symptoms": encode(report.symptoms) if report.symptoms else None,
        "told": _told(report.dump.told) if report.dump and report.dump.told else None,
        "stack": _stack(report),
        "reporter": _frame(report.reporter) if report.reporter else None,
        "stack_end": report.stack.stop_reason if report.stack else None,
        "findings": [
            {"what": finding.what, "confidence": finding.confidence.value, "evidence": _evidence(finding.evidence)}
            for finding in report.findings
        ],
        "notes": list(report.notes),
        "problems": [{"list": what, "message": message} for what, message in report.incomplete],
        "errors": [{"category": problem.category, "message": problem.message} for problem in report.problems],
    }


def _dump(report: Report, dump: Dump) -> dict[str, Any]:
    return {
        "type": dump.type,
        "kind": dump.kind.value,
        "machine": dump.machine,
        "live": report.live,
        "scope": report.scope.value,
        "attributes": None if dump.attributes is None else list(attribute_names(dump.attributes)),
        "captured_at": _time(dump.captured_at),
        "uptime_seconds": dump.uptime.total_seconds() if dump.uptime is not None else None,
        "pages_present": dump.pages_present,
        "pages_promised": dump.pages_promised,
        "expected_size": dump.expected_size,
        "truncated": dump.truncated,
        "complete": dump.complete,
        "problems": list(dump.problems),
        "missing": None if dump.missing is None else list(dump.missing),
        "saved_again": None if dump.saved_again is None else list(dump.saved_again),
    }


def _system(report: Report) -> dict[str, Any] | None:
    system = report.system
    if system is None:
        return None
    return {
        "build": system.build,
        "build_lab": system.build_lab,
        "processors": system.processors,
        "product": system.product,
        "kernel_base": _hex(system.kernel_base),
    }


def _bug_check(report: Report) -> dict[str, Any] | None:
    check = report.bug_check
    if check is None:
        return None
    known = find_live_code(check.code)
    return {
        "code": f"{check.code:#x}",
        "name": code_name(check.code),
        "live_code": known is not None and known.can_crash is False,
        "parameters": [_hex(value) for value in check.parameters],
        "text": None if check.parameters[0] is None else parameter_text(check.parameters[0]),
    }


def _process(process: Process) -> dict[str, Any]:
    return {
        "name": process.name,
        "id": process.process_id,
        "address": _hex(process.address),
        "directory_table_base": _hex(process.directory_table_base),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "kind": origin.kind.value,
        "title": origin.title,
        "confidence": origin.confidence.value,
        "evidence": _evidence(origin.evidence),
        "contradictions": _evidence(origin.contradictions),
        "unasked": _evidence(origin.unasked),
    }


def _evidence(evidence: tuple[Evidence, ...]) -> list[dict[str, str]]:
    return [
        {"rule": item.rule, "fact": item.fact, "check": item.check, "sign": item.sign.value} for item in evidence
    ]


def _told(told: Told) -> dict[str, Any]:
    return {
        "source": told.source,
        "live": told.live,
        "live_words": told.live_words,
        "blame": told.blame._asdict() if told.blame else None,
        "doubts": list(told.doubts),
        "registered": told.registered,
        "dump_path": told.dump_path,
        "recorded_at": _time(told.recorded_at),
    }


def _stack(report: Report) -> list[dict[str, Any]] | None:
    if report.stack is None:
        return None
    return list(map(_frame, report.stack.frames))


def _frame(frame: Frame) -> dict[str, Any]:
    return {
        "index": frame.index,
        "child_sp": _hex(frame.child_sp),
        "return_address": _hex(frame.return_address),
        "instruction": _hex(frame.instruction),
        "module": frame.module,
        "symbol": frame.symbol,
        "offset": None if frame.offset is None else f"{frame.offset:#x}",
        "trust": frame.trust.value,
        "role": frame.role.value if frame.role else None,
    }


def _hex(value: int | None) -> str | None:
    return None if value is None else f"{value:#018x}"


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
