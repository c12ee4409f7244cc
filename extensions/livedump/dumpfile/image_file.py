"""An image file on disk as the memory it would be when loaded."""

from __future__ import annotations

from bisect import bisect_right

from livedump.dumpfile.image import Image, Section, Span, read_image
from livedump.dumpfile.source import ByteSource
from livedump.model.errors import MemoryGap

HEADERS_SIZE = 0x1000
"""Bytes of the file that are mapped before the sections are known; the headers of an image fit."""


class ImageFile:
    """Memory that holds one image at ``base``, read from its file. Nothing is relocated: pointers in data differ.

    Raises:
        DamagedDump: the file is no image.
        MemoryGap: its headers end too early.
    """

    def __init__(self, source: ByteSource, base: int) -> None:
        self.base = base
        self._source = source
        self._sections: list[Section] = [Section("", Span(0, HEADERS_SIZE), False, Span(0, HEADERS_SIZE))]
        self._starts = [0]
        self.image: Image = read_image(self, base)
        self._sections += sorted(self.image.sections, key=_section_start)
        self._starts = [_section_start(section) for section in self._sections]

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``, which must lie in one section (or in the headers).

        Raises:
            MemoryGap: the file does not hold all of them.
        """
        offset = address - self.base
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or size < 0:
            raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
        return self._read_section(self._sections[index], offset, size)

    def _read_section(self, section: Section, offset: int, size: int) -> bytes:
        skip = offset - section.span.start
        held = max(0, min(size, section.file_span.size - skip))
        data = self._source.read_at(section.file_span.start + skip, held) if held else b""
        if offset + size <= section.span.end:
            data = self._zero_filled(data, held, size)
        if len(data) < size:
            raise MemoryGap(self.base + offset + len(data), MemoryGap.NOT_CAPTURED)
        return data

    @staticmethod
    def _zero_filled(data: bytes, held: int, size: int) -> bytes:
        # The loader fills what a section has beyond its part of the file; a file cut short is another matter.
        return data + bytes(size - held) if len(data) == held else data


def _section_start(section: Section) -> int:
    return section.span.start
