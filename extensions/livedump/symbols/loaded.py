"""A PDB that was found and proved to belong to its image, with its index and its types."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.model.symbol_lookups import SymbolResult
from livedump.symbols.files.cache import made_cache
from livedump.symbols.files.search import FileSearch
from livedump.symbols.index import SourceStamp, SymbolIndex, build_index, open_index
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.pdb_file import Pdb, open_pdb
from livedump.symbols.pdb.types import PdbTypes

INDEX_SUFFIX = ".ldsymidx"


class FoundName(NamedTuple):
    """The nearest name at or below an RVA."""

    name: str
    """As the debugger shows it."""
    offset: int


class LoadedPdb:
    """Names and types of one image."""

    def __init__(self, path: Path, identity: PdbIdentity, index_places: tuple[Path, ...]) -> None:
        """Opens the index at the first of the places that has one, else makes it and keeps it at one of them.

        Raises:
            SymbolError: the PDB cannot be read.
        """
        self.path = path
        self._places = index_places
        self._identity = identity
        self._index = _index(path, identity, index_places)
        self._types: PdbTypes | None = None
        self._rvas: dict[str, int | None] = {}

    def close(self) -> None:
        """Gives the files back."""
        self._index.close()

    def find(self, rva: int) -> FoundName | None:
        """The nearest name at or below ``rva`` in the same section.

        Raises:
            SymbolError: the index is damaged and cannot be made anew.
        """
        try:
            found = self._index.find(rva)
        except SymbolError:
            self._index.close()  # Windows does not replace an open file
            self._index = _made_index(self.path, self._identity, self._places)
            found = self._index.find(rva)
        if found is None:
            return None
        text = found.name.decode("utf-8", "replace")
        return FoundName(undecorate(text) if found.decorated else text, found.offset)

    def find_rva(self, name: str) -> int | None:
        """Where a function or variable stands; None when the PDB has none of that name.

        Raises:
            SymbolError: the PDB cannot be read.
        """
        if name not in self._rvas:
            pdb = open_matching(self.path, self._identity)
            try:
                self._rvas[name] = pdb.find_rva(name)
            finally:
                pdb.close()
        return self._rvas[name]

    def types(self) -> PdbTypes:
        """The PDB's types, read once.

        Raises:
            SymbolError: it has none, or they are damaged.
        """
        if self._types is None:
            pdb = open_matching(self.path, self._identity)
            try:
                self._types = PdbTypes(pdb.msf)
            finally:
                pdb.close()
        return self._types


def open_matching(path: Path, identity: PdbIdentity) -> Pdb:
    """The PDB at ``path``, proved to belong to the image; the caller closes it.

    Raises:
        SymbolError: it is damaged, or belongs to another image.
    """
    pdb = open_pdb(path)
    if (pdb.guid, pdb.age) != (identity.guid, identity.age):
        pdb.close()
        found = f"{path} is {pdb.guid}{pdb.age:X}"
        raise SymbolError(f"mismatch: {found}, the image wants {identity.store_key}", SymbolResult.OTHER_BUILD)
    return pdb


def _index(path: Path, identity: PdbIdentity, places: tuple[Path, ...]) -> SymbolIndex:
    stamp = _stamp(path, identity)
    for place in places:
        with contextlib.suppress(SymbolError):
            return open_index(place, stamp)
    return _made_index(path, identity, places)


def _stamp(path: Path, identity: PdbIdentity) -> SourceStamp:
    try:
        status = path.stat()
    except OSError as error:
        raise SymbolError(f"cannot open {path}: {error.strerror}") from error
    return SourceStamp(identity.guid, identity.age, status.st_size, status.st_mtime_ns)


def index_places(path: Path, identity: PdbIdentity, search: FileSearch) -> tuple[Path, ...]:
    """Where an index may lie: beside a PDB that lies in one of the path's caches, and in the user's own.

    Any other folder is somebody's build, store or evidence: nothing of ours is put there, or believed from there.
    """
    name = path.name + INDEX_SUFFIX
    beside = (path.with_name(name),) if any(cache in path.parents for cache in search.caches) else ()
    cache = made_cache(os.environ)
    return (*beside, cache / "index" / path.name / identity.store_key / name) if cache else beside


def _made_index(path: Path, identity: PdbIdentity, places: tuple[Path, ...]) -> SymbolIndex:
    """An index made from the PDB now, and kept where that is possible."""
    from livedump.symbols.files.whole_files import write_whole  # noqa: PLC0415 - once for a PDB

    stamp = _stamp(path, identity)
    pdb = open_matching(path, identity)
    try:
        data = build_index(pdb, stamp)
    finally:
        pdb.close()
    for place in places:
        with contextlib.suppress(OSError):  # not kept, it costs only time at the next look
            write_whole(place, [data])
            break
    return SymbolIndex(io.BytesIO(data), stamp)
