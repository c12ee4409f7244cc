"""An image from disk, laid out by RVA, for pages that a dump does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from livedump.images.image import Image, Section, read_image
from livedump.model.addresses import PAGE_SIZE
from livedump.model.errors import DumpError, MemoryGap, SymbolError
from livedump.model.images import Module
from livedump.model.symbol_lookups import SymbolResult
from livedump.symbols.files.search import FileSearch
from livedump.symbols.files.store import WantedFile, image_entry

MAX_SECTION_BYTES = 1 << 30


class ImageFile:
    """One open image. ``read`` answers as memory at base 0 would, but for what the loader changes (relocations)."""

    def __init__(self, path: Path, file: BinaryIO, header: Image) -> None:
        self.path = path
        self.header = header
        self._file = file

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def read(self, rva: int, size: int) -> bytes:
        """``size`` bytes at ``rva``.

        Raises:
            MemoryGap: they are not in the file; a MemoryGap's address is the RVA.
        """
        for section in self.header.sections:
            if section.span.start <= rva and rva + size <= section.span.start + _room(section):
                return self._read_section(section, rva, size)
        if rva + size <= min((section.span.start for section in self.header.sections), default=0):
            return _read_at(self._file, rva, rva, size)
        raise MemoryGap(rva, MemoryGap.NOT_CAPTURED)

    def _read_section(self, section: Section, rva: int, size: int) -> bytes:
        """Bytes of a section; behind what the file holds of it the loader puts zeros, up to the end of the page."""
        held = max(min(size, section.span.start + min(section.file_span.size, _room(section)) - rva), 0)
        data = _read_at(self._file, section.file_span.start + rva - section.span.start, rva, held) if held else b""
        return data + bytes(size - held)


def find_image(search: FileSearch, module: Module) -> ImageFile:
    """The image that was loaded as this module, found by name, time stamp and size; the caller closes it.

    Raises:
        SymbolError: it is not on the symbol path, or the dump does not say which one it is.
    """
    entry = image_entry(module.image_name, module.timestamp or 0, module.size)
    if entry is None or module.timestamp is None:
        raise SymbolError(f"the dump does not say which {module.name} it is")
    verify = WantedFile(entry, lambda path: _open_matching(path, module).close())
    return search.find(verify, lambda path: _open_matching(path, module))


def open_image(path: Path) -> ImageFile:
    """The image at ``path``; the caller closes it.

    Raises:
        SymbolError: it cannot be opened, or is no image.
    """
    try:
        if not path.is_file():  # a pipe would keep us waiting
            raise SymbolError(f"{path} is not a file")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise SymbolError(f"cannot open {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return ImageFile(path, file, read_image(_FileHeaders(file), 0))
    except DumpError as error:
        file.close()
        raise SymbolError(f"{path} is not an image") from error


class _FileHeaders:
    # The headers stand at the same places in the file as in memory.

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, address: int, size: int) -> bytes:
        return _read_at(self._file, address, address, size)


def _room(section: Section) -> int:
    """Bytes that the section takes in memory."""
    return -(-min(section.span.size, MAX_SECTION_BYTES) // PAGE_SIZE) * PAGE_SIZE


def _open_matching(path: Path, module: Module) -> ImageFile:
    image = open_image(path)
    found = (image.header.timestamp, image.header.size)
    if found != (module.timestamp, module.size):
        image.close()
        said = f"mismatch: {path} is {found[0]:08X}{found[1]:x}, the dump wants another"
        raise SymbolError(said, SymbolResult.OTHER_BUILD)
    return image


def _read_at(file: BinaryIO, offset: int, rva: int, size: int) -> bytes:
    try:
        file.seek(offset)
        data = file.read(size)
    except (OSError, OverflowError) as error:
        raise MemoryGap(rva, MemoryGap.NOT_CAPTURED) from error
    if len(data) < size:
        raise MemoryGap(rva + len(data), MemoryGap.NOT_CAPTURED)
    return data
