"""Counters of 32 bits that have gone round, clocks that were set: what does not fit together makes no share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livedump.model.symptoms import Symptom, SymptomKind
from tests.analysis.difference.series import Case, cases, reports
from tests.analysis.symptoms.examined import examine
from tests.synth.kernel.building import build_system
from tests.synth.kernel.scenario_running import dpc_pressure, spin_lock_convoy
from tests.synth.kernel.spec import System
from tests.synth.toolchain import ToolchainMissing


@pytest.mark.parametrize("case", cases("odd"), ids=str)
def test_no_finding_and_no_share_is_made_of_a_counter_that_went_round(case: Case) -> None:
    """Those of processors and a thread are near 2^32 in the first dump; before the second the clock is set back."""
    for report in reports(case):
        assert report.symptoms is not None
        assert report.symptoms.findings == ()
        shares = [each.percent for each in report.symptoms.processors.top_threads]
        shares += [each.idle_percent for each in report.symptoms.processors.processors]
        assert all(share is None or share <= 100 for share in shares)


@pytest.mark.parametrize("build", ["17763", "22000"])
def test_what_is_told_without_a_share_names_none(build: str) -> None:
    """Of a processor whose idle time is more than all of its time there is no share; queue and rate are left."""
    system = dpc_pressure(build)
    round_once = tuple(replace(each, idle_ticks=3_000_000) for each in system.processors)
    found = examined_system(replace(system, processors=round_once))
    queued, interrupts = sorted(found, key=lambda each: each.kind.value)
    assert queued.text == "144 DPCs of labnic, ndis wait in the queue of processor 1"
    # 2,210,000,000 interrupts in 2,304,000 ticks of 15.625 ms.
    assert interrupts.text == "interrupts keep processor 3 busy: 61,389 interrupts a second"
    facts = [each.fact for finding in found for each in finding.evidence]
    assert facts == ["144 DPCs wait in its queue", "61,389 interrupts a second"]


def test_a_long_queue_alone_says_nothing_of_time() -> None:
    system = dpc_pressure("20348")
    little = tuple(replace(each, dpc_ticks=900, interrupt_ticks=900, interrupt_count=0) for each in system.processors)
    (queued,) = examined_system(replace(system, processors=little))
    assert queued.text == "144 DPCs of labnic, ndis wait in the queue of processor 1"


def test_the_dpc_that_runs_in_a_crash_is_none_of_those_that_wait() -> None:
    system = spin_lock_convoy("14393")
    waiting = ("ndis!ndisInterruptDpc",) * 101
    began = replace(system.processors[0], dpc_time_count=0, dpc_ticks=400, queued_dpcs=waiting)
    found = examined_system(replace(system, processors=(began, *system.processors[1:])))
    (queued,) = (each for each in found if each.kind is SymptomKind.DPC_TIME)
    assert (queued.text, queued.modules) == ("101 DPCs of ndis wait in the queue of processor 0", ("ndis",))


def test_a_dpc_that_just_began_has_kept_nobody() -> None:
    """In a crash a DPC runs that did not for long; DPCs took 6.4 % of all time."""
    system = spin_lock_convoy("14393")
    began = replace(system.processors[0], dpc_time_count=0)
    found = examined_system(replace(system, processors=(began, *system.processors[1:])))
    (dpcs,) = (each for each in found if each.kind is SymptomKind.DPC_TIME)
    assert dpcs.text == "DPCs of labnic keep processor 0 busy: 6.4 % of its time since boot"


def examined_system(system: System) -> tuple[Symptom, ...]:
    try:
        return examine(build_system(system, "processors")).symptoms.findings
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
