"""Files from servers and out of cabinets into a cache: each is proved to belong to its image before it is kept."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from livedump.model.downloads import DownloadProgress, ProgressCallback
from livedump.model.errors import SymbolError
from livedump.model.symbol_lookups import SymbolResult
from livedump.symbols.files.cabinet import CabinetError, iter_first_file
from livedump.symbols.files.cache import made_cache
from livedump.symbols.files.download import (
    Download,
    DownloadLimits,
    NotOnServer,
    ServerTrouble,
    make_opener,
)
from livedump.symbols.files.missing import MISSING_SECONDS, NOTES, TROUBLE_SECONDS, MissingFiles
from livedump.symbols.files.path import NO_CACHE, SymbolSource, default_cache
from livedump.symbols.files.store import StoreEntry, WantedFile, store_folder
from livedump.symbols.files.whole_files import make_folders, open_safely, temporary_beside, write_whole

LOCK_SECONDS = 30
"""A lock that nobody touched for so long belonged to a process that is gone."""
MAX_WAIT_SECONDS = 900
LEFTOVER_SECONDS = 86400
SERVER_ENTRY = StoreEntry("server", "unreachable")
"""Under this name a whole server is remembered as failing."""


class Fetcher:
    """Fetches and expands. Remembers what failed, on disk for other processes."""

    def __init__(self, progress: ProgressCallback | None = None, limits: DownloadLimits | None = None) -> None:
        self._progress = progress
        self._limits = limits or DownloadLimits()
        self._opener = make_opener()
        cache = made_cache(os.environ)
        self._missing = MissingFiles(cache / NOTES if cache else None)

    def is_believed_missing(self, server: str, entry: StoreEntry) -> bool:
        """Whether the server would not be asked for the file now."""
        return any(self._missing.find(server, what) for what in (entry, SERVER_ENTRY))

    def fetch(self, source: SymbolSource, wanted: WantedFile) -> Path:
        """The file from a server, in the first cache that takes it.

        Raises:
            SymbolError: it is not to be had, for the reason given.
        """
        self._raise_if_missing(source.location, wanted.entry)
        return _in_first_cache(source.caches, wanted, lambda folder: self._fetch_into(folder, source.location, wanted))

    def expand(self, packed: Path, caches: tuple[str, ...], wanted: WantedFile) -> Path:
        """The file out of a cabinet in a local store, in the first cache that takes it.

        Raises:
            SymbolError: the cabinet cannot be read, or holds another image's file.
        """
        return _in_first_cache(caches, wanted, lambda folder: self._expand_into(folder, packed, wanted))

    def _raise_if_missing(self, server: str, entry: StoreEntry) -> None:
        for what in (entry, SERVER_ENTRY):
            note = self._missing.find(server, what)
            if note:
                said = f"{note.reason} (asked a short while ago)"
                raise SymbolError(said, SymbolResult.IN_QUARANTINE, note.until)

    def _fetch_into(self, folder: Path, server: str, wanted: WantedFile) -> Path:
        target = folder / wanted.entry.name
        with _one_at_a_time(target) as lock:
            if _is_good(target, wanted):  # another process was quicker
                return target
            self._raise_if_missing(server, wanted.entry)
            try:
                self._fetch_either_form(server, wanted, target, lock)
            except NotOnServer as error:
                self._missing.remember(server, wanted.entry, str(error), MISSING_SECONDS)
                raise SymbolError(str(error), SymbolResult.NOT_THERE) from error
            except ServerTrouble as error:
                self._missing.remember(server, SERVER_ENTRY, str(error), TROUBLE_SECONDS)
                result = SymbolResult.TIME_LIMIT if error.slow else SymbolResult.UNREACHABLE
                raise SymbolError(str(error), result) from error
            except SymbolError as error:
                self._missing.remember(server, wanted.entry, str(error), MISSING_SECONDS)
                raise
        return target

    def _fetch_either_form(self, server: str, wanted: WantedFile, target: Path, lock: Path) -> None:
        """The file as it is, else its compressed form."""
        with _temporary(target) as plain:
            try:
                self._download(server, wanted.entry, wanted.entry.name, plain, lock)
            except NotOnServer as why:
                self._download_compressed(server, wanted.entry, plain, lock, why)
            wanted.verify(plain)
            plain.replace(target)

    def _download_compressed(self, server: str, entry: StoreEntry, plain: Path, lock: Path, why: NotOnServer) -> None:
        """The file out of its compressed form; when that is not there either, ``why`` the plain one was not."""
        with _temporary(plain) as packed:
            try:
                self._download(server, entry, entry.compressed_name, packed, lock)
            except NotOnServer:
                raise why from None
            self._unpack(packed, plain)

    def _download(self, server: str, entry: StoreEntry, name: str, target: Path, lock: Path) -> None:
        url = "/".join([server.rstrip("/"), quote(entry.name), quote(entry.key), quote(name)])

        def report(progress: DownloadProgress) -> None:
            with contextlib.suppress(OSError):
                os.utime(lock)
            if self._progress:
                self._progress(progress._replace(name=name))

        Download(url, target, self._opener, self._limits, report).run()

    def _expand_into(self, folder: Path, packed: Path, wanted: WantedFile) -> Path:
        target = folder / wanted.entry.name
        with _temporary(target) as plain:
            self._unpack(packed, plain)
            wanted.verify(plain)
            plain.replace(target)
        return target

    def _unpack(self, packed: Path, plain: Path) -> None:
        try:
            with packed.open("rb") as file:
                write_whole(plain, iter_first_file(file, self._limits.max_bytes))
        except CabinetError as error:
            raise SymbolError(f"{packed.name}: {error}") from error


def _in_first_cache(caches: tuple[str, ...], wanted: WantedFile, work: Callable[[Path], Path]) -> Path:
    trouble = NO_CACHE
    for cache in caches or filter(None, [default_cache(os.environ)]):
        folder = store_folder(Path(cache), wanted.entry)
        try:
            _make_folder(folder)
            return work(folder)
        except OSError as error:
            trouble = f"{cache}: {error.strerror or error}"
        finally:
            _remove_if_empty(folder)
    raise SymbolError(f"nothing can be kept: {trouble}", SymbolResult.REFUSED)


def _is_good(target: Path, wanted: WantedFile) -> bool:
    """Whether the file is there and belongs to the image: what was damaged in the cache is fetched anew."""
    if not target.is_file():
        return False
    try:
        wanted.verify(target)
    except SymbolError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    """Makes a folder though other processes may remove the empty one above it meanwhile."""
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            make_folders(folder)
            return
    make_folders(folder)


def _remove_if_empty(folder: Path) -> None:
    """Removes the folders of a file that did not come."""
    for place in (folder, folder.parent):
        with contextlib.suppress(OSError):
            place.rmdir()


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A name beside ``target``; whatever is there afterwards is removed."""
    path = temporary_beside(target)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time(target: Path) -> Iterator[Path]:
    """Keeps other processes from fetching the same file meanwhile: they find it when they wake.

    Only saves work: files are written whole, so nothing breaks when a lock was taken for dead.
    """
    lock = target.with_name(target.name + ".lock")
    _take(lock)
    try:
        _sweep(target)
        yield lock
    finally:
        lock.unlink(missing_ok=True)


def _take(lock: Path) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            open_safely(lock, "xb").close()
            return
        except FileNotFoundError:  # not made yet, or another process gave up and removed the empty folder
            _make_folder(lock.parent)
        except FileExistsError:
            if _age(lock) > LOCK_SECONDS:
                lock.unlink(missing_ok=True)
            time.sleep(0.05)


def _sweep(target: Path) -> None:
    """Removes what processes that were killed have left beside ``target``."""
    for leftover in target.parent.glob("*.tmp"):
        if _age(leftover) > LEFTOVER_SECONDS:
            leftover.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0
