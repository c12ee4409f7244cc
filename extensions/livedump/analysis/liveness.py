"""Whether the dump was taken while Windows kept running."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Optional

from livedump.analysis.facts import Facts
from livedump.model.dump import DumpKind
from livedump.model.findings import Confidence, Evidence, Finding, Sign
from livedump.model.frames import Role
from livedump.reference.codes import CodeKind, bug_check_name, find_live_code

FIRST_LIVE_BUILD = 9600
"""Windows 8.1, the first that takes live dumps itself. Before it only LiveKd and hypervisors wrote what looks alike."""

ATTRIBUTES, CODE, STACK, TOLD, SYSTEM = "attributes", "code", "stack", "told", "system"


class Liveness(NamedTuple):
    """The verdict. Its evidence is signed by what it says of a live dump: + that it is one, - that it is none."""

    live: Optional[bool]
    """None when nothing tells, or when one fact stands against another."""
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    """What speaks for the verdict."""
    contradictions: tuple[Evidence, ...]
    unasked: tuple[Evidence, ...] = ()
    """What could not be asked and might have spoken against the verdict."""

    @property
    def crash(self) -> bool:
        """Whether a crash is the better reading, even where that is only possible."""
        spoken = self.confidence is not Confidence.NONE
        return spoken and any(each.sign is Sign.AGAINST for each in self.evidence)

    def finding(self) -> Finding:
        """The verdict as a row of the report."""
        what = {True: "live dump: Windows kept running", False: "not a live dump", None: "live or crash: not known"}
        return Finding(what[self.live], self.confidence, self.evidence + self.contradictions + self.unasked)


class _Vote(NamedTuple):
    live: bool
    strong: bool
    evidence: Evidence


def judge_liveness(facts: Facts) -> Liveness:
    """Live, crash or not known, by the header's attributes, the code, the stack, and what a text calls the dump.

    The kind of dump is no evidence: crashes and live dumps both come as type 6. A stack outweighs the rest, for a bit
    is easily set and a code is the word of the caller. What could not be asked counts as much as what speaks against.
    """
    votes = [vote for rule in (_attributes, _code, _stack, _told, _system) for vote in rule(facts)]
    strong = [vote for vote in votes if vote.strong]
    if not votes:
        fact = f"{_no_attributes(facts)}; code and stack do not tell"
        nothing = Evidence("liveness", fact, ".dumpdebug", Sign.AGAINST)
        return Liveness(None, Confidence.NONE, (nothing,), ())
    lean = _lean(strong or votes)
    if lean is None:
        unasked = tuple(_unasked(facts, Sign.FOR))
        return Liveness(None, Confidence.POSSIBLE, _signed(votes, live=False), _signed(votes, live=True), unasked)
    agreeing = {vote.evidence.rule for vote in strong if vote.live == lean}
    unanimous = all(vote.live == lean for vote in votes)
    confidence = _confidence(facts, lean, agreeing, unanimous)
    unasked = tuple(_unasked(facts, Sign.AGAINST if lean else Sign.FOR))
    return Liveness(lean, confidence, _signed(votes, live=lean), _signed(votes, live=not lean), unasked)


def _unasked(facts: Facts, sign: Sign) -> Iterator[Evidence]:
    # The sign is that which an answer against the verdict would have.
    if facts.dump is None or facts.dump.attributes is None:
        yield Evidence(ATTRIBUTES, f"{_no_attributes(facts)}: the mark of a live dump is not known", ".dumpdebug", sign)
    if facts.bug_check is None:
        yield Evidence(CODE, "the bug check code is not known", ".bugcheck", sign)


def _signed(votes: Sequence[_Vote], *, live: bool) -> tuple[Evidence, ...]:
    return tuple(vote.evidence for vote in votes if vote.live == live)


def _lean(votes: Sequence[_Vote]) -> Optional[bool]:
    by_stack = [vote.live for vote in votes if vote.evidence.rule == STACK]
    if by_stack:
        return by_stack[0]
    live = sum(1 if vote.live else -1 for vote in votes)
    if live:
        return live > 0
    # Windows itself leaves the bit clear; a code may be anybody's. A debugger, or any program, may set the bit.
    cleared = any(vote.evidence.rule == ATTRIBUTES and not vote.live for vote in votes)
    return False if cleared else None


def _confidence(facts: Facts, live: bool, agreeing: set[str], unanimous: bool) -> Confidence:
    if unanimous and {ATTRIBUTES, STACK} <= agreeing and facts.bug_check is not None and facts.build is not None:
        return Confidence.CERTAIN
    # One fact alone is enough where the code was asked and the build has live dumps: neither could object. But the code
    # of a crash is not: the bit of a live dump could.
    asked = facts.bug_check is not None and facts.build is not None
    alone = asked and (agreeing == {ATTRIBUTES} or (agreeing == {CODE} and live))
    return Confidence.LIKELY if STACK in agreeing or len(agreeing) > 1 or alone else Confidence.POSSIBLE


def _vote(live: bool, strong: bool, rule: str, fact: str, check: str) -> _Vote:
    return _Vote(live, strong, Evidence(rule, fact, check, Sign.FOR if live else Sign.AGAINST))


def _attributes(facts: Facts) -> Iterator[_Vote]:
    dump = facts.dump
    live = dump.marked_live if dump else None
    if dump is None or live is None or (dump.attributes == 0 and dump.kind is DumpKind.FULL):
        return  # what prepares a full dump outside of Windows leaves zeros
    state = "is set" if live else "is not set"
    # A debugger that saves a dump again makes the bit of a live dump out of a field that nobody had written.
    weak = bool(dump.saved_again)
    doubt = "; a debugger wrote them" if weak else ""
    fact = f"attributes {dump.attributes:#x}: the bit of a live dump {state}{doubt}"
    yield _vote(live, not weak, ATTRIBUTES, fact, ".dumpdebug")


def _code(facts: Facts) -> Iterator[_Vote]:
    if facts.bug_check is None:
        return
    known = find_live_code(facts.bug_check.code)
    if known is None:
        name = bug_check_name(facts.bug_check.code)
        fact = f"code {facts.bug_check.code:#x}{f' {name}' if name else ''} is not known to mark live dumps"
        yield _vote(False, name is not None, CODE, fact, ".bugcheck")
    elif known.can_crash is False:
        fact = f"code {known.code:#x} {known.name} never stands for a real bug check"
        yield _vote(True, True, CODE, fact, ".bugcheck")
    elif known.kind is CodeKind.BORROWED and facts.dump is not None and facts.dump.told:
        # Of a dump itself the header tells; of a text the code may be all there is.
        fact = f"code {known.code:#x} {known.name} is that of a bug check, which few live dumps borrow"
        yield _vote(False, False, CODE, fact, ".bugcheck")


def _stack(facts: Facts) -> Iterator[_Vote]:
    crash = facts.find_frame("nt", "KeBugCheck")
    capture = next((frame for frame in facts.trusted_frames if frame.role is Role.CAPTURE), None)
    if crash:
        yield _vote(False, True, STACK, f"{crash.call_site} is on the stack", "k")
    elif capture:
        yield _vote(True, True, STACK, f"{capture.call_site} captures live dumps", "k")


def _told(facts: Facts) -> Iterator[_Vote]:
    told = facts.dump.told if facts.dump else None
    if told is not None and told.live is not None:
        yield _vote(told.live, True, TOLD, f"{told.source} says: {told.live_words}", "")


def _system(facts: Facts) -> Iterator[_Vote]:
    if facts.build is not None and facts.build < FIRST_LIVE_BUILD and not _from_outside(facts):
        fact = f"build {facts.build}: Windows takes live dumps itself since 8.1 (build {FIRST_LIVE_BUILD})"
        yield _vote(False, True, SYSTEM, fact, "vertarget")


def _from_outside(facts: Facts) -> bool:
    # LiveKd gives no code.
    check = facts.bug_check
    return facts.from_outside or (check is not None and check.code == 0 and check.all_zero)


def _no_attributes(facts: Facts) -> str:
    return "the text holds no attributes" if facts.dump and facts.dump.told else "attributes were never written"
