"""The symbol path at work: folders, caches and servers in order, until a file is found that belongs to the image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from livedump.model.errors import SymbolError
from livedump.model.secrets import without_secrets
from livedump.model.symbol_lookups import SymbolAttempt, SymbolResult, SymbolState
from livedump.symbols.files.path import SymbolPath, SymbolSource
from livedump.symbols.files.store import (
    StoreEntry,
    WantedFile,
    compressed_file,
    iter_files_below,
    pointed_file,
    pointer_file,
)

if TYPE_CHECKING:
    from livedump.model.downloads import ProgressCallback
    from livedump.symbols.files.download import DownloadLimits
    from livedump.symbols.files.fetching import Fetcher

Found = TypeVar("Found")
_FOUND = SymbolResult.FOUND


class FileSearch:
    """Finds files on one symbol path. Remembers which servers failed, so one object should serve a whole run."""

    def __init__(
        self, path: SymbolPath, progress: ProgressCallback | None = None, limits: DownloadLimits | None = None
    ) -> None:
        self.path = path
        self._progress = progress
        self._limits = limits
        self._known_fetcher: Fetcher | None = None
        self.attempts: dict[StoreEntry, tuple[SymbolAttempt, ...]] = {}
        """Every place that was tried for each file that was looked for."""

    @property
    def caches(self) -> frozenset[Path]:
        """The folders of the path in which files are kept."""
        return frozenset(Path(cache) for source in self.path.sources for cache in source.caches)

    def find(self, wanted: WantedFile, accept: Callable[[Path], Found]) -> Found:
        """What ``accept`` makes of the first file that belongs to the image; it raises a SymbolError for others.

        Raises:
            SymbolError: there is none; the message names what was tried and why it would not do.
        """
        attempts: list[SymbolAttempt] = []
        for file in self._iter_files(wanted, attempts):
            try:
                found = accept(file)
            except SymbolError as error:
                attempts.append(_failed(wanted, str(file), error))
                continue
            attempts.append(_attempt(wanted, str(file), SymbolResult.FOUND))
            self.attempts[wanted.entry] = tuple(attempts)
            return found
        self.attempts[wanted.entry] = tuple(attempts)
        places = ", ".join(without_secrets(source.location) for source in self.path.sources) or "an empty symbol path"
        tried = f"{wanted.entry.name} {wanted.entry.key} not found: tried {places}"
        reasons = dict.fromkeys(each.reason for each in attempts if each.reason)
        raise SymbolError("; ".join([tried, *self.path.notes, *reasons]), attempts=tuple(attempts))

    def missing(self) -> SymbolState:
        """What was looked for in vain, and what lies there now where it was looked for."""
        lost = (entry for entry, tried in self.attempts.items() if all(each.result is not _FOUND for each in tried))
        wanted = tuple(sorted((entry.name, entry.key) for entry in lost))
        return SymbolState(wanted, self.state_of(wanted))

    def state_of(self, wanted: Iterable[tuple[str, str]]) -> str:
        """Names what lies on the path of these files: equal as long as looking again would find the same."""
        import hashlib  # noqa: PLC0415 - only where answers are kept

        seen = [self._seen(source, StoreEntry(*each)) for each in wanted for source in self.path.sources]
        return hashlib.sha256(repr(seen).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _seen(self, source: SymbolSource, entry: StoreEntry) -> list[object]:
        files = [file for cache in source.caches for file in iter_files_below(Path(cache), entry, flat=False)]
        if source.online:
            asks = not self._fetcher().is_believed_missing(source.location, entry)
            return [*map(_stamp, files), time.time_ns() if asks else None]
        root = Path(source.location)
        files += iter_files_below(root, entry, flat=not source.store)
        forms = (compressed_file(root, entry), pointer_file(root, entry))
        return [*map(_stamp, files), *map(_stamp, filter(None, forms))]

    def _iter_files(self, wanted: WantedFile, attempts: list[SymbolAttempt]) -> Iterator[Path]:
        """Files that may be the wanted one, nearest first; what goes wrong on the way becomes an attempt."""
        for source in self.path.sources:
            for cache in source.caches:
                yield from self._iter_below(wanted, cache, False, attempts)
            if not source.online:
                yield from self._iter_below(wanted, source.location, not source.store, attempts)
            for look in (self._fetched,) if source.online else (self._expanded, _pointed):
                try:
                    file = look(source, wanted)
                except SymbolError as error:
                    attempts.append(_failed(wanted, source.location, error))
                else:
                    yield from [file] if file else []

    @staticmethod
    def _iter_below(wanted: WantedFile, folder: str, flat: bool, attempts: list[SymbolAttempt]) -> Iterator[Path]:
        none = True
        for file in iter_files_below(Path(folder), wanted.entry, flat):
            none = False
            yield file
        if none:
            attempts.append(_attempt(wanted, folder, SymbolResult.NOT_THERE))

    def _fetched(self, source: SymbolSource, wanted: WantedFile) -> Path | None:
        return self._fetcher().fetch(source, wanted)

    def _expanded(self, source: SymbolSource, wanted: WantedFile) -> Path | None:
        packed = compressed_file(Path(source.location), wanted.entry)
        return self._fetcher().expand(packed, source.caches, wanted) if packed else None

    def _fetcher(self) -> Fetcher:
        if self._known_fetcher is None:
            from livedump.symbols.files.fetching import Fetcher  # noqa: PLC0415 - most runs need no network code

            self._known_fetcher = Fetcher(self._progress, self._limits)
        return self._known_fetcher


def _attempt(wanted: WantedFile, place: str, result: SymbolResult) -> SymbolAttempt:
    return SymbolAttempt(wanted.entry.name, wanted.entry.key, without_secrets(place), result)


def _failed(wanted: WantedFile, place: str, error: SymbolError) -> SymbolAttempt:
    attempt = _attempt(wanted, place, error.result or SymbolResult.DAMAGED)
    return attempt._replace(reason=without_secrets(str(error)), until=error.until)


def _stamp(file: Path) -> tuple[str, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return str(file), status.st_size, status.st_mtime_ns


def _pointed(source: SymbolSource, wanted: WantedFile) -> Path | None:
    return pointed_file(Path(source.location), wanted.entry)
