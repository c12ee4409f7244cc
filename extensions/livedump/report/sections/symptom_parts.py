"""What the sections on symptoms share: findings as sentences with their evidence, times as the debugger prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from typing import TYPE_CHECKING

from livedump.model.examination import Symptoms
from livedump.model.memory_use import MemoryUse
from livedump.model.requests import Requests
from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import LOOKED, AnalysisState, Symptom
from livedump.model.waits import Waits
from livedump.report.document import Block, EvidenceRow, Fact, Facts, Paragraph, text

if TYPE_CHECKING:
    from livedump.model.difference import Change

NOTHING = "Nothing stands out in what was looked at."
NOTHING_SEEN = "Nothing stands out in what could be looked at, which is not all; see the limits."


def findings_block(findings: Sequence[Symptom | Change], more: int = 0) -> Paragraph:
    """One sentence for each finding, with how sure it is."""
    lines = [f"{number}. {sentence(each)}" for number, each in enumerate(findings, 1)]
    rest = [f"   and {more} more"] if more else []
    return Paragraph("\n".join((*lines, *rest)))


def sentence(symptom: Symptom | Change) -> str:
    """What was found, with how sure it is."""
    # A name of a process or driver is written as it is.
    name = not symptom.text.partition(" ")[0].isalpha()
    text = symptom.text if name else symptom.text[:1].upper() + symptom.text[1:]
    return f"{text} ({symptom.confidence.value})."


def symptom_blocks(symptoms: Symptoms) -> tuple[Block, ...]:
    """The findings, then one line for each analysis. Nothing where no analysis could look."""
    seen = [(label, each) for label, each in analyses(symptoms) if each.state in LOOKED]
    if not seen:
        return ()
    subject = tuple(Fact("Asked about", text(each)) for each in symptoms.subject)
    facts = Facts((*subject, *(Fact(label, text(each.summary)) for label, each in seen)))
    if symptoms.findings:
        return findings_block(symptoms.findings, symptoms.more_findings), facts
    whole = all(each.state in LOOKED and each.reason is None for _, each in analyses(symptoms))
    return Paragraph(NOTHING if whole else NOTHING_SEEN), facts


def symptom_limits(symptoms: Symptoms) -> tuple[str, ...]:
    """What the analyses could not see, each reason once."""
    reasons: dict[tuple[AnalysisState, str | None], list[str]] = {}
    for label, each in analyses(symptoms):
        reasons.setdefault((each.state, each.reason), []).append(label.lower())
    everything = len(reasons) == 1
    said = (("what went on" if everything else ", ".join(labels), limit_of(*why)) for why, labels in reasons.items())
    return tuple(f"{labels}: {limit}" for labels, limits in said for limit in limits)


def analyses(symptoms: Symptoms) -> tuple[tuple[str, Running | StackSurvey | Waits | MemoryUse | Requests], ...]:
    """Each analysis under its title: that for which the dump was taken, then the order in which people read them."""
    titles = (
        ("Processors", symptoms.processors),
        ("Waits", symptoms.waits),
        ("Requests", symptoms.requests),
        ("Stacks", symptoms.stacks),
        ("Memory", symptoms.memory),
    )
    return tuple(sorted(titles, key=lambda each: each[0].lower() != symptoms.first))


def finding_evidence(findings: Iterable[Symptom | Change]) -> tuple[EvidenceRow, ...]:
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


def first_of(shown: int, title: str, rows: Sized) -> str:
    """The title of a table that shows no more than the first rows."""
    return f"{title}, the first {shown}; --format json has more" if len(rows) > shown else title


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
