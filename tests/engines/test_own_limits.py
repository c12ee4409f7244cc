"""Limits of the process that reads a dump: real memory, real time."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livedump.engines.run.own_limits import limited
from livedump.model.errors import DumpError, LimitReached
from livedump.model.limits import Limits
from tests.fleet.share import ROOT, environment
from tests.symbols.files.test_download import ENDLESS, endless

posix = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@posix
def test_more_memory_than_is_allowed_is_a_limit_and_more_is_there_again_afterwards() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(LimitReached, match="memory"), limited(Limits(0, 8 << 30)):
        bytearray(16 << 30)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process has")
def test_what_the_process_had_before_does_not_count() -> None:
    taken = mmap.mmap(-1, 6 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)  # of which none is there
    with contextlib.closing(taken), limited(Limits(0, 1 << 30)):
        assert len(bytearray(256 << 20)) == 256 << 20
        with pytest.raises(MemoryError):
            bytearray(2 << 30)


def test_more_time_than_is_allowed_is_a_limit_whatever_is_swallowed() -> None:
    def stubborn() -> None:
        start = time.monotonic()
        while time.monotonic() - start < 60:
            with contextlib.suppress(Exception):
                sum(range(1000))

    with pytest.raises(LimitReached, match=r"more than 0\.2 s"), limited(Limits(0.2, 0)):
        stubborn()


def test_what_is_done_in_time_is_left_alone() -> None:
    with limited(Limits(0.05, 0)):
        pass
    time.sleep(0.1)
    with pytest.raises(DumpError, match="mine"), limited(Limits(60, 0)):
        raise DumpError("mine")


@posix
@pytest.mark.parametrize("ringing", ["while it is put away", "and then while it is put away"])
def test_an_alarm_that_rings_late_is_put_away_all_the_same(ringing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, set_timer = signal.getsignal(signal.SIGALRM), signal.setitimer

    def set_late(which: int, seconds: float, interval: float = 0.0) -> object:
        if seconds == 0:
            signal.raise_signal(signal.SIGALRM)
        return set_timer(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", set_late)
    with contextlib.suppress(LimitReached), limited(Limits(60, 0)):
        if ringing.startswith("and then"):
            signal.raise_signal(signal.SIGALRM)
    assert signal.getsignal(signal.SIGALRM) is mine
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@posix
def test_info_gives_up_a_dump_after_its_time_and_goes_on_with_the_next(tmp_path: Path) -> None:
    taskmgr = ROOT / "examples" / "taskmgr.dmp"
    no_dump = tmp_path / "no.dmp"
    no_dump.write_bytes(b"not a dump")
    with endless(*ENDLESS["header"]) as url:
        command = [sys.executable, "-m", "livedump", "info", "--timeout", "3", "-y", f"srv*{tmp_path}*{url}"]
        done = subprocess.run(
            [*command, str(taskmgr), str(no_dump)],
            env=environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.endswith("taskmgr.dmp: reading it takes more than 3 s")
    assert "no.dmp" in second
    assert list(tmp_path.rglob("*.lock")) == []
