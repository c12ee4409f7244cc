"""A few rows of a folder of dumps, for whoever reads them one page after the other: schema ``livedump-triage/1``."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import ShortHex
from livedump.model.report import Report
from livedump.model.symptoms import LOOKED
from livedump.model.text_kinds import FilePath, ProcessName, SymbolText, SymptomKeys
from livedump.report.dump_row import DumpRow, path_of
from livedump.report.dump_table import NO_SYMPTOM
from livedump.report.rows import evidence_rows

SCHEMA = "livedump-triage/1"
MAX_FINDINGS = 2
MAX_LENGTH = 240
"""Letters of one sentence: the tool report has all of it."""
NOT_KNOWN = "what went on is not known"
NOT_ALL_KNOWN = f"{NO_SYMPTOM}, but not all could be looked at"


class TriageRow(NamedTuple):
    """One dump: what somebody wants to know first. None: not known."""

    path: FilePath
    verdict: str
    """The line that says it all; why it could not be judged where it could not."""
    code: ShortHex | None
    captured_at: datetime | None
    complete: bool | None
    process: ProcessName | None
    """The program that asked."""
    findings: tuple[str, ...]
    """The first sentences on what went on, with how sure they are; of what could not be looked at why."""
    symptoms: SymptomKeys | None
    """Keys of all findings; empty where nothing stands out, None where that is not known."""
    signature: SymbolText | None
    contradictions: tuple[str, ...]
    """What speaks against the verdict."""


class TriagePage(NamedTuple):
    """Some rows."""

    schema: str
    path: FilePath
    """What was asked about."""
    files: int
    """How many files there are to read in all; an archive counts as one."""
    rows: tuple[TriageRow, ...]
    left_out: tuple[str, ...]
    """What was not read, and why."""
    next_cursor: str | None


def triage_row(row: DumpRow, report: Report | None) -> TriageRow:
    """The row of one dump, with what its report adds where there is one."""
    return TriageRow(
        path=path_of(row),
        verdict=row.verdict,
        code=row.code,
        captured_at=row.captured_at,
        complete=row.complete,
        process=row.process,
        findings=_findings(report),
        symptoms=row.symptoms,
        signature=row.signature,
        contradictions=_contradictions(report),
    )


def row_text(row: TriageRow) -> str:
    """The row on some lines."""
    lines = [row.path, f"  {row.verdict}"]
    lines += [f"  {finding}" for finding in row.findings]
    lines += [f"  against it: {fact}" for fact in row.contradictions]
    return "\n".join((*lines, *([f"  signature: {row.signature}"] if row.signature else [])))


def _contradictions(report: Report | None) -> tuple[str, ...]:
    facts = (each.fact for each in evidence_rows(report) if each.sign == "-") if report is not None else ()
    return tuple(map(_shortened, facts))[:MAX_FINDINGS]


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= MAX_LENGTH else f"{sentence[:MAX_LENGTH]}..."


def _findings(report: Report | None) -> tuple[str, ...]:
    if report is None or report.dump is None:
        return ()
    found = report.symptoms
    if found is None:
        return (NOT_KNOWN,)
    said = tuple(f"{_shortened(each.text)} ({each.confidence.value})" for each in found.findings[:MAX_FINDINGS])
    if said or found.looked_everywhere:
        return said or (NO_SYMPTOM,)
    reason = next((each.reason for each in found.analyses if each.reason and each.state not in LOOKED), "nobody looked")
    return (_shortened(f"{NOT_ALL_KNOWN if found.looked else NOT_KNOWN}: {reason}"),)
