"""GUIDs as Windows writes them: three numbers and eight bytes."""

from __future__ import annotations

import struct

_PARTS = struct.Struct("<IHH8s")
"""Source: guiddef.h of the Windows SDK."""


def format_guid(guid: bytes) -> str:
    """``4EE76BD8-3CF4-44A0-A0AC-3937643E37A3`` of the sixteen bytes in memory: upper case, without braces."""
    first, second, third, rest = _PARTS.unpack(guid)
    tail = rest.hex().upper()
    return f"{first:08X}-{second:04X}-{third:04X}-{tail[:4]}-{tail[4:]}"


def format_store_guid(guid: bytes) -> str:
    """The same as symbol stores write it: 32 digits without dashes."""
    return format_guid(guid).replace("-", "")
