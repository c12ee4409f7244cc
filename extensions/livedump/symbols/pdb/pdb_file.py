"""A PDB as this program needs it: which image it belongs to, and what stands at which RVA."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import SymbolError
from livedump.model.fields import u32_array
from livedump.model.guids import format_store_guid
from livedump.symbols.pdb.c_pdb import (
    DBI_HEADER,
    DBI_SIGNATURE,
    DEBUG_STREAM,
    DEBUG_STREAM_OMAP_FROM_SOURCE,
    DEBUG_STREAM_ORIGINAL_SECTION_HEADERS,
    DEBUG_STREAM_SECTION_HEADERS,
    INFO_HEADER,
    INFO_STREAM,
    MODULE_INFO,
    NO_STREAM,
    OMAP_ENTRY,
    SECTION_HEADER,
)
from livedump.symbols.pdb.msf import MsfFile, open_msf
from livedump.symbols.pdb.records import Located, find_global, iter_data_and_publics, iter_module_symbols

MAX_SECTIONS = 0xFFFF


class DbiHeader(NamedTuple):
    """The parts of the DBI header that matter here."""

    age: int
    symbol_records: int
    """Stream number."""
    module_bytes: int
    debug_header_offset: int
    debug_header_bytes: int
    machine: int
    """IMAGE_FILE_MACHINE_*."""


class ModuleSymbols(NamedTuple):
    """Where one object file's symbols lie."""

    stream: int
    size: int


class SectionExtent(NamedTuple):
    """One section of the image."""

    start: int
    """RVA."""
    size: int
    """Virtual size."""


class Symbol(NamedTuple):
    """A name at an RVA."""

    rva: int
    name: bytes
    """UTF-8."""
    decorated: bool
    """Named as the linker sees it (publics and thunks), not as the compiler does."""


class Pdb:
    """One open PDB. Streams are read when they are asked for."""

    def __init__(self, msf: MsfFile) -> None:
        self.msf = msf
        self.path = msf.path
        self.guid, self._info_age = self._info()
        self._dbi = self._debug_header()

    def close(self) -> None:
        """Gives the file back."""
        self.msf.close()

    @property
    def age(self) -> int:
        """The age that the image's debug directory repeats: the DBI stream's, where there is one."""
        return self._dbi.age if self._dbi else self._info_age

    @property
    def machine(self) -> int | None:
        """IMAGE_FILE_MACHINE_* of the image; None without a DBI stream."""
        return self._dbi.machine if self._dbi else None

    def sections(self) -> tuple[SectionExtent, ...]:
        """The image's sections in order, as it was linked last."""
        return self._sections(DEBUG_STREAM_SECTION_HEADERS)

    def iter_symbols(self) -> Iterator[Symbol]:
        """Procedures of the object files, data, and publics, in no useful order; names of nothing are left out."""
        to_rva = self._address_map()
        for segment, offset, name, decorated in self._located():
            rva = to_rva.rva(segment, offset)
            if rva is not None and name:
                yield Symbol(rva, name, decorated)

    def find_rva(self, name: str) -> int | None:
        """Where a name stands that the linker knows, a function's or a variable's; None when there is none."""
        if self._dbi is None:
            return None
        found = find_global(self.msf.read(self._dbi.symbol_records), name.encode("utf-8"))
        return self._address_map().rva(*found) if found else None

    def modules(self) -> Iterator[ModuleSymbols]:
        """Where the symbols of each object file lie."""
        if self._dbi is None:
            return
        data = self.msf.read(DEBUG_STREAM, DBI_HEADER.size, self._dbi.module_bytes)
        at = 0
        while at + MODULE_INFO.size < len(data):
            _, stream, size, _ = MODULE_INFO.unpack_from(data, at)
            name_end = data.find(b"\0", at + MODULE_INFO.size)
            end = data.find(b"\0", name_end + 1) if name_end >= 0 else -1
            if end < 0:
                raise SymbolError(f"{self.path} is damaged: its list of object files breaks off")
            if stream != NO_STREAM:
                yield ModuleSymbols(stream, size)
            at = (end + 4) & ~3

    def _located(self) -> Iterator[Located]:
        if self._dbi is None:
            return
        streams = {module.stream: module.size for module in self.modules()}  # each once
        for stream, size in streams.items():
            yield from iter_module_symbols(self.msf.read(stream, 0, size))
        yield from iter_data_and_publics(self.msf.read(self._dbi.symbol_records))

    def _info(self) -> tuple[str, int]:
        data = self.msf.read(INFO_STREAM, 0, INFO_HEADER.size)
        if len(data) < INFO_HEADER.size:
            raise SymbolError(f"{self.path} is damaged: it does not say what it belongs to")
        _, _, age, guid = INFO_HEADER.unpack(data)
        return format_store_guid(guid), age

    def _debug_header(self) -> DbiHeader | None:
        data = self.msf.read(DEBUG_STREAM, 0, DBI_HEADER.size)
        if len(data) < DBI_HEADER.size:
            return None
        fields = DBI_HEADER.unpack(data)
        sizes = fields[9:14] + fields[15:17]
        if fields[0] != DBI_SIGNATURE or min(sizes) < 0:
            raise SymbolError(f"{self.path} is damaged: the header of its DBI stream makes no sense")
        modules, contributions, section_map, sources, type_servers, debug_header, edit_and_continue = sizes
        before = DBI_HEADER.size + modules + contributions + section_map + sources + type_servers + edit_and_continue
        return DbiHeader(fields[2], fields[7], modules, before, debug_header, fields[18])

    def _debug_stream(self, index: int) -> bytes:
        """One of the optional streams that the DBI stream lists; empty when there is none."""
        if self._dbi is None or index * 2 + 2 > self._dbi.debug_header_bytes:
            return b""
        number = int.from_bytes(self.msf.read(DEBUG_STREAM, self._dbi.debug_header_offset + index * 2, 2), "little")
        return self.msf.read(number) if number != NO_STREAM else b""

    def _sections(self, index: int) -> tuple[SectionExtent, ...]:
        data = self._debug_stream(index)
        count = min(len(data) // SECTION_HEADER.size, MAX_SECTIONS)
        headers = (SECTION_HEADER.unpack_from(data, i * SECTION_HEADER.size) for i in range(count))
        return tuple(SectionExtent(address, size) for _, size, address, _, _, _ in headers)

    def _address_map(self) -> AddressMap:
        omap = self._debug_stream(DEBUG_STREAM_OMAP_FROM_SOURCE)
        original = self._sections(DEBUG_STREAM_ORIGINAL_SECTION_HEADERS) if omap else ()
        return AddressMap(original or self.sections(), omap)


class AddressMap:
    """Section and offset to RVA, through the OMAP of an image whose blocks were moved after linking."""

    def __init__(self, sections: tuple[SectionExtent, ...], omap: bytes) -> None:
        self._starts = [section.start for section in sections]
        numbers = u32_array(omap[: len(omap) // OMAP_ENTRY.size * OMAP_ENTRY.size])
        pairs = sorted(zip(numbers[::2], numbers[1::2]))
        self._sources = [source for source, _ in pairs]
        self._targets = [target for _, target in pairs]

    def rva(self, segment: int, offset: int) -> int | None:
        """The RVA in the finished image; None for a section that is not there or bytes that were dropped."""
        if not 0 < segment <= len(self._starts):
            return None
        rva = self._starts[segment - 1] + offset
        return self._moved(rva) if self._sources else rva

    def _moved(self, rva: int) -> int | None:
        index = bisect_right(self._sources, rva) - 1
        if index < 0 or not self._targets[index]:
            return None
        return self._targets[index] + rva - self._sources[index]


def open_pdb(path: Path) -> Pdb:
    """The PDB at ``path``; the caller closes it.

    Raises:
        SymbolError: it cannot be opened, or is not a PDB of format 7.00.
    """
    msf = open_msf(path)
    try:
        return Pdb(msf)
    except SymbolError:
        msf.close()
        raise
