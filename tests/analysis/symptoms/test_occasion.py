"""What a dump was taken for decides with what its report begins."""

from __future__ import annotations

import shutil

import pytest

from livedump.analysis.symptoms.asking import find_memory
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.examination import Symptoms
from livedump.report.sections.symptom_parts import analyses
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import build

pytestmark = pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")


def symptoms_of(built: BuiltSystem) -> Symptoms:
    symptoms = report_dump(NativeEngine(str(built.path), str(built.symbols)), time=60).symptoms
    assert symptoms is not None
    return symptoms


def titles(symptoms: Symptoms) -> list[str]:
    return [title for title, _ in analyses(symptoms)]


def test_a_cluster_code_begins_with_the_thread_that_its_parameter_names() -> None:
    built = build("storage-stall")
    symptoms = symptoms_of(built)
    (subject,) = symptoms.subject
    assert subject.startswith("thread 8a8.8fc of clussvc.exe, which parameter 2 names, waits in Ntfs!NtfsWaitSync")
    assert subject.endswith("; 40 threads wait behind it")
    assert built.truth.names["thread:writer"] in symptoms.findings[0].threads
    assert titles(symptoms)[0] == "Requests"


@pytest.mark.parametrize("name", ["resource-timeout", "pool-deadlock"])
def test_locks_and_queues_that_were_waited_for_too_long_begin_with_waits(name: str) -> None:
    assert titles(symptoms_of(build(name)))[0] == "Waits"


def test_what_an_administrator_asked_for_begins_with_the_processors() -> None:
    symptoms = symptoms_of(build("quiet"))
    assert titles(symptoms)[0] == "Processors"
    assert not symptoms.subject


def test_a_dump_of_kernel_stacks_says_what_would_hold_the_memory_first_of_all_however_one_asks() -> None:
    built = build("kernel-stacks")
    use = find_memory(NativeEngine(str(built.path), str(built.symbols)), time=60).memory
    for memory in (use, symptoms_of(built).memory):
        reason = (memory.reason or "").split("; ")
        assert reason[0].startswith("a dump of kernel stacks holds counters of memory at most")
        assert "Full live kernel memory dump" in reason[1]


def test_a_dump_that_holds_more_than_stacks_is_told_of_no_other() -> None:
    built = build("quiet")
    assert find_memory(NativeEngine(str(built.path), str(built.symbols)), time=60).memory.reason is None


def test_of_what_was_not_looked_at_nothing_is_said_to_be_missing() -> None:
    built = build("storage-stall")
    (process,) = (each for each in built.truth.processes if each.spec.name == "clussvc.exe")
    symptoms = report_dump(NativeEngine(str(built.path), str(built.symbols)), time=0).symptoms
    assert symptoms is not None
    thread, owner = symptoms.subject
    assert thread.endswith("which parameter 2 names, is on no list that could be read to its end")
    assert (
        owner
        == f"process clussvc.exe (id {process.spec.pid}), which parameter 1 names, has {process.active_threads} threads"
    )
