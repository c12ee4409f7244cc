"""Which files an assistant may have read: those below folders that somebody named, wherever links lead."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from livedump.model.errors import UnreadableFile

MAX_LENGTH = 4096


class AllowedPlaces:
    """Some folders and everything below them."""

    def __init__(self, folders: Iterable[str]) -> None:
        """Raises UnreadableFile where one of them is no folder."""
        self._folders = tuple(map(_folder, folders))

    def find(self, path: str) -> str:
        """The file or folder itself, without links and dots, which is what is to be opened.

        A relative path is one below the first folder.

        Raises:
            UnreadableFile: it lies elsewhere, is not there, or is neither a file nor a folder.
        """
        if not path or len(path) > MAX_LENGTH or "\0" in path or "://" in path or _is_device(path):
            raise UnreadableFile("the path is none of a file in an allowed folder")
        found = Path(os.path.realpath(self._folders[0] / path))
        if not self.holds(found):
            named = "; ".join(map(str, self._folders))
            raise UnreadableFile(
                f"it lies outside of the allowed folders ({named}); start the server with --allow for it"
            )
        try:
            mode = found.stat().st_mode
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror}") from error
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UnreadableFile("it is neither a file nor a folder")
        return str(found)

    def holds(self, path: Path) -> bool:
        """Whether a path without links lies in one of the folders."""
        return any(folder == path or folder in path.parents for folder in self._folders)


def _folder(name: str) -> Path:
    folder = Path(os.path.realpath(name))
    if not folder.is_dir():
        raise UnreadableFile(f"{name}: there is no such folder to allow")
    return folder


def _is_device(path: str) -> bool:
    # \\.\ and \\?\ lead around what a path means; a second colon names a stream of a file.
    slashes = path.replace("/", "\\")
    return slashes.startswith(("\\\\.\\", "\\\\?\\")) or (os.name == "nt" and ":" in path[2:])
