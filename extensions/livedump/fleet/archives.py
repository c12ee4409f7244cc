"""Dumps inside archives: listed, and taken out one at a time into a temporary file that cannot grow without bound."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from livedump.fleet.discovery import Wanted, is_archive
from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import MAX_MEMBERS, Archive, Write, copy_stream
from livedump.model.errors import UnreadableFile

MAX_DIRECTORY = 64 << 20
"""Bytes of a list of members."""
MAX_RATIO = 400
"""Times that a member may grow once it is over UNSUSPICIOUS bytes; zeros grow a thousandfold."""
UNSUSPICIOUS = 256 << 20
BEGINNING = 64 << 10
"""Bytes of a member that its header needs."""
ZIP_END_SEARCH = 22 + 0xFFFF


class Contents(NamedTuple):
    """Names of an archive's members, in its own order."""

    dumps: tuple[str, ...]
    archives: tuple[str, ...]
    """Archives inside of the archive, which are not opened."""


def list_contents(place: str, wanted: Wanted) -> Contents:
    """What of the archive at ``place`` is a dump, and what may hold more of them.

    Raises:
        DumpError: the archive cannot be read.
    """
    with _opened(place) as archive:
        names = list(dict.fromkeys(archive.names()))
    found = tuple(name for name in names if wanted.takes(name))
    # A file that was compressed alone is what somebody meant, whatever its name.
    alone = place.lower().endswith(".gz") and not names[0].endswith(".tar")
    dumps = found or (tuple(names) if alone else ())
    return Contents(dumps, tuple(name for name in names if is_archive(name) and name not in dumps))


def open_beginning(place: str, member: str, max_bytes: int) -> Beginning:
    """The first bytes of a member.

    Raises:
        DumpError: it cannot be read, or would grow too much.
    """
    beginning = bytearray()

    def take(chunk: bytes) -> None:
        beginning.extend(chunk[:BEGINNING])
        if len(beginning) >= BEGINNING:
            raise _Enough

    with _opened(place) as archive:
        size = archive.expanded_size(member)
        _check(archive, member, size or 0, max_bytes)
        with suppress(_Enough):
            archive.copy(member, take)
            size = len(beginning)
    return Beginning(f"{place}!/{member}", bytes(beginning[:BEGINNING]), size)


@contextmanager
def extracted(place: str, member: str, max_bytes: int) -> Iterator[Path]:
    """A temporary file with the member's bytes; stretches of zeros take no room on the disk.

    Raises:
        DumpError: it cannot be read, or would grow too much.
    """
    with tempfile.TemporaryDirectory(prefix="livedump-") as folder:
        path = Path(folder) / "member.dmp"
        with _opened(place) as archive:
            _check(archive, member, archive.expanded_size(member) or 0, max_bytes)
            _extract(archive, member, path, max_bytes)
        yield path


class Beginning:
    """The first bytes of a file that is longer."""

    def __init__(self, path: str, data: bytes, whole_size: int | None) -> None:
        self.path = path
        self.size = len(data)
        self.whole_size = whole_size
        """Bytes of the file as the archive claims; None when that is not known before its end."""
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        """What is there of those bytes."""
        return self._data[max(offset, 0) : max(offset, 0) + max(size, 0)]

    def close(self) -> None:
        """Nothing to give back."""


class ZipArchive:
    """A zip file."""

    def __init__(self, place: str) -> None:
        self._file = zipfile.ZipFile(place)
        if len(self._file.filelist) > MAX_MEMBERS:
            raise ArchiveError(f"{place}: more than {MAX_MEMBERS} members")

    def names(self) -> list[str]:
        """Names of its files."""
        return [each.filename for each in self._file.filelist if not each.is_dir()]

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._file.getinfo(name).file_size

    def packed_size(self, name: str) -> int:
        """Bytes that it takes."""
        return self._file.getinfo(name).compress_size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over."""
        info = self._file.getinfo(name)
        if info.flag_bits & 1:
            raise ArchiveError(f"{name} is encrypted; take it out with its password first")
        with self._file.open(info) as member:
            copy_stream(member, write)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


class GzipArchive:
    """One compressed file; its name is the archive's without the ending."""

    def __init__(self, place: str) -> None:
        self._path = Path(place)
        self._file = gzip.open(place)  # noqa: SIM115 - closed by close

    def names(self) -> list[str]:
        """One name."""
        return [self._path.name[:-3]]

    def expanded_size(self, _name: str) -> int | None:
        """Not known before the end."""
        return None

    def packed_size(self, _name: str) -> int:
        """Bytes of the archive."""
        return self._path.stat().st_size

    def copy(self, _name: str, write: Write) -> None:
        """Hands the file's bytes over."""
        self._file.seek(0)
        copy_stream(self._file, write)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


@contextmanager
def _opened(place: str) -> Iterator[Archive]:
    try:
        archive = _open(place)
        try:
            yield archive
        finally:
            archive.close()
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise ArchiveError(f"{place}: damaged gzip file: {error}") from error
        raise UnreadableFile(f"cannot read {place}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, LookupError, ValueError) as error:
        raise ArchiveError(f"{place}: the archive is damaged: {error or type(error).__name__}") from error


def _open(place: str) -> Archive:
    lowered = place.lower()
    if lowered.endswith(".zip"):
        _check_directory(place)
        return ZipArchive(place)
    if lowered.endswith(".gz"):
        return GzipArchive(place)
    if lowered.endswith(".cab"):
        from livedump.fleet.cabinet import Cabinet  # noqa: PLC0415 - one archive in a hundred

        return Cabinet(place)
    from livedump.fleet.seven_zip import SevenZip  # noqa: PLC0415 - an extra

    return SevenZip(place)


def _check_directory(place: str) -> None:
    """Refuses a zip file whose list of members alone would take too much memory."""
    with Path(place).open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - ZIP_END_SEARCH, 0))
        end = file.read(ZIP_END_SEARCH)
    at = end.rfind(b"PK\x05\x06")
    claimed = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    at = end.rfind(b"PK\x06\x06")
    if claimed == 0xFFFFFFFF and at >= 0:
        claimed = int.from_bytes(end[at + 40 : at + 48], "little")
    if claimed > MAX_DIRECTORY:
        raise ArchiveError(f"{place}: its list of members has {claimed} bytes, more than {MAX_DIRECTORY}")


def _check(archive: Archive, member: str, size: int, max_bytes: int) -> None:
    packed = archive.packed_size(member)
    if size > max_bytes:
        raise ArchiveError(f"{member} would grow to {size:,} bytes; at most {max_bytes:,} are taken out")
    if size > UNSUSPICIOUS and size > packed * MAX_RATIO:
        raise ArchiveError(f"{member} would grow from {packed:,} to {size:,} bytes: refused as a decompression bomb")


def _extract(archive: Archive, member: str, path: Path, max_bytes: int) -> None:
    free = shutil.disk_usage(path.parent).free
    with path.open("wb") as file:

        def take(chunk: bytes) -> None:
            nonlocal free
            end = file.tell() + len(chunk)
            _check(archive, member, end, max_bytes)
            if any(chunk):
                free -= len(chunk)
                _check_room(free, member)
                file.write(chunk)
            else:
                file.seek(end)

        archive.copy(member, take)
        file.truncate(file.tell())


def _check_room(free: int, member: str) -> None:
    if free < UNSUSPICIOUS:
        raise ArchiveError(f"{member}: no room for it in {tempfile.gettempdir()}")


class _Enough(Exception):
    """Ends a copy early."""
