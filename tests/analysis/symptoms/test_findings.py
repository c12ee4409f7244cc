"""The findings are those that the made-up systems were made to have, and no others."""

from __future__ import annotations

import pytest

from livedump.model.findings import Confidence
from livedump.model.symptoms import AnalysisState
from tests.analysis.symptoms.examined import OWN, QUIET, SOME, TURNS, Case, examined, finding_differences
from tests.synth.kernel.layout import BUILDS


def test_every_build_has_its_turn() -> None:
    assert {case.build for case in TURNS} == {case.build for case in QUIET} == set(BUILDS)
    assert len({case.build for case in OWN}) == len(BUILDS)


@pytest.mark.parametrize("case", SOME, ids=str)
def test_the_planted_findings_and_no_others(case: Case) -> None:
    found = examined(case)
    assert finding_differences(found.truth, found.symptoms) == []


@pytest.mark.parametrize("case", QUIET, ids=str)
def test_on_a_quiet_machine_nothing_is_found_and_everything_was_looked_at(case: Case) -> None:
    symptoms = examined(case).symptoms
    assert symptoms.findings == ()
    states = [each.state for each in (symptoms.processors, symptoms.stacks, symptoms.memory)]
    assert states == [AnalysisState.FOUND] * 3
    assert symptoms.waits.state in (AnalysisState.FOUND, AnalysisState.NONE)
    assert symptoms.requests.state in (AnalysisState.FOUND, AnalysisState.NONE)
    parts = (symptoms.processors, symptoms.stacks, symptoms.waits, symptoms.memory, symptoms.requests)
    assert {each.reason for each in parts} == {None}


@pytest.mark.parametrize("case", SOME, ids=str)
def test_each_finding_has_evidence_that_can_be_checked(case: Case) -> None:
    for finding in examined(case).symptoms.findings:
        assert finding.text
        assert finding.evidence
        assert all(each.fact and each.check for each in finding.evidence)


@pytest.mark.parametrize("case", SOME, ids=str)
def test_who_takes_the_dump_is_no_evidence(case: Case) -> None:
    found = examined(case)
    live = [each for each in found.symptoms.findings if found.truth.system.live]
    assert not [each for each in live if found.truth.requester in each.threads]


@pytest.mark.parametrize("case", SOME, ids=str)
def test_only_what_the_dump_alone_decides_is_certain(case: Case) -> None:
    found = examined(case)
    certain = {each.kind.value for each in found.symptoms.findings if each.confidence is Confidence.CERTAIN}
    assert certain <= ({"deadlock"} if found.truth.system.live else {"deadlock", "spin-lock"})
