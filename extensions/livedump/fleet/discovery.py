"""Files below folders, lazily and in a fixed order; nothing but regular files is ever opened."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple, Union

from livedump.fleet.target import Skipped, Target, TargetKind
from livedump.model.secrets import without_secrets

DUMP_SUFFIXES = (".dmp", ".dump", ".kdmp", ".hdmp", ".mdmp")
ARCHIVE_SUFFIXES = (".zip", ".gz", ".cab", ".7z")
TEXT_SUFFIXES = (".log", ".txt")
RECORD_SUFFIXES = (*TEXT_SUFFIXES, ".wer", ".xml", ".evtx")
KINDS = ("dump", "log", "record")
"""What ``--kind`` chooses from."""
SOLID_SUFFIXES = (".cab", ".7z")
MAX_FOLDERS = 1_000_000

Found = Union[Target, Skipped]

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class FileFilter(NamedTuple):
    """Which files of a folder or an archive are dumps, by name."""

    pattern: str | None = None
    """A glob over file names; None for the usual endings."""
    kinds: tuple[str, ...] = ("dump",)
    """Of KINDS."""

    def takes(self, name: str) -> bool:
        """Whether a file of that name is wanted; upper and lower case are one."""
        lowered = name.replace("\\", "/").rpartition("/")[2].lower()
        if self.pattern is not None:
            return fnmatchcase(lowered, self.pattern.lower())
        return ("dump" in self.kinds and lowered.endswith(DUMP_SUFFIXES)) or self.is_text(lowered)

    def is_text(self, name: str) -> bool:
        """Whether a file of that name may be a text, and texts are wanted."""
        suffixes = RECORD_SUFFIXES if "record" in self.kinds else TEXT_SUFFIXES if "log" in self.kinds else ()
        return bool(suffixes) and name.lower().endswith(suffixes)

    @property
    def texts(self) -> bool:
        """Whether anything but dumps is wanted."""
        return self.kinds != ("dump",)


def iter_targets(paths: Iterable[str], wanted: FileFilter) -> Iterator[Found]:
    """What is to be read below ``paths``, each folder's files by name before its folders; and what was left out.

    A path that was named is always a target, even if nothing is there: its row says why. A folder that links lead to
    more than once is read once.
    """
    for path in paths:
        if is_remote(path):
            yield Target(without_secrets(path), path, TargetKind.REMOTE)
            continue
        for each in _expanded(path):
            yield from _iter_named(each, wanted)


def is_archive(name: str) -> bool:
    """Whether a file of that name is taken for an archive."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_solid(name: str) -> bool:
    """Whether members of such an archive may be compressed together: to come to one, all before it are expanded."""
    return name.lower().endswith(SOLID_SUFFIXES)


def is_remote(path: str) -> bool:
    """Whether the path is an address: a scheme of at least two letters, so that no drive is mistaken for one."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").isalnum()


def _expanded(path: str) -> list[str]:
    """The names that a pattern stands for: not every shell replaces patterns itself."""
    if not glob.has_magic(path) or os.path.lexists(path):
        return [path]
    return sorted(glob.glob(path)) or [path]  # noqa: PTH207 - the pattern may be absolute


def _iter_named(path: str, wanted: FileFilter) -> Iterator[Found]:
    try:
        status = os.stat(path)  # noqa: PTH116 - Path is ten times as slow over thousands of files
    except (OSError, ValueError):
        yield Target(path, path)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _iter_below(path, wanted)
    else:
        yield _target(path, status, _named_kind(path, wanted) if stat.S_ISREG(status.st_mode) else TargetKind.FILE)


def _named_kind(path: str, wanted: FileFilter) -> TargetKind:
    # What was named may have any name: only a look at it tells.
    if is_archive(path) or not wanted.texts or path.lower().endswith(DUMP_SUFFIXES):
        return _kind(path, wanted)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return TargetKind.FILE if file.read(4) in (b"PAGE", b"") else TargetKind.TEXT
    except OSError:  # reading it says why
        return TargetKind.FILE


def _kind(name: str, wanted: FileFilter) -> TargetKind:
    if is_archive(name):
        return TargetKind.ARCHIVE
    return TargetKind.TEXT_IN_FOLDER if wanted.is_text(name) else TargetKind.FILE


def _target(path: str, status: os.stat_result, kind: TargetKind) -> Target:
    return Target(path, path, kind, None, status.st_size, status.st_mtime_ns, _status_ns(status))


def _status_ns(status: os.stat_result) -> int | None:
    # On Windows it is the time at which the file was made.
    return None if os.name == "nt" else status.st_ctime_ns


def _iter_below(top: str, wanted: FileFilter) -> Iterator[Found]:
    pending = [top]
    seen: set[tuple[int, int]] = set()
    while pending:
        folder = pending.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(folder, f"the folder cannot be read: {error.strerror}", True)
            continue
        if len(seen) > MAX_FOLDERS:
            yield Skipped(folder, f"more than {MAX_FOLDERS} folders: the rest is left out", True)
            return
        folders: list[str] = []
        for entry in listed:
            yield from _iter_entry(entry, wanted, folders)
        pending += reversed(folders)


def _iter_entry(entry: os.DirEntry[str], wanted: FileFilter, folders: list[str]) -> Iterator[Found]:
    try:
        if entry.is_dir():
            folders.append(entry.path)
            return
        if not wanted.takes(entry.name) and not is_archive(entry.name):
            return
        status = entry.stat() if not entry.is_symlink() else os.stat(entry.path)  # noqa: PTH116
    except OSError as error:
        yield Skipped(entry.path, f"cannot be read: {error.strerror}", True)
        return
    special = next((name for test, name in _SPECIAL if test(status.st_mode)), None)
    if special:
        yield Skipped(entry.path, f"{special} is not opened", False)
    elif stat.S_ISREG(status.st_mode):
        yield _target(entry.path, status, _kind(entry.name, wanted))
