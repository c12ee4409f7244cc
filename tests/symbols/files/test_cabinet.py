"""Cabinets: what symbol stores call name.pd_."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import reduce

import pytest

from livedump.symbols.files.cabinet import CabinetError, iter_first_file

CONTENT = bytes(random.Random(1).choices(b"abcdef", k=200_001))
LIMIT = 1 << 20


def cabinet(content: bytes, mszip: bool = True, reserve: int = 0, checksums: bool = True, flags: int = 0) -> bytes:
    """A cabinet of one file, as [MS-CAB] describes it."""
    blocks, history = [], b""
    for at in range(0, len(content), 0x8000):
        piece = content[at : at + 0x8000]
        blocks.append((packed(piece, history) if mszip else piece, len(piece)))
        history = piece
    reserved = struct.pack("<HBB", reserve, 0, reserve) + bytes(reserve) if reserve else b""
    files_at = 36 + len(reserved) + 8
    entry = struct.pack("<IIHHHH", len(content), 0, 0, 0, 0, 0x20) + b"x.pdb\0"
    data = b"".join(block(data, size, reserve, checksums) for data, size in blocks)
    total = files_at + len(entry) + len(data)
    flags |= 4 if reserve else 0
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, files_at, 0, 3, 1, 1, 1, flags, 0, 0)
    folder = struct.pack("<IHH", files_at + len(entry), len(blocks), int(mszip))
    return head + reserved + folder + entry + data


def packed(piece: bytes, history: bytes) -> bytes:
    """One block of MSZIP, which may look back into the one before."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history) if history else zlib.compressobj(9, wbits=-15)
    return b"CK" + deflate.compress(piece) + deflate.flush()


def block(data: bytes, size: int, reserve: int, checksums: bool) -> bytes:
    """One CFDATA."""
    sizes, rest = struct.pack("<HH", len(data), size), bytes(reserve) + data
    total = xored(rest) ^ xored(sizes) if checksums else 0
    return struct.pack("<I", total) + sizes + rest


def xored(data: bytes) -> int:
    """[MS-CAB] 3.1: words little endian; what is left at the end, big endian."""
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) & ~3, 4)]
    return reduce(lambda a, b: a ^ b, words, int.from_bytes(data[len(data) & ~3 :], "big"))


def expanded(data: bytes, limit: int = LIMIT) -> bytes:
    """All of the first file."""
    return b"".join(iter_first_file(io.BytesIO(data), limit))


@pytest.mark.parametrize("mszip", [True, False])
@pytest.mark.parametrize("reserve", [0, 20])
@pytest.mark.parametrize("size", [1, 0x7FFF, 0x8000, 0x8001, 200_001])
def test_the_file_comes_back(mszip: bool, reserve: int, size: int) -> None:
    # The same was tried on cabinets that Wine's cabarc wrote (-m mszip, -m none, -r 20).
    assert expanded(cabinet(CONTENT[:size], mszip, reserve)) == CONTENT[:size]


def test_a_file_without_checksums_comes_back() -> None:
    assert expanded(cabinet(CONTENT, checksums=False)) == CONTENT


@pytest.mark.parametrize(("method", "name"), [(2, "Quantum"), (0x1503, "LZX"), (9, "method 9")])
def test_other_compression_is_named(method: int, name: str) -> None:
    data = bytearray(cabinet(CONTENT))
    struct.pack_into("<H", data, 42, method)
    with pytest.raises(CabinetError, match=name):
        expanded(bytes(data))


def test_a_cabinet_that_would_grow_too_large_is_refused() -> None:
    with pytest.raises(CabinetError, match="would grow"):
        expanded(cabinet(CONTENT), 200_000)
    bomb = bytearray(cabinet(bytes(100_000)))
    struct.pack_into("<I", bomb, 44, 10)  # says ten bytes, holds more
    assert expanded(bytes(bomb)) == bytes(10)


@pytest.mark.parametrize("flags", [1, 2])
def test_a_cabinet_of_a_set_is_refused(flags: int) -> None:
    with pytest.raises(CabinetError, match="one of several"):
        expanded(cabinet(CONTENT, flags=flags))


def test_each_truncation_is_noticed() -> None:
    data = cabinet(CONTENT[:40_000])
    for size in [*range(200), *range(200, len(data), 997)]:
        with pytest.raises(CabinetError):
            expanded(data[:size])


def test_each_flipped_byte_gives_the_file_or_a_symbol_error() -> None:
    data = cabinet(CONTENT[:40_000])
    for at in [*range(110), *range(110, len(data), 211)]:
        broken = bytearray(data)
        broken[at] ^= 0x55
        try:
            found = expanded(bytes(broken))
        except CabinetError:
            continue
        assert CONTENT.startswith(found)  # the entry's size and name are not under a checksum
