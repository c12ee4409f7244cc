"""Folders that are watched: each new dump is told once, when it is whole, however the share behaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from livedump.fleet.discovery import FileFilter, Found
from livedump.fleet.target import Skipped, Target
from livedump.frontends import watching
from livedump.frontends.command_line import main
from livedump.frontends.watching import Folders, Unfinished
from tests.fleet.dumps import write
from tests.frontends.test_command_line import TASKMGR, surroundings
from tests.report.test_dump_table import KNOWN


class Share:
    """A folder whose listing a test decides."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.there = True
        self.readable = True

    def list(self, root: str) -> Iterable[Found]:
        if not self.there:
            return [Target(root, root)]
        found: list[Found] = [Target(name, name, size=size, changed_ns=0) for name, size in self.sizes.items()]
        return found if self.readable else [*found, Skipped(f"{root}/x", "the folder cannot be read: gone", True)]


def looked(folders: Folders, settle: bool = True) -> list[str]:
    steady = list(folders.look().steady)
    for path in steady if settle else ():
        folders.settle(path)
    return steady


def watched(share: Share) -> Folders:
    folders = Folders(["share"], FileFilter(), share.list)
    assert looked(folders) == []  # what is there is not new
    return folders


def test_what_is_there_at_first_is_not_new_and_a_new_file_is_told_once() -> None:
    share = Share(old=5)
    folders = watched(share)
    share.sizes["new"] = 7
    assert [looked(folders) for _ in range(4)] == [[], ["new"], [], []]


def test_a_file_that_grows_waits() -> None:
    share = Share()
    folders = watched(share)
    told = []
    for size in (1, 2, 3, 3, 3):
        share.sizes["growing"] = size
        told.append(looked(folders))
    assert told == [[], [], [], ["growing"], []]


def test_a_file_that_grew_at_first_and_one_that_is_written_again_are_new() -> None:
    share = Share(old=5)
    folders = watched(share)
    share.sizes["old"] = 6
    assert [looked(folders) for _ in range(3)] == [[], ["old"], []]


@pytest.mark.parametrize("way", ["there", "readable"])
def test_a_share_that_comes_back_has_no_new_files_for_that(way: str) -> None:
    share = Share(one=1, two=2)
    folders = watched(share)
    sizes, share.sizes = share.sizes, {}
    setattr(share, way, False)
    first, second = folders.look(), folders.look()
    assert [len(look.remarks) for look in (first, second)] == [1, 0]
    setattr(share, way, True)
    share.sizes = {**sizes, "three": 3}
    back = folders.look()
    assert (back.steady, back.remarks) == ((), ("share: can be read again",))
    assert [looked(folders), looked(folders)] == [["three"], []]


def test_a_share_that_is_away_at_first_has_no_new_files_either() -> None:
    share = Share(old=1)
    share.there = False
    folders = watched(share)
    share.there = True
    assert [looked(folders), looked(folders)] == [[], []]
    share.sizes["new"] = 2
    assert [looked(folders), looked(folders)] == [[], ["new"]]


def test_what_was_not_told_is_looked_at_again() -> None:
    share = Share()
    folders = watched(share)
    share.sizes["unfinished"] = 1
    assert [looked(folders, settle=False) for _ in range(3)] == [[], ["unfinished"], ["unfinished"]]


def test_what_is_gone_and_made_again_is_new() -> None:
    share = Share(a=1)
    folders = watched(share)
    del share.sizes["a"]
    looked(folders)
    share.sizes["a"] = 1
    assert [looked(folders), looked(folders)] == [[], ["a"]]


def test_what_looks_unfinished_is_believed_after_a_while() -> None:
    now = 0.0
    unfinished = Unfinished(lambda: now)
    cut = [KNOWN._replace(complete=False)]
    assert unfinished.believes("whole", [KNOWN._replace(complete=True)])
    assert not unfinished.believes("cut", cut)
    now = watching.PATIENCE_SECONDS - 1
    assert not unfinished.believes("cut", cut)
    now = watching.PATIENCE_SECONDS
    assert unfinished.believes("cut", cut)
    assert not unfinished.believes("locked", [KNOWN._replace(error="in use", error_category="unreadable")])


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("more", "name"), [((), "new.dmp"), (("--redact",), "file-1.dmp")])
def test_rows_come_as_dumps_do_until_ctrl_c(tmp_path: Path, more: tuple[str, ...], name: str) -> None:
    write(tmp_path, "old.dmp")
    command = [
        sys.executable,
        "-m",
        "livedump",
        "triage",
        "--watch",
        "--every",
        "0.1",
        "--format",
        "csv",
        "--columns",
        "name,complete",
    ]
    running = subprocess.Popen(
        [*command, *more, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings(), text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "name,complete\n"
    time.sleep(1)  # the first look has to come before the new file
    part = tmp_path / "new.dmp"
    whole = Path(TASKMGR).read_bytes()
    part.write_bytes(whole[:0x3000])  # cut: not believed yet
    time.sleep(1)
    part.write_bytes(whole)
    assert running.stdout.readline() == f"{name},true\n"
    running.send_signal(signal.SIGINT)
    rest, said = running.communicate(timeout=30)
    assert (running.returncode, rest, said) == (130, "", "")


@pytest.mark.parametrize("more", [("--format", "json"), ("--sort", "name"), ("--summary",), ("--by", "code")])
def test_what_needs_all_dumps_is_not_watched(capsys: pytest.CaptureFixture[str], more: tuple[str, ...]) -> None:
    assert main(["triage", "--watch", ".", *more]) == 2
    assert "--watch prints rows as they come" in capsys.readouterr().err
