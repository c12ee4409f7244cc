"""A stack in ``k``'s own format."""

from __future__ import annotations

from collections.abc import Sequence

from livedump.model.addresses import format_address
from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.text import clean_text

HEADER = " # Child-SP          RetAddr           Call Site"


def format_stack(stack: Stack, roles: Sequence[Role] = ()) -> str:
    """The lines that ``kn`` prints; with roles, each frame's role behind it."""
    lines = [HEADER, *(format_frame(frame) for frame in stack.frames)]
    if roles:
        width = max(map(len, lines))
        remarks = [_remark(frame, role) for frame, role in zip(stack.frames, roles)]
        lines[1:] = [f"{line:<{width}}  {remark}" for line, remark in zip(lines[1:], remarks)]
    return "\n".join(lines) + "\n"


def format_end(stack: Stack) -> str:
    """One line on why the stack ends early; empty when it ends where it should, or where user pages are not held."""
    in_user_mode = bool(stack.frames) and stack.frames[-1].kernel_mode is False
    return f"the stack ends early: {clean_text(stack.stop_reason)}\n" if stack.stop_reason and not in_user_mode else ""


def format_frame(frame: Frame) -> str:
    """One row of ``kn``."""
    child_sp = " " * 17 if frame.child_sp is None else format_address(frame.child_sp)
    columns = f"{child_sp} {format_address(frame.return_address)}"
    return f"{frame.index:02x} {columns} {clean_text(frame.call_site)}"


def _remark(frame: Frame, role: Role) -> str:
    return f"[{role.value}, scan]" if frame.trust is Trust.SCAN else f"[{role.value}]"
