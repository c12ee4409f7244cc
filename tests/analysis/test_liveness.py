"""Live or crash: each fact alone, against each other, and what its absence does."""

from __future__ import annotations

from itertools import product

import pytest

from livedump.analysis.facts import Facts
from livedump.analysis.liveness import Liveness, judge_liveness
from livedump.analysis.roles import with_roles
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump
from livedump.model.findings import Confidence, Sign
from livedump.model.frames import Frame, Stack, Trust

LIVE, CRASH, NO_ATTRIBUTES = 0x10, 0x8, None
LIVE_CODE, EITHER, CRASH_CODE = 0x161, 0x124, 0xD1  # Microsoft's live dump code reference; 0x124 is in both lists
CAPTURE, STOP = "IoCaptureLiveDump", "KeBugCheckEx"


def judged(
    attributes: int | None, code: int | None, symbol: str | None, build: int | None = 26100, kind: int = 6
) -> Liveness:
    frame = Frame(0, 0, 0, 0xFFFFF80178156000, "nt", symbol, 0x10, Trust.UNWIND)
    stack = with_roles(Stack((frame,), None)) if symbol else None
    dump = Dump("a.dmp", None, kind, "x64", attributes, None, None, None)
    check = BugCheck(code, (1, 0, 0, 0)) if code is not None else None
    return judge_liveness(Facts(dump, check, stack, None, None, build=build))


def facts_by_sign(found: Liveness, sign: Sign) -> str:
    return "; ".join(each.fact for each in (*found.evidence, *found.contradictions) if each.sign is sign)


def test_all_three_make_it_certain() -> None:
    assert judged(LIVE, LIVE_CODE, CAPTURE)[:2] == (True, Confidence.CERTAIN)
    assert judged(CRASH, CRASH_CODE, STOP)[:2] == (False, Confidence.CERTAIN)


def test_one_bit_against_code_and_stack_never_wins() -> None:
    found = judged(LIVE, CRASH_CODE, STOP)
    assert found[:2] == (False, Confidence.LIKELY)
    assert "0xd1" in facts_by_sign(found, Sign.AGAINST)
    assert "KeBugCheckEx" in facts_by_sign(found, Sign.AGAINST)
    assert "the bit of a live dump is set" in facts_by_sign(found, Sign.FOR)


def test_one_bit_against_one_code_is_not_known() -> None:
    found = judged(LIVE, CRASH_CODE, None)
    assert found[:2] == (None, Confidence.POSSIBLE)
    assert found.crash


def test_a_forged_code_does_not_outweigh_the_capture_on_the_stack() -> None:
    assert judged(LIVE, CRASH_CODE, CAPTURE)[:2] == (True, Confidence.LIKELY)


def test_before_windows_8_1_a_code_that_both_use_is_a_crash() -> None:
    assert judged(NO_ATTRIBUTES, 0xE2, None, build=7601).live is False
    assert judged(NO_ATTRIBUTES, 0xE2, None, build=9600).live is None


def test_attributes_of_zero_say_nothing_of_a_full_dump() -> None:
    assert judged(0, LIVE_CODE, None, kind=1).live is True
    assert judged(0, LIVE_CODE, None, kind=6).live is False


@pytest.mark.parametrize(
    ("attributes", "code", "symbol", "build"),
    [
        *product(
            (LIVE, CRASH), (LIVE_CODE, EITHER, CRASH_CODE, 0xDEAD0000), (CAPTURE, STOP, "Other", None), (26100, 7601)
        )
    ],
)
def test_taking_a_fact_away_never_makes_it_surer(attributes: int, code: int, symbol: str | None, build: int) -> None:
    whole = judged(attributes, code, symbol, build)
    signs = {each.sign for each in (*whole.evidence, *whole.contradictions)}
    for less in (
        judged(None, code, symbol, build),
        judged(attributes, None, symbol, build),
        judged(attributes, code, None, build),
        judged(attributes, code, symbol, None),
    ):
        assert less.confidence.rank >= whole.confidence.rank
        assert signs  # something always spoke
