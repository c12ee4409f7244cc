"""CodeView symbol records: pure functions from the bytes of a stream to names at section offsets.

These loops see every record of a PDB, so they are written for speed: one unpack and one search a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from livedump.symbols.c_pdb import (
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
"""section (from 1), offset in it, name, whether the name is as the linker sees it, decorated."""


def iter_data_and_publics(records: bytes) -> Iterator[Located]:
    """Publics and data of the stream of global symbol records, up to the first damaged record."""
    unpack, head, find = PUBLIC_SYMBOL.unpack_from, PUBLIC_SYMBOL.size, records.find
    at, last = 0, len(records) - PUBLIC_SYMBOL.size
    while at < last:
        length, kind, _, offset, segment = unpack(records, at)
        if kind in (S_PUB32, S_GDATA32, S_LDATA32):
            end = at + length + 2
            yield segment, offset, records[at + head : _name_end(find, at + head, end)], kind == S_PUB32
        at += max(length, 2) + 2


def iter_module_symbols(records: bytes) -> Iterator[Located]:
    """Procedures, thunks and data of one object file, up to the first damaged record."""
    at, last = MODULE_SYMBOLS_SIGNATURE, len(records) - RECORD_HEADER.size
    while at < last:
        length, kind = RECORD_HEADER.unpack_from(records, at)
        following = at + max(length, 2) + 2
        if kind in PROCEDURE_KINDS and at + PROCEDURE_SYMBOL.size < len(records):
            symbol, scope_end = _procedure(records, at, following)
            yield symbol
            following = scope_end if following < scope_end < len(records) else following
        elif kind == S_THUNK32 and at + THUNK_SYMBOL.size < len(records):
            yield _thunk(records, at, following)
        elif kind in (S_LDATA32, S_GDATA32) and at + PUBLIC_SYMBOL.size < len(records):
            yield _data(records, at, following)
        at = following


def _name_end(find: Callable[[bytes, int, int], int], start: int, end: int) -> int:
    """Where the name that begins at ``start`` ends: at its NUL, or with its record."""
    nul = find(b"\0", start, end)
    return nul if nul >= 0 else end


def _procedure(records: bytes, at: int, end: int) -> tuple[Located, int]:
    """The procedure, and where the record that closes its scope stands: what lies between are its locals."""
    _, _, _, scope_end, _, _, _, _, _, offset, segment, _ = PROCEDURE_SYMBOL.unpack_from(records, at)
    name = at + PROCEDURE_SYMBOL.size
    return (segment, offset, records[name : _name_end(records.find, name, end)], False), scope_end


def _thunk(records: bytes, at: int, end: int) -> Located:
    _, _, _, _, _, offset, segment, _, _ = THUNK_SYMBOL.unpack_from(records, at)
    name = at + THUNK_SYMBOL.size
    return segment, offset, records[name : _name_end(records.find, name, end)], True  # named as the linker does


def _data(records: bytes, at: int, end: int) -> Located:
    _, _, _, offset, segment = PUBLIC_SYMBOL.unpack_from(records, at)
    name = at + PUBLIC_SYMBOL.size
    return segment, offset, records[name : _name_end(records.find, name, end)], False
