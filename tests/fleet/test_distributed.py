"""The same rows from a cluster as from here, also when a worker of it is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.fleet.judge import HowToRead, Judge, Judged
from livedump.fleet.local import LocalPool
from livedump.fleet.target import Depth, Target
from livedump.model.budget import Limits
from livedump.model.errors import EngineUnavailable
from tests.fleet.dumps import Misbehaving, Slow, write
from tests.synth import SCENARIOS, build

distributed = pytest.importorskip("distributed")
from livedump.fleet.distributed import DistributedPool  # noqa: E402 - needs it
from livedump.report.dump_row import DumpRow  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running:
        yield running


def rows(pool: LocalPool | DistributedPool, items: list[tuple[int, Target]], depth: Depth) -> dict[int, DumpRow]:
    done = [each for some in pool.run(items, depth) for each in some]
    assert sorted(each.id for each in done) == [number for number, _ in items]
    return {each.id: each.outcome.row for each in done if isinstance(each.outcome, Judged)}


@pytest.mark.parametrize("depth", [Depth.HEADERS, Depth.FULL])
def test_the_rows_are_those_of_this_machine(cluster, depth: Depth) -> None:
    paths = [str(build(name).path) for name in SCENARIOS]
    items = [(number, Target(path, path)) for number, path in enumerate([*paths, "gone.dmp"])]
    with LocalPool(HowToRead()) as here, DistributedPool(cluster.scheduler_address, HowToRead()) as there:
        assert rows(there, items, depth) == rows(here, items, depth)


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(cluster, tmp_path: Path) -> None:
    paths = write(tmp_path, *(f"{number}.dmp" for number in range(100)))
    items = [(number, Target(str(path), str(path))) for number, path in enumerate(paths)]
    with DistributedPool(cluster.scheduler_address, HowToRead(), maker=Slow) as pool:
        done = []
        for some in pool.run(items, Depth.FULL):
            before, done = len(done), done + some
            if before < 10 <= len(done):
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert sorted(each.id for each in done) == list(range(100))
    assert not any(each.outcome.row.error for each in done)


def test_a_dump_that_hangs_or_kills_costs_one_row(cluster, tmp_path: Path) -> None:
    paths = write(tmp_path, "a.dmp", "hangs.dmp", "dies.dmp", "b.dmp")
    items = [(number, Target(str(path), str(path))) for number, path in enumerate(paths)]
    with DistributedPool(cluster.scheduler_address, HowToRead(), Limits(seconds=1), Misbehaving) as pool:
        found = rows(pool, items, Depth.FULL)
    assert [found[number].error is None for number in range(4)] == [True, False, False, True]
    assert "more than 1 s" in str(found[1].error)
    assert "SIGKILL" in str(found[2].error)


def test_nobody_at_the_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livedump.fleet.distributed.CONNECT_SECONDS", 0.5)
    with pytest.raises(EngineUnavailable, match="no scheduler"):
        DistributedPool("tcp://127.0.0.1:1", HowToRead(), maker=Judge)
