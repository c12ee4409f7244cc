"""Secondary data: which blobs follow a dump's memory. Their contents are private and are never read.

References: ``c_blobs`` for the layout.
"""

from __future__ import annotations

from typing import NamedTuple

from livedump.dumpfile import c_blobs
from livedump.dumpfile.source import ByteSource
from livedump.model.guids import format_guid

MAX_BLOBS = 4096


class Blob(NamedTuple):
    """One blob."""

    guid: str
    """Upper case with dashes. Several blobs may have the same one, or all zeros."""
    offset: int
    """File offset of its data."""
    size: int
    """Bytes of data; may be zero."""


class SecondaryData(NamedTuple):
    """The blobs of a dump in the file's order."""

    blobs: tuple[Blob, ...]
    end_offset: int
    """File offset behind the last blob."""
    problem: str | None
    """Why the walk ended early; None when it reached the end of the file, or zeros where the next blob would begin."""


def read_blobs(source: ByteSource, offset: int) -> SecondaryData | None:
    """The blobs that begin at ``offset``, behind the last page or the triage part; None when there are none."""
    header = source.read_at(offset, c_blobs.FILE_HEADER_LENGTH)
    if len(header) < c_blobs.FILE_HEADER_LENGTH or not header.startswith(c_blobs.SIGNATURE):
        return None
    blobs: list[Blob] = []
    position = offset + max(c_blobs.FILE_HEADER_SIZE.read(header), c_blobs.FILE_HEADER_LENGTH)
    problem = None
    while problem is None and position < source.size and len(blobs) < MAX_BLOBS:
        blob_header = source.read_at(position, c_blobs.BLOB_HEADER_LENGTH)
        if not any(blob_header):  # some dumps go on with what was in the file before
            return SecondaryData(tuple(blobs), position, None)
        problem = _problem(blob_header, position)
        if problem is None:
            blob, position = _parse(blob_header, position)
            blobs.append(blob)
    return SecondaryData(tuple(blobs), position, problem or _end_problem(position, source.size))


def _problem(header: bytes, position: int) -> str | None:
    if len(header) < c_blobs.BLOB_HEADER_LENGTH:
        return f"the file ends inside the header of a blob at {position:#x}"
    size = c_blobs.BLOB_HEADER_SIZE.read(header)
    if size < c_blobs.BLOB_HEADER_LENGTH:
        return f"the header of the blob at {position:#x} is said to have {size:#x} bytes, not 0x20"
    return None


def _parse(header: bytes, position: int) -> tuple[Blob, int]:
    size, before, behind = c_blobs.BLOB_SIZES.read_all(header)
    data = position + c_blobs.BLOB_HEADER_SIZE.read(header) + before
    return Blob(format_guid(header[c_blobs.BLOB_TAG.offset : c_blobs.BLOB_TAG.end]), data, size), data + size + behind


def _end_problem(position: int, file_size: int) -> str | None:
    if position > file_size:
        return f"the file ends at {file_size:#x}, inside its last blob, which ends at {position:#x}"
    return None if position == file_size else f"more than {MAX_BLOBS} blobs; those behind {position:#x} are left out"
