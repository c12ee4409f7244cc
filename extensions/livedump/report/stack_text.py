"""A stack in ``k``'s own format."""

from __future__ import annotations

from livedump.model.addresses import format_address
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.text import clean_text

HEADER = " # Child-SP          RetAddr           Call Site"


def format_stack(stack: Stack) -> str:
    """The lines that ``kn`` prints; behind each frame its role, where that is known."""
    lines = [HEADER, *(format_frame(frame) for frame in stack.frames)]
    width = max(map(len, lines))
    lines[1:] = [f"{line:<{width}}{_remark(frame)}".rstrip() for line, frame in zip(lines[1:], stack.frames)]
    return "\n".join(lines) + "\n"


def format_end(stack: Stack) -> str:
    """One line on why the stack ends early; empty when it ends where it should, or where user pages are not held."""
    in_user_mode = bool(stack.frames) and stack.frames[-1].kernel_mode is False
    return f"the stack ends early: {clean_text(stack.stop_reason)}\n" if stack.stop_reason and not in_user_mode else ""


def format_frame(frame: Frame) -> str:
    """One row of ``kn``."""
    columns = " ".join(map(_column, (frame.child_sp, frame.return_address)))
    return f"{frame.index:02x} {columns} {clean_text(frame.call_site)}"


def _column(value: int | None) -> str:
    return " " * 17 if value is None else format_address(value)


def _remark(frame: Frame) -> str:
    if frame.role is None:
        return ""
    return f"  [{frame.role.value}, scan]" if frame.trust is Trust.SCAN else f"  [{frame.role.value}]"
