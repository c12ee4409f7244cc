"""Offsets of fields and sizes of structures, from the type records of a PDB.

Records refer to others by number. A definition is found by searching the stream for its name, so nothing is built for
the thousands of types that nobody asks for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.symbols.pdb.c_pdb import (
    FORWARD_REFERENCE,
    LF_CLASS,
    LF_FIELDLIST,
    LF_MODIFIER,
    LF_STRUCTURE,
    LF_UNION,
    MODIFIER,
    RECORD_HEADER,
    STRUCTURE_HEAD,
    TPI_HEADER,
    TYPE_STREAM,
    UNION_HEAD,
)
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.type_fields import Field, name_at, numeric_at, parse_fields, unpack_at

MAX_RECORDS = 4_000_000
MAX_MATCHES = 10_000
"""Places where a searched name may stand before we give up: it also stands in fields and behind longer names."""
MAX_STEPS = 16
"""Steps from a type to the one it stands for, and parts of a list of fields."""
MAX_BASES = 32


class Definition(NamedTuple):
    """One structure, class or union."""

    fields: int
    """Type index of its field list."""
    size: int
    """Bytes."""
    name: bytes
    forward: bool
    """Only announced here; the definition stands elsewhere."""


class PdbTypes:
    """The type records of one PDB. Needs the file only while it is made."""

    def __init__(self, msf: MsfFile) -> None:
        header = msf.read(TYPE_STREAM, 0, TPI_HEADER.size)
        if len(header) < TPI_HEADER.size:
            raise SymbolError(f"{msf.path} holds no types")
        _, header_size, self._first, _, size = TPI_HEADER.unpack(header)
        self._path = msf.path
        self._data = msf.read(TYPE_STREAM, header_size, size)
        self._starts = _record_starts(self._data)

    def size(self, type_name: str) -> int | None:
        """Bytes of a structure or union; None when there is no definition of that name.

        Raises:
            SymbolError: the types are damaged.
        """
        definition = self._find(type_name.encode("utf-8"))
        return definition.size if definition else None

    def field_offset(self, type_name: str, path: str) -> int | None:
        """Bytes from the start of a type to a field; ``A.B`` is field B of field A. None when there is none.

        Raises:
            SymbolError: the types are damaged.
        """
        definition = self._find(type_name.encode("utf-8"))
        offset = 0
        for name in path.encode("utf-8").split(b"."):
            field = self._field(definition, name) if definition else None
            if field is None:
                return None
            offset += field.offset
            definition = self._definition_of(field.type)
        return offset

    def _find(self, name: bytes) -> Definition | None:
        """The definition of that name."""
        ended = name + b"\0"
        at = self._data.find(ended)
        for _ in range(MAX_MATCHES):
            entry = bisect_right(self._starts, at) - 1
            if at < 0 or entry < 0 or not name:
                return None
            definition = self._parse(self._starts[entry])
            if definition and definition.name == name and not definition.forward:
                return definition
            at = self._data.find(ended, at + 1)
        raise SymbolError(f"{self._path}: gave up looking for the type {name.decode('utf-8', 'replace')}")

    def _start(self, type_index: int) -> int | None:
        number = type_index - self._first
        return self._starts[number] if 0 <= number < len(self._starts) else None

    def _kind(self, start: int) -> int:
        kind: int = RECORD_HEADER.unpack_from(self._data, start)[1]
        return kind

    def _definition_of(self, type_index: int) -> Definition | None:
        """The structure behind a type index, through const and volatile and its announcement."""
        for _ in range(MAX_STEPS):
            start = self._start(type_index)
            if start is None:
                return None
            if self._kind(start) != LF_MODIFIER:
                definition = self._parse(start)
                return self._find(definition.name) if definition and definition.forward else definition
            type_index = unpack_at(MODIFIER, self._data, start)[2]
        return None

    def _parse(self, start: int) -> Definition | None:
        kind = self._kind(start)
        if kind in (LF_STRUCTURE, LF_CLASS):
            properties, fields = unpack_at(STRUCTURE_HEAD, self._data, start)[3:5]
            at = start + STRUCTURE_HEAD.size
        elif kind == LF_UNION:
            properties, fields = unpack_at(UNION_HEAD, self._data, start)[3:5]
            at = start + UNION_HEAD.size
        else:
            return None
        size, at = numeric_at(self._data, at)
        return Definition(fields, size, name_at(self._data, at)[0], bool(properties & FORWARD_REFERENCE))

    def _field(self, definition: Definition, name: bytes) -> Field | None:
        """The field of that name, in the type itself or in what it is derived from."""
        pending = [(definition.fields, 0)]
        bases_left = MAX_BASES  # those that lead nowhere count too: looking for one may take long
        for fields, base_offset in pending:  # grows while it is walked
            for field in self._iter_fields(fields):
                offset = base_offset + field.offset
                if field.name == name:
                    return field._replace(offset=offset)
                if field.name or not bases_left:
                    continue
                bases_left -= 1
                base = self._definition_of(field.type)
                pending += [(base.fields, offset)] if base else []
        return None

    def _iter_fields(self, type_index: int) -> Iterator[Field]:
        """The fields of a list and of the lists that continue it."""
        seen: set[int] = set()
        next_list: int | None = type_index
        while next_list is not None and next_list not in seen and len(seen) < MAX_STEPS:
            seen.add(next_list)
            start = self._start(next_list)
            if start is None or self._kind(start) != LF_FIELDLIST:
                return
            length = RECORD_HEADER.unpack_from(self._data, start)[0]
            fields, next_list = parse_fields(self._data, start + RECORD_HEADER.size, start + 2 + length)
            yield from fields


def _record_starts(data: bytes) -> array[int]:
    """Where each record stands, up to the first one that breaks off."""
    starts = array("I")
    at, end = 0, len(data) - RECORD_HEADER.size
    while at <= end and len(starts) < MAX_RECORDS:
        starts.append(at)
        at += max(data[at] | data[at + 1] << 8, 2) + 2
    return starts
