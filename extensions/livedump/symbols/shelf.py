"""PDBs that stay open from one dump to the next, so that a folder of dumps does not look for them again each time."""

from __future__ import annotations

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.symbols.files.search import FileSearch
from livedump.symbols.loaded import LoadedPdb, load_pdb

CAPACITY = 32


class PdbShelf:
    """What was found, and what was not: that is believed as long as the shelf lives. For one process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: dict[tuple[object, ...], LoadedPdb | SymbolError] = {}

    def load(self, identity: PdbIdentity, search: FileSearch) -> LoadedPdb:
        """The first PDB on the path that belongs to the image; the shelf closes it.

        Raises:
            SymbolError: there is none.
        """
        key = (identity, search.path.sources)
        found = self._known.pop(key, None) or _looked_for(identity, search)
        self._known[key] = found  # behind those that were not asked for since
        if isinstance(found, SymbolError):
            raise SymbolError(str(found))
        return found

    def trim(self) -> None:
        """Closes what was not asked for the longest, over the shelf's capacity. Not while a dump is being read."""
        for key in list(self._known)[: max(len(self._known) - self._capacity, 0)]:
            _close(self._known.pop(key))

    def close(self) -> None:
        """Closes everything."""
        for found in self._known.values():
            _close(found)
        self._known.clear()


def _looked_for(identity: PdbIdentity, search: FileSearch) -> LoadedPdb | SymbolError:
    try:
        return load_pdb(identity, search)
    except SymbolError as error:
        return SymbolError(str(error))  # without the frames that a raised one holds


def _close(found: LoadedPdb | SymbolError) -> None:
    if isinstance(found, LoadedPdb):
        found.close()
