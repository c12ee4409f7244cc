"""A server in small: what was found of it is what it was made with, by the code that reads the big one."""

from __future__ import annotations

from collections import Counter

from livedump.model.symptoms import AnalysisState, SymptomKind
from tests.analysis.symptoms.examined import SERVER, Examined, examined
from tests.synth.kernel.scenario_server import SMALL, WAITING_FOR_EACH


def server() -> Examined:
    return examined(SERVER)


def test_it_is_as_big_as_it_was_made() -> None:
    census = server().scene.census
    assert (len(census.processors), len(census.threads) - len(census.processors)) == (4, 300)
    assert (census.processes.problem, census.threads.problem) == (None, None)
    assert len([each for each in census.processes if not each.is_idle]) == 40


def test_each_lock_that_others_wait_for_has_its_holder_and_all_who_wait() -> None:
    found, names = server(), server().truth.names
    contended = [each for each in found.truth.system.resources if each.key.startswith("hot.")]
    behind = Counter(wait.on for each in found.truth.system.threads for wait in each.waits)
    blocked = [each for each in found.symptoms.findings if each.kind is SymptomKind.BLOCKED]
    assert len(contended) == len(blocked) == SMALL.contended
    for lock in contended:
        (finding,) = [each for each in blocked if names[f"resource:{lock.key}"] in each.objects]
        assert finding.threads[0] == names[f"thread:{lock.exclusive}"]
        assert finding.count == behind[f"resource:{lock.key}"] == WAITING_FOR_EACH


def test_all_requests_are_with_their_driver() -> None:
    requests = server().symptoms.requests
    assert requests.state is AnalysisState.FOUND
    assert sum(each.count for each in requests.by_driver) == SMALL.requests == len(server().truth.system.irps)
