"""The field list of a structure: pure functions from the bytes of a record to names, types and offsets."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from livedump.model.errors import SymbolError
from livedump.symbols.pdb.c_pdb import (
    LF_BCLASS,
    LF_ENUMERATE,
    LF_INDEX,
    LF_IVBCLASS,
    LF_MEMBER,
    LF_METHOD,
    LF_NESTTYPE,
    LF_NUMERIC,
    LF_ONEMETHOD,
    LF_PAD_FIRST,
    LF_STMEMBER,
    LF_VBCLASS,
    LF_VFUNCTAB,
    MEMBER_HEAD,
    METHOD_INTRODUCING_KINDS,
    NUMERIC_SIZES,
    U16,
    VIRTUAL_BASE_HEAD,
)


class MemberRecord(NamedTuple):
    """One field; a base class, or an unnamed structure, when it has no name."""

    name: bytes
    type: int
    """Type index."""
    offset: int
    """Bytes from the start of the type."""


def parse_fields(data: bytes, at: int, end: int) -> tuple[list[MemberRecord], int | None]:
    """The fields that lie in the type itself, and the type index of the list that continues this one.

    Raises:
        SymbolError: a member is of a kind that is not known, or breaks off.
    """
    fields: list[MemberRecord] = []
    end = min(end, len(data))
    while at + MEMBER_HEAD.size <= end:
        if data[at] >= LF_PAD_FIRST:
            at += max(data[at] & 0x0F, 1)
            continue
        kind, _, target = unpack_at(MEMBER_HEAD, data, at)
        if kind == LF_INDEX:
            return fields, target
        if kind in (LF_MEMBER, LF_BCLASS):
            offset, name_start = numeric_at(data, at + MEMBER_HEAD.size)
            name, at = name_at(data, name_start) if kind == LF_MEMBER else (b"", name_start)
            fields.append(MemberRecord(name, target, offset))
        else:
            at = _end_of_other(data, at, kind)
    return fields, None


def numeric_at(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable width at ``at``, and where it ends.

    Raises:
        SymbolError: it is of a width that is not known.
    """
    value: int = unpack_at(U16, data, at)[0]
    if value < LF_NUMERIC:
        return value, at + 2
    size = NUMERIC_SIZES.get(value)
    if size is None:
        raise SymbolError(f"the PDB's types are damaged: a number of kind {value:#x}")
    return int.from_bytes(data[at + 2 : at + 2 + size], "little"), at + 2 + size


def name_at(data: bytes, at: int) -> tuple[bytes, int]:
    """The NUL-terminated name at ``at``, and where what follows it begins.

    Raises:
        SymbolError: it has no end.
    """
    end = data.find(b"\0", at)
    if end < 0:
        raise SymbolError("the PDB's types are damaged: a name has no end")
    return data[at:end], end + 1


def unpack_at(layout: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    """The fields of a structure.

    Raises:
        SymbolError: the types end inside it.
    """
    if at + layout.size > len(data):
        raise SymbolError("the PDB's types are damaged: a record breaks off")
    return layout.unpack_from(data, at)


def _end_of_other(data: bytes, at: int, kind: int) -> int:
    """Where a member ends that takes no room in the type."""
    if kind in (LF_STMEMBER, LF_NESTTYPE, LF_METHOD):
        return name_at(data, at + MEMBER_HEAD.size)[1]
    if kind == LF_ONEMETHOD:
        introducing = data[at + 2] >> 2 & 7 in METHOD_INTRODUCING_KINDS
        return name_at(data, at + MEMBER_HEAD.size + (4 if introducing else 0))[1]
    if kind == LF_VFUNCTAB:
        return at + MEMBER_HEAD.size
    if kind in (LF_VBCLASS, LF_IVBCLASS):
        return numeric_at(data, numeric_at(data, at + VIRTUAL_BASE_HEAD.size)[1])[1]
    if kind == LF_ENUMERATE:
        return name_at(data, numeric_at(data, at + U16.size * 2)[1])[1]
    raise SymbolError(f"the PDB's types are damaged: a member of kind {kind:#x}")
