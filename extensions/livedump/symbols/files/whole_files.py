"""Files that appear whole or not at all, with any number of processes at the same work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Literal

FILE_RIGHTS, FOLDER_RIGHTS = 0o644, 0o755
"""At most, whatever the umask allows."""


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file beside its place and moves it there in one step; folders are made as needed.

    Raises:
        OSError: it could not be written; nothing is left behind.
    """
    make_folders(path.parent)
    temporary = temporary_beside(path)
    try:
        with open_safely(temporary, "xb") as file:
            file.writelines(pieces)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folders(folder: Path, rights: int = FOLDER_RIGHTS) -> None:
    """Makes the folder and those above it, for nobody else to write to.

    Raises:
        OSError: one of them cannot be made.
    """
    missing = list(takewhile(lambda place: not place.is_dir(), (folder, *folder.parents)))
    for place in reversed(missing):
        place.mkdir(rights, exist_ok=True)


def open_safely(path: Path, mode: Literal["wb", "ab", "xb"]) -> BinaryIO:
    """The file, opened; where it is made, nobody else may write to it.

    Raises:
        OSError: it cannot be opened.
    """
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, FILE_RIGHTS))


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that no other process uses."""
    return path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns():x}.tmp")
