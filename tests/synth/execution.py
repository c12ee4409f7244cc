"""Runs the prologues of a call stack on paper: what the stack and the registers hold when the innermost frame runs.

The outermost function starts with known registers; every call pushes a return address, every prologue saves and
changes registers as its instructions say. So what an unwinder should find is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.synth.functions import (
    Alloc,
    Function,
    MachineFrame,
    Push,
    Save,
    SaveXmm,
    SetFrame,
    Step,
    machine_frame,
    stack_bytes,
)
from tests.synth.images import Image

NONVOLATILE = ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")
VOLATILE = ("rax", "rcx", "rdx", "r8", "r9", "r10", "r11")
MASK = 0xFFFFFFFFFFFFFFFF
USER_SELECTORS = (0x33, 0x2B)
KERNEL_SELECTORS = (0x10, 0x18)


@dataclass(frozen=True)
class Stack:
    """A stack as a listing shows it."""

    child_sp: int
    """Stack pointer of the innermost frame."""
    sites: tuple[str, ...]
    """Call sites, innermost first: ``nt!KiSwapThread+0x500``, or a bare number for code that no image covers."""
    user_sp: int | None = None
    """Stack pointer of the innermost user-mode frame."""


@dataclass(frozen=True)
class Frame:
    """One frame as a debugger should show it."""

    child_sp: int
    return_address: int
    instruction: int
    site: str
    registers: tuple[tuple[str, int], ...] = ()
    """Nonvolatile registers while this frame runs, as an unwinder should restore them."""


@dataclass(frozen=True)
class LoadedImage:
    """An image at its address."""

    image: Image
    base: int


@dataclass
class Execution:
    """The outcome: frames, memory and registers."""

    frames: tuple[Frame, ...] = ()
    memory: dict[int, int] = field(default_factory=dict)
    """Address -> 64-bit value."""
    registers: dict[str, int] = field(default_factory=dict)
    """Of the innermost frame, with rip and rsp."""
    xmm: dict[str, int] = field(default_factory=dict)
    code: set[tuple[str, int]] = field(default_factory=set)
    """(module, address) of the code that the frames stand in."""
    trap_frames: list[int] = field(default_factory=list)
    """Child-SP of each frame that a trap made, innermost first; on ARM64 where its KTRAP_FRAME lies."""

    @property
    def instruction(self) -> int:
        """Where the innermost frame stands."""
        return self.frames[0].instruction

    @property
    def stack_pointer(self) -> int:
        """Of the innermost frame."""
        return self.frames[0].child_sp


@dataclass(frozen=True)
class _Placed:
    """One frame while it is worked out."""

    site: str
    instruction: int
    child_sp: int
    steps: tuple[Step, ...]
    dynamic: int

    @property
    def entry_sp(self) -> int:
        """Where the return address or the machine frame lies."""
        return self.child_sp + self.dynamic + stack_bytes(self.steps)


def locate(site: str, modules: Mapping[str, LoadedImage]) -> tuple[int, Function | None, int]:
    """Address, function and offset inside the function of a call site."""
    if "!" not in site:
        return int(site, 16), None, 0
    module, _, rest = site.partition("!")
    symbol, _, offset_text = rest.rpartition("+")
    loaded = modules[module]
    function, offset = loaded.image.functions[symbol], int(offset_text, 16)
    if offset not in function.sites:
        raise ValueError(f"{site}: the image has no such site")
    return loaded.base + function.rva + offset, function, offset


def execute(stack: Stack, modules: Mapping[str, LoadedImage]) -> Execution:
    """Work out ``stack`` in a system where ``modules`` are loaded."""
    placed = _place_frames(stack, modules)
    outcome = Execution()
    registers = {name: 0x5A00000000000000 | index << 32 | 0x1111 * index for index, name in enumerate(NONVOLATILE, 1)}
    outcome.xmm = {f"xmm{number}": (0x3FF0 + number) << 112 | number << 8 for number in range(6, 16)}
    frames: list[Frame] = []
    for depth in range(len(placed) - 1, -1, -1):
        caller = placed[depth + 1] if depth + 1 < len(placed) else None
        frame = placed[depth]
        _enter(frame, caller, registers, outcome)
        back = caller.instruction if caller else 0
        frames.append(Frame(frame.child_sp, back, frame.instruction, frame.site, tuple(registers.items())))
    volatile = {name: 0x6B00 + index for index, name in enumerate(VOLATILE)}
    outcome.registers = {**volatile, **registers, "rsp": placed[0].child_sp, "rip": placed[0].instruction}
    outcome.frames = tuple(reversed(frames))
    outcome.code = {(each.site.partition("!")[0], each.instruction) for each in placed if "!" in each.site}
    outcome.trap_frames = [each.child_sp for each in placed if machine_frame(each.steps)]
    return outcome


def _place_frames(stack: Stack, modules: Mapping[str, LoadedImage]) -> list[_Placed]:
    placed: list[_Placed] = []
    child_sp = stack.child_sp
    for site in stack.sites:
        instruction, function, offset = locate(site, modules)
        if placed and not instruction >> 63 and placed[-1].instruction >> 63:
            assert stack.user_sp is not None, "user frames need a user stack pointer"
            child_sp = stack.user_sp
        steps = function.steps_at(offset) if function else ()
        dynamic = function.dynamic if function and offset not in function.partial else 0
        frame = _Placed(site, instruction, child_sp, steps, dynamic)
        placed.append(frame)
        child_sp = _outer_sp(frame)
    return placed


def _outer_sp(frame: _Placed) -> int:
    """Stack pointer of the caller, or of what a trap interrupted in kernel mode."""
    trap = machine_frame(frame.steps)
    if trap is None:
        return frame.entry_sp + 8
    return frame.entry_sp + 0x28 + 8 * trap.error_code + 8


def _enter(frame: _Placed, caller: _Placed | None, registers: dict[str, int], outcome: Execution) -> None:
    """Come into ``frame`` from ``caller`` and run the part of its prologue that is in effect."""
    trap = machine_frame(frame.steps)
    if trap is None:
        outcome.memory[frame.entry_sp] = caller.instruction if caller else 0
    elif caller is not None:
        _push_machine_frame(frame.entry_sp, trap, caller, outcome)
    position = frame.entry_sp
    for step in frame.steps:
        position = _run(step, position, registers, outcome)
    frame_registers = {step.register for step in frame.steps if isinstance(step, SetFrame)}
    for step in frame.steps:
        if isinstance(step, (Push, Save)) and step.register not in frame_registers:
            registers[step.register] = (registers[step.register] * 3 + 0x10001) & MASK
        if isinstance(step, SaveXmm):
            outcome.xmm[step.register] += 0x100000001


def _run(step: Step, position: int, registers: dict[str, int], outcome: Execution) -> int:
    """Effect of one step; answers the new stack pointer."""
    if isinstance(step, Push):
        position -= 8
        outcome.memory[position] = registers[step.register]
    elif isinstance(step, Alloc):
        position -= step.size
    elif isinstance(step, SetFrame):
        registers[step.register] = position + step.offset
    elif isinstance(step, Save):
        outcome.memory[position + step.offset] = registers[step.register]
    elif isinstance(step, SaveXmm):
        outcome.memory[position + step.offset] = outcome.xmm[step.register] & MASK
        outcome.memory[position + step.offset + 8] = outcome.xmm[step.register] >> 64
    return position


def _push_machine_frame(address: int, trap: MachineFrame, caller: _Placed, outcome: Execution) -> None:
    code, stack = KERNEL_SELECTORS if caller.instruction >> 63 else USER_SELECTORS
    values: Sequence[int] = (caller.instruction, code, 0x246, caller.child_sp, stack)
    if trap.error_code:
        outcome.memory[address] = 0x2
        address += 8
    for index, value in enumerate(values):
        outcome.memory[address + 8 * index] = value
