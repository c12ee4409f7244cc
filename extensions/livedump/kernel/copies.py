"""The bytes of one structure as memory."""

from __future__ import annotations

from livedump.model.addresses import MAX_U64
from livedump.model.errors import MemoryGap


class StructureCopy:
    """The bytes of one structure as memory at the address where it stood."""

    def __init__(self, address: int, data: bytes) -> None:
        self.address = address
        self.data = data

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``.

        Raises:
            MemoryGap: some lie outside of the structure.
        """
        start = address - self.address
        if not 0 <= start <= len(self.data):
            raise MemoryGap(address & MAX_U64, MemoryGap.NOT_CAPTURED)
        if start + size > len(self.data):
            raise MemoryGap(self.address + len(self.data), MemoryGap.NOT_CAPTURED)
        return self.data[start : start + size]
