"""A table that shows some of what there is says so, and of how many where that is known."""

from __future__ import annotations

import pytest

from livedump.analysis.symptoms import requests as analysis_of_requests
from livedump.analysis.symptoms import waits as analysis_of_waits
from livedump.analysis.symptoms.requests import examine_requests
from livedump.analysis.symptoms.waits import examine_waits
from livedump.model.examination import MemoryFindings, RequestFindings, WaitFindings
from livedump.model.running import Running, RunningProcessor
from livedump.report.document import Paragraph, Table
from livedump.report.pictures import Bars, Paths
from livedump.report.sections import memory, requests, symptom_pictures, waits
from tests.analysis.symptoms.examined import Case, Examined, examined
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS


def system(name: str) -> Examined:
    return examined(Case(name, KERNEL_SCENARIOS[name].build))


def test_requests_beyond_those_that_are_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = system("stuck-requests")
    total = len(found.truth.requests)
    monkeypatch.setattr(analysis_of_requests, "SHOWN", 2)
    monkeypatch.setattr(requests, "MAX_REQUESTS", 1)
    record, _ = examine_requests(found.scene)
    assert (len(record.pending), record.more_pending) == (2, total - 2)
    titles = [
        each.title for each in requests.document(RequestFindings((), record), "").blocks if isinstance(each, Table)
    ]
    assert f"Requests, 1 of {total}" in titles


def test_of_a_long_chain_the_links_nearest_to_its_head_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = system("lock-chain")
    whole = max(found.symptoms.waits.chains, key=lambda each: len(each.links))
    assert len(whole.links) > 2
    monkeypatch.setattr(analysis_of_waits, "MAX_LINKS", 2)
    record, _ = examine_waits(found.scene)
    (cut,) = (each.links for each in record.chains if each.head == whole.head)
    assert cut == whole.links[-2:]
    assert cut[-1].held_by == whole.head


def test_chains_beyond_those_that_are_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = system("server-small")
    total = len(found.symptoms.waits.chains)
    assert total > 1
    monkeypatch.setattr(analysis_of_waits, "MAX_CHAINS", 1)
    record, _ = examine_waits(found.scene)
    assert (len(record.chains), record.more_chains) == (1, total - 1)
    monkeypatch.setattr(waits, "MAX_CHAINS", 0)
    said = [each.text for each in waits.document(WaitFindings((), record), "").blocks if isinstance(each, Paragraph)]
    assert f"and {total} more chains; --format json has the first 1 of all" in said
    monkeypatch.setattr(symptom_pictures, "MAX_PATHS", 1)
    (picture,) = (each for each in symptom_pictures.symptom_pictures(found.symptoms) if isinstance(each, Paths))
    assert picture.title == f"Who waits for whom, 1 of {total} chains"


def test_processors_beyond_those_that_are_drawn_are_counted() -> None:
    found = system("quiet")
    (processor, *_) = found.symptoms.processors.processors
    many: tuple[RunningProcessor, ...] = tuple(processor._replace(number=number) for number in range(100))
    running: Running = found.symptoms.processors._replace(processors=many)
    first = symptom_pictures.symptom_pictures(found.symptoms._replace(processors=running))[0]
    assert isinstance(first, Bars)
    assert (len(first.bars), first.title) == (64, "Processors, since the machine started, 64 of 100")


def test_the_largest_of_memory_are_called_the_first_of_them() -> None:
    found = system("server-small")
    assert len(found.symptoms.memory.processes) > memory.TOP
    record = MemoryFindings((), found.symptoms.memory)
    titles = {each.title: each for each in memory.document(record, "").blocks if isinstance(each, Table)}
    assert len(titles["Processes by commit, the first 10; --format json has more"].rows) == 10
    few = found.symptoms.memory._replace(processes=found.symptoms.memory.processes[:10])
    assert "Processes by commit" in [
        each.title for each in memory.document(MemoryFindings((), few), "").blocks if isinstance(each, Table)
    ]
