"""Binary layouts as declarations: a name, where each field stands, and what it is.

A declaration lives in a ``c_*.py`` beside its source; reading one gives a plain tuple of its fields.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import NamedTuple

U8, U16, U32, U64, I64 = "<B", "<H", "<I", "<Q", "<q"


class Field(NamedTuple):
    """One field of a C structure."""

    offset: int
    format: str
    """A ``struct`` format of one or more values, little endian."""

    def read(self, data: bytes | memoryview, base: int = 0) -> int:
        """The field's (first) value in ``data``, whose structure begins at ``base``.

        Raises:
            struct.error: ``data`` is too short; callers check sizes first.
        """
        value: int = struct.unpack_from(self.format, data, base + self.offset)[0]
        return value

    def read_all(self, data: bytes | memoryview, base: int = 0) -> tuple[int, ...]:
        """All values of a field with several."""
        return struct.unpack_from(self.format, data, base + self.offset)

    @property
    def end(self) -> int:
        """First byte behind the field."""
        return self.offset + struct.calcsize(self.format)


def u32_array(data: bytes | memoryview) -> array[int]:
    """Little-endian 32-bit numbers; bytes behind the last whole one are left out."""
    numbers = array("I")
    numbers.frombytes(data[: len(data) & ~3])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
