"""The folder where this program keeps what it can make again: the user's own, or none.

Whoever could write into it could put names into a report: an index, a PDB, a note that a server has nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

PRIVATE = 0o700
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def user_cache(environment: Mapping[str, str]) -> Path | None:
    """The folder; None where the environment names no home, or where the folder is not the user's alone.

    It need not be there yet. The temporary folder and the current one belong to everybody and are never taken.
    """
    folder = _named(environment)
    return folder if folder is not None and is_ours(folder) else None


def made_cache(environment: Mapping[str, str]) -> Path | None:
    """The same, made where it is not there."""
    folder = user_cache(environment)
    if folder is None:
        return None
    from livedump.symbols.files.whole_files import make_folders  # noqa: PLC0415 - without symbols nothing is kept

    try:
        make_folders(folder, PRIVATE)
        if os.name != "nt":
            folder.chmod(PRIVATE)  # others could look into those of earlier versions
    except OSError:
        return None
    return folder


def is_ours(folder: Path) -> bool:
    """Whether nobody but this user, and root, can put anything into the folder, or there where it will be made."""
    if os.name == "nt":  # a user's profile is his own
        return True
    try:
        place = folder.resolve()
        if place.exists() and not _is_private(place.stat()):
            return False
        return all(map(_is_safe, (above.stat() for above in _existing(place.parents))))
    except (OSError, RuntimeError):
        return False


def _named(environment: Mapping[str, str]) -> Path | None:
    if os.name == "nt":
        local = environment.get("LOCALAPPDATA", "")
        return Path(local) / "livedump" if local else None
    cache, home = environment.get("XDG_CACHE_HOME", ""), environment.get("HOME", "")
    if cache.startswith("/"):
        return Path(cache) / "livedump"
    return Path(home) / ".cache" / "livedump" if home.startswith("/") else None


def _existing(places: Iterable[Path]) -> list[Path]:
    return [place for place in places if place.exists()]


def _is_private(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & WRITABLE_BY_OTHERS


def _is_safe(status: os.stat_result) -> bool:
    """Whether nobody else can put another folder in the place of one that lies there."""
    group = stat.S_IWGRP if status.st_gid not in (0, os.getegid()) else 0
    theirs = status.st_mode & (stat.S_IWOTH | group) and not status.st_mode & stat.S_ISVTX
    return status.st_uid in (0, os.geteuid()) and not theirs
