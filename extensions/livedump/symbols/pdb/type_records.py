"""The type records of a PDB: by number, and by name.

A large PDB has a hundred thousand of them and a dump needs twenty. So none is looked at before it is asked for: the
stream's own tables lead to a record by its number and to the few that may have a name. Where those tables do not agree
with the records, all records are counted through once and names are searched for.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.fields import u32_array
from livedump.symbols.pdb.c_pdb import (
    ENUM_HEAD,
    FORWARD_REFERENCE,
    HAS_UNIQUE_NAME,
    INDEX_OFFSET,
    LF_CLASS,
    LF_ENUM,
    LF_MODIFIER,
    LF_STRUCTURE,
    LF_UNION,
    MODIFIER,
    NO_STREAM,
    RECORD_HEADER,
    STRUCTURE_HEAD,
    TPI_HASH_HEADER,
    TPI_HEADER,
    TPI_KEY_SIZE,
    TYPE_STREAM,
    UNION_HEAD,
)
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.type_fields import name_at, numeric_at, unpack_at

MAX_RECORDS = 4_000_000
MAX_MATCHES = 10_000
"""Records of one hash, or places of one name, that are looked at: a name also stands in fields and in longer names."""
MAX_LOOKED_AT = 1_000_000
"""The same for all names that are ever asked for; a sound PDB takes two or three for each."""
NAMELESS = (b"__unnamed", b"<unnamed-", b"<anonymous-")
"""How compilers begin the last part of a name that they made up; several types may have the same."""
MAX_STEPS = 16
"""Steps from a type to the one that it stands for."""


class Definition(NamedTuple):
    """One structure, class, union or enumeration."""

    kind: int
    """LF_*."""
    fields: int
    """Type index of its list of fields."""
    size: int
    """Bytes; 0 of an enumeration."""
    name: bytes
    forward: bool
    """Only announced here; the definition stands elsewhere."""
    unique_name: bytes = b""
    """As the linker sees it; empty where there is none. Types without a name of their own differ by it."""
    underlying: int = 0
    """Type index of an enumeration's numbers."""


class Chunk(NamedTuple):
    """A row of records whose first is known by its number."""

    first: int
    """Type index of the first record."""
    start: int
    """Where it stands."""


class TypeRecords:
    """The records of one PDB. Needs the file only while it is made."""

    def __init__(self, msf: MsfFile) -> None:
        header = msf.read(TYPE_STREAM, 0, TPI_HEADER.size)
        if len(header) < TPI_HEADER.size:
            raise SymbolError(f"{msf.path} holds no types")
        _, header_size, self.first, self._end, size = TPI_HEADER.unpack(header)
        self.path = msf.path
        self.data = msf.read(TYPE_STREAM, header_size, size)
        self._buckets, self._hashes, self._chunks = _read_tables(msf, self.first, self._end, len(self.data))
        self._chunk_starts: dict[int, array[int]] = {}
        self._found: dict[tuple[bytes, bytes], Definition | None] = {}
        self._looked_at = 0

    def start(self, type_index: int) -> int | None:
        """Where the record of that number stands; None when there is none."""
        if not self.first <= type_index:
            return None
        if self._chunks:
            chunk = bisect_right(self._chunks, (type_index, len(self.data))) - 1
            starts = self._starts_in(chunk)
            if starts is not None:
                number = type_index - self._chunks[chunk].first
                return starts[number] if number < len(starts) else None
        number = type_index - self.first
        return self._all_starts[number] if number < len(self._all_starts) else None

    def kind(self, start: int) -> int:
        """LF_* of the record that stands there."""
        kind: int = RECORD_HEADER.unpack_from(self.data, start)[1]
        return kind

    def end(self, start: int) -> int:
        """The first byte behind the record that stands there."""
        length: int = RECORD_HEADER.unpack_from(self.data, start)[0]
        return min(start + 2 + length, len(self.data))

    def unpack(self, layout: struct.Struct, start: int) -> tuple[Any, ...]:
        """The fields of the record that stands there.

        Raises:
            SymbolError: the types end inside it.
        """
        return unpack_at(layout, self.data, start)

    def find(self, name: bytes, unique_name: bytes = b"") -> Definition | None:
        """The definition of that name, and of that unique name where one is given; the largest where there are several.

        Raises:
            SymbolError: the types are damaged, or the name stands in too many places.
        """
        key = name, unique_name
        if key not in self._found:
            self._found[key] = self._look_for(name, unique_name) if name else None
        return self._found[key]

    def definition(self, start: int) -> Definition | None:
        """What the record that stands there defines or announces; None when it does neither.

        Raises:
            SymbolError: it breaks off.
        """
        kind, underlying = self.kind(start), 0
        if kind in (LF_STRUCTURE, LF_CLASS):
            properties, fields = self.unpack(STRUCTURE_HEAD, start)[3:5]
            size, at = numeric_at(self.data, start + STRUCTURE_HEAD.size)
        elif kind == LF_UNION:
            properties, fields = self.unpack(UNION_HEAD, start)[3:5]
            size, at = numeric_at(self.data, start + UNION_HEAD.size)
        elif kind == LF_ENUM:
            properties, underlying, fields = self.unpack(ENUM_HEAD, start)[3:]
            size, at = 0, start + ENUM_HEAD.size
        else:
            return None
        name, at = name_at(self.data, at)
        unique = name_at(self.data, at)[0] if properties & HAS_UNIQUE_NAME and at < self.end(start) else b""
        return Definition(kind, fields, size, name, bool(properties & FORWARD_REFERENCE), unique, underlying)

    def defined(self, announced: Definition) -> Definition | None:
        """The definition of a type that may only be announced; None when there is none, or one can only be guessed."""
        if not announced.forward:
            return announced
        if not announced.unique_name and is_nameless(announced.name):
            return None
        return self.find(announced.name, announced.unique_name)

    def unmodified(self, type_index: int) -> int:
        """The type behind const and volatile, which may be a simple one."""
        for _ in range(MAX_STEPS):
            start = self.start(type_index)
            if start is None or self.kind(start) != LF_MODIFIER:
                break
            type_index = self.unpack(MODIFIER, start)[2]
        return type_index

    def _look_for(self, name: bytes, unique_name: bytes) -> Definition | None:
        key = unique_name or name
        for starts in (self._iter_hashed(key), self._iter_hashed(name), self._iter_searched(key)):
            found = self._largest(starts, name, unique_name)
            if found is not None:
                return found
        return None

    def _largest(self, starts: Iterator[int], name: bytes, unique_name: bytes) -> Definition | None:
        found = [self.definition(start) for start in islice(starts, MAX_MATCHES)]
        self._looked_at += len(found)
        if len(found) == MAX_MATCHES or self._looked_at > MAX_LOOKED_AT:
            raise SymbolError(f"{self.path}: gave up looking for the type {name.decode('utf-8', 'replace')}")
        named = [each for each in found if each is not None and each.name == name and not each.forward]
        whole = [each for each in named if not unique_name or each.unique_name == unique_name]
        return max(whole, key=lambda each: each.size, default=None)

    def _iter_hashed(self, name: bytes) -> Iterator[int]:
        """Where the records stand that have the hash of a name; none without hashes."""
        if not self._buckets:
            return
        wanted = (hash_of_name(name) % self._buckets).to_bytes(TPI_KEY_SIZE, "little")
        at = self._hashes.find(wanted)
        while at >= 0:
            start = self.start(self.first + at // TPI_KEY_SIZE) if at % TPI_KEY_SIZE == 0 else None
            if start is not None:
                yield start
            at = self._hashes.find(wanted, at + 1)

    def _iter_searched(self, name: bytes) -> Iterator[int]:
        """Where the records stand that hold a name."""
        ended = name + b"\0"
        at = self.data.find(ended)
        while at >= 0:
            start = self._start_before(at)
            if start is not None:
                yield start
            at = self.data.find(ended, at + 1)

    def _start_before(self, at: int) -> int | None:
        chunk = bisect_right(self._chunk_places, at) - 1
        starts = self._starts_in(chunk) if chunk >= 0 else None
        starts = starts if starts is not None else self._all_starts
        entry = bisect_right(starts, at) - 1
        return starts[entry] if entry >= 0 else None

    def _starts_in(self, chunk: int) -> array[int] | None:
        """Where the records of a chunk stand; None when the tables and the records disagree."""
        known = self._chunk_starts.get(chunk)
        if known is not None:
            return known
        if not 0 <= chunk < len(self._chunks):
            return None
        last = chunk + 1 == len(self._chunks)
        following = Chunk(self._end, len(self.data)) if last else self._chunks[chunk + 1]
        first, start = self._chunks[chunk]
        starts = _record_starts(self.data, start, following.start)
        if len(starts) != following.first - first or _behind(self.data, starts, start) != following.start:
            self._chunks, self._buckets = [], 0
            return None
        self._chunk_starts[chunk] = starts
        return starts

    @cached_property
    def _chunk_places(self) -> list[int]:
        return [chunk.start for chunk in self._chunks]

    @cached_property
    def _all_starts(self) -> array[int]:
        return _record_starts(self.data, 0, len(self.data))


def is_nameless(name: bytes) -> bool:
    """Whether a compiler made the name up."""
    return name.rpartition(b"::")[2].startswith(NAMELESS)


def hash_of_name(name: bytes) -> int:
    """The hash by which a type's name is looked up."""
    words = struct.unpack_from(f"<{len(name) // 4}I", name)
    result, rest = 0, name[len(name) & ~3 :]
    for word in words:
        result ^= word
    if len(rest) >= 2:
        result ^= rest[0] | rest[1] << 8
    if len(rest) % 2:
        result ^= rest[-1]
    result |= 0x20202020
    result ^= result >> 11
    return result ^ result >> 16


def _read_tables(msf: MsfFile, first: int, end: int, size: int) -> tuple[int, bytes, list[Chunk]]:
    """Buckets, hash of each record, and chunks; 0 and nothing where the tables are not there or make no sense."""
    header = msf.read(TYPE_STREAM, 0, TPI_HASH_HEADER.size)
    if len(header) < TPI_HASH_HEADER.size:
        return 0, b"", []
    stream, _, key_size, buckets, at, length, chunks_at, chunks_length, _, _ = TPI_HASH_HEADER.unpack(header)
    if stream == NO_STREAM or min(at, chunks_at) < 0:
        return 0, b"", []
    chunks = _sound_chunks(msf.read(stream, chunks_at, chunks_length), first, end, size)
    if key_size != TPI_KEY_SIZE or length != (end - first) * TPI_KEY_SIZE:
        return 0, b"", chunks
    hashes = msf.read(stream, at, length)
    return (buckets, hashes, chunks) if len(hashes) == length and chunks else (0, b"", chunks)


def _sound_chunks(table: bytes, first: int, end: int, size: int) -> list[Chunk]:
    """The chunks of a table that begins where the records do and rises; else none."""
    numbers = u32_array(table[: len(table) // INDEX_OFFSET.size * INDEX_OFFSET.size])
    chunks = [Chunk(*pair) for pair in zip(numbers[::2], numbers[1::2])]
    if not chunks or chunks[0] != (first, 0):
        return []
    rising = all(one.first < next_.first and one.start < next_.start for one, next_ in zip(chunks, chunks[1:]))
    return chunks if rising and chunks[-1].first < end and chunks[-1].start < size else []


def _record_starts(data: bytes, at: int, end: int) -> array[int]:
    """Where each record stands, up to the first one that breaks off."""
    starts = array("I")
    last = end - RECORD_HEADER.size
    while at <= last and len(starts) < MAX_RECORDS:
        starts.append(at)
        at += max(data[at] | data[at + 1] << 8, 2) + 2
    return starts


def _behind(data: bytes, starts: array[int], first: int) -> int:
    """The first byte behind the last of some records."""
    if not starts:
        return first
    return starts[-1] + max(data[starts[-1]] | data[starts[-1] + 1] << 8, 2) + 2
