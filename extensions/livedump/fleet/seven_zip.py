"""7z archives, read by py7zr, an extra. The only importer of py7zr."""

from __future__ import annotations

import lzma
from pathlib import Path

from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import MAX_MEMBERS, Write


class SevenZip:
    """One open archive."""

    def __init__(self, place: str) -> None:
        try:
            import py7zr  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ArchiveError(f"{place}: 7z archives need py7zr: pip install livedump[archives]") from error
        self._place = place
        self._size = Path(place).stat().st_size
        self._errors = (py7zr.exceptions.ArchiveError, lzma.LZMAError)
        try:
            self._file = py7zr.SevenZipFile(place)
            listed = self._file.list()
        except self._errors as error:
            raise ArchiveError(f"{place}: the archive is damaged or encrypted: {error}") from error
        self._sizes: dict[str, int] = {each.filename: each.uncompressed for each in listed if not each.is_directory}
        if len(self._sizes) > MAX_MEMBERS:
            raise ArchiveError(f"{place}: more than {MAX_MEMBERS} members")

    def names(self) -> list[str]:
        """Names of its files."""
        return list(self._sizes)

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._sizes[name]

    def packed_size(self, _name: str) -> int:
        """Bytes of the whole archive: its files may be compressed together."""
        return self._size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over; those of files before it in a solid archive are expanded as well."""
        if self._file.needs_password():
            raise ArchiveError(f"{self._place} is encrypted; take {name} out with its password first")
        try:
            self._file.reset()
            self._file.extract(targets=[name], factory=_Factory(write))
        except self._errors as error:
            raise ArchiveError(f"{self._place}: the archive is damaged: {error}") from error

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


class _Sink:
    """What py7zr writes a file to (its Py7zIO): hands the bytes on."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._size = 0

    def write(self, data: bytes) -> int:
        """Hands bytes on."""
        self._write(bytes(data))
        self._size += len(data)
        return len(data)

    def read(self, _size: int | None = None) -> bytes:
        """Nothing is kept."""
        return b""

    def seek(self, offset: int, _whence: int = 0) -> int:
        """There is one way."""
        return offset

    def flush(self) -> None:
        """Nothing waits."""

    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def close(self) -> None:
        """Nothing to give back."""


class _Factory:
    """What py7zr asks for a place for each file (its WriterFactory): one file is asked for at a time."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def create(self, _filename: str) -> _Sink:
        """The place for a file."""
        return _Sink(self._write)
