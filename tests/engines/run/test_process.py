"""Running a program within limits. The programs are small Python scripts; the same code runs the debugger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from livedump.engines.run.process import Finished, RunLimits, run_limited
from livedump.model.errors import EngineUnavailable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="test_windows.py has the Windows side")


def run(tmp_path: Path, script: str, limits: RunLimits = RunLimits(seconds=20)) -> Finished:  # noqa: B008 - immutable
    folder = tmp_path / "empty"
    folder.mkdir()
    return run_limited([sys.executable, "-c", script], folder, os.environ, limits, tmp_path / "output.txt")


def test_output_and_errors_are_kept(tmp_path: Path) -> None:
    finished = run(tmp_path, "import sys; print('one', flush=True); print('two', file=sys.stderr)")
    assert finished == Finished(b"one\ntwo\n", None)


def test_the_program_stands_in_the_empty_folder(tmp_path: Path) -> None:
    finished = run(tmp_path, "import os; print(os.getcwd(), os.listdir())")
    assert finished.output == f"{tmp_path / 'empty'} []\n".encode()


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run(tmp_path, "import sys; print(repr(sys.stdin.read()))").output == b"''\n"


def test_arguments_reach_the_program_as_they_are(tmp_path: Path) -> None:
    odd = "a b;c \"d\" 'e' $(f) %PATH% ü日"
    program = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.argv[1].encode())", odd]
    assert run_limited(program, tmp_path, os.environ, RunLimits(), tmp_path / "o").output == odd.encode()


def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    child = f"import time; open({str(started)!r}, 'a').write('x'); time.sleep(60)"
    script = f"""
import subprocess, sys, time
print('begun', flush=True)
subprocess.Popen([sys.executable, '-c', {child!r}])
time.sleep(60)
"""
    finished = run(tmp_path, script, RunLimits(seconds=4))
    assert finished == Finished(b"begun\n", "it was not through after 4 s")
    assert started.exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(started) not in running


def test_a_program_that_writes_without_end_is_ended(tmp_path: Path) -> None:
    finished = run(tmp_path, "while True: print('x' * 60000)", RunLimits(seconds=20, output_bytes=1 << 20))
    assert finished.stopped == "it wrote more than 1 MB"
    assert len(finished.output) == 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process from outside")
def test_a_program_that_eats_memory_fails(tmp_path: Path) -> None:
    script = "import time; time.sleep(0.3)\ntry: bytearray(2 << 30)\nexcept MemoryError: print('refused')"
    assert run(tmp_path, script, RunLimits(seconds=20, memory_bytes=1 << 30)).output == b"refused\n"


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="none cannot be started: No such file"):
        run_limited([str(tmp_path / "none")], tmp_path, os.environ, RunLimits(), tmp_path / "output.txt")
