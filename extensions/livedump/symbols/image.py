"""What a loaded image says of itself: header, sections, exports, and which PDB it was linked with.

All of it is read from the dump through ``read(address, size)``, which raises MemoryGap where the dump holds nothing.
A driver may have thrown its headers away, so "cannot tell" (None) is an ordinary answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from livedump.model.errors import MemoryGap, SymbolError
from livedump.model.images import PdbIdentity
from livedump.symbols.c_image import (
    DATA_DIRECTORY,
    DEBUG_DIRECTORY_INDEX,
    DEBUG_ENTRY,
    DEBUG_TYPE_CODEVIEW,
    DIRECTORIES_OFFSET,
    DOS_HEADER_SIZE,
    DOS_MAGIC,
    DOS_NEW_HEADER,
    EXPORT_DIRECTORY,
    EXPORT_DIRECTORY_INDEX,
    FILE_HEADER,
    MAX_DEBUG_ENTRIES,
    MAX_EXPORTS,
    MAX_NEW_HEADER,
    MAX_PDB_PATH,
    MAX_SECTIONS,
    OPTIONAL_MAGIC,
    PE_MAGIC,
    RSDS,
    RSDS_MAGIC,
    SECTION,
    SIZE_OF_IMAGE,
)
from livedump.symbols.pdb.msf import u32_array
from livedump.symbols.pdb.pdb_file import format_guid

Read = Callable[[int, int], bytes]
"""Bytes at a virtual address; raises MemoryGap."""

MAX_EXPORT_NAME = 0x400


class DataDirectory(NamedTuple):
    """One entry of the image's directory of tables."""

    rva: int
    size: int
    """Bytes; 0 when the image has no such table."""


class ImageSection(NamedTuple):
    """One section of the image."""

    name: str
    start: int
    """RVA."""
    size: int
    """Virtual size."""
    raw_size: int
    """Bytes in the file."""
    raw_offset: int
    """Where they stand in the file."""
    characteristics: int


class ImageHeader(NamedTuple):
    """The image's header. It comes from the dump and need not make sense."""

    machine: int
    """IMAGE_FILE_MACHINE_*."""
    timestamp: int
    """TimeDateStamp; a hash in reproducible builds."""
    size: int
    """SizeOfImage, bytes."""
    checksum: int
    sections: tuple[ImageSection, ...]
    directories: tuple[DataDirectory, ...]

    def directory(self, index: int) -> DataDirectory:
        """One table's place; empty when the image does not list it."""
        return self.directories[index] if index < len(self.directories) else DataDirectory(0, 0)


class Export(NamedTuple):
    """One exported name."""

    rva: int
    name: str


def read_image_header(read: Read, base: int) -> ImageHeader | None:
    """The header of the image at ``base``; None when its pages are missing or hold no image."""
    try:
        magic, offset = DOS_NEW_HEADER.unpack(read(base, DOS_HEADER_SIZE))
        if magic != DOS_MAGIC or not DOS_HEADER_SIZE <= offset <= MAX_NEW_HEADER:
            return None
        return _parse_header(read, base + offset)
    except MemoryGap:
        return None


def read_pdb_identity(read: Read, base: int) -> PdbIdentity | None:
    """The PDB that the image at ``base`` was linked with; None when it names none or the pages that do are missing."""
    header = read_image_header(read, base)
    if header is None:
        return None
    table = header.directory(DEBUG_DIRECTORY_INDEX)
    count = min(table.size // DEBUG_ENTRY.size, MAX_DEBUG_ENTRIES)
    try:
        entries = read(base + table.rva, count * DEBUG_ENTRY.size) if count else b""
    except MemoryGap:
        return None
    for kind, size, rva, _ in DEBUG_ENTRY.iter_unpack(entries):
        if kind == DEBUG_TYPE_CODEVIEW and rva:
            return _read_rsds(read, base + rva, size)
    return None


class ExportTable:
    """The names that an image exports, by RVA. Forwarders and unnamed exports are not in it."""

    def __init__(self, read: Read, base: int, header: ImageHeader) -> None:
        """Reads the tables of the image at ``base``.

        Raises:
            MemoryGap: the dump does not hold them.
            SymbolError: there are none, or they make no sense.
        """
        self._read = read
        self._base = base
        self._names = self._named_functions(header)
        self._starts = [rva for rva, _ in self._names]

    def find(self, rva: int) -> Export | None:
        """The nearest export at or below ``rva``; None when there is none or its name is missing."""
        entry = bisect_right(self._starts, rva) - 1
        if entry < 0:
            return None
        start, name_rva = self._names[entry]
        name = _read_text(self._read, self._base + name_rva, MAX_EXPORT_NAME)
        return Export(start, name) if name else None

    def _named_functions(self, header: ImageHeader) -> list[tuple[int, int]]:
        table = header.directory(EXPORT_DIRECTORY_INDEX)
        if table.size < EXPORT_DIRECTORY.size:
            raise SymbolError("the image exports nothing")
        fields = EXPORT_DIRECTORY.unpack(self._read(self._base + table.rva, EXPORT_DIRECTORY.size))
        function_count, name_count, functions_rva, names_rva, ordinals_rva = fields
        if max(function_count, name_count) > MAX_EXPORTS:
            raise SymbolError(f"the image claims {max(function_count, name_count)} exports")
        functions = u32_array(self._read(self._base + functions_rva, 4 * function_count))
        names = u32_array(self._read(self._base + names_rva, 4 * name_count))
        ordinals = memoryview(self._read(self._base + ordinals_rva, 2 * name_count))
        indexes = [int.from_bytes(ordinals[i : i + 2], "little") for i in range(0, len(ordinals), 2)]
        first: dict[int, int] = {}  # of several names of one function; dbghelp's own choice follows no rule
        for index, name_rva in zip(indexes, names):
            if index < len(functions) and not 0 <= functions[index] - table.rva < table.size:
                first.setdefault(functions[index], name_rva)
        return sorted(first.items())


def _parse_header(read: Read, address: int) -> ImageHeader | None:
    magic, machine, count, timestamp, _, _, optional_size, _ = FILE_HEADER.unpack(read(address, FILE_HEADER.size))
    if magic != PE_MAGIC or count > MAX_SECTIONS or not SIZE_OF_IMAGE.size <= optional_size <= MAX_NEW_HEADER:
        return None
    optional = read(address + FILE_HEADER.size, optional_size)
    size, _, checksum = SIZE_OF_IMAGE.unpack_from(optional)
    sections = read(address + FILE_HEADER.size + optional_size, count * SECTION.size)
    return ImageHeader(machine, timestamp, size, checksum, _parse_sections(sections), _parse_directories(optional))


def _parse_sections(data: bytes) -> tuple[ImageSection, ...]:
    return tuple(
        ImageSection(_text(name), rva, size, raw_size, raw_offset, flags)
        for name, size, rva, raw_size, raw_offset, flags in SECTION.iter_unpack(data)
    )


def _parse_directories(optional: bytes) -> tuple[DataDirectory, ...]:
    start = DIRECTORIES_OFFSET.get(OPTIONAL_MAGIC.unpack_from(optional)[0], len(optional))
    promised = int.from_bytes(optional[start - 4 : start], "little")
    count = min(promised, max(len(optional) - start, 0) // DATA_DIRECTORY.size)
    table = optional[start : start + count * DATA_DIRECTORY.size]
    return tuple(DataDirectory(*entry) for entry in DATA_DIRECTORY.iter_unpack(table))


def _read_rsds(read: Read, address: int, size: int) -> PdbIdentity | None:
    try:
        magic, guid, age = RSDS.unpack(read(address, RSDS.size))
    except MemoryGap:
        return None
    if magic != RSDS_MAGIC or size < RSDS.size:
        return None
    name = _read_text(read, address + RSDS.size, min(size - RSDS.size, MAX_PDB_PATH))
    return PdbIdentity(name, format_guid(guid), age) if name else None


def _read_text(read: Read, address: int, limit: int) -> str | None:
    """The NUL-terminated text at ``address``, page by page so that a missing page behind it does no harm."""
    text = b""
    while b"\0" not in text and len(text) < limit:
        to_page_end = 0x1000 - (address + len(text)) % 0x1000
        try:
            text += read(address + len(text), min(to_page_end, limit - len(text)))
        except MemoryGap:
            return None
    return _text(text)


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
