"""Processors, registers, threads and processes."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.machines import X64
from livedump.model.text_kinds import ProcessName


class Registers(NamedTuple):
    """The registers that a stack walk needs, of any machine."""

    instruction: int
    """Where the processor stood."""
    stack_pointer: int
    general: tuple[int, ...]
    """In the machine's own order, which its module of ``machine`` tells."""
    machine: str = X64


class Processor(NamedTuple):
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

    address: Address | None
    """EPROCESS; None where an engine cannot tell."""
    name: ProcessName | None
    process_id: int | None
    directory_table_base: Address | None


class Requester(NamedTuple):
    """The process whose thread asked for the dump, by two independent traces of it."""

    by_directory_table: Process | None
    """Whose page tables the dump header names; Windows writes there those of the process that asked."""
    by_thread: Process | None
    """In which the current thread of the processor that wrote the dump ran."""
    problem: str | None = None
    """Why the list of processes in which it was looked for may not be whole."""

    @property
    def process(self) -> Process | None:
        """The one by the thread where they differ: a header is easily changed, the memory that it heads is not."""
        return self.by_thread or self.by_directory_table

    @property
    def contradictory(self) -> bool | None:
        """Whether the two traces lead to different processes; None when one of them leads nowhere."""
        if self.by_thread is None or self.by_directory_table is None:
            return None
        thread, tables = self.by_thread, self.by_directory_table
        both = thread.address is not None and tables.address is not None
        return thread.address != tables.address if both else thread != tables
