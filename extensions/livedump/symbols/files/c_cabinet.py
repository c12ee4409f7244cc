"""Layout of a cabinet file, in which symbol stores keep compressed files.

Source: [MS-CAB] Cabinet File Format of Microsoft's open specifications.
"""

from __future__ import annotations

import struct

CABINET_MAGIC = b"MSCF"
CABINET_HEADER = struct.Struct("<4s4xI4xI4xBBHHHHH")
"""magic, bytes of the cabinet, offset of the first file entry, minor, major, folders, files, flags, set, number."""
HAS_PREVIOUS, HAS_NEXT, HAS_RESERVE = 1, 2, 4
RESERVE_SIZES = struct.Struct("<HBB")
"""Bytes reserved in the header, in each folder entry, in each data block."""

FOLDER = struct.Struct("<IHH")
"""offset of the first data block, data blocks, compression."""
COMPRESSION_MASK = 0x0F
NO_COMPRESSION, MSZIP, QUANTUM, LZX = 0, 1, 2, 3
COMPRESSION_NAMES = {QUANTUM: "Quantum", LZX: "LZX"}

FILE = struct.Struct("<IIH6x")
"""bytes, offset in the folder's data, folder; a NUL-terminated name follows."""

DATA = struct.Struct("<IHH")
"""checksum (0: none), bytes here, bytes when expanded."""
MSZIP_MAGIC = b"CK"
MAX_EXPANDED_BLOCK = 0x8000
"""Also how far MSZIP looks back into the blocks before."""
