"""Cabinets, in which Windows Error Reporting keeps its reports. Stored and MSZIP; LZX and Quantum with pylibmspack."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import MAX_MEMBERS, Write, copy_stream
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


class _Folder(NamedTuple):
    """Files that are compressed as one."""

    data_at: int
    blocks: int
    compression: int


class _Member(NamedTuple):
    size: int
    offset: int
    """In its folder's expanded data."""
    folder: int


class Cabinet:
    """One open cabinet."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._file: BinaryIO = Path(place).open("rb")  # noqa: SIM115 - closed by close
        self._size = Path(place).stat().st_size
        try:
            self._block_reserve, self._folders, self._members = _read_directory(self._file)
        except ArchiveError:
            self._file.close()
            raise

    def names(self) -> list[str]:
        """Names of its files."""
        return list(self._members)

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._members[name].size

    def packed_size(self, _name: str) -> int:
        """Bytes of the whole cabinet: its files are compressed together."""
        return self._size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over."""
        member = self._members[name]
        folder = self._folders[member.folder]
        if folder.compression in (NO_COMPRESSION, MSZIP):
            self._copy_plain(folder, member, write)
        else:
            self._copy_foreign(name, member, folder.compression, write)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _copy_plain(self, folder: _Folder, member: _Member, write: Write) -> None:
        at, end = 0, member.offset + member.size
        for block in self._iter_blocks(folder):
            wanted = block[max(member.offset - at, 0) : max(end - at, 0)]
            if wanted:
                write(wanted)
            at += len(block)
            if at >= end:
                return
        raise ArchiveError(f"{self._place}: the cabinet is damaged: it ends too early")

    def _iter_blocks(self, folder: _Folder) -> Iterator[bytes]:
        self._file.seek(folder.data_at)
        history = b""
        for _ in range(folder.blocks):
            _, size, _ = DATA.unpack(_read(self._file, DATA.size))
            data = _read(self._file, self._block_reserve + size)[self._block_reserve :]
            history = data if folder.compression == NO_COMPRESSION else _expanded(data, history)
            yield history

    def _copy_foreign(self, name: str, member: _Member, compression: int, write: Write) -> None:
        method = COMPRESSION_NAMES.get(compression, f"method {compression}")
        try:
            from pylibmspack import CabArchive, CabError  # noqa: PLC0415 - an extra
        except ImportError as error:
            need = "install livedump[archives], or expand it with Windows' expand.exe"
            raise ArchiveError(f"{self._place}: {name} is compressed with {method}; {need}") from error
        with tempfile.TemporaryDirectory(prefix="livedump-") as folder:
            try:
                path = CabArchive(self._place).extract(name, folder, max_size=max(member.size, 1))
            except CabError as error:
                raise ArchiveError(f"{self._place}: the cabinet is damaged: {error}") from error
            with Path(path).open("rb") as file:
                copy_stream(file, write)


def _read_directory(file: BinaryIO) -> tuple[int, list[_Folder], dict[str, _Member]]:
    """Bytes between a block's head and its data, the folders, and the files by name."""
    magic, _, files_at, _, _, folders, files, flags, _, _ = CABINET_HEADER.unpack(_read(file, CABINET_HEADER.size))
    if magic != CABINET_MAGIC:
        raise ArchiveError(f"{file.name}: this is not a cabinet")
    if flags & (HAS_PREVIOUS | HAS_NEXT):
        raise ArchiveError(f"{file.name}: this cabinet is one of several; expand them with Windows' expand.exe")
    reserves = RESERVE_SIZES.unpack(_read(file, RESERVE_SIZES.size)) if flags & HAS_RESERVE else (0, 0, 0)
    header_reserve, folder_reserve, block_reserve = reserves
    _read(file, header_reserve)
    found = [_read_folder(file, folder_reserve) for _ in range(folders)]
    file.seek(files_at)
    members = dict(_read_member(file) for _ in range(min(files, MAX_MEMBERS)))
    sound = {name: member for name, member in members.items() if member.folder < len(found)}
    return block_reserve, found, sound


def _read_folder(file: BinaryIO, reserve: int) -> _Folder:
    data_at, blocks, compression = FOLDER.unpack(_read(file, FOLDER.size))
    _read(file, reserve)
    return _Folder(data_at, blocks, compression & COMPRESSION_MASK)


def _read_member(file: BinaryIO) -> tuple[str, _Member]:
    size, offset, folder = FILE.unpack(_read(file, FILE.size))
    start = file.tell()
    text, end, _ = file.read(MAX_NAME).partition(b"\0")
    if not end:
        raise ArchiveError(f"{file.name}: the cabinet is damaged: a name does not end")
    file.seek(start + len(text) + 1)
    return text.decode("utf-8", "backslashreplace"), _Member(size, offset, folder)


def _expanded(data: bytes, history: bytes) -> bytes:
    if data[:2] != MSZIP_MAGIC:
        raise ArchiveError("the cabinet is damaged: a block is not MSZIP")
    return zlib.decompressobj(-zlib.MAX_WBITS, history).decompress(data[2:], MAX_EXPANDED_BLOCK)


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ArchiveError(f"{file.name}: the cabinet is cut short")
    return data
