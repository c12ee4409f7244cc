"""Layout of our own index file: header, start RVAs, name positions, names. Little endian; made for reading in place."""

from __future__ import annotations

import struct

INDEX_MAGIC = b"ldsymidx"
INDEX_VERSION = 1
"""Raise it with every change of the layout or of what is chosen to stand in it: older files are then built anew."""

INDEX_HEADER = struct.Struct("<8sII32sIQqIII")
"""magic, version, entries, GUID digits, age, bytes of the PDB, its time of change (ns), bytes of names,
CRC-32 of the starts, CRC-32 of all fields before this one."""
INDEX_HEADER_FIELDS = struct.Struct("<8sII32sIQqII")
NAME_HEAD = struct.Struct("<IBH")
"""CRC-32 of the name, begun with its RVA; 1 when decorated; bytes of the name, which follows."""
