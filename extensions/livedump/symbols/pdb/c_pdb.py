"""Layouts of a program database (PDB) and of the MSF 7.0 container it lives in.

Source: the PDB documentation of the LLVM project (MsfFile, PdbStream, DbiStream, TpiStream, CodeViewSymbols) and
cvinfo.h of Microsoft's microsoft-pdb repository; checked against files written by MSVC 14.3 and by lld.
"""

from __future__ import annotations

import struct

# --- MSF container ---------------------------------------------------------------------------------------------------

MSF_MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
SUPER_BLOCK = struct.Struct("<32sIIIIII")
"""magic, block size, free block map, block count, directory bytes, unknown, block of the directory's block list."""
BLOCK_SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768)
NIL_STREAM_SIZE = 0xFFFFFFFF

# --- fixed streams ---------------------------------------------------------------------------------------------------

INFO_STREAM = 1
TYPE_STREAM = 2
DEBUG_STREAM = 3

INFO_HEADER = struct.Struct("<III16s")
"""version, signature, age, GUID in its memory order."""

# --- DBI stream ------------------------------------------------------------------------------------------------------

DBI_HEADER = struct.Struct("<iIIHHHHHHiiiiiIiiHHI")
"""signature, version, age, globals, build, publics, dll version, symbol records, dll rebuild; bytes of modules,
contributions, section map, sources, type servers; MFC index; bytes of debug header, of edit-and-continue; flags,
machine, padding."""
DBI_SIGNATURE = -1
NO_STREAM = 0xFFFF

MODULE_INFO = struct.Struct("<32xHHII20x")
"""flags, symbol stream, bytes of symbols, bytes of C11 lines; two NUL-terminated names follow, then padding to 4."""

DEBUG_STREAM_OMAP_FROM_SOURCE = 4
DEBUG_STREAM_SECTION_HEADERS = 5
DEBUG_STREAM_ORIGINAL_SECTION_HEADERS = 10

SECTION_HEADER = struct.Struct("<8sIIII12xI")
"""IMAGE_SECTION_HEADER: name, virtual size, virtual address, raw size, raw offset, characteristics."""
OMAP_ENTRY = struct.Struct("<II")
"""source RVA, target RVA; a target of 0 means that the bytes are gone."""

# --- symbol records --------------------------------------------------------------------------------------------------

RECORD_HEADER = struct.Struct("<HH")
"""bytes that follow the first field, kind."""
MODULE_SYMBOLS_SIGNATURE = 4

S_THUNK32 = 0x1102
S_LDATA32 = 0x110C
S_GDATA32 = 0x110D
S_PUB32 = 0x110E
S_LPROC32 = 0x110F
S_GPROC32 = 0x1110
S_LPROC32_ID = 0x1146
S_GPROC32_ID = 0x1147
S_LPROC32_DPC = 0x1155
S_LPROC32_DPC_ID = 0x1156
PROCEDURE_KINDS = frozenset({S_LPROC32, S_GPROC32, S_LPROC32_ID, S_GPROC32_ID, S_LPROC32_DPC, S_LPROC32_DPC_ID})

PUBLIC_SYMBOL = struct.Struct("<HHIIH")
"""length, kind, flags or type, offset, section; the name follows. The same shape serves S_GDATA32 and S_LDATA32."""
PROCEDURE_SYMBOL = struct.Struct("<HHIIIIIIIIHB")
"""length, kind, parent, end, next, code bytes, body start, body end, type, offset, section, flags; then the name."""
THUNK_SYMBOL = struct.Struct("<HHIIIIHHB")
"""length, kind, parent, end, next, offset, section, code bytes, ordinal; then the name."""

# --- TPI stream ------------------------------------------------------------------------------------------------------

TPI_HEADER = struct.Struct("<IIIII")
"""version, header bytes, first type index, type index behind the last, bytes of records."""

TPI_HASH_HEADER = struct.Struct("<20xHHIIiIiIiI")
"""TPI_HEADER, then: hash stream, another, bytes of a key, buckets; offset and bytes in the hash stream of the hash
values, of the index offsets, of the adjustments."""
TPI_KEY_SIZE = 4
INDEX_OFFSET = struct.Struct("<II")
"""type index, where its record begins; one for every 8 KiB of records."""

SIMPLE_TYPE_END = 0x1000
"""Type indices below are no records: the low byte tells the type, the bits from 8 to 10 whether it is a pointer."""
SIMPLE_NEAR_POINTER_SIZES = {1: 2, 2: 4, 3: 4, 4: 4, 5: 4, 6: 8, 7: 16}
SIMPLE_VOID = 0x03
SIMPLE_UNSIGNED = {0x20: 1, 0x30: 1, 0x69: 1, 0x7C: 1, 0x21: 2, 0x31: 2, 0x71: 2, 0x73: 2, 0x7A: 2, 0x22: 4, 0x32: 4,
                   0x75: 4, 0x7B: 4, 0x23: 8, 0x33: 8, 0x77: 8, 0x24: 16, 0x79: 16}  # fmt: skip
SIMPLE_SIGNED = {0x10: 1, 0x68: 1, 0x70: 1, 0x11: 2, 0x72: 2, 0x08: 4, 0x12: 4, 0x74: 4, 0x13: 8, 0x76: 8,
                 0x14: 16, 0x78: 16}  # fmt: skip
SIMPLE_FLOATS = {0x46: 2, 0x40: 4, 0x41: 8, 0x42: 10, 0x43: 16}
"""Bytes of each simple type."""

LF_MODIFIER = 0x1001
LF_POINTER = 0x1002
LF_PROCEDURE = 0x1008
LF_MFUNCTION = 0x1009
LF_FIELDLIST = 0x1203
LF_BITFIELD = 0x1205
LF_BCLASS = 0x1400
LF_VBCLASS = 0x1401
LF_IVBCLASS = 0x1402
LF_INDEX = 0x1404
LF_VFUNCTAB = 0x1409
LF_ENUMERATE = 0x1502
LF_ARRAY = 0x1503
LF_CLASS = 0x1504
LF_STRUCTURE = 0x1505
LF_UNION = 0x1506
LF_ENUM = 0x1507
LF_MEMBER = 0x150D
LF_STMEMBER = 0x150E
LF_METHOD = 0x150F
LF_NESTTYPE = 0x1510
LF_ONEMETHOD = 0x1511

STRUCTURE_HEAD = struct.Struct("<HHHHIII")
"""length, kind, member count, properties, field list, derivation list, vtable shape; then size (numeric), name."""
UNION_HEAD = struct.Struct("<HHHHI")
"""length, kind, member count, properties, field list; then size (numeric), name."""
MODIFIER = struct.Struct("<HHI")
"""length, kind, modified type."""
POINTER = struct.Struct("<HHII")
"""length, kind, type pointed at, attributes; the bits from 13 on are the pointer's bytes."""
POINTER_SIZE_SHIFT = 13
POINTER_SIZE_MASK = 0x3F
ARRAY = struct.Struct("<HHII")
"""length, kind, type of the elements, type of the index; then bytes of the whole (numeric), name."""
BIT_FIELD = struct.Struct("<HHIBB")
"""length, kind, type of the unit, bits, first bit."""
ENUM_HEAD = struct.Struct("<HHHHII")
"""length, kind, count, properties, type of the numbers, list of the values; then the name."""
FORWARD_REFERENCE = 0x80
"""Bit of the properties: the definition stands elsewhere under the same name."""
HAS_UNIQUE_NAME = 0x200
"""Bit of the properties: a second name follows the first."""

MEMBER_HEAD = struct.Struct("<HHI")
"""kind, attributes or padding, type or field list. Shared by LF_MEMBER, LF_BCLASS, LF_INDEX and others."""
VIRTUAL_BASE_HEAD = struct.Struct("<HHII")
"""kind, attributes, base, type of the base pointer; two numerics follow."""
METHOD_INTRODUCING_KINDS = (4, 6)
"""Values of the method property (attributes bits 2 to 4) after which a vtable offset follows."""

U16 = struct.Struct("<H")
LF_PAD_FIRST = 0xF0
"""A byte from here on is padding between members; its low half counts the bytes to skip."""
LF_NUMERIC = 0x8000
NUMERIC_SIZES = {0x8000: 1, 0x8001: 2, 0x8002: 2, 0x8003: 4, 0x8004: 4, 0x8009: 8, 0x800A: 8}
"""Bytes that follow a numeric leaf: char, short, ushort, long, ulong, quad, uquad."""
