"""Members of zip files, expanded a piece at a time: what a piece costs is bounded, whatever it was compressed with.

zipfile hands all that a piece of input grows to over at once, and with bzip2 and LZMA that may be gigabytes.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Protocol

from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import CHUNK
from livedump.model.errors import LimitReached

INPUT = 64 << 10
MAX_DICTIONARY = 64 << 20
"""What an LZMA member may want to look back."""
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""magic, bytes of the name, bytes of the extra field. Source: APPNOTE.TXT 4.3.7."""
LOCAL_MAGIC = b"PK\x03\x04"
LZMA_HEADER = struct.Struct("<2xHBI")
"""bytes of the properties, literal and position bits, dictionary. Source: APPNOTE.TXT 5.8.8."""
LZMA_PROPERTIES = 5


class Expander(Protocol):
    """What bz2 and lzma offer."""

    @property
    def eof(self) -> bool:
        """Whether the data have come to their end."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without more input."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most so many bytes; what was not used of the input is kept."""


def iter_member(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's bytes in pieces of a megabyte at most; size and checksum are those that the directory says.

    Raises:
        ArchiveError: it is damaged, encrypted, or compressed in a way that is not read.
        LimitReached: it would take too much memory.
    """
    if info.flag_bits & 1:
        raise ArchiveError(f"{info.filename} is encrypted; take it out with its password first")
    size, checksum = 0, 0
    for piece in _iter_expanded(file, info):
        size += len(piece)
        if size > info.file_size:
            raise ArchiveError(f"{info.filename} has more than the {info.file_size:,} bytes that the directory says")
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if (size, checksum) != (info.file_size, info.CRC):
        raise ArchiveError(f"{info.filename} is damaged: its size or checksum is not that of the directory")


def _iter_expanded(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    at, left = _data_offset(file, info), info.compress_size
    if info.compress_type == zipfile.ZIP_LZMA:
        at, left = at + LZMA_HEADER.size, left - LZMA_HEADER.size
    expander = _expander(file, info)
    while left > 0 and not expander.eof:
        file.seek(at)  # whoever takes the pieces may read other members meanwhile
        packed = file.read(min(INPUT, left))
        if not packed:
            raise ArchiveError(f"{info.filename} is cut short")
        at, left = at + len(packed), left - len(packed)
        try:
            yield from _iter_pieces(expander, packed)
        except _DamagedData as error:
            raise ArchiveError(f"{info.filename} is damaged: {error}") from error


def _iter_pieces(expander: Expander, packed: bytes) -> Iterator[bytes]:
    piece = _expanded(expander, packed)
    while piece:
        yield piece
        if expander.eof or (len(piece) < CHUNK and expander.needs_input):
            return
        piece = _expanded(expander, b"")


def _expanded(expander: Expander, packed: bytes) -> bytes:
    try:
        return expander.decompress(packed, CHUNK)
    except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:  # an OSError is how bz2 says it
        raise _DamagedData(str(error)) from error


class _DamagedData(Exception):
    """What cannot be expanded."""


def _data_offset(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    file.seek(info.header_offset)
    head = file.read(LOCAL_HEADER.size)
    if len(head) < LOCAL_HEADER.size or not head.startswith(LOCAL_MAGIC):
        raise ArchiveError(f"{info.filename} is damaged: it does not stand where the directory says")
    _, name, extra = LOCAL_HEADER.unpack(head)
    return info.header_offset + LOCAL_HEADER.size + int(name) + int(extra)


def _expander(file: IO[bytes], info: zipfile.ZipInfo) -> Expander:
    if info.compress_type == zipfile.ZIP_STORED:
        return _Stored()
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return _Deflated()
    if info.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor()
    if info.compress_type == zipfile.ZIP_LZMA:
        return _lzma(file, info)
    raise ArchiveError(f"{info.filename} is compressed with method {info.compress_type}; take it out first")


def _lzma(file: IO[bytes], info: zipfile.ZipInfo) -> lzma.LZMADecompressor:
    file.seek(_data_offset(file, info))
    head = file.read(LZMA_HEADER.size)
    size, bits, dictionary = LZMA_HEADER.unpack(head) if len(head) == LZMA_HEADER.size else (0, 0, 0)
    if size != LZMA_PROPERTIES or bits >= 9 * 5 * 5:
        raise ArchiveError(f"{info.filename} is damaged: its LZMA properties make no sense")
    looks_back = min(dictionary, max(info.file_size, 1 << 12))
    if looks_back > MAX_DICTIONARY:
        raise LimitReached(f"{info.filename}: to expand it takes more than {MAX_DICTIONARY >> 20} MiB of memory")
    options = {"dict_size": looks_back, "lc": bits % 9, "lp": bits // 9 % 5, "pb": bits // 45}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **options}])


class _Stored:
    """Data that were not compressed."""

    eof = False
    needs_input = True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:  # noqa: ARG002 - no longer than the input
        """The data."""
        return data


class _Deflated:
    """zlib as bz2 and lzma are."""

    def __init__(self) -> None:
        self._expander = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the data have come to their end."""
        return self._expander.eof

    @property
    def needs_input(self) -> bool:
        """Whether all that was given has been used."""
        return not self._expander.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most so many bytes."""
        return self._expander.decompress(self._expander.unconsumed_tail + data, max_length)
