"""Processors, registers, threads and processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

GENERAL_REGISTERS = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
"""x64 general registers in the order of their encoding, which is also that of CONTEXT."""


@dataclass(frozen=True)
class Registers:
    """The x64 registers that a stack walk needs."""

    rip: int
    general: tuple[int, ...]
    """Sixteen values in the order of GENERAL_REGISTERS."""

    @property
    def rsp(self) -> int:
        """The stack pointer."""
        return self.general[4]


@dataclass(frozen=True)
class Processor:
    """One logical processor as its PRCB tells."""

    number: int
    prcb: int
    current_thread: int | None
    idle_thread: int | None
    registers: Registers | None
    """None when the saved context is missing."""

    @property
    def idle(self) -> bool | None:
        """Whether the idle thread was running; None when either thread is not known."""
        if self.current_thread is None or self.idle_thread is None:
            return None
        return self.current_thread == self.idle_thread


class Process(NamedTuple):
    """One process. The name comes from the dump (15 bytes at most) and may be forged."""

    address: int | None
    """EPROCESS; None where an engine cannot tell."""
    name: str | None
    process_id: int | None
    directory_table_base: int | None
