"""Worker processes: whatever one dump does, it costs one row."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livedump.fleet.judge import HowToRead, Judge, Judged
from livedump.fleet.local import LocalPool
from livedump.fleet.target import Depth, Target
from livedump.fleet.worker import JudgeMaker
from livedump.model.errors import EngineUnavailable
from livedump.model.limits import Limits
from tests.fleet.dumps import EatingJudge, Misbehaving, Stillborn, header, row_of, write
from tests.fleet.test_archives import cabinet

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")


def run(
    folder: Path, names: list[str], maker: JudgeMaker = Judge, depth: Depth = Depth.FULL, limits: Limits | None = None
) -> dict[str, str | None]:
    """The error of each file, by name; None for those that were judged."""
    paths = write(folder, *names)
    items = [(number, Target(str(path), str(path))) for number, path in enumerate(paths)]
    with LocalPool(HowToRead(), limits, 2, maker) as pool:
        done = [each for some in pool.run(items, depth) for each in some]
    assert sorted(each.id for each in done) == list(range(len(names)))
    outcomes = {Path(each.target.name).name: each.outcome for each in done}
    return {name: outcome.row.error for name, outcome in outcomes.items() if isinstance(outcome, Judged)}


def test_every_target_gets_one_row(tmp_path: Path) -> None:
    names = [f"{number}.dmp" for number in range(150)]
    assert set(run(tmp_path, names, depth=Depth.HEADERS).values()) == {None}


def test_nothing_to_do_starts_no_process() -> None:
    with LocalPool(HowToRead()) as pool:
        assert list(pool.run([], Depth.FULL)) == []


@posix
@pytest.mark.parametrize("depth", [Depth.HEADERS, Depth.FULL])
def test_a_dump_that_kills_its_worker_costs_one_row(tmp_path: Path, depth: Depth) -> None:
    errors = run(tmp_path, ["a.dmp", "dies.dmp", "b.dmp", "exits.dmp", "c.dmp"], Misbehaving, depth)
    assert [name for name, error in errors.items() if error] == ["dies.dmp", "exits.dmp"] or depth is Depth.HEADERS
    assert {name for name, error in errors.items() if error} == {"dies.dmp", "exits.dmp"}
    assert "SIGKILL" in str(errors["dies.dmp"])
    assert "exit status 3" in str(errors["exits.dmp"])


def test_a_dump_that_hangs_costs_one_row(tmp_path: Path) -> None:
    errors = run(tmp_path, ["a.dmp", "hangs.dmp", "b.dmp"], Misbehaving, limits=Limits(seconds=1))
    assert {name for name, error in errors.items() if error} == {"hangs.dmp"}
    assert "more than 1 s" in str(errors["hangs.dmp"])


@posix
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="macOS does not keep to the limit")
def test_a_dump_that_eats_memory_costs_one_row(tmp_path: Path) -> None:
    errors = run(tmp_path, ["a.dmp", "eats.dmp", "b.dmp"], EatingJudge, limits=Limits(30, 512 << 20))
    assert {name for name, error in errors.items() if error} == {"eats.dmp"}
    assert "more memory" in str(errors["eats.dmp"])


def test_few_targets_are_taken_in_advance(tmp_path: Path) -> None:
    (path,) = write(tmp_path, "a.dmp")
    taken = 0

    def items() -> object:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number, Target(str(path), str(path))

    with LocalPool(HowToRead(), workers=2) as pool:
        next(iter(pool.run(items(), Depth.FULL)))  # type: ignore[arg-type]
    assert taken <= 8


def test_workers_that_cannot_start_are_no_dumps_fault(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"cannot start.*exit status 7"):
        run(tmp_path, ["a.dmp", "b.dmp"], Stillborn)


@posix
def test_a_member_that_kills_the_worker_costs_its_row_and_the_pass_goes_on_behind_it(tmp_path: Path) -> None:
    names = [f"{number}.dmp" for number in range(40)]
    names[7], names[23] = "dies.dmp", "dies-too.dmp"
    files = {name: header(code=0x141 + number) for number, name in enumerate(names)}
    (tmp_path / "r.cab").write_bytes(cabinet(files, 1))
    place = str(tmp_path / "r.cab")
    items = [(number, Target(f"{place}!/{name}", place, member=name)) for number, name in enumerate(names)]
    with LocalPool(HowToRead(), workers=2, maker=Misbehaving) as pool:
        done = [each for some in pool.run(iter(items), Depth.FULL) for each in some]
    assert sorted(each.id for each in done) == list(range(40))
    codes = {each.id: each.outcome.row.code for each in done if isinstance(each.outcome, Judged)}
    assert codes == {number: None if number in (7, 23) else 0x141 + number for number in range(40)}
    assert {row_of(each).error_category for each in done if each.id in (7, 23)} == {"limit"}
