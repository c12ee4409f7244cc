"""Runs the ARM64 prologues of a call stack on paper: what the stack and the registers hold in the innermost frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Callable

from tests.synth.arm64.functions import TRAP_FRAME_SIZE, Arm64Function, Step, arm64_function
from tests.synth.execution import Execution, Frame, LoadedImage, Stack

NONVOLATILE = (*(f"x{number}" for number in range(19, 29)), "fp")
VOLATILE = tuple(f"x{number}" for number in range(19))
MASK = 0xFFFFFFFFFFFFFFFF
PAC = 0xFF7F800000000000
"""The bits of an address that hold its code; 55 tells the half."""
TRAP_SP, TRAP_X, TRAP_LR, TRAP_FP, TRAP_PC = 0x98, 0xA0, 0x138, 0x140, 0x148
"""Of KTRAP_FRAME. Source: kxarm64.h of the Windows SDK."""


@dataclass(frozen=True)
class _Placed:
    site: str
    instruction: int
    child_sp: int
    steps: tuple[Step, ...]
    dynamic: int

    @property
    def entry_sp(self) -> int:
        """The stack pointer with which it was entered: where a KTRAP_FRAME lies, if it was not called."""
        return self.child_sp + self.dynamic + sum(step.size for step in self.steps)

    @property
    def trap(self) -> bool:
        return any(step.trap for step in self.steps)


def signed(address: int, sp: int) -> int:
    """The address with an authentication code: noise in its bits."""
    return address & ~PAC | (address * 0x9E3779B97F4A7C15 ^ sp * 0xC2B2AE3D27D4EB4F) & PAC


def execution_of(signs: bool) -> Callable[[Stack, Mapping[str, LoadedImage]], Execution]:
    """``execute`` on a processor that signs return addresses, or on one that has no keys."""
    return partial(execute, signs=signs)


def rounded_site(site: str) -> str:
    """A call site with the offset that it has on ARM64."""
    name, plus, offset = site.rpartition("+")
    return f"{name}+{int(offset, 16) + 3 & ~3:#x}" if plus else site


def locate(site: str, modules: Mapping[str, LoadedImage]) -> tuple[int, Arm64Function | None]:
    """Address and function of a call site."""
    if "!" not in site:
        return int(site, 16) + 3 & ~3, None
    module, _, rest = site.partition("!")
    symbol, _, offset_text = rest.rpartition("+")
    loaded, offset = modules[module], int(offset_text, 16)
    function = arm64_function(loaded.image.functions[symbol])
    if offset not in function.sites:
        raise ValueError(f"{site}: the image has no such site")
    return loaded.base + function.source.rva + offset, function


def execute(stack: Stack, modules: Mapping[str, LoadedImage], signs: bool = False) -> Execution:
    """Work out ``stack`` in a system where ``modules`` are loaded."""
    placed = _place_frames(stack, modules)
    outcome = Execution()
    registers = {name: 0x5A00000000000000 | index << 32 | 0x1111 * index for index, name in enumerate(NONVOLATILE, 1)}
    registers |= {name: 0x6B00 + index for index, name in enumerate(VOLATILE)} | {"lr": 0}
    frames: list[Frame] = []
    for depth in range(len(placed) - 1, -1, -1):
        caller = placed[depth + 1] if depth + 1 < len(placed) else None
        frame = placed[depth]
        _enter(frame, caller, registers, outcome, signs)
        back = caller.instruction if caller else 0
        kept = tuple((name, registers[name]) for name in NONVOLATILE)
        frames.append(Frame(frame.child_sp, back, frame.instruction, frame.site, kept))
    outcome.registers = {**registers, "sp": placed[0].child_sp, "pc": placed[0].instruction}
    outcome.frames = tuple(reversed(frames))
    outcome.code = {(each.site.partition("!")[0], each.instruction) for each in placed if "!" in each.site}
    outcome.trap_frames = [each.entry_sp for each in placed if each.trap]
    return outcome


def _place_frames(stack: Stack, modules: Mapping[str, LoadedImage]) -> list[_Placed]:
    placed: list[_Placed] = []
    child_sp = stack.child_sp & ~15
    for site in map(rounded_site, stack.sites):
        instruction, function = locate(site, modules)
        if placed and not instruction >> 63 and placed[-1].instruction >> 63:
            assert stack.user_sp is not None, "user frames need a user stack pointer"
            child_sp = stack.user_sp & ~15
        frame = _Placed(
            site, instruction, child_sp, function.steps if function else (), function.dynamic if function else 0
        )
        placed.append(frame)
        child_sp = frame.entry_sp + (TRAP_FRAME_SIZE if frame.trap else 0)
    return placed


def _enter(frame: _Placed, caller: _Placed | None, registers: dict[str, int], outcome: Execution, signs: bool) -> None:
    """Come into ``frame`` from ``caller`` and run its prologue."""
    if frame.trap and caller is not None:
        _write_trap_frame(frame.entry_sp, caller, registers, outcome)
    else:
        registers["lr"] = caller.instruction if caller else 0
    sp = frame.entry_sp
    for step in frame.steps:
        sp -= step.size
        if step.signs and signs:
            registers["lr"] = signed(registers["lr"], sp)
        for slot, name in enumerate(step.saves):
            outcome.memory[sp + step.offset + 8 * slot] = registers[name]
        if step.frame is not None:
            registers["fp"] = sp + step.frame
    saved = [name for step in frame.steps for name in step.saves if name not in ("fp", "lr")]
    for name in saved:
        registers[name] = (registers[name] * 3 + 0x10001) & MASK
    if frame.steps:  # a leaf keeps what it was called with, others have called by now
        registers["lr"] = frame.instruction


def _write_trap_frame(address: int, caller: _Placed, registers: dict[str, int], outcome: Execution) -> None:
    values = {TRAP_SP: caller.child_sp, TRAP_LR: registers["lr"], TRAP_FP: registers["fp"], TRAP_PC: caller.instruction}
    values |= {TRAP_X + 8 * number: registers[f"x{number}"] for number in range(19)}
    for offset, value in values.items():
        outcome.memory[address + offset] = value
