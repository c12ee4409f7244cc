"""Stacks with no header above them: rows that were pasted alone, and lists of ``module!function`` with no addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, parse_hex
from livedump.model.frames import Frame, Stack, Trust

MAX_FRAMES = 1024
FEW = 2
"""Lines that make a list: one place alone is what the debugger prints above a register or an instruction."""
RAW_STEP = 8
"""Bytes from line to line of ``dps``, which prints memory and no stack."""

_MARK = r"\s{0,40}(?:[0-9a-fA-F]{1,3}[:.)]?\s{1,8}|#\d{1,3}:?\s{1,4}|[-*\u2022]\s{1,4}|at\s)?"
_MODULE = r"[A-Za-z_][\w.$-]{0,60}"
_SYMBOL = r"(?:[^\s!,]|, ?){1,400}"
_NAMED = re.compile(rf"{_MARK}({_MODULE})!({_SYMBOL}?)(?:\+0x([0-9a-fA-F]{{1,8}}))?(?:\s+\[[^\]]{{0,300}}\])?\s*$")
_UNNAMED = re.compile(rf"{_MARK}({_MODULE})\+0x([0-9a-fA-F]{{1,8}})\s*$")
_INDEX = r"\s{0,40}(?:[0-9a-fA-F]{1,3}\s{1,4})?"
_WITH_ARGUMENTS = re.compile(rf"{_INDEX}(?:{ADDRESS}\s{{1,4}})?{ADDRESS}\s{{0,8}} :(?: {ADDRESS}){{3,4}} : \S")
_WITHOUT = re.compile(
    rf"{_INDEX}({ADDRESS})\s{{1,4}}{ADDRESS}(?:\s{{1,4}}{ADDRESS}){{0,4}}\s{{1,4}}{_MODULE}(?:!\S|\+0x)"
)
_TWO_COLUMNS = re.compile(rf"{_INDEX}{ADDRESS}\s{{1,4}}{ADDRESS}\s")
_INNER = re.compile(
    r"nt!(?:KeBugCheck|KiBugCheck|DbgkWer|DbgkpWer|DbgkpLkmd|IopLiveDump|IoCaptureLiveDump|DbgkCaptureLive|MmDuplicate)"
    r"|watchdog!Wdp?Dbg|dxgkrnl!TdrCollectDbgInfo"
)
"""What stops the system or takes a dump stands at the inner end of a stack."""
_OUTER = re.compile(
    r"nt!(?:K[ix]StartSystemThread|PspSystemThreadStartup|KiSystemService|KiThreadStartup|KiIdleLoop)|ntdll!"
)
_ENDS = frozenset({"KiStartSystemThread", "KxStartSystemThread", "KiThreadStartup", "RtlUserThreadStart", "KiIdleLoop"})


class BareStack(NamedTuple):
    """A list of frames, and the line behind it."""

    stack: Stack
    end: int


def has_rows(lines: Sequence[str], at: int) -> bool | None:
    """Whether a stack's rows begin here with no header; None where they do and have no column of the stack pointer."""
    if _WITH_ARGUMENTS.match(lines[at]):
        return True if _TWO_COLUMNS.match(lines[at]) else None
    return _begins_plain(lines, at)


def _begins_plain(lines: Sequence[str], at: int) -> bool:
    starts = []
    for line in lines[at : at + FEW + 1]:
        found = _WITHOUT.match(line)
        if not found:
            break
        starts.append(parse_hex(found.group(1)) or 0)
    steps = [second - first for first, second in zip(starts, starts[1:])]
    # One step of that size is the frame of a function that keeps nothing on the stack.
    return len(starts) >= FEW and steps != [RAW_STEP] * FEW


def read_bare_stack(lines: Sequence[str], at: int) -> BareStack | None:
    """The list of ``module!function`` lines that begins here, innermost first; None where none does."""
    if "!" not in lines[at] or not _NAMED.match(lines[at]):
        return None
    found: list[tuple[str, str | None, int]] = []
    end = at
    while end < len(lines) and len(found) < MAX_FRAMES:
        place = _place(lines[end])
        if place is None:
            break
        found.append(place)
        end += 1
    if len(found) < FEW:
        return None
    inward = found[::-1] if _is_upward(found) else found
    return BareStack(Stack(tuple(map(_frame, range(len(inward)), inward)), _stop_reason(inward)), end)


def _place(line: str) -> tuple[str, str | None, int] | None:
    named = _NAMED.match(line)
    if named:
        module, symbol, offset = named.groups()
        return module, symbol, int(offset or "0", 16)
    unnamed = _UNNAMED.match(line)
    return (unnamed.group(1), None, int(unnamed.group(2), 16)) if unnamed else None


def _is_upward(places: Sequence[tuple[str, str | None, int]]) -> bool:
    # Outermost first, as people tell a story.
    names = [f"{module.lower()}!{symbol}" for module, symbol, _ in places]
    inner = [at for at, name in enumerate(names) if _INNER.match(name)]
    outer = [at for at, name in enumerate(names) if _OUTER.match(name)]
    if inner:
        return inner[0] > (len(names) - 1) - inner[-1]
    return bool(outer) and outer[0] == 0 and len(names) - 1 not in outer


def _frame(index: int, place: tuple[str, str | None, int]) -> Frame:
    module, symbol, offset = place
    trust = Trust.UNWIND if index else Trust.CONTEXT
    return Frame(index, None, None, None, module, symbol, offset, trust)


def _stop_reason(places: Sequence[tuple[str, str | None, int]]) -> str | None:
    return None if places[-1][1] in _ENDS else "the list of frames in the text may not be whole"
