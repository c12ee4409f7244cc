"""Which version an image says it has, in its resources."""

from __future__ import annotations

from livedump.images import c_image as c
from livedump.images.image import Image, Span
from livedump.model.addresses import Memory
from livedump.model.errors import MemoryGap

MAX_RESOURCE_ENTRIES = 0x200


def find_file_version(memory: Memory, image: Image) -> str | None:
    """The file version from the image's resources, ``10.0.26100.1``; None when it has none or a page is missing."""
    if image.resources is None:
        return None
    try:
        span = _find_version_resource(memory, image, image.resources)
        if span is None or span.size < c.FIXED_FILE_INFO_AT + c.FIXED_FILE_INFO.size:
            return None
        info = memory.read(image.base + span.start + c.FIXED_FILE_INFO_AT, c.FIXED_FILE_INFO.size)
    except MemoryGap:
        return None
    signature, high, low = c.FIXED_FILE_INFO.unpack(info)
    if signature != c.FIXED_FILE_INFO_SIGNATURE:
        return None
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _find_version_resource(memory: Memory, image: Image, resources: Span) -> Span | None:
    # Three levels: type, name, language. The first name and language serve: an image has one version.
    offset = _find_resource_entry(memory, image.base + resources.start, 0, c.RESOURCE_VERSION)
    for _ in ("name", "language"):
        if offset is None or not offset & c.RESOURCE_IS_DIRECTORY:
            return None
        offset = _find_resource_entry(memory, image.base + resources.start, offset & ~c.RESOURCE_IS_DIRECTORY, None)
    if offset is None or offset & c.RESOURCE_IS_DIRECTORY:
        return None
    span = Span(*c.RESOURCE_DATA.unpack(memory.read(image.base + resources.start + offset, c.RESOURCE_DATA.size)))
    return span if span.end <= image.size else None


def _find_resource_entry(memory: Memory, resources: int, directory: int, number: int | None) -> int | None:
    # Offset of the entry with that number, or of the first one, from the start of the resources.
    header = memory.read(resources + directory, c.RESOURCE_DIRECTORY.size)
    count = min(sum(c.RESOURCE_DIRECTORY.unpack(header)), MAX_RESOURCE_ENTRIES)
    entries = memory.read(resources + directory + len(header), count * c.RESOURCE_ENTRY.size)
    for name, offset in c.RESOURCE_ENTRY.iter_unpack(entries):
        if number is None or name == number:
            return int(offset)
    return None
