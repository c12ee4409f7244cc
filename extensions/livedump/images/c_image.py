"""Portable Executable headers as they lie in memory.

Source: "PE Format", Microsoft Learn; winnt.h and verrsrc.h of the Windows SDK.
Offsets hold for PE32 and PE32+ alike unless said otherwise.
"""

from __future__ import annotations

from struct import Struct

from livedump.model.fields import U16, U32, Field

DOS_HEADER_SIZE = 0x40
DOS_SIGNATURE = Field(0x00, U16)
DOS_NEW_HEADER = Field(0x3C, U32)
"""Offset of the NT headers (e_lfanew)."""
MZ = 0x5A4D

# IMAGE_NT_HEADERS: signature and IMAGE_FILE_HEADER
FILE_HEADER_SIZE = 0x18
NT_SIGNATURE = Field(0x00, U32)
MACHINE = Field(0x04, U16)
SECTION_COUNT = Field(0x06, U16)
TIMESTAMP = Field(0x08, U32)
OPTIONAL_HEADER_SIZE = Field(0x14, U16)
PE00 = 0x4550

# IMAGE_OPTIONAL_HEADER, counted from its own start
OPTIONAL_MAGIC = Field(0x00, U16)
SIZE_OF_IMAGE = Field(0x38, U32)
CHECKSUM = Field(0x40, U32)
PE32, PE32_PLUS = 0x10B, 0x20B
DIRECTORIES_AT = {PE32: 0x60, PE32_PLUS: 0x70}
"""Offset of the data directories by magic; their count is the u32 before."""

OPTIONAL_HEADER_LIMIT = 0xF0
"""Size of the larger kind with its sixteen directories."""

DATA_DIRECTORY = Struct("<II")
"""Address and size."""
EXPORTS, RESOURCES, EXCEPTIONS, DEBUG = 0, 2, 3, 6

SECTION_HEADER = Struct("<8sIIII12xI")
"""Name, VirtualSize, VirtualAddress, SizeOfRawData, PointerToRawData, Characteristics."""
SECTION_EXECUTABLE = 0x20000000

DEBUG_ENTRY = Struct("<12xIII4x")
"""IMAGE_DEBUG_DIRECTORY: Type, SizeOfData, AddressOfRawData."""
DEBUG_CODEVIEW = 2

CODEVIEW_RSDS = Struct("<4s16sI")
"""Signature, GUID, age; the name of the PDB follows and ends with a NUL."""
RSDS = b"RSDS"

EXPORT_DIRECTORY = Struct("<20xIIIII")
"""IMAGE_EXPORT_DIRECTORY: functions, names; RVAs of the function, name and ordinal tables."""

RESOURCE_DIRECTORY = Struct("<12xHH")
"""Count of entries by name, count of entries by number; the entries follow, names first."""
RESOURCE_ENTRY = Struct("<II")
"""Number or name, offset from the start of all resources."""
RESOURCE_IS_DIRECTORY = 0x80000000
RESOURCE_DATA = Struct("<II")
"""Address in the image, size."""
RESOURCE_VERSION = 16
"""RT_VERSION."""

FIXED_FILE_INFO = Struct("<I4xII")
"""VS_FIXEDFILEINFO: signature, file version high and low."""
FIXED_FILE_INFO_AT = 0x28
"""Behind three u16 and the key VS_VERSION_INFO with its NUL, rounded up to four."""
FIXED_FILE_INFO_SIGNATURE = 0xFEEF04BD
