"""Stacks in ``k``'s own format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from livedump.model.addresses import format_address
from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.text import clean_text
from livedump.report.document import Document, Line, Verbatim

if TYPE_CHECKING:
    from livedump.model.stacks import Stacks
    from livedump.report.frame_row import FrameRow

FEWEST_FOLDED = 2
"""Frames of the capture that are worth folding."""
HEADER = " # Child-SP          RetAddr           Call Site"


def document(record: Stacks, title: str, roles: bool = False) -> Document:
    """Each stack under the number of its processor where there are several; ``roles`` adds what each frame did."""
    several = len(record.stacks) > 1
    blocks = (stack_block(each, f"Processor {each.processor}" if several else "", roles) for each in record.stacks)
    ends = tuple(filter(None, map(end_text, record.stacks)))
    problem = record.stacks.problem
    doubts = (f"not all processors may be known: {problem}",) if problem else ()
    return Document(title, tuple(blocks), limits=(*ends, *doubts))


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    from livedump.report.frame_row import FrameRow  # noqa: PLC0415 - only CSV has rows

    return FrameRow


def rows(record: Stacks) -> Iterator[FrameRow]:
    """All frames, processor by processor."""
    from livedump.report.frame_row import FrameRow  # noqa: PLC0415

    for stack in record.stacks:
        for each in stack.frames:
            places = (each.child_sp, each.return_address, each.instruction)
            yield FrameRow(stack.processor, each.index, *places, each.call_site, each.trust, each.role)


def stack_block(stack: Stack, title: str, roles: bool = True) -> Verbatim:
    """The lines that ``kn`` prints; with ``roles`` each frame's role behind it, where that is known.

    Behind a guessed frame stands ``scan`` in any case: ``k`` has no word for it.
    """
    lines = (Line(format_frame(each), _remark(each, roles), _mark(each)) for each in stack.frames)
    return Verbatim((Line(HEADER, mark="head"), *lines), title)


def folded_stack_block(stack: Stack, title: str) -> Verbatim:
    """The same with the frames of the capture in one line; their numbers show which."""
    captured = sum(each.role is Role.CAPTURE for each in stack.frames)
    end = max((number for number, each in enumerate(stack.frames, 1) if each.role is Role.CAPTURE), default=0)
    if captured < FEWEST_FOLDED:
        return stack_block(stack, title, roles=False)
    first, last = stack.frames[0], stack.frames[end - 1]
    words = f"00..{last.index:02x}  {end} frames that took the dump: {clean_text(first.call_site)}"
    lines = (Line(format_frame(each), mark=_mark(each)) for each in stack.frames[end:])
    return Verbatim((Line(HEADER, mark="head"), Line(words, mark=Role.CAPTURE.value), *lines), title)


def end_text(stack: Stack) -> str:
    """Why the stack ends early; empty when it ends where it should, or where user pages are not held."""
    if not stack.frames and stack.processor is not None:
        return f"processor {stack.processor}: {stack.stop_reason}"
    in_user_mode = bool(stack.frames) and stack.frames[-1].kernel_mode is False
    return f"the stack ends early: {stack.stop_reason}" if stack.stop_reason and not in_user_mode else ""


def format_frame(frame: Frame) -> str:
    """One row of ``kn``."""
    columns = " ".join(map(_column, (frame.child_sp, frame.return_address)))
    return f"{frame.index:02x} {columns} {clean_text(frame.call_site)}"


def _column(value: int | None) -> str:
    return " " * 17 if value is None else format_address(value)


def _remark(frame: Frame, roles: bool) -> str:
    words = [frame.role.value] if frame.role and roles else []
    words += ["scan"] if frame.trust is Trust.SCAN else []
    return ", ".join(words)


def _mark(frame: Frame) -> str:
    return (frame.role or Role.OTHER).value
