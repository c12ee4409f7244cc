"""The file as bytes at offsets: counted, bounded, never mapped, so that a file that shrinks cannot kill the process."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

from livedump.model.errors import DamagedDump, UnreadableFile


class ByteSource(Protocol):
    """Random access to the bytes of one dump file."""

    path: str
    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes at ``offset``: fewer than ``size`` only at the end of the file."""

    def close(self) -> None:
        """Gives the file back; later reads fail."""


class FileSource:
    """A local file. ``bytes_read`` counts what was asked of the system."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self.bytes_read = 0
        self._file = _open(Path(path))
        self.size = self._file.seek(0, os.SEEK_END)
        self._state = self._look()

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes at ``offset``: fewer than ``size`` only at the end of the file.

        Raises:
            UnreadableFile: the operating system reports an error.
        """
        wanted = min(size, self.size - offset)
        if wanted <= 0:
            return b""
        try:
            self._file.seek(offset)
            data = self._file.read(wanted)
        except OSError as error:
            raise UnreadableFile(f"cannot read {self.path} at {offset:#x}: {error.strerror}") from error
        self.bytes_read += len(data)
        return data

    @property
    def changed(self) -> bool:
        """Whether the file has another size, or was written to, since it was opened."""
        return self._look() != self._state

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns


def read_exactly(source: ByteSource, offset: int, size: int, what: str) -> bytes:
    """``size`` bytes at ``offset``.

    Raises:
        DamagedDump: the file ends before; ``what`` names the structure.
    """
    data = source.read_at(offset, size)
    if len(data) < size:
        raise DamagedDump(f"the file ends at {source.size:#x}, inside its {what} ({offset:#x} to {offset + size:#x})")
    return data


def _open(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode  # before opening: a pipe would keep us waiting
        if stat.S_ISDIR(mode):
            raise UnreadableFile(f"{path} is a folder, not a dump; name the files in it")
        if not stat.S_ISREG(mode):
            raise UnreadableFile(f"{path} is not a regular file")
        return path.open("rb", buffering=0)
    except OSError as error:
        raise UnreadableFile(f"cannot open {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableFile(f"cannot open a file of that name: {error}") from error
