"""Binary layouts as declarations: a name, where each field stands, and what it is.

A declaration lives in a ``c_*.py`` beside its source; reading one gives a plain tuple of its fields.
"""

from __future__ import annotations

import struct
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
