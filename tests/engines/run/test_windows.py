"""The cdb engine's Windows side: job objects, process trees, and a whole run, on the lab's Windows Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from livedump.engines.cdb import CdbEngine
from livedump.engines.run.process import RunLimits, run_limited
from livedump.model.errors import EngineUnavailable

HERE = Path(__file__)
on_windows = pytest.mark.skipif(os.name != "nt", reason="needs Windows")
PING = ["ping", "-n", "60", "127.0.0.1"]


@pytest.mark.lab
@pytest.mark.skipif(os.name == "nt", reason="starts the tests below")
def test_the_windows_side(request: pytest.FixtureRequest) -> None:
    from tests.lab.lab import Lab, to_windows
    from tests.synth import build

    lab = request.getfixturevalue("lab_2017")
    assert isinstance(lab, Lab)
    built = build("taskmgr-full")
    environment = {
        "LIVEDUMP_TEST_DUMP": to_windows(built.path),
        "LIVEDUMP_TEST_SYMBOLS": to_windows(built.symbols),
        "LIVEDUMP_TEST_CDB": to_windows(lab.host),
    }
    root = HERE.parents[3]
    done = lab.windows_pytest(
        ["-q", to_windows(HERE)], root, python_path=[root, root / "extensions"], env=environment, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "5 passed, 1 skipped" in done.stdout


@on_windows
def test_output_is_kept(tmp_path: Path) -> None:
    finished = run_limited(["cmd.exe", "/c", "echo hi"], tmp_path, os.environ, RunLimits(seconds=20), tmp_path / "o")
    assert (finished.output, finished.stopped) == (b"hi\r\n", None)


@on_windows
def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    finished = run_limited(
        ["cmd.exe", "/c", "ping", *PING[1:]], tmp_path, os.environ, RunLimits(seconds=1.5), tmp_path / "o"
    )
    assert finished.stopped == "it was not through after 1.5 s"
    (tmp_path / "o").unlink()  # fails while a process still holds it


@on_windows
def test_closing_a_job_ends_what_is_in_it() -> None:
    from livedump.engines.run import job_object

    job_of: Any = vars(job_object)["Job"]  # only Windows has it
    process = subprocess.Popen(PING, stdout=subprocess.DEVNULL)
    job = job_of(process.pid, 1 << 30)
    assert process.poll() is None
    job.close()
    assert process.wait(5) is not None


@on_windows
def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be started"):
        run_limited([str(tmp_path / "none.exe")], tmp_path, os.environ, RunLimits(), tmp_path / "o")


@on_windows
def test_a_whole_run() -> None:
    engine = CdbEngine(
        os.environ["LIVEDUMP_TEST_DUMP"],
        cdb=os.environ["LIVEDUMP_TEST_CDB"],
        symbol_path=os.environ["LIVEDUMP_TEST_SYMBOLS"],
    )
    assert engine.bug_check().code == 0x161
    assert engine.stack().frames[0].call_site == "nt!IopLiveDumpCollectPages+0xd9"  # listing 1 of LP2142
