"""PDBs that stay open from one dump to the next, so that a folder of dumps does not look for them again each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.model.symbol_lookups import SymbolAttempt
from livedump.symbols.files.search import FileSearch
from livedump.symbols.files.store import StoreEntry, WantedFile, pdb_entry

if TYPE_CHECKING:
    from pathlib import Path

    from livedump.symbols.loaded import LoadedPdb

CAPACITY = 32


class PdbShelf:
    """What was found, and what was not: that is believed as long as the shelf lives. For one process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: dict[tuple[object, ...], _Known] = {}

    def load(self, identity: PdbIdentity, search: FileSearch) -> LoadedPdb:
        """The first PDB on the path that belongs to the image; the shelf closes it.

        Raises:
            SymbolError: there is none.
        """
        key = (identity, search.path.sources)
        known = self._known.pop(key, None) or _looked_for(identity, search)
        self._known[key] = known  # behind those that were not asked for since
        search.attempts.update(known.attempts)
        if isinstance(known.found, SymbolError):
            raise SymbolError(str(known.found))
        return known.found

    def trim(self) -> None:
        """Closes what was not asked for the longest, over the shelf's capacity. Not while a dump is being read."""
        for key in list(self._known)[: max(len(self._known) - self._capacity, 0)]:
            _close(self._known.pop(key))

    def close(self) -> None:
        """Closes everything."""
        for known in self._known.values():
            _close(known)
        self._known.clear()


def load_pdb(identity: PdbIdentity, search: FileSearch) -> LoadedPdb:
    """The first PDB on the path that belongs to the image.

    Raises:
        SymbolError: there is none; the message names what was tried and why it would not do.
    """
    entry = pdb_entry(identity)
    if entry is None:
        raise SymbolError("the image names a PDB that cannot be a file name")
    wanted = WantedFile(entry, lambda path: _prove(path, identity))
    return search.find(wanted, lambda path: _loaded(path, identity, search))


# What reads PDBs is imported when there is one.


def _prove(path: Path, identity: PdbIdentity) -> None:
    from livedump.symbols.loaded import open_matching  # noqa: PLC0415

    open_matching(path, identity).close()


def _loaded(path: Path, identity: PdbIdentity, search: FileSearch) -> LoadedPdb:
    from livedump.symbols.loaded import LoadedPdb, index_places  # noqa: PLC0415

    return LoadedPdb(path, identity, index_places(path, identity, search))


class _Known(NamedTuple):
    found: LoadedPdb | SymbolError
    attempts: dict[StoreEntry, tuple[SymbolAttempt, ...]]


def _looked_for(identity: PdbIdentity, search: FileSearch) -> _Known:
    entry = pdb_entry(identity)
    try:
        found: LoadedPdb | SymbolError = load_pdb(identity, search)
    except SymbolError as error:
        found = SymbolError(str(error))  # without the frames that a raised one holds
    return _Known(found, {entry: search.attempts[entry]} if entry and entry in search.attempts else {})


def _close(known: _Known) -> None:
    if not isinstance(known.found, SymbolError):
        known.found.close()
