"""From bytes to values: what decodes a member is made once for a structure, and called for each one in memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import find_unicode_string, text_of_bytes
from livedump.model.errors import MemoryGap, NotKnown
from livedump.model.layout import Member, MemberType, TypeKind
from livedump.model.text import clean_text

LARGEST_TEXT = 0x4000

FORMATS = {(1, False): "<B", (1, True): "<b", (2, False): "<H", (2, True): "<h", (4, False): "<I", (4, True): "<i",
           (8, False): "<Q", (8, True): "<q"}  # fmt: skip
"""How ``struct`` reads a number, by its bytes and whether it has a sign."""
_NUMBERS = {form: struct.Struct(form) for form in FORMATS.values()}
_UNICODE_STRING, _UNICODE_STRING_BYTES = "_UNICODE_STRING", 16

T = TypeVar("T")


class View(Protocol):
    """A structure in memory as those see it that decode its members."""

    address: int
    memory: TypedMemory
    pieces: list[bytes | None]
    """The pieces that were read, each as far as it is there."""

    def load(self, piece: int) -> bytes:
        """Reads a piece and keeps it."""

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Bytes that are not in a piece."""


Decode = Callable[[View], T]
"""Raises a DumpError when the value is not known."""


class Slot(NamedTuple):
    """Where a member stands, and in which piece it is read along."""

    member: Member
    piece: int | None
    """None of what is read by itself."""
    start: int
    """Where the piece begins."""


def number(slot: Slot) -> Decode[int]:
    """Decodes a number, a pointer, an enumeration or bits as a number."""
    place, layout = slot.member, _NUMBERS[number_format(slot.member)]
    whole = _alone(layout, place.offset) if slot.piece is None else _in_piece(layout, slot, slot.piece)
    if place.bits is None or place.first_bit is None:
        return whole
    if not 0 <= place.first_bit < place.first_bit + place.bits <= 8 * layout.size:
        raise NotKnown(f"has bits {place.first_bit} to {place.first_bit + place.bits} of {8 * layout.size}")
    shift, mask = place.first_bit, (1 << place.bits) - 1
    return lambda view: whole(view) >> shift & mask


def _alone(layout: struct.Struct, offset: int) -> Decode[int]:
    def decode(view: View) -> int:
        value: int = layout.unpack(view.bytes_at(offset, layout.size))[0]
        return value

    return decode


def _in_piece(layout: struct.Struct, slot: Slot, piece: int) -> Decode[int]:
    unpack, at, alone = layout.unpack_from, slot.member.offset - slot.start, _alone(layout, slot.member.offset)

    def decode(view: View) -> int:
        data = view.pieces[piece]
        if data is None:
            data = view.load(piece)
        try:
            value: int = unpack(data, at)[0]
        except struct.error:  # behind the part of the piece that is there
            return alone(view)
        return value

    return decode


def number_format(place: Member) -> str:
    """How ``struct`` reads the number, pointer or enumeration, or the unit of the bits, that a member is.

    Raises:
        NotKnown: it is something else.
    """
    return FORMATS[number_size(place.type), place.type.signed and place.bits is None]


def number_size(kind: MemberType) -> int:
    """Bytes of what can be read as a number.

    Raises:
        NotKnown: it cannot.
    """
    numeric = kind.kind in (TypeKind.INTEGER, TypeKind.ENUM, TypeKind.POINTER, TypeKind.STRUCTURE)
    if not numeric or kind.size not in (1, 2, 4, 8):
        raise NotKnown(f"is no number in this build but {kind}")
    return kind.size


def bytes_of(slot: Slot, size: int) -> Decode[bytes]:
    """Decodes the ``size`` bytes where a member stands as they are."""
    offset, piece, at = slot.member.offset, slot.piece, slot.member.offset - slot.start

    def decode(view: View) -> bytes:
        data = view.pieces[piece] if piece is not None else b""
        if data is None and piece is not None:
            data = view.load(piece)
        found = (data or b"")[at : at + size]
        return found if len(found) == size else view.bytes_at(offset, size)

    return decode


def text(slot: Slot) -> Decode[str]:
    """Decodes an array of characters, up to the first NUL, or a UNICODE_STRING."""
    kind, size = slot.member.type, slot.member.type.size or 0
    if kind.kind is TypeKind.STRUCTURE and kind.name == _UNICODE_STRING and size in (0, _UNICODE_STRING_BYTES):
        string = bytes_of(slot, _UNICODE_STRING_BYTES)
        return lambda view: _unicode_string(view, string(view))
    if kind.kind is TypeKind.ARRAY and kind.of is not None and kind.of.size == 1 and 0 < size <= LARGEST_TEXT:
        characters = bytes_of(slot, size)
        return lambda view: text_of_bytes(characters(view))
    raise NotKnown(f"is no text in this build but {kind}")


def _unicode_string(view: View, string: bytes) -> str:
    if not int.from_bytes(string[:2], "little"):
        return ""
    found = find_unicode_string(view.memory, string)
    if found is None:
        raise MemoryGap(int.from_bytes(string[8:16], "little"), MemoryGap.NOT_CAPTURED)
    return clean_text(found)
