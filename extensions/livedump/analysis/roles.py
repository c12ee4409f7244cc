"""What each frame of a stack was doing when the dump was taken."""

from __future__ import annotations

from livedump.model.frames import Frame, Role, Stack
from livedump.reference.capture_frames import find_role


def roles_of(stack: Stack) -> tuple[Role, ...]:
    """One role for each frame, in the stack's order."""
    roles: list[Role] = []
    for frame in stack.frames:
        role = _role(frame)
        # The way into a system call asks for a dump only where the capture machinery was called from it.
        roles.append(Role.OTHER if role is Role.REQUEST and Role.CAPTURE not in roles else role)
    return tuple(roles)


def _role(frame: Frame) -> Role:
    if frame.kernel_mode is False:
        return Role.USER
    named = find_role(frame.module, frame.symbol) if frame.module and frame.symbol else None
    return named or Role.OTHER
