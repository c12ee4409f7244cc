"""Who took the dump: runs the rules, keeps all that spoke, shows what contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Callable, NamedTuple

from livedump.analysis.facts import Facts
from livedump.model.findings import Confidence, Evidence, Origin, OriginKind


class Claim(NamedTuple):
    """What one rule says."""

    kind: OriginKind
    confidence: Confidence
    fact: str
    check: str
    """The WinDbg command that shows the fact."""
    title: str | None = None
    """A closer name than the kind's own."""
    against: bool = False
    """Whether the fact speaks against the kind."""


Rule = Callable[[Facts], Iterable[Claim]]


class Judgement(NamedTuple):
    """The origin, and what went wrong on the way."""

    origin: Origin
    notes: tuple[str, ...]


def judge_origin(facts: Facts, rules: tuple[Rule, ...]) -> Judgement:
    """The strongest claim's origin with all evidence for and against; UNKNOWN with confidence NONE when no rule spoke.

    Of equally strong claims the earlier rule's wins. Contradicted certainty is only likely.
    """
    notes: list[str] = []
    claims = list(_claims(facts, rules, notes))
    supporting = [(rule, claim) for rule, claim in claims if not claim.against]
    if not supporting:
        return Judgement(Origin(OriginKind.UNKNOWN, TITLES[OriginKind.UNKNOWN], Confidence.NONE, ()), tuple(notes))
    _, best = min(supporting, key=lambda pair: pair[1].confidence.rank)
    return Judgement(_origin(best, claims), tuple(notes))


def _claims(facts: Facts, rules: tuple[Rule, ...], notes: list[str]) -> Iterator[tuple[str, Claim]]:
    for rule in rules:
        try:
            yield from [(rule.__name__, claim) for claim in rule(facts)]
        except Exception as error:  # noqa: BLE001 - a rule that fails must not take the others along
            notes.append(f"rule {rule.__name__} failed: {error!r}")


def _origin(best: Claim, claims: list[tuple[str, Claim]]) -> Origin:
    same = [(rule, claim) for rule, claim in claims if claim.kind is best.kind]
    others = [(rule, claim) for rule, claim in claims if claim.kind is not best.kind and not claim.against]
    ordered = sorted(same, key=lambda pair: pair[1].confidence.rank)
    against = [_evidence(rule, claim) for rule, claim in same if claim.against]
    against += [_rival(rule, claim) for rule, claim in others if claim.confidence in _STRONG]
    return Origin(
        kind=best.kind,
        title=next((claim.title for _, claim in ordered if claim.title and not claim.against), TITLES[best.kind]),
        confidence=_doubted(best.confidence) if against else best.confidence,
        evidence=tuple(_evidence(rule, claim) for rule, claim in ordered if not claim.against),
        contradictions=tuple(against),
    )


def _evidence(rule: str, claim: Claim) -> Evidence:
    return Evidence(rule, claim.fact, claim.check)


def _rival(rule: str, claim: Claim) -> Evidence:
    return Evidence(rule, f"{claim.fact}; that would mean {claim.title or TITLES[claim.kind]}", claim.check)


def _doubted(confidence: Confidence) -> Confidence:
    return Confidence.LIKELY if confidence is Confidence.CERTAIN else Confidence.POSSIBLE


_STRONG = (Confidence.CERTAIN, Confidence.LIKELY)

TITLES = {
    OriginKind.TASK_MANAGER: "Task Manager",
    OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS: "PowerShell Get-StorageDiagnosticInfo",
    OriginKind.LIVEKD_OR_SYSTEM_INFORMER: "LiveKd, System Informer or a like tool",
    OriginKind.SYSTEM_DEBUG_CONTROL: "a tool through NtSystemDebugControl",
    OriginKind.WINDOWS_ERROR_REPORTING: "Windows Error Reporting",
    OriginKind.POWER_BUTTON: "Power button held down",
    OriginKind.BLACK_SCREEN_HOTKEY: "Black-screen hotkey (Win+Ctrl+Shift+B)",
    OriginKind.FAILOVER_CLUSTER: "Failover Cluster",
    OriginKind.STORPORT: "Storport on behalf of a storage driver",
    OriginKind.DRIVER_VERIFIER: "Driver Verifier",
    OriginKind.CRASH: "A crash, not a live dump",
    OriginKind.UNKNOWN: "Unknown",
}
