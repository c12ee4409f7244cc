"""Cabinets: the directory, and files of folders that are stored or MSZIP, each block held against its checksum.

Symbol stores keep one file in each (``name.pd_``), Windows Error Reporting whole reports. LZX and Quantum are named
here and read elsewhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from livedump.model.errors import DumpError
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

MAX_NAME = 1024


class CabinetError(DumpError):
    """A cabinet is damaged, or of a kind that is not read."""


class CabinetFolder(NamedTuple):
    """Files that are compressed as one."""

    data_at: int
    blocks: int
    compression: int

    @property
    def readable(self) -> bool:
        """Whether its blocks are expanded here."""
        return self.compression in (NO_COMPRESSION, MSZIP)

    @property
    def method(self) -> str:
        """How it is compressed, for people."""
        return COMPRESSION_NAMES.get(self.compression, f"method {self.compression}")


class CabinetFile(NamedTuple):
    """One file."""

    name: str
    size: int
    """Bytes when expanded."""
    offset: int
    """In its folder's expanded data."""
    folder: int

    @property
    def end(self) -> int:
        """Of the file in its folder's expanded data."""
        return self.offset + self.size


class CabinetDirectory(NamedTuple):
    """What a cabinet says of itself."""

    folders: tuple[CabinetFolder, ...]
    files: tuple[CabinetFile, ...]
    """Those whose folder is there, in the cabinet's order."""
    block_reserve: int
    """Bytes between a block's head and its data."""


def read_directory(file: BinaryIO) -> CabinetDirectory:
    """Folders and files of a cabinet.

    Raises:
        CabinetError: it is none, is damaged, or is one of several.
    """
    magic, _, files_at, _, _, folders, files, flags, _, _ = CABINET_HEADER.unpack(_read(file, CABINET_HEADER.size))
    if magic != CABINET_MAGIC:
        raise CabinetError("this is not a cabinet")
    if flags & (HAS_PREVIOUS | HAS_NEXT):
        raise CabinetError("this cabinet is one of several; expand them with Windows' expand.exe")
    reserves = RESERVE_SIZES.unpack(_read(file, RESERVE_SIZES.size)) if flags & HAS_RESERVE else (0, 0, 0)
    header_reserve, folder_reserve, block_reserve = reserves
    _read(file, header_reserve)
    found = tuple(_read_folder(file, folder_reserve) for _ in range(folders))
    file.seek(files_at)
    listed = [_read_file(file) for _ in range(files)]
    return CabinetDirectory(found, tuple(each for each in listed if each.folder < len(found)), block_reserve)


def iter_blocks(file: BinaryIO, directory: CabinetDirectory, folder: CabinetFolder) -> Iterator[bytes]:
    """The expanded data of a folder, block by block; a block has 32 KiB at most.

    Raises:
        CabinetError: a block is cut short, does not match its checksum, or does not expand to what it says.
    """
    at, history = folder.data_at, b""
    for _ in range(folder.blocks):
        file.seek(at)
        data, expanded_size = _read_block(file, directory.block_reserve)
        at = file.tell()
        history = data if folder.compression == NO_COMPRESSION else _expanded(data, history)
        if len(history) != expanded_size:
            raise CabinetError(f"the cabinet is damaged: a block has {len(history)} bytes, not {expanded_size}")
        yield history


def iter_first_file(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """The file that a symbol store keeps in a cabinet, piece by piece.

    Raises:
        CabinetError: there is none, it is damaged, would grow over ``max_bytes``, or is compressed in another way.
    """
    directory = read_directory(file)
    first = next(iter(directory.files), None)
    if first is None or first.offset or first.folder:
        raise CabinetError("the cabinet's first file does not stand first")
    folder = directory.folders[0]
    if not folder.readable:
        raise CabinetError(f"the file is compressed with {folder.method}; expand it with Windows' expand.exe")
    if first.size > max_bytes:
        raise CabinetError(f"the compressed file would grow to {first.size} bytes")
    left = first.size
    for block in iter_blocks(file, directory, folder):
        yield block[:left]
        left -= min(left, len(block))
        if not left:
            return
    if left:
        raise CabinetError("the cabinet is damaged: it ends too early")


def _read_folder(file: BinaryIO, reserve: int) -> CabinetFolder:
    data_at, blocks, compression = FOLDER.unpack(_read(file, FOLDER.size))
    _read(file, reserve)
    return CabinetFolder(data_at, blocks, compression & COMPRESSION_MASK)


def _read_file(file: BinaryIO) -> CabinetFile:
    size, offset, folder = FILE.unpack(_read(file, FILE.size))
    start = file.tell()
    text, end, _ = file.read(MAX_NAME).partition(b"\0")
    if not end:
        raise CabinetError("the cabinet is damaged: a name does not end")
    file.seek(start + len(text) + 1)
    return CabinetFile(text.decode("utf-8", "backslashreplace"), size, offset, folder)


def _read_block(file: BinaryIO, reserve: int) -> tuple[bytes, int]:
    """A block's data, and how many bytes they are when expanded."""
    head = _read(file, DATA.size)
    checksum, size, expanded_size = DATA.unpack(head)
    rest = _read(file, reserve + size)
    if checksum and _checksum(rest) ^ _checksum(head[4:]) != checksum:
        raise CabinetError("the cabinet is damaged: a checksum does not match")
    return rest[reserve:], expanded_size


def _expanded(data: bytes, history: bytes) -> bytes:
    if data[:2] != MSZIP_MAGIC:
        raise CabinetError("the cabinet is damaged: a block is not MSZIP")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS, history).decompress(data[2:], MAX_EXPANDED_BLOCK)
    except zlib.error as error:
        raise CabinetError(f"the cabinet is damaged: {error}") from error


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
        raise CabinetError("the cabinet is cut short")
    return data
