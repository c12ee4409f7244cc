"""A PDB that was found and proved to belong to its image, with its index and its types."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.symbols.index import SourceStamp, SymbolIndex, build_index, open_index
from livedump.symbols.path import SymbolPath, user_cache
from livedump.symbols.pdb import Pdb, open_pdb
from livedump.symbols.pdb_types import PdbTypes
from livedump.symbols.store import StoreEntry, iter_local_files, pdb_entry
from livedump.symbols.undecorate import undecorate

INDEX_SUFFIX = ".ldsymidx"


class FoundName(NamedTuple):
    """The nearest name at or below an RVA."""

    name: str
    """As the debugger shows it."""
    offset: int


class LoadedPdb:
    """Names and types of one image."""

    def __init__(self, path: Path, identity: PdbIdentity, index: SymbolIndex) -> None:
        self.path = path
        self._identity = identity
        self._index = index
        self._types: PdbTypes | None = None

    def close(self) -> None:
        """Gives the files back."""
        self._index.close()

    def find(self, rva: int) -> FoundName | None:
        """The nearest name at or below ``rva`` in the same section."""
        try:
            found = self._index.find(rva)
        except SymbolError:
            self._index = _rebuilt_index(self.path, self._identity)
            found = self._index.find(rva)
        if found is None:
            return None
        text = found.name.decode("utf-8", "replace")
        return FoundName(undecorate(text) if found.decorated else text, found.offset)

    def field_offset(self, type_name: str, field: str) -> int | None:
        """Bytes from the start of a structure to a field; None when the PDB does not know it."""
        return self._type_stream().field_offset(type_name, field)

    def type_size(self, type_name: str) -> int | None:
        """Bytes of a structure or union; None when the PDB does not know it."""
        return self._type_stream().size(type_name)

    def _type_stream(self) -> PdbTypes:
        if self._types is None:
            pdb = open_matching(self.path, self._identity)
            try:
                self._types = PdbTypes(pdb.msf)
            finally:
                pdb.close()
        return self._types


def load_pdb(identity: PdbIdentity, search_path: SymbolPath) -> LoadedPdb:
    """The first PDB on the path that belongs to the image.

    Raises:
        SymbolError: there is none; the message names what was tried and why it would not do.
    """
    entry = pdb_entry(identity)
    if entry is None:
        raise SymbolError("the image names a PDB that cannot be a file name")
    tried = list(search_path.notes)
    for path in iter_local_files(search_path, entry):
        try:
            return _load(path, identity)
        except SymbolError as error:
            tried.append(str(error))
    raise SymbolError(_not_found(entry, search_path, tried))


def open_matching(path: Path, identity: PdbIdentity) -> Pdb:
    """The PDB at ``path``, proved to belong to the image; the caller closes it.

    Raises:
        SymbolError: it is damaged, or belongs to another image.
    """
    pdb = open_pdb(path)
    if (pdb.guid, pdb.age) != (identity.guid, identity.age):
        pdb.close()
        raise SymbolError(f"mismatch: {path} is {pdb.guid}{pdb.age:X}, the image wants {identity.store_key}")
    return pdb


def _not_found(entry: StoreEntry, search_path: SymbolPath, tried: list[str]) -> str:
    places = ", ".join(source.location for source in search_path.sources) or "an empty symbol path"
    return "; ".join([f"{entry.name} {entry.key} not found: tried {places}", *tried])


def _load(path: Path, identity: PdbIdentity) -> LoadedPdb:
    stamp = _stamp(path, identity)
    try:
        index = open_index(_index_path(path, identity), stamp)
    except SymbolError:
        index = _rebuilt_index(path, identity)
    return LoadedPdb(path, identity, index)


def _stamp(path: Path, identity: PdbIdentity) -> SourceStamp:
    try:
        status = path.stat()
    except OSError as error:
        raise SymbolError(f"cannot open {path}: {error.strerror}") from error
    return SourceStamp(identity.guid, identity.age, status.st_size, status.st_mtime_ns)


def _index_path(path: Path, identity: PdbIdentity) -> Path:
    """Beside a PDB in a store; in the user's cache for one in a folder that may hold anything."""
    if path.parent.name.upper() == identity.store_key and os.access(path.parent, os.W_OK):
        return path.with_name(path.name + INDEX_SUFFIX)
    return user_cache(os.environ) / "index" / path.name / identity.store_key / (path.name + INDEX_SUFFIX)


def _rebuilt_index(path: Path, identity: PdbIdentity) -> SymbolIndex:
    stamp = _stamp(path, identity)
    pdb = open_matching(path, identity)
    try:
        data = build_index(pdb, stamp)
    finally:
        pdb.close()
    _keep(_index_path(path, identity), data)
    return SymbolIndex(io.BytesIO(data), stamp)


def _keep(path: Path, data: bytes) -> None:
    """Writes the file whole or not at all; a folder that takes no file costs only time at the next look."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink()
            raise
    except OSError:
        return
