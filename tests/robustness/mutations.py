"""Damage done to files on purpose: seeded, so that a number stands for one and the same damaged file.

A mutation knows which bytes of a sound file the reader looked at, under which address and in which physical page, and
changes those: numbers at the limits of their type, pointers to themselves and to each other, page tables that are their
own pages, blocks in each other's place, files that end inside a structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

PAGE = 0x1000
HEADER = 0x2000
HEADER_FIELDS = (
    0x0, 0x4, 0x8, 0xC, 0x10, 0x18, 0x20, 0x28, 0x30, 0x34, 0x38, 0x40, 0x48, 0x50, 0x58, 0x80, 0x88, 0x90, 0x98, 0xA0,
    0x348, 0x378, 0x3E0, 0x440, 0xF00, 0xF10, 0xF98, 0xFA0, 0xFA8, 0x1030, 0x1038, 0x1040, 0x1048, 0x1050,
)  # fmt: skip
"""Offsets of fields of DUMP_HEADER64."""
LIMITS = (
    0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 1 << 24,
    (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 47) - 1, 1 << 47, 1 << 52, (1 << 63) - 1, 1 << 63,
    (1 << 64) - 0x1000, (1 << 64) - 8, (1 << 64) - 1, 0x45474150, 0x4547415045474150,
)  # fmt: skip
"""Numbers at which something changes: the limits of types, of pages, of canonical addresses; the header's fill."""
TEXTS = (
    b"\x00\xd8" * 8, b"\x00\xdc\x00\xd8" * 4, b"\x2e\x20\x66\x20" * 4, b"\x1b\x00[\x002\x00J\x00" * 2, b"\xff\xff" * 8,
    b"<\x00b\x00>\x00&\x00\"\x00'\x00", b"|\x00`\x00\n\x00\r\x00=\x00", b"..\\..\\..\\evil\0", b"\\\\host\\share\\x\0",
    b"<exec cmd=\"q\">", b"\x1b]0;x\x07\x1b[2J", b"%s%n{0}{x!r}\0",
)  # fmt: skip
"""Text that is none, or that wants to be more: half surrogates, direction marks, escapes, markup, paths."""
PTE_BITS = (0x67, 0xE7, 0x63, 0x800, 0xC00, 0x1, 0x81)
"""Present, present and large, in transition, prototype."""


class Spot(NamedTuple):
    """Bytes that the reader looked at."""

    offset: int
    size: int
    address: int | None = None
    """Virtual, where they were read by one."""
    page: int | None = None
    """Number of the physical page that they lie in."""


class Seed(NamedTuple):
    """A sound file."""

    name: str
    data: bytes
    spots: tuple[Spot, ...] = ()


Damage = Callable[[bytearray, Seed, Sequence[Seed], Random], bytearray]


def mutated(seeds: Sequence[Seed], random: Random) -> bytes:
    """One of the files, damaged in one to eight ways."""
    seed = random.choice(seeds)
    data = bytearray(seed.data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        data = random.choice(DAMAGES)(data, seed, seeds, random)
    return bytes(data)


def set_limit(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A field is set to a number at a limit."""
    width = random.choice((8, 8, 4, 4, 2, 1))
    return _write(data, _place(seed, random, width), random.choice(LIMITS), width)


def set_header(data: bytearray, _: Seed, __: Sequence[Seed], random: Random) -> bytearray:
    """A field of the header is set to a number at a limit."""
    width = random.choice((8, 4))
    return _write(data, random.choice(HEADER_FIELDS), random.choice(LIMITS), width)


def shift_number(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A field is moved a little."""
    width = random.choice((8, 4, 2, 1))
    at = _place(seed, random, width)
    step = random.choice((1, 2, 8, 0x10, 0x1000, 0x200000, 1 << 39))
    return _write(data, at, _number(data, at, width) + random.choice((step, -step)), width)


def flip_bit(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """One bit is turned."""
    at = _place(seed, random, 1)
    return _write(data, at, _number(data, at, 1) ^ 1 << random.randrange(8), 1)


def point_to_itself(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A pointer leads to where it stands, or close by."""
    spot = _addressed(seed, random)
    within = random.randrange(0, max(spot.size - 7, 1), 8)
    return _write(data, spot.offset + within, (spot.address or 0) + within + random.choice((0, 0, 8, -8)), 8)


def point_elsewhere(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A pointer leads to another structure."""
    target = _addressed(seed, random)
    return _write(data, _place(seed, random, 8), (target.address or 0) + random.choice((0, 0, 1, -8, 0x10)), 8)


def copy_number(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A field becomes equal to another one."""
    width = random.choice((8, 8, 4))
    return _write(data, _place(seed, random, width), _number(data, _place(seed, random, width), width), width)


def table_entry(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """An entry of a page table leads to a page that is a table itself, maybe its own."""
    entries = [spot for spot in seed.spots if spot.page is not None and spot.size == 8] or list(seed.spots)
    if not entries:
        return data
    entry, target = random.choice(entries), random.choice(entries)
    page = random.choice((entry.page, target.page, 0, (1 << 40) - 1)) or 0
    return _write(data, entry.offset, page << 12 | random.choice(PTE_BITS), 8)


def put_text(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """Text that is none, or that wants to be more."""
    text = random.choice(TEXTS)
    at = _place(seed, random, 2)
    data[at : at + len(text)] = text[: max(len(data) - at, 0)]
    return data


def fill_spot(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """A structure is filled with one byte or with noise."""
    spot = _spot(seed, random)
    size = min(spot.size, max(len(data) - spot.offset, 0), 1 << 16)
    byte = random.choice((0, 0xFF, 0x41, None))
    data[spot.offset : spot.offset + size] = random.randbytes(size) if byte is None else bytes((byte,)) * size
    return data


def swap_spots(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """Two structures stand in each other's place."""
    one, other = _spot(seed, random), _spot(seed, random)
    return _swap(data, one.offset, other.offset, min(one.size, other.size, 1 << 16))


def swap_pages(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """Two pages stand in each other's place."""
    one, other = (_spot(seed, random).offset & -PAGE for _ in range(2))
    return _swap(data, one, other, PAGE)


def cut(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """The file ends early: at the edge of a structure or page, give or take a byte."""
    spot = _spot(seed, random)
    edge = random.choice((spot.offset, spot.offset + spot.size, spot.offset + spot.size // 2, spot.offset & -PAGE))
    return data[: max(edge + random.choice((-1, 0, 0, 1)), 0)]


def lengthen(data: bytearray, _: Seed, __: Sequence[Seed], random: Random) -> bytearray:
    """The file goes on with zeros, or with its own beginning."""
    tail = bytes(random.choice((1, 8, PAGE))) if random.random() < 0.5 else bytes(data[:HEADER])
    return data + tail


def push(data: bytearray, seed: Seed, _: Sequence[Seed], random: Random) -> bytearray:
    """Bytes are put in or taken out: all behind them moves."""
    at = _place(seed, random, 1)
    count = random.choice((1, 2, 4, 8, PAGE))
    data[at : at + random.choice((0, count))] = random.choice((b"", b"", bytes(count)))
    return data


def other_head(data: bytearray, _: Seed, others: Sequence[Seed], random: Random) -> bytearray:
    """The header of one file before the body of another."""
    edge = random.choice((HEADER, HEADER, HEADER + PAGE, PAGE, 0x20))
    return bytearray(random.choice(others).data[:edge]) + data[edge:]


DAMAGES: tuple[Damage, ...] = (
    set_limit, set_limit, set_limit, set_header, shift_number, flip_bit, flip_bit, point_to_itself, point_elsewhere,
    copy_number, copy_number, table_entry, put_text, fill_spot, swap_spots, swap_pages, cut, lengthen, push, other_head,
)  # fmt: skip


def mutated_text(texts: Sequence[str], random: Random) -> str:
    """One of the texts with lines and pieces moved, repeated, cut out and taken from others."""
    text = random.choice(texts)
    for _ in range(random.choice((1, 2, 4, 8))):
        start, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
        end = min(end, start + random.choice((1, 8, 80, 4000)))
        other = random.choice(texts)
        at = random.randrange(len(other) + 1)
        pieces = ("", text[start:end] * 2, other[at : at + end - start], random.choice(PIECES) * random.choice((1, 40)))
        text = text[:start] + random.choice(pieces) + text[end:]
    return text[: 1 << 20]


PIECES = (
    "\n", "\r\n", "\0", " ", "\t", "`", "`" * 9, "*", ";", "..\\", "\\\\host\\share", "srv*", "cache*", "symsrv*",
    "http://",
    "ffffffff`ffffffff", "0x", "\x1b[2J", "\u202e", "\ud800", "<link cmd=\"q\">", "!", "+0x", "kd> k", "0: kd> ", "# ",
    "Child-SP          RetAddr           Call Site\n", "Loading Dump File [", "%s", "A" * 5000,
    "?", "@", "?$", "PEAV", "9",
    "con", "file:", "\N{LATIN SMALL LETTER SHARP S}", "e\u0301",
)  # fmt: skip
"""What readers of text take for something."""


def _spot(seed: Seed, random: Random) -> Spot:
    return random.choice(seed.spots) if seed.spots else Spot(0, max(len(seed.data), 1))


def _addressed(seed: Seed, random: Random) -> Spot:
    spots = [spot for spot in (_spot(seed, random) for _ in range(8)) if spot.address is not None]
    return spots[0] if spots else _spot(seed, random)


def _place(seed: Seed, random: Random, width: int) -> int:
    spot = _spot(seed, random)
    step = random.choice((width, width, 1))
    return spot.offset + random.randrange(0, max(spot.size - width + 1, 1), step)


def _number(data: bytearray, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")


def _write(data: bytearray, at: int, value: int, width: int) -> bytearray:
    if 0 <= at <= len(data) - width:
        data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
    return data


def _swap(data: bytearray, one: int, other: int, size: int) -> bytearray:
    if abs(one - other) >= size and max(one, other) + size <= len(data):
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]
    return data
