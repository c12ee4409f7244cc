"""What the sections on symptoms share: findings as sentences with their evidence, times as the debugger prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livedump.model.symptoms import AnalysisState, Symptom
from livedump.report.document import EvidenceRow, Paragraph

NOTHING = "No finding"


def findings_block(findings: Sequence[Symptom], more: int = 0) -> Paragraph:
    """One sentence for each finding, with how sure it is."""
    lines = [f"{number}. {_sentence(each)}" for number, each in enumerate(findings, 1)]
    rest = [f"   and {more} more"] if more else []
    return Paragraph("\n".join((*lines, *rest)))


def _sentence(symptom: Symptom) -> str:
    return f"{symptom.text[:1].upper()}{symptom.text[1:]} ({symptom.confidence.value})."


def finding_evidence(findings: Iterable[Symptom]) -> tuple[EvidenceRow, ...]:
    """What speaks for the findings, each fact once."""
    rows = (EvidenceRow("+", each.fact, each.check) for finding in findings for each in finding.evidence)
    return tuple(dict.fromkeys(rows))


def limit_of(state: AnalysisState, reason: str | None) -> tuple[str, ...]:
    """Why the answer is none, or not the whole one."""
    if state is AnalysisState.NOT_CAPTURED:
        return (f"not captured: {reason}",)
    if state is AnalysisState.NOT_KNOWN:
        return (f"not known: {reason}",)
    return (f"not all of it: {reason}",) if reason else ()


def elapsed(seconds: float | None) -> str:
    """``0:05:21:45.937``: days, hours, minutes, seconds, as ``!thread`` prints how long a wait lasts."""
    if seconds is None:
        return ""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}:{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


def percent(value: float | None) -> str:
    """``12.5``; empty where it is not known."""
    return "" if value is None else f"{value:.1f}"


def client_id(process_id: int | None, thread_id: int | None) -> str:
    """``1c54.1d10``: process and thread as ``!thread`` prints them."""
    return "" if process_id is None or thread_id is None else f"{process_id:x}.{thread_id:x}"
