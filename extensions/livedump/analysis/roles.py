"""What each frame of a stack was doing when the dump was taken."""

from __future__ import annotations

from livedump.model.frames import Frame, Role, Stack
from livedump.reference.capture_frames import find_role


def roles_of(stack: Stack) -> tuple[Role, ...]:
    """One role for each frame, in the stack's order."""
    return tuple(_role(frame) for frame in stack.frames)


def _role(frame: Frame) -> Role:
    if frame.kernel_mode is False:
        return Role.USER
    named = find_role(frame.module, frame.symbol) if frame.module and frame.symbol else None
    return named or Role.OTHER
