"""The first file of a cabinet: what ``name.pd_`` in a symbol store holds. Stored and MSZIP; LZX is named, not read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from livedump.model.errors import SymbolError
from livedump.symbols.files.c_cabinet import (
    CABINET_HEADER,
    CABINET_MAGIC,
    COMPRESSION_MASK,
    COMPRESSION_NAMES,
    DATA,
    FILE,
    FOLDER,
    HAS_NEXT,
    HAS_PREVIOUS,
    HAS_RESERVE,
    MAX_EXPANDED_BLOCK,
    MSZIP,
    MSZIP_MAGIC,
    NO_COMPRESSION,
    RESERVE_SIZES,
)


class Packed(NamedTuple):
    """Where the first file's data lie."""

    size: int
    """Bytes of the file when expanded."""
    blocks: int
    block_reserve: int
    """Bytes between a block's head and its data."""
    compression: int


def iter_expanded(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """The first file of the cabinet, piece by piece.

    Raises:
        SymbolError: it is no cabinet, is damaged, would grow over ``max_bytes``, or is compressed in another way.
    """
    packed = _find_first_file(file)
    if packed.size > max_bytes:
        raise SymbolError(f"the compressed file would grow to {packed.size} bytes")
    left, history = packed.size, b""
    for _ in range(packed.blocks):
        history = _expanded(_read_block(file, packed.block_reserve), packed.compression, history)
        yield history[:left]
        left -= min(left, len(history))
    if left:
        raise SymbolError("the compressed file is damaged: it ends too early")


def _find_first_file(file: BinaryIO) -> Packed:
    """Reads the headers and leaves the file at its first data block."""
    magic, _, files_at, _, _, folders, files, flags, _, _ = CABINET_HEADER.unpack(_read(file, CABINET_HEADER.size))
    if magic != CABINET_MAGIC or not folders or not files:
        raise SymbolError("the compressed file is not a cabinet")
    if flags & (HAS_PREVIOUS | HAS_NEXT):
        raise SymbolError("the cabinet is one of several")
    header_reserve, _, block_reserve = RESERVE_SIZES.unpack(_read(file, 4)) if flags & HAS_RESERVE else (0, 0, 0)
    _read(file, header_reserve)
    data_at, blocks, compression = FOLDER.unpack(_read(file, FOLDER.size))
    file.seek(files_at)
    size, offset, folder = FILE.unpack(_read(file, FILE.size))
    if offset or folder:
        raise SymbolError("the cabinet's first file does not stand first")
    file.seek(data_at)
    return Packed(size, blocks, block_reserve, _readable(compression & COMPRESSION_MASK))


def _readable(compression: int) -> int:
    if compression not in (NO_COMPRESSION, MSZIP):
        name = COMPRESSION_NAMES.get(compression, f"method {compression}")
        raise SymbolError(f"the file is compressed with {name}; expand it with Windows' expand.exe")
    return compression


def _read_block(file: BinaryIO, reserve: int) -> bytes:
    head = _read(file, DATA.size)
    checksum, size, _ = DATA.unpack(head)
    rest = _read(file, reserve + size)
    if checksum and _checksum(rest) ^ _checksum(head[4:]) != checksum:
        raise SymbolError("the compressed file is damaged: a checksum does not match")
    return rest[reserve:]


def _expanded(data: bytes, compression: int, history: bytes) -> bytes:
    if compression == NO_COMPRESSION:
        return data
    if data[:2] != MSZIP_MAGIC:
        raise SymbolError("the compressed file is damaged: a block is not MSZIP")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS, history).decompress(data[2:], MAX_EXPANDED_BLOCK)
    except zlib.error as error:
        raise SymbolError(f"the compressed file is damaged: {error}") from error


def _checksum(data: bytes) -> int:
    """All 32-bit words XORed, by folding halves; up to three bytes at the end count in reverse order."""
    whole = len(data) & ~3
    folded = int.from_bytes(data[:whole], "little")
    bits = 32 << max(whole // 4 - 1, 0).bit_length()
    while bits > 32:
        bits //= 2
        folded = (folded >> bits) ^ (folded & ((1 << bits) - 1))
    return folded ^ int.from_bytes(data[whole:], "big")


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise SymbolError("the compressed file is cut short")
    return data
