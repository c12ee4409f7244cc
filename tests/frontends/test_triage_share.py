"""A whole share gives the same rows whoever reads it, and again after it was killed and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.frontends.command_line import main
from tests.fleet.share import Rows, environment, fill, program, rows_of
from tests.samples import sample_dumps
from tests.synth import SCENARIOS, build

if TYPE_CHECKING:
    from tests.lab.lab import Lab

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

DAMAGED = 50
DAMAGED_FOR_CDB = 12
"""Fewer, for the debugger takes a third of a second for each."""

RANGE_DUMPS = ("rdmp-8.dmp", "rdmp-9.dmp", "rdmp-a.dmp")
CANNOT_OPEN_IN_2017 = dict.fromkeys(RANGE_DUMPS, "the engine of 2017 knows no range dumps")
CANNOT_OPEN = {
    "sparse.dmp": "its map of pages is zeros; the engine refuses it, we tell what the header says",
    "damaged/damaged-06.dmp": "x86-header.dmp, damaged",
    "damaged/damaged-09.dmp": "a triage dump that is cut short; the engine refuses it, we tell what the header says",
}
"""Dumps of which the debugger tells nothing, and why."""

NO_NAME = {"process": "the page with the name is in no triage dump as memory, and the engine does not print its copy"}
COMPLETENESS = {"complete", "verdict"}
"""The debugger counts what the header promises, nobody looks what is in it."""
FIRST_PROCESSOR = "the engine shows processor 0, we the one that did something"
READS_LESS = {
    "qemu-guest.dmp": {"reporter": FIRST_PROCESSOR},
    "elf2dmp.dmp": {
        "reporter": FIRST_PROCESSOR,
        "origin": "the engine does not print the header's comment",
        "origin_title": "the same",
        "signature": "the same",
    },
    "triage-live-141.dmp": NO_NAME,
    "triage-old-141.dmp": NO_NAME,
    "damaged/damaged-04.dmp": NO_NAME,
    "encoded-kdbg.dmp": {
        "process": "the engine of 2017 decodes no KdDebuggerDataBlock and finds neither process nor stack",
        "confidence": "the same",
    },
    "sample-083125-14875-01.dmp": NO_NAME,
    "sample-triage_x64.dmp": NO_NAME,
}
"""Columns in which the debugger tells less or other than the file, and why."""


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("share"), DAMAGED)


def judged(*arguments: str) -> Rows:
    """The rows of a whole batch."""
    command = program("--format", "csv", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1, done.stderr  # the bomb and some of the damaged ones cannot be judged
    return rows_of(done.stdout)


@pytest.fixture(scope="module")
def judged_share(share: Path) -> Rows:
    return judged(str(share))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running:
        yield running.scheduler_address


def names_of(rows: Rows, folder: Path) -> list[str]:
    return sorted(path_of(row).relative_to(folder).as_posix() for row in rows)


def path_of(row: dict[str, str]) -> Path:
    return Path(row["folder"], row["name"])


def by_name(rows: Rows, folder: Path) -> dict[str, dict[str, str]]:
    """Rows by name below the folder, with the debugger's milliseconds in times."""
    return {
        path_of(row).relative_to(folder).as_posix(): {
            **{column: cell.replace(str(folder), "") for column, cell in row.items()},
            "captured_at": row["captured_at"][:-4],
            "uptime_seconds": row["uptime_seconds"][: row["uptime_seconds"].find(".") + 4],
        }
        for row in rows
    }


def expected_names(damaged_count: int) -> list[str]:
    names = [f"{name}.dmp" for name in SCENARIOS]
    names += [f"damaged/damaged-{number:02d}.dmp" for number in range(damaged_count)]
    names += [f"sample-{sample.name}" for sample in sample_dumps()]
    return sorted([*names, "sparse.dmp", "customer.zip!/LiveKernelReports/WATCHDOG-1.dmp", "bomb.zip!/bomb.dmp"])


def test_every_file_of_a_share_gets_one_row(share: Path, judged_share: Rows) -> None:
    assert names_of(judged_share, share) == expected_names(DAMAGED)


def test_each_made_up_dump_has_the_row_of_its_truth(judged_share: Rows) -> None:
    rows = {row["name"]: row for row in judged_share}
    for name in SCENARIOS:
        truth, row = build(name).truth, rows[f"{name}.dmp"]
        assert int(row["code"], 16) == truth.code, name
        assert row["error"] == "", name
        assert row["process"] in ("", truth.process_name), name


def test_a_member_of_an_archive_has_the_row_of_the_file_itself(judged_share: Rows) -> None:
    rows = {row["name"]: {**row, "folder": "", "name": ""} for row in judged_share}
    assert rows["WATCHDOG-1.dmp"] == rows["wer-141-full.dmp"]


def test_a_bomb_costs_its_row(judged_share: Rows) -> None:
    (bomb,) = [row for row in judged_share if row["name"].endswith("bomb.dmp")]
    assert "bomb" in bomb["error"]
    assert bomb["error_category"] == "archive"


@posix
def test_what_was_left_out_is_said(share: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["triage", "--headers", "--format", "csv", str(share)])
    assert "pipe.dmp: a named pipe is not opened" in capsys.readouterr().err


@pytest.mark.lab
@pytest.mark.slow
def test_the_debugger_gives_the_same_rows(lab: Lab, tmp_path: Path) -> None:
    fill(tmp_path, DAMAGED_FOR_CDB)
    native = by_name(judged(str(tmp_path)), tmp_path)
    cdb = by_name(judged("--engine", "cdb", "--cdb", str(lab.cdb), str(tmp_path)), tmp_path)
    assert sorted(cdb) == sorted(native) == expected_names(DAMAGED_FOR_CDB)
    refused = {name for name, row in cdb.items() if row["error"].startswith("the debugger cannot open")}
    assert refused == {*CANNOT_OPEN, *(CANNOT_OPEN_IN_2017 if lab.engine == "2017" else ())}
    differing = {
        name: columns
        for name, row in cdb.items()
        if name not in refused and (columns := {each for each in row if row[each] != native[name][each]} - COMPLETENESS)
    }
    assert all(row["complete"] in ("", native[name]["complete"]) for name, row in cdb.items())
    expected = {name: set(columns) for name, columns in READS_LESS.items() if name in native}
    assert differing == expected


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows(share: Path, judged_share: Rows, scheduler: str) -> None:
    assert judged("--scheduler", scheduler, str(share)) == judged_share


@posix
@pytest.mark.slow
def test_a_cluster_goes_on_where_it_was_killed(share: Path, judged_share: Rows, scheduler: str, tmp_path: Path) -> None:
    saved, where = str(tmp_path / "results.db"), ("--scheduler", scheduler, str(share))
    with subprocess.Popen(
        program("--save", saved, "--format", "csv", *where), stdout=subprocess.PIPE, env=environment(), bufsize=0
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(10)]
        running.send_signal(signal.SIGKILL)
    assert all(lines)
    assert judged("--resume", "--save", saved, *where) == judged_share


def kill_in_the_middle(saved: Path, *arguments: str) -> int:
    """Starts a batch again and again, kills it so soon after something is kept; how often there was something."""
    kept = 0
    for seconds in (0.0, 0.15, 0.3):
        running = subprocess.Popen(
            program("--save", str(saved), *arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        while not saved.exists() and running.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        running.send_signal(signal.SIGKILL)
        running.wait()
        kept += saved.exists()
    return kept


@posix
def test_killed_at_any_moment_and_resumed_the_rows_are_the_same(
    share: Path, judged_share: Rows, tmp_path: Path
) -> None:
    saved = tmp_path / "results.db"
    assert kill_in_the_middle(saved, str(share))
    assert judged("--resume", "--save", str(saved), str(share)) == judged_share
