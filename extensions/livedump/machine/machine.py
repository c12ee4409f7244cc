"""An architecture, as far as reading a dump depends on it."""

from collections.abc import Callable
from typing import NamedTuple, Optional

from livedump.machine.page_tables import TableForm
from livedump.model.errors import Unsupported
from livedump.model.fields import Field
from livedump.model.machines import ARM64, X64
from livedump.model.processors import Registers


class StackedSwitchFrame(NamedTuple):
    """What the context switch leaves on the stack of a thread that stops to run, where KTHREAD.KernelStack points."""

    size: int
    """The stack pointer with which the thread goes on is so far above it."""
    frame_pointer: Field
    return_address: Field
    """Where the thread goes on, or where it begins when it never ran."""


class Machine(NamedTuple):
    """One architecture."""

    name: str
    """As a dump's header has it."""
    general_registers: tuple[str, ...]
    """By the debugger's names, in the order of ``Registers.general``."""
    instruction_pointer: str
    """By the debugger's name, as is the next one."""
    stack_pointer: str
    page_tables: TableForm
    control_size: int
    """Bytes of a CONTEXT up to the last register that a stack walk needs."""
    parse_context: Callable[[bytes], Optional[Registers]]
    """The registers of a whole CONTEXT; None when it was never filled."""
    parse_saved: Callable[[bytes], Optional[Registers]]
    """The registers in the first ``control_size`` bytes of a CONTEXT; None where its flags tell that none were saved
    there."""
    switch_frame: Optional[StackedSwitchFrame]
    """None where the thread itself keeps it, as KTHREAD.SwitchFrame."""
    resumed: Callable[[int, int, int], Registers]
    """The registers of a thread that goes on at an instruction with a stack and a frame pointer; the others are 0."""
    code_address: Callable[[int], int]
    """The address that a stored return address stands for."""
    holds_number: Callable[[bytes, bytes], bool]
    """Whether code holds a number of four bytes: it loads it, or keeps it beside its instructions."""


def machine_of(name: str) -> Machine:
    """The architecture that a dump's header names.

    Raises:
        Unsupported: only the header of its dumps is read.
    """
    if name == X64:
        from livedump.machine import x64  # noqa: PLC0415 - one of the two is needed

        return x64.MACHINE
    if name == ARM64:
        from livedump.machine import arm64  # noqa: PLC0415

        return arm64.MACHINE
    raise Unsupported(f"memory and stacks of {name} systems are not read; only those of x64 and ARM64 are")


def find_machine(name: str) -> Optional[Machine]:
    """The same; None where only the header of its dumps is read."""
    return machine_of(name) if name in (X64, ARM64) else None
