"""The stop code and its parameters."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import Parameter, ShortHex

DEBUGGER_SEEN_BIT = 0x10000000
"""Added to a code when the kernel debugger saw the bug check first (0x1000007E is 0x7E)."""


class BugCheck(NamedTuple):
    """What ``.bugcheck`` prints. In a live dump it is free text of the caller, not proof of a fault."""

    code: ShortHex
    """u32 as stored."""
    parameters: tuple[Parameter | None, Parameter | None, Parameter | None, Parameter | None]
    """Four u64 as stored; None for one that a text about the dump leaves out."""

    @property
    def base_code(self) -> int:
        """The code without the mark that the kernel debugger saw it first."""
        return self.code & ~DEBUGGER_SEEN_BIT

    @property
    def all_zero(self) -> bool:
        """Whether all four parameters are known to be zero."""
        return all(value == 0 for value in self.parameters)
