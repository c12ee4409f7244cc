"""Decoding of a debugger data block that the kernel keeps encoded.

A system that was not started for debugging keeps each u64 of the block as

    clear = KiWaitAlways ^ swap(address of KdpDataBlockEncoded ^ rotate_left(KiWaitNever ^ encoded, KiWaitNever & 63))

with ``swap`` the reversal of the eight bytes. Live dumps and crash dumps that Windows writes hold the block in clear;
images of memory taken by other means, and dumps made of them, may not.

Rotation and swap move bits without mixing them, so they pass through the exclusive or: what is the same for every u64
gathers in one number,

    clear = swap(rotate_left(encoded, turn)) ^ mask

and only ``turn`` (0 to 63) and ``mask`` are secret. One u64 whose clear value is known gives the mask for each turn;
the tag ``KDBG`` tells which turn is right. MmPageSize is such a value, and the dump header repeats others: no symbols
are needed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from livedump.kernel import c_kernel as c
from livedump.kernel.values import find_u64
from livedump.model.addresses import MAX_U64, PAGE_SIZE, Memory
from livedump.model.fields import Field

if TYPE_CHECKING:
    from livedump.kernel.kdbg import KnownValues

WORD_BITS = 64
_TAG_WORD = slice(c.KDBG_OWNER_TAG.offset, c.KDBG_OWNER_TAG.offset + 8)
"""The word with the tag: of a wrong decoder no more is needed."""


class Decoder(NamedTuple):
    """The two secrets of one system's encoding."""

    turn: int
    """Bits to the left."""
    mask: int

    def decode(self, data: bytes) -> bytes:
        """Whole u64s in clear; a rest of fewer than eight bytes is left out."""
        words = struct.unpack_from(f"<{len(data) // 8}Q", data)
        return struct.pack(f"<{len(words)}Q", *(_turned(word, self.turn) ^ self.mask for word in words))


def decoder_from_symbols(memory: Memory, find_symbol: Callable[[str], int | None]) -> Decoder | None:
    """The decoder by the kernel's own variables; None where a symbol or its page is missing."""
    always = find_u64(memory, find_symbol("KiWaitAlways"))
    never = find_u64(memory, find_symbol("KiWaitNever"))
    flag = find_symbol("KdpDataBlockEncoded")
    if always is None or never is None or flag is None:
        return None
    turn = never % WORD_BITS
    return Decoder(turn, always ^ _swapped(flag & MAX_U64) ^ _turned(never, turn))


def decoder_from_known_values(encoded: bytes, known: KnownValues) -> Decoder | None:
    """The decoder that turns ``encoded``, the start of a block, into one with its tag and every known value.

    None where none does, and where several do that differ in what they make of the block.
    """
    clear = [(field, value) for field, value in _known_fields(known) if field.end <= len(encoded)]
    if not clear:
        return None
    field, value = clear[0]
    candidates = (Decoder(turn, _turned(field.read(encoded), turn) ^ value) for turn in range(WORD_BITS))
    tagged = [each for each in candidates if each.decode(encoded[_TAG_WORD]).startswith(c.KDBG_TAG)]
    fitting = [each for each in tagged if _fits(each.decode(encoded), clear)]
    return fitting[0] if len({each.decode(encoded) for each in fitting}) == 1 else None


def _known_fields(known: KnownValues) -> Iterator[tuple[Field, int]]:
    yield c.KDBG_MM_PAGE_SIZE, PAGE_SIZE
    if known.loaded_module_list:
        yield c.KDBG_PS_LOADED_MODULE_LIST, known.loaded_module_list
    if known.active_process_head:
        yield c.KDBG_PS_ACTIVE_PROCESS_HEAD, known.active_process_head


def _fits(clear: bytes, values: list[tuple[Field, int]]) -> bool:
    return all(field.read(clear) == value for field, value in values)


def _turned(word: int, turn: int) -> int:
    return _swapped((word << turn | word >> (WORD_BITS - turn)) & MAX_U64)


def _swapped(word: int) -> int:
    return int.from_bytes(word.to_bytes(8, "little"), "big")
