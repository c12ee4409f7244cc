"""Who took the dump: runs the rules, keeps all that spoke, shows what contradicts."""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Callable, NamedTuple, Optional

from livedump.analysis.facts import Facts
from livedump.model.findings import Confidence, Evidence, Origin, OriginKind, Sign


class Source(Enum):
    """What a fact was read from. Facts of one source bear each other out no more than a text does that stands twice."""

    CODE = "code"
    """Code and parameters: free text of the caller."""
    PROCESS = "process"
    """Its name, which anybody can take."""
    STACK = "stack"
    MODULES = "modules"
    HEADER = "header"
    """What the caller cannot choose: kind of dump, attributes, comment."""


class Bearing(Enum):
    """What a claim does to its kind."""

    FOR = "for"
    AGAINST = "against"
    OPEN = "open"
    """A question that could not be asked, and whose answer might have been against."""


class Claim(NamedTuple):
    """What one rule says."""

    kind: OriginKind
    confidence: Confidence
    """The most that the kind can have by this fact; CERTAIN needs another source beside it."""
    fact: str
    check: str
    """The WinDbg command that shows the fact."""
    source: Source = Source.CODE
    title: Optional[str] = None
    """A closer name than the kind's own."""
    bearing: Bearing = Bearing.FOR


Rule = Callable[[Facts], Iterable[Claim]]


class Judgement(NamedTuple):
    """The origin, and what went wrong on the way."""

    origin: Origin
    notes: tuple[str, ...]


def judge_origin(facts: Facts, rules: tuple[Rule, ...]) -> Judgement:
    """The strongest claim's origin with all evidence for and against; UNKNOWN with confidence NONE when no rule spoke.

    Of equally strong claims the earlier rule's wins. CERTAIN needs two sources that agree, no objection and no open
    question: one that could not be asked counts as much as one that was answered with no, or a dump would be judged
    with more certainty the less it holds.
    """
    notes: list[str] = []
    claims = list(_claims(facts, rules, notes))
    supporting = [claim for _, claim in claims if claim.bearing is Bearing.FOR]
    if not supporting:
        return Judgement(Origin(OriginKind.UNKNOWN, TITLES[OriginKind.UNKNOWN], Confidence.NONE, ()), tuple(notes))
    best = min(supporting, key=lambda claim: claim.confidence.rank)
    return Judgement(_origin(best, claims), tuple(notes))


def _claims(facts: Facts, rules: tuple[Rule, ...], notes: list[str]) -> Iterator[tuple[str, Claim]]:
    for rule in rules:
        try:
            yield from [(rule.__name__, claim) for claim in rule(facts)]
        except Exception as error:  # noqa: BLE001 - a rule that fails must not take the others along
            notes.append(f"rule {rule.__name__} failed: {error!r}")


def _origin(best: Claim, claims: list[tuple[str, Claim]]) -> Origin:
    same = [(rule, claim) for rule, claim in claims if claim.kind is best.kind]
    others = [(rule, claim) for rule, claim in claims if claim.kind is not best.kind and claim.bearing is Bearing.FOR]
    ordered = sorted(same, key=lambda pair: pair[1].confidence.rank)
    speaking = [(rule, claim) for rule, claim in ordered if claim.bearing is Bearing.FOR]
    against = [_evidence(rule, claim) for rule, claim in same if claim.bearing is Bearing.AGAINST]
    against += [_rival(rule, claim) for rule, claim in others if claim.confidence in _STRONG]
    unasked = [_evidence(rule, claim) for rule, claim in same if claim.bearing is Bearing.OPEN]
    agreed = len({claim.source for _, claim in speaking}) > 1 and not against and not unasked
    return Origin(
        kind=best.kind,
        title=next((claim.title for _, claim in speaking if claim.title), TITLES[best.kind]),
        confidence=best.confidence if agreed else at_most_likely(best.confidence),
        evidence=tuple(_evidence(rule, claim) for rule, claim in speaking),
        contradictions=tuple(against),
        unasked=tuple(unasked),
    )


def _evidence(rule: str, claim: Claim) -> Evidence:
    return Evidence(rule, claim.fact, claim.check, Sign.FOR if claim.bearing is Bearing.FOR else Sign.AGAINST)


def _rival(rule: str, claim: Claim) -> Evidence:
    fact = f"{claim.fact}; that would mean {claim.title or TITLES[claim.kind]}"
    return Evidence(rule, fact, claim.check, Sign.AGAINST)


def at_most_likely(confidence: Confidence) -> Confidence:
    """The confidence without certainty."""
    return Confidence.LIKELY if confidence is Confidence.CERTAIN else confidence


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
    OriginKind.QEMU_GUEST_DUMP: "QEMU from outside of the guest (dump-guest-memory, virsh dump, KubeVirt)",
    OriginKind.ELF2DMP: "elf2dmp, made from a dump of a virtual machine",
    OriginKind.CRASH: "A crash, not a live dump",
    OriginKind.UNKNOWN: "Unknown",
}
