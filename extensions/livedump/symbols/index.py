"""Names by RVA in one file that is read in place: opening it costs one read of the start RVAs, a name costs one more.

An index is made from a PDB and can be thrown away at any time: whatever looks wrong about one raises a SymbolError, and
whoever asked builds it anew.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from bisect import bisect_right
from pathlib import Path
from typing import BinaryIO, NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.fields import u32_array
from livedump.symbols.c_index import INDEX_HEADER, INDEX_HEADER_FIELDS, INDEX_MAGIC, INDEX_VERSION, NAME_HEAD
from livedump.symbols.pdb.pdb_file import Pdb, Symbol

MAX_SYMBOLS = 1_000_000
MAX_NAME_BYTES = 4096
"""MSVC makes no longer ones."""
USUAL_NAME_BYTES = 120
"""Read along with a name's head; longer names cost another read."""
U32_MAX = 0xFFFFFFFF


class SourceStamp(NamedTuple):
    """Which file an index was made from."""

    guid: str
    age: int
    size: int
    changed_ns: int


class IndexedName(NamedTuple):
    """The nearest name at or below an RVA."""

    name: bytes
    decorated: bool
    offset: int
    """Bytes from the name's start to the RVA."""


class SymbolIndex:
    """One open index."""

    def __init__(self, file: BinaryIO, stamp: SourceStamp) -> None:
        self._file = file
        self._starts = self._read_starts(stamp)
        self._name_positions = INDEX_HEADER.size + 4 * len(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def find(self, rva: int) -> IndexedName | None:
        """The nearest name at or below ``rva`` in the same section; None when there is none.

        Raises:
            SymbolError: the index is damaged.
        """
        entry = bisect_right(self._starts, rva) - 1
        if entry < 0:
            return None
        start = self._starts[entry]
        name, decorated = self._name(entry, start)
        return IndexedName(name, decorated, rva - start) if name else None

    def _name(self, entry: int, start: int) -> tuple[bytes, bool]:
        position = int.from_bytes(self._read(self._name_positions + 4 * entry, 4), "little")
        position += self._name_positions + 4 * len(self._starts)
        near = self._read(position, NAME_HEAD.size, USUAL_NAME_BYTES)
        crc, decorated, length = NAME_HEAD.unpack_from(near)
        name = near[NAME_HEAD.size : NAME_HEAD.size + length]
        if len(name) < length:
            name = self._read(position + NAME_HEAD.size, length)
        if zlib.crc32(name, start) != crc:
            raise SymbolError("the symbol index is damaged: a name does not match its checksum")
        return name, bool(decorated)

    def _read_starts(self, stamp: SourceStamp) -> array[int]:
        header = self._read(0, INDEX_HEADER.size)
        magic, version, count, guid, age, size, changed_ns, _, crc, header_crc = INDEX_HEADER.unpack(header)
        if magic != INDEX_MAGIC or version != INDEX_VERSION or zlib.crc32(header[:-4]) != header_crc:
            raise SymbolError("not a symbol index of this version")
        if SourceStamp(guid.decode("ascii", "replace"), age, size, changed_ns) != stamp or count > MAX_SYMBOLS:
            raise SymbolError("the symbol index was made from another PDB")
        starts = self._read(INDEX_HEADER.size, 4 * count)
        if zlib.crc32(starts) != crc:
            raise SymbolError("the symbol index is damaged: its addresses do not match their checksum")
        return u32_array(starts)

    def _read(self, offset: int, size: int, more: int = 0) -> bytes:
        """``size`` bytes, and up to ``more`` if the file goes on."""
        try:
            self._file.seek(offset)
            data = self._file.read(size + more)
        except (OSError, ValueError) as error:  # a ValueError when it was closed
            raise SymbolError(f"cannot read the symbol index: {error}") from error
        if len(data) < size:
            raise SymbolError("the symbol index is cut short")
        return data


def open_index(path: Path, stamp: SourceStamp) -> SymbolIndex:
    """The index at ``path``, when it was made from the PDB of that stamp.

    Raises:
        SymbolError: there is none, it is damaged, or it was made from something else.
    """
    try:
        file = path.open("rb", buffering=0)
    except (OSError, ValueError) as error:
        raise SymbolError(f"no symbol index at {path}") from error
    try:
        return SymbolIndex(file, stamp)
    except SymbolError:
        file.close()
        raise


def build_index(pdb: Pdb, stamp: SourceStamp) -> bytes:
    """The bytes of the index of a PDB.

    Raises:
        SymbolError: the PDB is damaged, or holds more names than are ever kept.
    """
    symbols = _chosen_symbols(pdb)
    starts, positions, names = array("I"), array("I"), bytearray()
    for rva, name, decorated in symbols:
        starts.append(rva)
        positions.append(len(names))
        kept = name[:MAX_NAME_BYTES]
        names += NAME_HEAD.pack(zlib.crc32(kept, rva), decorated, len(kept)) + kept
    table = _little_endian(starts)
    fields = INDEX_HEADER_FIELDS.pack(
        INDEX_MAGIC, INDEX_VERSION, len(starts), stamp.guid.encode("ascii"), *stamp[1:], len(names), zlib.crc32(table)
    )
    return b"".join((fields, zlib.crc32(fields).to_bytes(4, "little"), table, _little_endian(positions), names))


def _chosen_symbols(pdb: Pdb) -> list[Symbol]:
    """One symbol for an RVA, by RVA. A section begins with a nameless one: no name reaches across its start.

    dbghelp does the same: it prefers what the compiler named, of several publics it takes the first by name, and it
    stays in the section.
    """
    chosen: dict[int, Symbol] = {}
    for symbol in pdb.iter_symbols():
        known = chosen.get(symbol.rva)
        if known is None or (known.decorated and (not symbol.decorated or symbol.name < known.name)):
            chosen[symbol.rva] = symbol
        if len(chosen) > MAX_SYMBOLS:
            raise SymbolError(f"{pdb.path} holds more than {MAX_SYMBOLS} names")
    for section in pdb.sections():
        chosen.setdefault(section.start, Symbol(section.start, b"", False))
    return [chosen[rva] for rva in sorted(chosen) if 0 <= rva <= U32_MAX]


def _little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
