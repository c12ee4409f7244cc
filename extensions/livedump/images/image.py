"""Images as they lie in memory: headers, sections, and which PDB belongs to them.

Every function takes the memory as an argument and reads only what it needs.
"""

from typing import NamedTuple, Optional

from livedump.images import c_image as c
from livedump.model.addresses import PAGE_SIZE, Memory, format_address
from livedump.model.errors import DamagedDump, DumpError
from livedump.model.guids import format_store_guid
from livedump.model.images import PdbIdentity

MAX_SECTIONS = 96
"""What the Windows loader accepts."""
MAX_NEW_HEADER_OFFSET = 0x1000
MAX_DEBUG_ENTRIES = 16
MAX_PDB_NAME = 0x400


class Span(NamedTuple):
    """Part of an image, relative to its base."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.start + self.size


class Section(NamedTuple):
    """One section of an image."""

    name: str
    span: Span
    """Where it lies in memory."""
    executable: bool
    file_span: Span
    """Where its bytes stand in the file; what memory has behind them is zeros."""


class Image(NamedTuple):
    """What the headers of one image say. A part that is absent, or lies outside of the image, is None."""

    base: int
    size: int
    """SizeOfImage, bytes."""
    machine: int
    """IMAGE_FILE_HEADER.Machine as stored."""
    timestamp: int
    checksum: int
    sections: tuple[Section, ...]
    exports: Optional[Span]
    resources: Optional[Span]
    exceptions: Optional[Span]
    """The sorted table of functions (``.pdata``)."""
    debug: Optional[Span]

    def is_code(self, address: int) -> bool:
        """Whether a virtual address lies in a section that can be executed."""
        offset = address - self.base
        return any(s.executable and s.span.start <= offset < s.span.end for s in self.sections)


def read_image(memory: Memory, base: int) -> Image:
    """The headers of the image at ``base``.

    Raises:
        MemoryGap: a page of the headers is missing.
        DamagedDump: these are no headers of an image.
    """
    nt_headers = base + _read_new_header_offset(memory, base)
    file_header = memory.read(nt_headers, c.FILE_HEADER_SIZE)
    if c.NT_SIGNATURE.read(file_header) != c.PE00:
        raise DamagedDump(f"no PE signature in the image at {format_address(base)}")
    optional_at = nt_headers + c.FILE_HEADER_SIZE
    optional_size = c.OPTIONAL_HEADER_SIZE.read(file_header)
    optional = memory.read(optional_at, min(optional_size, c.OPTIONAL_HEADER_LIMIT))
    directories = _parse_directories(optional, base)
    return Image(
        base,
        c.SIZE_OF_IMAGE.read(optional),
        c.MACHINE.read(file_header),
        c.TIMESTAMP.read(file_header),
        c.CHECKSUM.read(optional),
        _read_sections(memory, optional_at + optional_size, c.SECTION_COUNT.read(file_header)),
        directories.get(c.EXPORTS),
        directories.get(c.RESOURCES),
        directories.get(c.EXCEPTIONS),
        directories.get(c.DEBUG),
    )


def read_pdb_identity(memory: Memory, image: Image) -> Optional[PdbIdentity]:
    """Which PDB belongs to the image; None when the image names none.

    Raises:
        MemoryGap: a page of the debug data is missing.
    """
    if image.debug is None:
        return None
    count = min(image.debug.size // c.DEBUG_ENTRY.size, MAX_DEBUG_ENTRIES)
    entries = memory.read(image.base + image.debug.start, count * c.DEBUG_ENTRY.size)
    for kind, size, address in c.DEBUG_ENTRY.iter_unpack(entries):
        if kind == c.DEBUG_CODEVIEW and address and address + size <= image.size:
            return _read_rsds(memory, image.base + address, size)
    return None


def find_pdb_identity(memory: Memory, base: int) -> Optional[PdbIdentity]:
    """Which PDB belongs to the image at ``base``; None when it names none, or the pages that do are missing."""
    try:
        return read_pdb_identity(memory, read_image(memory, base))
    except DumpError:
        return None


def _read_new_header_offset(memory: Memory, base: int) -> int:
    header = memory.read(base, c.DOS_HEADER_SIZE)
    offset = c.DOS_NEW_HEADER.read(header)
    if c.DOS_SIGNATURE.read(header) != c.MZ or offset > MAX_NEW_HEADER_OFFSET:
        raise DamagedDump(f"no image at {format_address(base)}")
    return offset


def _parse_directories(optional: bytes, base: int) -> dict[int, Span]:
    # The directories by number, those only that are not empty and lie inside of the image.
    start = c.DIRECTORIES_AT.get(c.OPTIONAL_MAGIC.read(optional)) if len(optional) >= c.OPTIONAL_MAGIC.end else None
    if start is None or len(optional) < start:
        raise DamagedDump(f"the image at {format_address(base)} has no optional header of a known kind")
    size = c.SIZE_OF_IMAGE.read(optional)
    whole = (len(optional) - start) // c.DATA_DIRECTORY.size * c.DATA_DIRECTORY.size
    spans = (Span(*pair) for pair in c.DATA_DIRECTORY.iter_unpack(optional[start : start + whole]))
    return {number: span for number, span in enumerate(spans) if span.start and span.size and span.end <= size}


def _read_sections(memory: Memory, address: int, count: int) -> tuple[Section, ...]:
    count = min(count, MAX_SECTIONS)
    data = memory.read(address, count * c.SECTION_HEADER.size)
    return tuple(_section(fields) for fields in c.SECTION_HEADER.iter_unpack(data))


def _section(fields: tuple[bytes, int, int, int, int, int]) -> Section:
    name, size, start, file_size, file_start, flags = fields
    text = name.rstrip(b"\0").decode("ascii", "replace")
    executable = bool(flags & c.SECTION_EXECUTABLE)
    return Section(text, Span(start, size or file_size), executable, Span(file_start, file_size))


def _read_rsds(memory: Memory, address: int, size: int) -> Optional[PdbIdentity]:
    magic, guid, age = c.CODEVIEW_RSDS.unpack(memory.read(address, c.CODEVIEW_RSDS.size))
    if magic != c.RSDS or size < c.CODEVIEW_RSDS.size:
        return None
    name = read_name(memory, address + c.CODEVIEW_RSDS.size, min(size - c.CODEVIEW_RSDS.size, MAX_PDB_NAME))
    return PdbIdentity(name, format_store_guid(guid), age) if name else None


def read_name(memory: Memory, address: int, limit: int) -> str:
    """The NUL-terminated text at ``address``, ``limit`` bytes at most; what lies behind it may be missing.

    Raises:
        MemoryGap: a page of the text itself is missing.
    """
    text = b""
    while b"\0" not in text and len(text) < limit:
        start = address + len(text)
        text += memory.read(start, min(PAGE_SIZE - start % PAGE_SIZE, limit - len(text)))
    return text.split(b"\0", 1)[0].decode("utf-8", "replace")
