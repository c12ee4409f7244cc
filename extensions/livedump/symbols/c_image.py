"""Layouts of a PE image in memory: headers, sections, exports, debug directory.

Source: the PE Format page of the Windows documentation; the RSDS record as LLVM's CodeView documentation has it.
"""

from __future__ import annotations

import struct

DOS_HEADER_SIZE = 0x40
DOS_MAGIC = b"MZ"
DOS_NEW_HEADER = struct.Struct("<2s58xI")
"""magic, file offset of the PE header."""
MAX_NEW_HEADER = 0x1000

PE_MAGIC = b"PE\0\0"
FILE_HEADER = struct.Struct("<4sHHIIIHH")
"""magic, machine, sections, TimeDateStamp, symbol table, symbol count, bytes of optional header, characteristics."""

OPTIONAL_MAGIC = struct.Struct("<H")
PE32 = 0x10B
PE32_PLUS = 0x20B
SIZE_OF_IMAGE = struct.Struct("<56xIII")
"""From the optional header, same place in both kinds: SizeOfImage, SizeOfHeaders, CheckSum."""
DIRECTORIES_OFFSET = {PE32: 96, PE32_PLUS: 112}
"""Data directories, from the optional header; the u32 before holds their number."""
DATA_DIRECTORY = struct.Struct("<II")
"""RVA, bytes."""
EXPORT_DIRECTORY_INDEX = 0
RESOURCE_DIRECTORY_INDEX = 2
EXCEPTION_DIRECTORY_INDEX = 3
DEBUG_DIRECTORY_INDEX = 6

SECTION = struct.Struct("<8sIIII12xI")
"""name, virtual size, RVA, raw bytes, raw offset, characteristics."""
MAX_SECTIONS = 96
"""The loader's own limit."""

EXPORT_DIRECTORY = struct.Struct("<20xIIIII")
"""functions, names; RVAs of the function, name and ordinal tables."""
MAX_EXPORTS = 0x10000

DEBUG_ENTRY = struct.Struct("<12xIIII")
"""type, bytes, RVA, file offset."""
MAX_DEBUG_ENTRIES = 32
DEBUG_TYPE_CODEVIEW = 2
RSDS = struct.Struct("<4s16sI")
"""magic, GUID, age; the path of the PDB follows, UTF-8, NUL-terminated."""
RSDS_MAGIC = b"RSDS"
MAX_PDB_PATH = 0x400
