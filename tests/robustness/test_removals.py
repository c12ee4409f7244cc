"""Knowing less never makes a verdict surer: a short, always equal run of the removals."""

from __future__ import annotations

from random import Random

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.findings import Confidence, Evidence, Sign
from livedump.model.report import Report
from tests.engines.test_contract import built_or_skip
from tests.robustness.removals import cases, judge, remove, run, violations

REMOVALS = 500


@pytest.fixture(scope="module")
def report() -> Report:
    engine = NativeEngine(str(built_or_skip("taskmgr-forged").path))
    try:
        return triage(engine)
    finally:
        engine.close()


def test_no_verdict_becomes_surer_by_knowing_less() -> None:
    built_or_skip("taskmgr-forged")
    assert [found for found in run(REMOVALS, seed=1) if found is not None] == []


@pytest.mark.parametrize("what", ["page", "header", "debugger block", "name", "list entry", "symbols"])
def test_every_kind_of_removal_takes_something(what: str) -> None:
    built_or_skip("taskmgr-full")
    case = next(each for each in cases() if each.name == "taskmgr-full")
    removed = (remove(case, Random(number)) for number in range(200))
    assert any(found is not None and found[0].startswith(what) and found[1] != case for found in removed)


def test_a_surer_verdict_is_seen(report: Report) -> None:
    assert report.origin is not None
    surer = report._replace(origin=report.origin._replace(confidence=Confidence.CERTAIN))
    assert any("became task-manager (certain)" in each for each in violations(report, surer))


def test_a_lost_objection_is_seen(report: Report) -> None:
    assert report.origin is not None
    assert report.origin.contradictions
    silent = report._replace(origin=report.origin._replace(contradictions=(), unasked=()))
    assert any("are gone" in each for each in violations(report, silent))
    asked = report.origin._replace(contradictions=(), unasked=(Evidence("r", "f", "c", Sign.AGAINST),))
    assert list(violations(report, report._replace(origin=asked))) == []


def test_completeness_that_appears_is_seen(report: Report) -> None:
    assert report.dump is not None
    partial = report._replace(dump=report.dump._replace(missing=("PRCBs (partly)",)))
    assert "complete appeared" in list(violations(partial, report))


def test_a_dump_of_which_nothing_is_left_is_no_verdict() -> None:
    built_or_skip("taskmgr-full")
    case = next(each for each in cases() if each.name == "taskmgr-full")
    assert judge(case._replace(data=b"")) is None
