"""The symbol path at work: folders, caches and servers in order, until a file is found that belongs to the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from livedump.model.errors import SymbolError
from livedump.model.images import ProgressCallback
from livedump.model.secrets import without_secrets
from livedump.symbols.files.path import SymbolPath, SymbolSource
from livedump.symbols.files.store import Wanted, compressed_file, iter_files_below, pointed_file

if TYPE_CHECKING:
    from livedump.symbols.files.download import DownloadLimits
    from livedump.symbols.files.fetching import Fetcher

Found = TypeVar("Found")


class FileSearch:
    """Finds files on one symbol path. Remembers which servers failed, so one object should serve a whole run."""

    def __init__(
        self, path: SymbolPath, progress: ProgressCallback | None = None, limits: DownloadLimits | None = None
    ) -> None:
        self.path = path
        self._progress = progress
        self._limits = limits
        self._known_fetcher: Fetcher | None = None

    @property
    def caches(self) -> frozenset[Path]:
        """The folders of the path in which files are kept."""
        return frozenset(Path(cache) for source in self.path.sources for cache in source.caches)

    def find(self, wanted: Wanted, accept: Callable[[Path], Found]) -> Found:
        """What ``accept`` makes of the first file that belongs to the image; it raises a SymbolError for others.

        Raises:
            SymbolError: there is none; the message names what was tried and why it would not do.
        """
        reasons: list[str] = []
        for file in self._iter_files(wanted, reasons):
            try:
                return accept(file)
            except SymbolError as error:
                reasons.append(str(error))
        places = ", ".join(without_secrets(source.location) for source in self.path.sources) or "an empty symbol path"
        tried = f"{wanted.entry.name} {wanted.entry.key} not found: tried {places}"
        raise SymbolError("; ".join([tried, *self.path.notes, *dict.fromkeys(reasons)]))

    def _iter_files(self, wanted: Wanted, reasons: list[str]) -> Iterator[Path]:
        """Files that may be the wanted one, nearest first; what goes wrong on the way becomes a reason."""
        for source in self.path.sources:
            for cache in source.caches:
                yield from iter_files_below(Path(cache), wanted.entry, flat=False)
            if not source.online:
                yield from iter_files_below(Path(source.location), wanted.entry, flat=not source.store)
            for look in (self._fetched,) if source.online else (self._expanded, _pointed):
                try:
                    file = look(source, wanted)
                except SymbolError as error:
                    reasons.append(str(error))
                else:
                    yield from [file] if file else []

    def _fetched(self, source: SymbolSource, wanted: Wanted) -> Path | None:
        return self._fetcher().fetch(source, wanted)

    def _expanded(self, source: SymbolSource, wanted: Wanted) -> Path | None:
        packed = compressed_file(Path(source.location), wanted.entry)
        return self._fetcher().expand(packed, source.caches, wanted) if packed else None

    def _fetcher(self) -> Fetcher:
        if self._known_fetcher is None:
            from livedump.symbols.files.fetching import Fetcher  # noqa: PLC0415 - most runs need no network code

            self._known_fetcher = Fetcher(self._progress, self._limits)
        return self._known_fetcher


def _pointed(source: SymbolSource, wanted: Wanted) -> Path | None:
    return pointed_file(Path(source.location), wanted.entry)
