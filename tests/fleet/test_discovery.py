"""Which files of a folder become targets, and what is left out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from livedump.fleet.discovery import FileFilter, is_remote, iter_targets
from livedump.fleet.target import Skipped, Target, TargetKind
from tests.fleet.dumps import write

posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX file system")


def found(*paths: Path | str, pattern: str | None = None) -> tuple[list[Target], list[Skipped]]:
    everything = list(iter_targets(map(str, paths), FileFilter(pattern)))
    return [t for t in everything if isinstance(t, Target)], [s for s in everything if isinstance(s, Skipped)]


def names(targets: list[Target], folder: Path) -> list[str]:
    return [Path(target.name).relative_to(folder).as_posix() for target in targets]


def test_a_folder_gives_its_own_files_by_name_then_those_of_its_folders(tmp_path: Path) -> None:
    write(tmp_path, "b.dmp", "A/z.DMP", "a.dmp", "A/readme.txt", "B/c.zip")
    targets, skipped = found(tmp_path)
    assert names(targets, tmp_path) == ["a.dmp", "b.dmp", "A/z.DMP", "B/c.zip"]
    assert [target.kind for target in targets] == [TargetKind.FILE] * 3 + [TargetKind.ARCHIVE]
    assert not skipped


def test_a_target_has_size_and_time_of_its_file(tmp_path: Path) -> None:
    (path,) = write(tmp_path, "a.dmp")
    os.utime(path, ns=(5, 1_000_000_000))
    status = None if os.name == "nt" else path.stat().st_ctime_ns
    assert found(path)[0] == [Target(str(path), str(path), TargetKind.FILE, None, 0x2000, 1_000_000_000, status)]


def test_a_glob_chooses_file_names_whatever_their_case(tmp_path: Path) -> None:
    write(tmp_path, "WATCHDOG-1.dmp", "other.dmp", "watchdog-2.bin")
    assert names(found(tmp_path, pattern="watchdog*")[0], tmp_path) == ["WATCHDOG-1.dmp", "watchdog-2.bin"]


def test_a_named_file_is_a_target_whatever_its_name_and_even_if_it_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "MEMORY.old")
    targets, _ = found(tmp_path / "MEMORY.old", tmp_path / "gone.dmp", "a\0b")
    assert [target.size for target in targets] == [0x2000, None, None]


def test_a_pattern_that_the_shell_left_alone_is_expanded(tmp_path: Path) -> None:
    write(tmp_path, "a.dmp", "b.dmp", "c.txt", "[x].dmp")
    assert len(found(f"{tmp_path}/?.dmp")[0]) == 2
    assert found(f"{tmp_path}/[x].dmp")[0][0].size == 0x2000


@posix
def test_a_loop_of_links_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "A/a.dmp")
    (tmp_path / "A" / "loop").symlink_to(tmp_path)
    (tmp_path / "B").symlink_to(tmp_path / "A")
    (tmp_path / "x.dmp").symlink_to("y.dmp")
    (tmp_path / "y.dmp").symlink_to("x.dmp")
    targets, skipped = found(tmp_path)
    assert names(targets, tmp_path) == ["A/a.dmp"]
    assert [Path(each.path).name for each in skipped] == ["x.dmp", "y.dmp"]
    assert all(each.failed for each in skipped)


@posix
def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (path,) = write(tmp_path, "elsewhere/a.bin")
    (tmp_path / "link.dmp").symlink_to(path)
    assert [target.size for target in found(tmp_path)[0]] == [0x2000]


@posix
def test_pipes_sockets_and_devices_are_left_out_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dmp")
    (tmp_path / "null.dmp").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.dmp"))
        targets, skipped = found(tmp_path)
    assert not targets
    assert {Path(each.path).name: each.reason.split(" is")[0] for each in skipped} == {
        "pipe.dmp": "a named pipe",
        "null.dmp": "a character device",
        "socket.dmp": "a socket",
    }


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert [each.failed for each in found(tmp_path)[1]] == [True]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("https://example.org/a.dmp", True),
        ("memory://a.dmp", True),
        (r"C:\dumps", False),
        ("c://dumps", False),
        ("dumps/a.dmp", False),
    ],
)
def test_an_address_has_a_scheme_and_a_drive_is_none(path: str, expected: bool) -> None:
    assert is_remote(path) is expected
