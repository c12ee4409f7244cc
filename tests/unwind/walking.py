"""One stack at a time, as tests walk them."""

from __future__ import annotations

from collections.abc import Sequence

from livedump.images.module_images import FindImage
from livedump.model.addresses import Memory
from livedump.model.frames import Stack
from livedump.model.images import Module
from livedump.model.machines import X64
from livedump.model.processors import Registers
from livedump.unwind.walk import MAX_FRAMES, StackLimits, StackWalker


def walk_stack(
    registers: Registers,
    memory: Memory,
    modules: Sequence[Module],
    *,
    find_image: FindImage | None = None,
    limit: int = MAX_FRAMES,
    stack_limits: StackLimits | None = None,
    machine: str = X64,
) -> Stack:
    """What a walker of its own finds."""
    return StackWalker(memory, modules, find_image, machine=machine).walk(registers, stack_limits, limit=limit)
