"""Memory by address, and the way WinDbg prints addresses."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Protocol

PAGE_SIZE = 0x1000
MAX_U64 = 0xFFFFFFFFFFFFFFFF


class Hex(NamedTuple):
    """How a number is written wherever programs read it: as text in base 16."""

    form: str
    """The format of Python's own ``format``."""


Address = Annotated[int, Hex("#018x")]
"""An address, or another value of 64 bits. An int to all but what writes it."""
Parameter = Address
"""A parameter of a bug check: it may spell a text."""
Bits32 = Annotated[int, Hex("#010x")]
"""A value of 32 bits."""
ShortHex = Annotated[int, Hex("#x")]
"""An offset or a code: as many digits as it needs."""


class Memory(Protocol):
    """Bytes by address. A read either returns exactly what was asked for or raises."""

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``.

        Raises:
            MemoryGap: the first byte that the dump does not hold, and why.
        """


def format_address(value: int) -> str:
    """A 64-bit value as WinDbg prints it: ``fffff801`781565d5``."""
    return f"{value >> 32 & 0xFFFFFFFF:08x}`{value & 0xFFFFFFFF:08x}"


def canonical(address: int) -> int:
    """The address with bit 47 copied upwards, as a 48-bit processor demands."""
    address &= 0xFFFFFFFFFFFF
    return address | 0xFFFF000000000000 if address >> 47 else address


def is_kernel_address(address: int) -> bool:
    """Whether a 64-bit virtual address lies in the system half."""
    return address >> 47 == 0x1FFFF
