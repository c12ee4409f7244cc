"""Kernel stacks: where each frame of a thread lies, and what stack and registers hold while the innermost runs.

Frames are placed from the outermost inwards, as the processor does it; every prologue is run on paper, so what an
unwinder should find is known without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.synth.execution import MASK, NONVOLATILE, VOLATILE, Frame, LoadedImage
from tests.synth.functions import Function, MachineFrame, Push, Save, SaveXmm, SetFrame, machine_frame, stack_bytes
from tests.synth.kernel.code import SWITCHES_STACK

USER = "user"
"""Stands for the innermost user-mode frame, whose code and stack no live dump holds by default."""
SWITCH_FRAME = 0x40
"""Bytes below the stack pointer of a thread that does not run: MxCsr at +28, rbp at +30, return address at +38."""
MXCSR = 0x1F80
LOCALS = 0x30
"""Where a frame's own variables begin above its stack pointer."""


@dataclass(frozen=True)
class Room:
    """Where a thread's frames go."""

    top: int
    """End of the outermost frame: InitialStack."""
    dpc_top: int = 0
    """End of the stack that a DPC runs on."""
    user_sp: int = 0
    user_ip: int = 0


@dataclass(frozen=True)
class Placed:
    """One frame at its place."""

    site: str
    """As a debugger prints it: ``nt!KiSwapContext+0x76``."""
    name: str
    """Without the offset."""
    instruction: int
    child_sp: int
    entry_sp: int
    """Where its return address or machine frame lies."""
    function: Function | None


@dataclass
class Run:
    """The outcome: frames innermost first, memory, and the registers of the innermost frame."""

    placed: tuple[Placed, ...]
    memory: dict[int, int] = field(default_factory=dict)
    registers: dict[str, int] = field(default_factory=dict)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Frames as a debugger should show them."""
        back = [*(frame.instruction for frame in self.placed[1:]), 0]
        return tuple(
            Frame(frame.child_sp, address, frame.instruction, frame.site) for frame, address in zip(self.placed, back)
        )

    @property
    def trap_frame(self) -> int:
        """Address of the trap frame of the way into the kernel; 0 for a system thread."""
        last = self.placed[-1:]
        if not last or last[0].instruction >> 63:
            return 0
        return next(frame.child_sp for frame in reversed(self.placed) if frame.instruction >> 63)


class Code:
    """The call sites of all loaded images."""

    def __init__(self, images: Mapping[str, LoadedImage], instruction_size: int = 1) -> None:
        self._images = images
        self._unit = instruction_size
        self._known: dict[str, tuple[str, str, int, Function] | None] = {}

    def find(self, text: str) -> tuple[str, str, int, Function] | None:
        """Site, name, address and function that one entry of a stack means; None for one left out here."""
        if text not in self._known:
            self._known[text] = self._find(text)
        return self._known[text]

    def address(self, name: str) -> int:
        """Address of ``module!function``."""
        module, _, symbol = name.partition("!")
        loaded = self._images[module]
        return loaded.base + loaded.image.functions[symbol].rva

    def _find(self, text: str) -> tuple[str, str, int, Function] | None:
        for choice in text.split("|"):
            if not choice:
                return None
            name, _, number = choice.partition("#")
            module, _, symbol = name.partition("!")
            function = self._images[module].image.functions.get(symbol)
            if function is not None:
                offset = -(-function.sites[int(number or 1) - 1] // self._unit) * self._unit
                return f"{name}+{offset:#x}", name, self._images[module].base + function.rva + offset, function
        raise KeyError(f"no image has {text}")


def place(stack: Sequence[str], room: Room, code: Code) -> tuple[Placed, ...]:
    """Frames of ``stack``, innermost first."""
    frames: list[Placed] = []
    position = room.top
    for text in reversed(stack):
        if text == USER:
            frames.append(Placed(f"{room.user_ip:#018x}", USER, room.user_ip, room.user_sp, room.user_sp, None))
            continue
        found = code.find(text)
        if found is not None:
            frames.append(_placed(found, position, room))
            position = frames[-1].child_sp
    return tuple(reversed(frames))


def _placed(found: tuple[str, str, int, Function], position: int, room: Room) -> Placed:
    site, name, address, function = found
    trap = machine_frame(function.steps)
    entry = position - 8 if trap is None else position - 0x28 - 8 * trap.error_code
    child_sp = entry - stack_bytes(function.steps)
    if function.steps == SWITCHES_STACK:
        child_sp = room.dpc_top - 0x40
    return Placed(site, name, address, child_sp, entry, function)


def run(placed: tuple[Placed, ...], pinned: Mapping[tuple[str, str], int]) -> Run:
    """Run the prologues of ``placed``. ``pinned``: (name, register) -> what it holds while that frame runs."""
    outcome = Run(placed)
    registers = {
        name: 0x5A00_0000_0000_0000 | index << 32 | 0x1111 * index for index, name in enumerate(NONVOLATILE, 1)
    }
    for depth in range(len(placed) - 1, -1, -1):
        frame = placed[depth]
        caller = placed[depth + 1] if depth + 1 < len(placed) else None
        if frame.function is not None:
            _enter(frame, frame.function, caller, registers, outcome.memory)
        for (name, register), value in pinned.items():
            if name == frame.name:
                registers[register] = value
    volatile = {name: 0x6B00 + index for index, name in enumerate(VOLATILE)}
    if placed:
        outcome.registers = {**volatile, **registers, "rsp": placed[0].child_sp, "rip": placed[0].instruction}
    return outcome


def _enter(
    frame: Placed, function: Function, caller: Placed | None, registers: dict[str, int], memory: dict[int, int]
) -> None:
    trap = machine_frame(function.steps)
    if trap is None:
        memory[frame.entry_sp] = caller.instruction if caller else 0
    elif caller is not None:
        _push_machine_frame(frame.entry_sp, trap, caller, memory)
    position = frame.entry_sp
    changed = []
    for step in function.steps:
        if isinstance(step, Push):
            position -= 8
            memory[position] = registers[step.register]
            changed.append(step.register)
        elif isinstance(step, SetFrame):
            registers[step.register] = position + step.offset
            changed = [name for name in changed if name != step.register]
        elif isinstance(step, Save):
            memory[position + step.offset] = registers[step.register]
            changed.append(step.register)
        elif isinstance(step, SaveXmm):
            memory[position + step.offset] = memory[position + step.offset + 8] = 0
        elif not isinstance(step, MachineFrame):
            position -= step.size
    for name in changed:
        registers[name] = (registers[name] * 3 + 0x10001) & MASK


def _push_machine_frame(address: int, trap: MachineFrame, caller: Placed, memory: dict[int, int]) -> None:
    code, stack = (0x10, 0x18) if caller.instruction >> 63 else (0x33, 0x2B)
    if trap.error_code:
        memory[address] = 0x2
        address += 8
    for index, value in enumerate((caller.instruction, code, 0x246, caller.child_sp, stack)):
        memory[address + 8 * index] = value


def switch_frame(outcome: Run) -> int:
    """KernelStack of a thread that does not run; its switch frame is added to the memory."""
    start = outcome.placed[0].child_sp - SWITCH_FRAME
    outcome.memory[start + 0x28] = MXCSR
    outcome.memory[start + 0x30] = outcome.registers["rbp"]
    outcome.memory[start + 0x38] = outcome.placed[0].instruction
    return start
