"""Secondary data of a dump: blobs, each marked by a GUID.

Source: symbols of the Windows Driver Kit (the two headers); both end exactly at the end of x64 and ARM64 dumps.
"""

from __future__ import annotations

from livedump.model.fields import U32, Field

SIGNATURE = b"DumpBlob"
FILE_HEADER_SIZE = Field(0x08, U32)
FILE_HEADER_LENGTH = 0x10
BLOB_HEADER_SIZE = Field(0x00, U32)
BLOB_TAG = Field(0x04, "16s")
BLOB_SIZES = Field(0x14, "<3I")
"""Bytes of data, of padding before it and behind it."""
BLOB_HEADER_LENGTH = 0x20
