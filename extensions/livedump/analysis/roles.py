"""What each frame of a stack was doing when the dump was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from livedump.model.frames import Frame, Role, Stack, Trust

if TYPE_CHECKING:
    pass


def with_roles(stack: Stack) -> Stack:
    """The stack with the role of each frame; one that has broken off says so."""
    roles = list(map(_role, stack.frames))
    for position in _ways_into_corral(stack.frames):
        roles[position] = Role.CAPTURE
    frames: list[Frame] = []
    capturing = False
    for frame, role in zip(stack.frames, roles):
        capturing = capturing or role is Role.CAPTURE
        # The way into a system call asks for a dump only where the capture machinery was called from it.
        plain = role is Role.REQUEST and frame.module == "nt" and not capturing
        frames.append(frame._replace(role=Role.OTHER if plain else role))
    return stack._replace(frames=tuple(frames), stop_reason=stack.stop_reason or _why_broken_off(stack))


def _why_broken_off(stack: Stack) -> str | None:
    # A return address of 0 ends a stack only where a thread starts: nobody called its first function.
    last = stack.frames[-1] if stack.frames else None
    if last is None or last.return_address != 0 or last.symbol is None or last.kernel_mode is not True:
        return None
    if _starts_a_thread(last):
        return None
    return f"it has broken off: {last.call_site} was called from address 0, and no thread starts there"


def _ways_into_corral(frames: Sequence[Frame]) -> Iterator[int]:
    # The frames on both sides of the corral's own that only brought the processor there, or wait for it in there.
    inside = [position for position, frame in enumerate(frames) if _is_corral(frame)]
    if not inside:
        return
    for outwards in (range(inside[0] - 1, -1, -1), range(inside[-1] + 1, len(frames))):
        yield from takewhile(lambda position: _leads_there(frames[position]), outwards)


def _is_corral(frame: Frame) -> bool:
    return frame.module == "nt" and (frame.symbol or "").startswith(_CORRAL)


def _leads_there(frame: Frame) -> bool:
    from livedump.reference.capture_frames import leads_into_corral  # noqa: PLC0415

    return leads_into_corral(frame.module or "", frame.symbol or "")


_CORRAL = ("IopLiveDumpCorral", "IopLiveDumpProcessCorral")


def trusted(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames up to the first that was guessed from what lies on the stack: such a one is nobody's fault."""
    return tuple(takewhile(lambda frame: frame.trust is not Trust.SCAN, frames))


def machinery_end(frames: Sequence[Frame]) -> int:
    """How many frames belong to the capture machinery: all up to its outermost one, for it calls others itself.

    0 where it is not on the stack.
    """
    return max((position for position, frame in enumerate(trusted(frames), 1) if frame.role is Role.CAPTURE), default=0)


def find_reporter(frames: Sequence[Frame]) -> Frame | None:
    """The first frame outside of the capture machinery; in a crash the first behind those that stop the system.

    None where there is none, or only the start of a thread. A guessed frame is none, and an address in no module names
    nobody.
    """
    frames = trusted(frames)
    end = machinery_end(frames)
    if not end:
        asked = (frame for frame in frames if frame.role is not Role.REQUEST)
        return next((frame for frame in asked if frame.symbol and not _stops_the_system(frame)), None)
    found = next((frame for frame in frames[end:] if frame.role in {Role.OTHER, Role.USER}), None)
    return None if found is None or found.module is None or _starts_a_thread(found) else found


_STOPPING = ("KeBugCheck", "KiBugCheck", "DbgBreakPoint", "RtlpBreakWithStatus")
"""What stops the system, and what hands it to a debugger then."""


def _role(frame: Frame) -> Role:
    if frame.kernel_mode is False:
        return Role.USER
    if not frame.module or not frame.symbol:
        return Role.OTHER
    from livedump.reference.capture_frames import find_role  # noqa: PLC0415 - of frames without names it tells nothing

    return find_role(frame.module, frame.symbol) or Role.OTHER


def _stops_the_system(frame: Frame) -> bool:
    stops = (frame.symbol or "").startswith(_STOPPING)
    return frame.module == "nt" and (stops or _starts_a_thread(frame))


def _starts_a_thread(frame: Frame) -> bool:
    from livedump.reference.capture_frames import is_thread_start  # noqa: PLC0415

    return is_thread_start(frame.module or "", frame.symbol or "")
