"""What a walk needs of an architecture: the words for it, filled in by ``x64`` and ``arm64``."""

from collections.abc import Callable
from typing import NamedTuple, Optional, Protocol

from livedump.images.image import Image
from livedump.images.module_images import ModuleImages
from livedump.model.addresses import MAX_U64, Memory
from livedump.model.errors import Unsupported
from livedump.model.machines import ARM64, X64
from livedump.model.processors import Registers


class Position(NamedTuple):
    """Where one frame stands."""

    instruction: int
    stack_pointer: int
    general: tuple[Optional[int], ...]
    """In the machine's own order, None where lost; that of the stack pointer, where it is one of them, is not used."""
    exact: bool
    """Whether the processor stood at ``instruction``: interrupted there, or the saved context. False for a return
    address, which may lie behind the end of the function when what was called never returns."""
    machine_frame: bool = False
    """Whether the frame of an interrupt, exception or system call led here: the stack may be another one."""
    guessed: bool = False
    """Whether ``stack_pointer`` is no more than a bound: the true one lies there or above."""

    @property
    def call(self) -> int:
        """An address inside of the instruction that the frame executes."""
        return self.instruction if self.exact else self.instruction - 1 & MAX_U64


def position_of(registers: Registers) -> Position:
    """The position that a saved context describes."""
    return Position(registers.instruction, registers.stack_pointer, registers.general, exact=True)


class Undoing(Protocol):
    """What has to be undone at one instruction to get to the caller: worked out once, done for every frame there."""

    @property
    def ends_function(self) -> bool:
        """Whether the instruction lies right behind the function, as where a call never returns."""

    @property
    def assumed(self) -> Optional[str]:
        """In plain words why this is assumed, and by nothing that the dump holds; None where it is read."""

    def caller(self, memory: Memory, position: Position) -> Position:
        """The caller of ``position``, which stands at the instruction.

        Raises:
            MemoryGap: a page of the stack is missing.
            NotKnown: the frame hangs on a register whose value is lost.
        """


class Guess(NamedTuple):
    """A frame that may be the next one out."""

    position: Position
    slot: int
    """Where on the stack the value lies that told."""


class Unwinder(NamedTuple):
    """How stacks of one architecture are unwound."""

    machine: str
    leaf: Callable[[Optional[str]], Undoing]
    """Of a function that touches neither the stack nor saved registers, with why it is assumed to be one."""
    plan: Callable[[Memory, Image, Position], Optional[Undoing]]
    """What to undo at a position in an image; None where no unwind data covers it. Raises MemoryGap and DamagedDump."""
    find_caller: Callable[[ModuleImages, Position, int], Optional[Guess]]
    """The frame to which what lies on the stack leads from a position, as far as an address; None where nothing does.
    Raises MemoryGap where a page of it is missing."""
    call_takes_stack: bool
    """Whether each call moves the stack pointer. If not, that of a leaf is its caller's."""


def unwinder_of(machine: str) -> Unwinder:
    """How stacks of a machine are unwound.

    Raises:
        Unsupported: they are not.
    """
    if machine == X64:
        from livedump.unwind import x64  # noqa: PLC0415 - it needs this module

        return x64.UNWINDER
    if machine == ARM64:
        from livedump.unwind import arm64  # noqa: PLC0415

        return arm64.UNWINDER
    raise Unsupported(f"stacks of {machine} systems are not unwound; only those of x64 and ARM64 are")
