"""How a dump stores pages of physical memory.

Sources: dump.h of the Singularity research kit (old summary header); bitmap headers as dumps of Windows 8 and later
show them; range headers as dbgeng 10.0.29507 writes them, the same in its three types; Intel SDM volume 3A, 4.5 (page
table entries); public symbols of nt (_MMPTE_TRANSITION).
"""

from typing import NamedTuple

from livedump.model.fields import U32, U64, Field

BITMAP_SIGNATURES = (b"SDMP", b"FDMP")
RANGE_SIGNATURE = b"RDMP"
VALID_BODY = b"DUMP"
"""Follows each of the signatures."""


class BitmapLayout(NamedTuple):
    """The header of a bitmap of physical pages, behind the dump header. Bit n, lowest first, is page n."""

    first_page: Field
    """File offset of the first page."""
    page_count: Field
    """Number of bits that are set."""
    bit_count: Field
    bitmap: int
    """Offset of the bitmap."""


BITMAP = BitmapLayout(Field(0x20, U64), Field(0x28, U64), Field(0x30, U64), 0x38)
"""Types 5 and 6, and type 2 since Windows 8."""
SUMMARY_64 = BitmapLayout(Field(0x0C, U32), Field(0x14, U32), Field(0x10, U32), 0x28)
"""SUMMARY_DUMP64 of type 2 before Windows 8."""
SUMMARY_32 = SUMMARY_64._replace(bitmap=0x20)
"""SUMMARY_DUMP32: its descriptor of the bitmap is 8 bytes shorter."""
SUMMARY_HEADER_SIZE = SUMMARY_64.first_page
"""Tells the two apart: a multiple of the page size in the older header, zero in the newer."""

RANGE_SIGNATURE_OFFSET = 0x04
RANGE_METADATA_SIZE = Field(0x10, U64)
RANGE_FIRST_PAGE = Field(0x18, U64)
RANGE_METADATA = 0x20
"""What RANGE_METADATA_SIZE counts begins here and ends at the first page."""
RANGE_COUNT = Field(0x20, U32)
RANGE_TOTAL_PAGES = Field(0x28, U64)
RANGES = 0x30
"""Pairs of u64: first page, number of pages. The pages follow in this order, wherever the metadata ends: on no page
border."""
RANGE_SIZE = 16
UNREAD_PAGE = bytes.fromhex("edfeadde") * 1024
"""A whole page of this is what a debugger writes for one that it could not read (seen in 10.0.29507, ``.dump /f``)."""
