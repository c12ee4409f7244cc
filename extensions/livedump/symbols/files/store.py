"""Files in folders and symbol stores: where a name may lie, and which of these places exist.

Only names that passed ``safe_file_name`` become part of a path, and only below a folder that the symbol path names.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.model.symbol_lookups import SymbolResult
from livedump.symbols.files.hostile_names import safe_file_name

MAX_FOLDER_ENTRIES = 100_000
TWO_TIER_MARK = "index2.txt"
STORE_KEY = re.compile(r"[0-9A-Fa-f]{33,40}")
POINTER_FILE = "file.ptr"
MAX_POINTER_BYTES = 4096
FRESH_NS = 2_000_000_000
"""A folder that changed so shortly ago may change again without its time telling."""


class StoreEntry(NamedTuple):
    """What is looked for: a file by name and key."""

    name: str
    """Safe to be part of a path."""
    key: str
    """GUID and age of a PDB; time stamp and size of an image."""

    @property
    def compressed_name(self) -> str:
        """The name under which symstore keeps a compressed file: its last character becomes an underscore."""
        return self.name[:-1] + "_"


class WantedFile(NamedTuple):
    """What is looked for."""

    entry: StoreEntry
    verify: Callable[[Path], object]
    """Raises a SymbolError when the file belongs to another image; asked before anything is kept."""


def pdb_entry(identity: PdbIdentity) -> StoreEntry | None:
    """What to look for; None when the image gives a name that must not become part of a path."""
    name = safe_file_name(identity.name)
    key = identity.store_key
    return StoreEntry(name, key) if name and STORE_KEY.fullmatch(key) else None


def image_entry(image_name: str, timestamp: int, size: int) -> StoreEntry | None:
    """What to look for when an image's missing pages are wanted; None for a name that must not be part of a path."""
    name = safe_file_name(image_name)
    return StoreEntry(name, f"{timestamp & 0xFFFFFFFF:08X}{size & 0xFFFFFFFF:x}") if name else None


def store_folder(root: Path, entry: StoreEntry) -> Path:
    """Where a store keeps the file; below two letters of its name when the store has two tiers."""
    tier = root / entry.name[:2].lower() if (root / TWO_TIER_MARK).is_file() else root
    return tier / entry.name / entry.key


def iter_files_below(root: Path, entry: StoreEntry, flat: bool) -> Iterator[Path]:
    """The file in the store at ``root`` and, with ``flat``, the one of that name in the folder itself."""
    if flat:
        yield from _present(root, (entry.name,))
    yield from _present(root, _parts(root, entry, entry.name))


def compressed_file(root: Path, entry: StoreEntry) -> Path | None:
    """The compressed form of the file in the store at ``root``."""
    return find_file(root, _parts(root, entry, entry.compressed_name))


def pointer_file(root: Path, entry: StoreEntry) -> Path | None:
    """The file in the store at ``root`` that says where the wanted one is."""
    return find_file(root, _parts(root, entry, POINTER_FILE))


def pointed_file(root: Path, entry: StoreEntry) -> Path | None:
    """The file that a ``file.ptr`` in the store at ``root`` points to; None without one.

    Raises:
        SymbolError: it points to another machine or to no file, or says that the file is gone.
    """
    pointer = pointer_file(root, entry)
    if pointer is None:
        return None
    try:
        with pointer.open("rb") as file:
            kind, _, text = file.read(MAX_POINTER_BYTES).decode("utf-8", "replace").strip().partition(":")
    except OSError as error:
        raise SymbolError(f"cannot read {pointer}: {error.strerror}") from error
    if kind.upper() != "PATH" or "\0" in text:
        raise SymbolError(f"{pointer} says: {text[:200]!r}", SymbolResult.REFUSED)
    if text[:2].replace("/", "\\") == "\\\\":  # Windows takes any mixture of slashes
        said = f"{pointer} points to another machine ({text[:200]!r}), which is not followed"
        raise SymbolError(said, SymbolResult.REFUSED)
    if not Path(text).is_absolute():
        raise SymbolError(f"{pointer} does not point to a file ({text[:200]!r})", SymbolResult.REFUSED)
    return Path(text)


def find_file(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The file below ``root``; upper and lower case are one, as they are on Windows."""
    exact = root.joinpath(*parts)
    if exact.is_file():
        return exact
    return None if os.name == "nt" else _find_any_case(root, parts)


def _present(root: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    found = find_file(root, parts)
    if found:
        yield found


def _parts(root: Path, entry: StoreEntry, name: str) -> tuple[str, ...]:
    return (*store_folder(root, entry).relative_to(root).parts, name)


def _find_any_case(root: Path, parts: tuple[str, ...]) -> Path | None:
    place = root
    for part in parts:
        match = _child(place, part)
        if match is None:
            return None
        place = match
    return place if place.is_file() else None


def _child(folder: Path, name: str) -> Path | None:
    if (folder / name).exists():
        return folder / name
    try:
        changed_ns = folder.stat().st_mtime_ns
        fresh = time.time_ns() - changed_ns < FRESH_NS
        names = (_names_below.__wrapped__ if fresh else _names_below)(str(folder), changed_ns)
    except OSError:
        return None
    found = names.get(name.lower())
    return folder / found if found else None


@lru_cache(maxsize=4)
def _names_below(folder: str, _changed_ns: int) -> dict[str, str]:
    """Names in a folder by their lower-case form; read again when the folder has changed."""
    names: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for _, entry in zip(range(MAX_FOLDER_ENTRIES), entries):
            names.setdefault(entry.name.lower(), entry.name)
    return names
