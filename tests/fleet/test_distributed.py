"""The same rows from a cluster as from here, also when a worker of it is lost."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from livedump.fleet.judge import HowToRead, Judge, Judged
from livedump.fleet.local import Done, LocalPool
from livedump.fleet.target import Depth, Target
from livedump.model.errors import EngineUnavailable
from livedump.model.limits import Limits
from livedump.report.dump_row import DumpRow
from tests.fleet.dumps import HangsAndSays, Misbehaving, Slow, row_of, write
from tests.synth import SCENARIOS, build

distributed = pytest.importorskip("distributed")
import dask  # noqa: E402 - distributed needs it

from livedump.fleet.distributed import DistributedPool  # noqa: E402 - needs it

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    with (
        dask.config.set(
            {
                "distributed.worker.multiprocessing-method": "forkserver",  # starts a worker in no time
                "distributed.comm.timeouts.connect": "5s",  # calls the dead no longer
                "distributed.deploy.lost-worker-timeout": "1h",  # gives up no worker that is just being started again
            }
        ),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running,
    ):
        yield running


def rows(pool: LocalPool | DistributedPool, items: list[tuple[int, Target]], depth: Depth) -> dict[int, DumpRow]:
    done = [each for some in pool.run(items, depth) for each in some]
    assert sorted(each.id for each in done) == [number for number, _ in items]
    return {each.id: each.outcome.row for each in done if isinstance(each.outcome, Judged)}


@pytest.mark.parametrize("depth", [Depth.HEADERS, Depth.FULL])
def test_the_rows_are_those_of_this_machine(cluster: Any, depth: Depth) -> None:
    paths = [str(build(name).path) for name in SCENARIOS]
    items = [(number, Target(path, path)) for number, path in enumerate([*paths, "gone.dmp"])]
    with LocalPool(HowToRead()) as here, DistributedPool(cluster.scheduler_address, HowToRead()) as there:
        assert rows(there, items, depth) == rows(here, items, depth)


def slow_items(folder: Path, count: int) -> list[tuple[int, Target]]:
    paths = write(folder, *(f"{number}.dmp" for number in range(count)))
    return [(number, Target(str(path), str(path))) for number, path in enumerate(paths)]


def wait_until(holds: Callable[[], bool]) -> None:
    """Looks again and again; a machine that is busy may take its time."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def kill_all_workers(cluster: Any) -> None:
    """Kills each worker once, when all are at work; one that dies before its nanny knows it is not started again."""
    wait_until(lambda: all(nanny.process.status.name == "running" for nanny in cluster.workers.values()))
    wait_until(lambda: {nanny.worker_address for nanny in cluster.workers.values()} == set(cluster.scheduler.workers))
    killed = set(cluster.scheduler.workers)
    for nanny in cluster.workers.values():
        os.kill(nanny.pid, SIGKILL)
    wait_until(lambda: not killed & set(cluster.scheduler.workers))


def states(cluster: Any) -> Counter[str]:
    """How many pieces of work are in which state at the scheduler."""
    return Counter(task.state for task in list(cluster.scheduler.tasks.values()))


def test_killing_every_worker_ten_times_costs_nothing(cluster: Any, tmp_path: Path) -> None:
    items, ids, kills = slow_items(tmp_path, 80), list[int](), 0
    with DistributedPool(cluster.scheduler_address, HowToRead(), maker=Slow) as pool:
        for some in pool.run(items, Depth.FULL):
            assert not any(row_of(each).error for each in some)
            ids += [each.id for each in some]
            if not some or kills == 10 or len(ids) < 4 * kills:
                continue
            if kills % 2:  # with results that nobody has fetched yet: they are lost, and computed again
                wait_until(lambda: set(states(cluster)) == {"memory"})
            kill_all_workers(cluster)
            kills += 1
    assert kills == 10
    assert sorted(ids) == [number for number, _ in items]


def test_only_the_dump_that_kills_workers_costs_a_row(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    paths = write(tmp_path, "hangs.dmp", *(f"{number}.dmp" for number in range(8)))
    items, done, kills = [(number, Target(str(path), str(path))) for number, path in enumerate(paths)], list[Done](), 0
    begun = Path(f"{paths[0]}.begun")
    with DistributedPool(cluster.scheduler_address, HowToRead(), maker=HangsAndSays) as pool:
        for some in pool.run(items, Depth.FULL):
            done += some
            if begun.exists():  # first with others in hand, which are suspected like it; then alone
                begun.unlink()
                kill_all_workers(cluster)
                kills += 1
    assert kills == 2
    assert sorted(each.id for each in done) == [number for number, _ in items]
    errors = {each.id: row_of(each).error for each in done if row_of(each).error}
    assert list(errors) == [0]
    assert "the cluster lost its workers" in str(errors[0])


def test_few_items_are_taken_in_advance(cluster: Any, tmp_path: Path) -> None:
    done, ahead = list[Done](), list[int]()

    def watched() -> Iterator[tuple[int, Target]]:
        for number, target in slow_items(tmp_path, 40):
            ahead.append(number + 1 - len(done))
            yield number, target

    wait_until(lambda: len(cluster.scheduler.workers) == 2)
    with DistributedPool(cluster.scheduler_address, HowToRead(), maker=Slow) as pool:
        for some in pool.run(watched(), Depth.FULL):
            done += some
    assert len(done) == 40
    assert max(ahead) == 4  # two for each thread of two workers


def test_what_is_cancelled_is_given_again(cluster: Any, tmp_path: Path) -> None:
    items, ids, cuts = slow_items(tmp_path, 40), list[int](), 0
    with DistributedPool(cluster.scheduler_address, HowToRead(), maker=Slow) as pool:
        for some in pool.run(items, Depth.FULL):
            assert not any(row_of(each).error for each in some)
            ids += [each.id for each in some]
            if some and cuts < 3:  # whoever loses the connection takes all its work for cancelled
                for comm in list(cluster.scheduler.client_comms.values()):
                    cluster.loop.add_callback(comm.comm.abort)
                cuts += 1
    assert cuts == 3
    assert sorted(ids) == [number for number, _ in items]


def test_a_scheduler_that_goes_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livedump.fleet.distributed.CONNECT_SECONDS", 2)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, DistributedPool(cluster.scheduler_address, HowToRead(), maker=Slow) as pool:
        running = pool.run(slow_items(tmp_path, 40), Depth.FULL)
        next(some for some in running if some)
        cluster.close()
        with pytest.raises(EngineUnavailable, match="the scheduler is gone"):
            list(running)


def test_a_dump_that_hangs_or_kills_costs_one_row(cluster: Any, tmp_path: Path) -> None:
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
