"""Dumps inside archives: listed, and taken out one at a time into a temporary file that cannot grow without bound.

An archive stays open from one of its members to the next, so that it is read in one pass; and what it may cost is
bounded as a whole, by the bytes that come out of it and by its names.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from livedump.fleet.discovery import FileFilter, is_archive
from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import MAX_MEMBERS, Archive, Write, copy_stream
from livedump.fleet.zip_member import iter_member
from livedump.model.budget import Allowance, Budget
from livedump.model.errors import LimitReached, UnreadableFile
from livedump.symbols.files.cabinet import CabinetError

MAX_DIRECTORY = 64 << 20
"""Bytes of a list of members."""
MAX_RATIO = 400
"""Times that a member, or an archive as a whole, may grow once it is over UNSUSPICIOUS bytes; zeros grow a
thousandfold."""
UNSUSPICIOUS = 256 << 20
BEGINNING = 64 << 10
"""Bytes of a member that its header needs."""
MAX_BUDGETS = 256
"""Archives of which it is remembered what they have cost."""
ZIP_ENTRY = b"PK\x01\x02"


class MemberNames(NamedTuple):
    """Names of an archive's members, in its own order."""

    dumps: tuple[str, ...]
    archives: tuple[str, ...]
    """Archives inside of the archive, which are not opened."""


class ArchiveShelf:
    """The archive that was read last, left open for its next member. For one process."""

    def __init__(self, max_bytes: int) -> None:
        """``max_bytes``: what one member may grow to."""
        self._max_bytes = max_bytes
        self._open: tuple[_Key, Archive] | None = None
        self._budgets: dict[tuple[_Key, str], Budget] = {}
        self.expanded_bytes = 0
        """What has come out of all archives here."""

    def list_contents(self, place: str, wanted: FileFilter) -> MemberNames:
        """What of the archive at ``place`` is a dump, and what may hold more of them.

        Raises:
            DumpError: the archive cannot be read.
        """
        with self._opened(place, "list") as archive:
            names = list(dict.fromkeys(archive.names()))
        found = tuple(name for name in names if wanted.takes(name))
        # A file that was compressed alone is what somebody meant, whatever its name.
        alone = place.lower().endswith(".gz") and not names[0].endswith(".tar")
        dumps = found or (tuple(names) if alone else ())
        return MemberNames(dumps, tuple(name for name in names if is_archive(name) and name not in dumps))

    def open_beginning(self, place: str, member: str, expanded: int = 0) -> Beginning:
        """The first bytes of a member; ``expanded`` have come out of the archive for this, here and elsewhere.

        Raises:
            DumpError: it cannot be read, or would grow too much.
        """
        beginning = bytearray()

        def take(chunk: bytes) -> None:
            beginning.extend(chunk[:BEGINNING])
            if len(beginning) >= BEGINNING:
                raise _Enough

        with self._opened(place, "headers", expanded) as archive:
            size = archive.expanded_size(member)
            _check(archive, member, size or 0, self._max_bytes)
            with suppress(_Enough):
                archive.copy(member, take)
                size = len(beginning)
        return Beginning(f"{place}!/{member}", bytes(beginning[:BEGINNING]), size)

    @contextmanager
    def extracted(self, place: str, member: str, expanded: int = 0) -> Iterator[Path]:
        """A temporary file with the member's bytes; stretches of zeros take no room on the disk.

        ``expanded``: bytes that have come out of the archive for this, here and elsewhere.

        Raises:
            DumpError: it cannot be read, or would grow too much.
        """
        with tempfile.TemporaryDirectory(prefix="livedump-", dir=_temporary_folder()) as folder:
            path = Path(folder) / "member.dmp"
            with self._opened(place, "members", expanded) as archive:
                _check(archive, member, archive.expanded_size(member) or 0, self._max_bytes)
                _extract(archive, member, path, self._max_bytes)
            yield path

    def gave_up(self, place: str) -> bool:
        """Whether the archive as a whole has cost all that it may."""
        return any(key.place == place and budget.spent for (key, _), budget in self._budgets.items())

    def close(self) -> None:
        """Gives the archive back."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    @contextmanager
    def _opened(self, place: str, purpose: str, expanded: int = 0) -> Iterator[Archive]:
        try:
            key = _key(place)
            budget = self._budget(key, purpose)
            budget.heed(expanded)
            budget.check()
            left = budget.expanded_bytes
            if self._open is None or self._open[0] != key:
                self.close()
                self._open = key, _open(place, budget)
            archive = self._open[1]
            archive.draw_on(budget)
            try:
                yield archive
            finally:
                self.expanded_bytes += left - budget.expanded_bytes
        except OSError as error:
            self.close()
            if isinstance(error, gzip.BadGzipFile):
                raise ArchiveError(f"{place}: damaged gzip file: {error}") from error
            raise UnreadableFile(f"cannot read {place}: {error.strerror or error}") from error
        except _DAMAGES as error:
            self.close()
            raise ArchiveError(f"{place}: the archive is damaged: {error or type(error).__name__}") from error
        except (ArchiveError, CabinetError, LimitReached) as error:
            self.close()
            kind = LimitReached if isinstance(error, LimitReached) else ArchiveError
            raise kind(str(error) if place in str(error) else f"{place}: {error}") from error
        except MemoryError as error:
            self.close()
            raise LimitReached(f"{place}: to expand it takes more memory than a dump may have") from error
        except BaseException:
            self.close()
            raise

    def _budget(self, key: _Key, purpose: str) -> Budget:
        found = self._budgets.get((key, purpose))
        if found is None:
            while len(self._budgets) >= MAX_BUDGETS:
                del self._budgets[next(iter(self._budgets))]
            allowance = Allowance(max(UNSUSPICIOUS, key.size * MAX_RATIO), MAX_MEMBERS)
            found = self._budgets[key, purpose] = Budget("the archive", allowance)
        return found


class _Key(NamedTuple):
    """Which archive: another file under the same name is another one."""

    place: str
    size: int
    changed_ns: int


def _key(place: str) -> _Key:
    status = Path(place).stat()
    return _Key(place, status.st_size, status.st_mtime_ns)


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

    def __init__(self, place: str, budget: Budget) -> None:
        self._budget = budget
        self._file = _DirectoryFile(place)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except BaseException:
            self._file.close()
            raise
        self._budget.take_names(len(self._zip.filelist))

    def draw_on(self, budget: Budget) -> None:
        """From now on this is what reading draws on."""
        self._budget = budget

    def names(self) -> list[str]:
        """Names of its files."""
        return [each.filename for each in self._zip.filelist if not each.is_dir()]

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._zip.getinfo(name).file_size

    def packed_size(self, name: str) -> int:
        """Bytes that it takes."""
        return self._zip.getinfo(name).compress_size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over."""
        for piece in iter_member(self._file, self._zip.getinfo(name)):
            self._budget.expand(len(piece))
            write(piece)

    def close(self) -> None:
        """Gives the file back."""
        self._zip.close()
        self._file.close()


class _DirectoryFile(io.FileIO):
    """A zip file whose list of members is refused before it takes too much memory, wherever the file says it stands."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """To where zipfile wants; before 3.11 it goes where a list would stand that is longer than its file."""
        if whence == os.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("its list of members does not fit into it")
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """The bytes that zipfile asks for: all of the list at once."""
        wanted = -1 if size is None else size
        if wanted > MAX_DIRECTORY:
            raise LimitReached(f"its list of members has {wanted} bytes, more than {MAX_DIRECTORY}")
        data = super().read(min(wanted, MAX_DIRECTORY) if wanted >= 0 else MAX_DIRECTORY)
        if data.startswith(ZIP_ENTRY) and data.count(ZIP_ENTRY) > MAX_MEMBERS:
            raise LimitReached(f"its list has more than {MAX_MEMBERS:,} members")
        return data


class GzipArchive:
    """One compressed file; its name is the archive's without the ending."""

    def __init__(self, place: str, budget: Budget) -> None:
        self._path = Path(place)
        self._budget = budget
        self._file = gzip.open(place)  # noqa: SIM115 - closed by close

    def draw_on(self, budget: Budget) -> None:
        """From now on this is what reading draws on."""
        self._budget = budget

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

        def take(piece: bytes) -> None:
            self._budget.expand(len(piece))
            write(piece)

        copy_stream(self._file, take)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


_DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, LookupError, ValueError)
"""What Python's own readers raise."""


def _open(place: str, budget: Budget) -> Archive:
    lowered = place.lower()
    if lowered.endswith(".zip"):
        return ZipArchive(place, budget)
    if lowered.endswith(".gz"):
        return GzipArchive(place, budget)
    if lowered.endswith(".cab"):
        from livedump.fleet.cabinet import Cabinet  # noqa: PLC0415 - one archive in a hundred

        return Cabinet(place, budget)
    from livedump.fleet.seven_zip import SevenZip  # noqa: PLC0415 - an extra

    return SevenZip(place, budget)


def _temporary_folder() -> str:
    """Where temporary files go: Python's last resort is the current folder, and that may be evidence."""
    folder = tempfile.gettempdir()
    if os.path.samefile(folder, os.getcwd()) and not any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):  # noqa: PTH109, PTH121
        raise UnreadableFile("there is no folder for temporary files: set TMPDIR")
    return folder


def _check(archive: Archive, member: str, size: int, max_bytes: int) -> None:
    packed = archive.packed_size(member)
    if size > max_bytes:
        raise LimitReached(f"{member} would grow to {size:,} bytes; at most {max_bytes:,} are taken out")
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
        raise UnreadableFile(f"{member}: no room for it in {tempfile.gettempdir()}")


class _Enough(Exception):
    """Ends a copy early."""
