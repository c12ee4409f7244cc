"""CodeView symbol records: pure functions from the bytes of a stream to names at section offsets.

These loops see every record of a PDB, so they are written for speed: one unpack and one search a record.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.c_pdb import (
    MODULE_SYMBOLS_SIGNATURE,
    PROCEDURE_KINDS,
    PROCEDURE_SYMBOL,
    PUBLIC_SYMBOL,
    RECORD_HEADER,
    S_GDATA32,
    S_LDATA32,
    S_PUB32,
    S_THUNK32,
    THUNK_SYMBOL,
)

Located = tuple[int, int, bytes, bool]
"""section (from 1), offset in it, name, whether the name is public: as the linker sees it, decorated."""

MAX_PLACES = 10_000
"""Where a name is looked at that is searched for: longer names end like it."""


class Shape(NamedTuple):
    """How a record begins that names something in an object file."""

    layout: struct.Struct
    """Up to the name."""
    offset: int
    """Which field is the offset; the section is the next one."""


PROCEDURE = Shape(PROCEDURE_SYMBOL, 9)
DATA = Shape(PUBLIC_SYMBOL, 3)
THUNK = Shape(THUNK_SYMBOL, 5)
MODULE_KINDS = {**dict.fromkeys(PROCEDURE_KINDS, PROCEDURE), S_LDATA32: DATA, S_GDATA32: DATA, S_THUNK32: THUNK}


def iter_data_and_publics(records: bytes) -> Iterator[Located]:
    """Publics and data of the stream of global symbol records, up to the first damaged record."""
    unpack, head = PUBLIC_SYMBOL.unpack_from, PUBLIC_SYMBOL.size
    at, last = 0, len(records) - PUBLIC_SYMBOL.size
    while at < last:
        length, kind, _, offset, segment = unpack(records, at)
        following = at + max(length, 2) + 2
        if kind in (S_PUB32, S_GDATA32, S_LDATA32):
            yield segment, offset, _name(records, at + head, following), kind == S_PUB32
        at = following


def find_global(records: bytes, name: bytes) -> tuple[int, int] | None:
    """Section and offset of the public, else of the data, of that name in the stream of global symbol records.

    The stream is searched, not walked: a kernel's has a hundred thousand records.
    """
    ended, head = name + b"\0", PUBLIC_SYMBOL.size
    at, found = records.find(ended) if name else -1, None
    for _ in range(MAX_PLACES):
        if at < 0:
            break
        if at >= head:
            length, kind, _, offset, segment = PUBLIC_SYMBOL.unpack_from(records, at - head)
            whole = at - head + length + 2 >= at + len(ended)
            if whole and kind == S_PUB32:
                return segment, offset
            if whole and kind in (S_GDATA32, S_LDATA32):
                found = found or (segment, offset)
        at = records.find(ended, at + 1)
    return found


def iter_module_symbols(records: bytes) -> Iterator[Located]:
    """Procedures, thunks and data of one object file, up to the first damaged record."""
    unpack, shapes = RECORD_HEADER.unpack_from, MODULE_KINDS
    at, last = MODULE_SYMBOLS_SIGNATURE, len(records) - RECORD_HEADER.size
    while at < last:
        length, kind = unpack(records, at)
        following = at + max(length, 2) + 2
        shape = shapes.get(kind)
        if shape is not None and at + shape.layout.size < following <= len(records):
            offset, segment = shape.layout.unpack_from(records, at)[shape.offset : shape.offset + 2]
            name = _name(records, at + shape.layout.size, following)
            yield segment, offset, _thunk_name(name) if shape is THUNK else name, False
        at = following


def _thunk_name(name: bytes) -> bytes:
    """The linker made the thunk, so its name is decorated though it does not stand among the publics."""
    return undecorate(name.decode("utf-8", "replace")).encode("utf-8")


def _name(records: bytes, start: int, end: int) -> bytes:
    """The name that begins at ``start``: up to its NUL, or as far as its record goes."""
    nul = records.find(b"\0", start, end)
    return records[start : nul if nul >= 0 else end]
