"""Kernel stacks of ARM64 systems on real layouts: placed and run as those of x64 are, by prologues of ARM64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.synth.arm64.execution import NONVOLATILE, TRAP_FP, TRAP_LR, TRAP_PC, TRAP_SP, TRAP_X, VOLATILE
from tests.synth.arm64.functions import TRAP_FRAME_SIZE, Step, arm64_function
from tests.synth.execution import MASK
from tests.synth.functions import Function
from tests.synth.kernel.code import SWITCHES_STACK
from tests.synth.kernel.stacks import USER, Code, Placed, Room, Run


def place(stack: Sequence[str], room: Room, code: Code) -> tuple[Placed, ...]:
    """Frames of ``stack``, innermost first."""
    frames: list[Placed] = []
    position = room.top & ~15
    for text in reversed(stack):
        if text == USER:
            user_sp, user_ip = room.user_sp & ~15, room.user_ip & ~3
            frames.append(Placed(f"{user_ip:#018x}", USER, user_ip, user_sp, user_sp, None))
            continue
        found = code.find(text)
        if found is not None:
            frames.append(_placed(found, position, room))
            position = frames[-1].child_sp
    return tuple(reversed(frames))


def _placed(found: tuple[str, str, int, Function], position: int, room: Room) -> Placed:
    site, name, address, function = found
    steps = arm64_function(function).steps
    entry = position - (TRAP_FRAME_SIZE if any(step.trap for step in steps) else 0)
    child_sp = entry - sum(step.size for step in steps)
    if function.steps == SWITCHES_STACK:
        child_sp = room.dpc_top - 0x40
    return Placed(site, name, address, child_sp, entry, function)


def run(placed: tuple[Placed, ...], _pinned: Mapping[tuple[str, str], int]) -> Run:
    """Run the prologues of ``placed``. Which registers hold a lock is known of x64 alone."""
    outcome = Run(placed)
    registers = {
        name: 0x5A00_0000_0000_0000 | index << 32 | 0x1111 * index for index, name in enumerate(NONVOLATILE, 1)
    }
    registers |= {name: 0x6B00 + index for index, name in enumerate(VOLATILE)} | {"lr": 0}
    for depth in range(len(placed) - 1, -1, -1):
        caller = placed[depth + 1] if depth + 1 < len(placed) else None
        if placed[depth].function is not None:
            _enter(placed[depth], caller, registers, outcome.memory)
    if placed:
        outcome.registers = {**registers, "sp": placed[0].child_sp, "pc": placed[0].instruction}
    return outcome


def _enter(frame: Placed, caller: Placed | None, registers: dict[str, int], memory: dict[int, int]) -> None:
    assert frame.function is not None
    steps = arm64_function(frame.function).steps
    if any(step.trap for step in steps) and caller is not None:
        _write_trap_frame(frame.entry_sp, caller, registers, memory)
    else:
        registers["lr"] = caller.instruction if caller else 0
    _run(steps, frame.entry_sp, registers, memory)
    for name in (name for step in steps for name in step.saves if name not in ("fp", "lr")):
        registers[name] = (registers[name] * 3 + 0x10001) & MASK
    registers["lr"] = frame.instruction


def _run(steps: Sequence[Step], sp: int, registers: dict[str, int], memory: dict[int, int]) -> None:
    for step in steps:
        sp -= step.size
        for slot, name in enumerate(step.saves):
            memory[sp + step.offset + 8 * slot] = registers[name]
        if step.frame is not None:
            registers["fp"] = sp + step.frame


def _write_trap_frame(address: int, caller: Placed, registers: dict[str, int], memory: dict[int, int]) -> None:
    values = {TRAP_SP: caller.child_sp, TRAP_LR: registers["lr"], TRAP_FP: registers["fp"], TRAP_PC: caller.instruction}
    values |= {TRAP_X + 8 * number: registers[f"x{number}"] for number in range(19)}
    memory.update({address + offset: value for offset, value in values.items()})
