"""Whether the dump was taken while Windows kept running."""

from __future__ import annotations

from typing import NamedTuple

from livedump.analysis.facts import Facts
from livedump.model.findings import Confidence, Evidence, Finding
from livedump.model.frames import Role
from livedump.reference.codes import bug_check_name, find_live_code


class Liveness(NamedTuple):
    """The verdict; ``live`` is None when nothing tells."""

    live: bool | None
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    contradictions: tuple[Evidence, ...]

    def finding(self) -> Finding:
        """The verdict as a row of the report."""
        what = {True: "live dump: Windows kept running", False: "not a live dump", None: "live or crash: not known"}
        return Finding(what[self.live], self.confidence, self.evidence + self.contradictions)


class _Vote(NamedTuple):
    live: bool
    confidence: Confidence
    evidence: Evidence


def judge_liveness(facts: Facts) -> Liveness:
    """Live, crash or not known, by the header's attributes first, then by code and stack.

    The kind of dump is no evidence: crashes and live dumps both come as type 6.
    """
    votes = [vote for rule in (_attributes, _code, _stack, _told) for vote in rule(facts)]
    if not votes:
        nothing = Evidence("liveness", f"{_no_attributes(facts)}; code and stack do not tell", ".dumpdebug")
        return Liveness(None, Confidence.NONE, (nothing,), ())
    best = min(votes, key=lambda vote: vote.confidence.rank)
    against = tuple(vote.evidence for vote in votes if vote.live != best.live)
    confidence = Confidence.LIKELY if against else best.confidence
    return Liveness(best.live, confidence, tuple(v.evidence for v in votes if v.live == best.live), against)


def _attributes(facts: Facts) -> list[_Vote]:
    live = facts.dump.marked_live if facts.dump else None
    if facts.dump is None or live is None:
        return []
    state = "is set" if live else "is not set"
    fact = f"attributes {facts.dump.attributes:#x}: the bit of a live dump {state}"
    return [_Vote(live, Confidence.CERTAIN, Evidence("attributes", fact, ".dumpdebug"))]


def _code(facts: Facts) -> list[_Vote]:
    if facts.bug_check is None:
        return []
    known = find_live_code(facts.bug_check.code)
    if known is None:
        name = bug_check_name(facts.bug_check.code)
        fact = f"code {facts.bug_check.code:#x}{f' {name}' if name else ''} is not known to mark live dumps"
        confidence = Confidence.LIKELY if name else Confidence.POSSIBLE
        return [_Vote(False, confidence, Evidence("code", fact, ".bugcheck"))]
    if known.can_crash is False:
        fact = f"code {known.code:#x} {known.name} never stands for a real bug check"
        return [_Vote(True, Confidence.LIKELY, Evidence("code", fact, ".bugcheck"))]
    return []


def _stack(facts: Facts) -> list[_Vote]:
    crash = facts.find_frame("nt", "KeBugCheck")
    if crash:
        return [_Vote(False, Confidence.LIKELY, Evidence("stack", f"{crash.call_site} is on the stack", "k"))]
    frame = next((frame for frame in facts.frames if frame.role is Role.CAPTURE), None)
    if frame:
        return [_Vote(True, Confidence.LIKELY, Evidence("stack", f"{frame.call_site} captures live dumps", "k"))]
    return []


def _told(facts: Facts) -> list[_Vote]:
    told = facts.dump.told if facts.dump else None
    if told is None or told.live is None:
        return []
    return [_Vote(told.live, Confidence.LIKELY, Evidence("told", f"{told.source} says: {told.live_words}", ""))]


def _no_attributes(facts: Facts) -> str:
    return "the text holds no attributes" if facts.dump and facts.dump.told else "attributes were never written"
