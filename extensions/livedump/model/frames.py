"""The call stack."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from livedump.model.addresses import Address, ShortHex, is_kernel_address
from livedump.model.text_kinds import ModuleName, SymbolText


class Trust(Enum):
    """How a frame was found, best first."""

    CONTEXT = "context"
    """From a saved register context."""
    UNWIND = "unwind"
    """From the caller's context by the image's own unwind data."""
    SCAN = "scan"
    """A value on the stack that looks like a return address: may be left over from an earlier call."""


class Role(Enum):
    """What a frame's code was doing when the dump was taken."""

    CAPTURE = "capture"
    """The machinery that writes the dump. Never to blame."""
    REQUEST = "request"
    """The kernel code that asked for the dump."""
    USER = "user"
    """User mode."""
    OTHER = "other"


class Frame(NamedTuple):
    """One row of ``k``. Frame 0 is innermost."""

    index: int  # type: ignore[assignment]  # nobody looks for values in a frame, as in other tuples
    child_sp: Address | None
    """None where only text without that column is known (``kb``)."""
    return_address: Address | None
    """0 in the last frame; None where only text without that column is known (``kc``)."""
    instruction: Address | None
    """Where this frame stands; for all but frame 0 this is the return address of the frame before.
    None for a frame 0 that is known from text alone, which names the symbol only."""
    module: ModuleName | None
    symbol: SymbolText | None
    """Undecorated name without module; None without symbols."""
    offset: ShortHex | None
    """Bytes behind the symbol, or behind the module's base when there is no symbol; None outside of any module."""
    trust: Trust
    role: Role | None = None
    """None until the analysis has looked at the whole stack."""

    @property
    def kernel_mode(self) -> bool | None:
        """Whether the frame ran in the system half, by its instruction or else its stack; None: neither is known."""
        known = self.instruction if self.instruction is not None else self.child_sp
        return None if known is None else is_kernel_address(known)

    @property
    def call_site(self) -> str:
        """The last column of ``k``: ``nt!Name+0x1a``, ``module+0x1234`` or a bare address."""
        if self.module is None and self.instruction is not None:
            return f"0x{self.instruction >> 32 & 0xFFFFFFFF:08x}`{self.instruction & 0xFFFFFFFF:08x}"
        if self.module is None:
            return "?"
        name = f"{self.module}!{self.symbol}" if self.symbol else self.module
        return f"{name}+0x{self.offset:x}" if self.offset else name


class Stack(NamedTuple):
    """Frames from the innermost out, and why there are no more."""

    frames: tuple[Frame, ...]
    stop_reason: str | None
    """None when the walk reached the end of the stack."""
    processor: int | None = None
