"""Streams that are full, closed or no longer read, signals, and files that are written: one line, an honest status."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fleet.dumps import write
from tests.fleet.share import environment as with_tests
from tests.frontends.test_command_line import TASKMGR, surroundings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="devices and shells of Linux")

PROGRAM = f"{sys.executable} -m livedump"
COMMANDS = ("codes", f"info {TASKMGR}", f"info --format json {TASKMGR}", f"triage {TASKMGR}", "--help", "--version")


def shell(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """One line of a shell; its status is that of the program."""
    environment = {**surroundings(), **more}
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, cwd=folder, env=environment, timeout=60, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("stream", "status", "reason"), [(">/dev/full", 3, "No space left on device"), (">&-", 3, "Bad file descriptor")]
)
def test_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, command: str, stream: str, status: int, reason: str
) -> None:
    result = shell(f"{PROGRAM} {command} {stream}", tmp_path)
    assert result.returncode == status
    assert result.stderr == f"livedump: the output could not be written: {reason}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_left_is_one_line(tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "gone")
    wait = "read _ <gone;"  # which ends when the reader has opened and closed it, on its own way out
    result = shell(f"{{ {wait} {PROGRAM} {command}; echo $? >status; }} | {{ exec <&-; echo >gone; }}", tmp_path)
    assert (tmp_path / "status").read_text() == "141\n"
    assert result.stderr == "livedump: the output could not be written: Broken pipe\n"


def test_without_any_stream_a_file_is_still_written(tmp_path: Path) -> None:
    result = shell(f"{PROGRAM} triage --format csv -o rows.csv --save kept.db {TASKMGR} <&- >&- 2>&-", tmp_path)
    assert result.returncode == 0
    assert (tmp_path / "rows.csv").read_text().count("taskmgr.dmp") == 1
    assert (tmp_path / "kept.db").read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("form", ["csv", "json", "table", "html", "parquet"])
def test_what_was_there_stays_until_all_is_written(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    before = tmp_path / "before"
    before.write_text("as it was")
    (tmp_path / "link").symlink_to(before)
    limited = f"ulimit -f 0; exec {PROGRAM} triage --format {form} -o link {TASKMGR}"  # no file may get a byte
    result = shell(f"trap '' XFSZ; {limited}", tmp_path)
    assert (result.returncode, before.read_text()) == (2, "as it was")
    assert result.stderr.startswith("livedump triage: link: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before", "link"]
    assert shell(f"umask 0; {PROGRAM} triage --format {form} -o link {TASKMGR}", tmp_path).returncode == 0
    assert before.stat().st_size > len("as it was")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before", "link"]


def test_an_output_that_is_full_is_named(tmp_path: Path) -> None:
    result = shell(f"{PROGRAM} triage --format csv -o /dev/full {TASKMGR}", tmp_path)
    assert (result.returncode, result.stderr) == (2, "livedump triage: /dev/full: No space left on device\n")


def test_nobody_else_may_write_to_what_is_written(tmp_path: Path) -> None:
    line = f"umask 0; {PROGRAM} triage --format csv -o rows.csv --save kept.db {TASKMGR}"
    assert shell(line, tmp_path).returncode == 0
    for name in ("rows.csv", "kept.db"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_quietly(number: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "livedump", "info", "-"]
    waiting = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings()
    )
    assert waiting.stdin is not None
    waiting.stdin.write(b"x" * (1 << 20))  # more than a pipe holds: it has begun to read when this comes back
    waiting.send_signal(number)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out, err) == (status, b"", b"")


def test_sigterm_stops_a_batch_with_what_is_done(tmp_path: Path) -> None:
    write(tmp_path, *(f"dumps/{number:04d}.dmp" for number in range(400)))
    script = (
        "import sys; from livedump.fleet import local; from tests.fleet.dumps import Slow; "
        "local.LocalPool.__init__.__defaults__ = (None, None, Slow); "
        "from livedump.frontends.command_line import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "triage", "--format", "csv", "--save", str(tmp_path / "kept.db")]
    environment = {**with_tests(), "TMPDIR": str(tmp_path)}  # the workers import what slows them
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(
            [*command, str(tmp_path / "dumps")], stdout=subprocess.PIPE, stderr=said, env=environment, text=True
        )
        assert running.stdout is not None
        beginning = running.stdout.readline() + running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        rows = (beginning + running.stdout.read()).splitlines()
        status = running.wait(60)
        said.seek(0)
        err = said.read()
    assert status == 143, err
    assert err == f"livedump triage: stopped; {len(rows) - 1} dumps are done\n"
    assert 1 < len(rows) < 400
    assert {path.name for path in tmp_path.iterdir()} == {"dumps", "kept.db"}
    kept = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert set(rows) < set(kept.stdout.splitlines())
