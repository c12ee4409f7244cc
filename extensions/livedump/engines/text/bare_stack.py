"""Stacks with no header above them: rows that were pasted alone, and lists of ``module!function`` with no addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, parse_hex
from livedump.engines.text.names import plain_module, plain_symbol
from livedump.model.frames import Frame, Stack, Trust

MAX_FRAMES = 1024
FEW = 2
"""Lines that make a list: one place alone is what the debugger prints above a register or an instruction."""
RAW_STEP = 8
"""Bytes from line to line of ``dps``, which prints memory and no stack."""

_MARK = r"\s{0,40}(?:[0-9a-fA-F]{1,3}[:.)]?\s{1,8}|#\d{1,3}:?\s{1,4}|[-*\u2022]\s{1,4}|at\s|\.{3}(?: :){0,2} )?"
_MODULE = r"[A-Za-z_][\w.$-]{0,60}"
_SYMBOL = r"(?:[^\s!,()]|, ?|\(\)){1,400}"
_REMARK = (
    r"(?:\s+\((?:TrapFrame|Inline|FPO|CONV|T)\b[^()]{0,200}\))?(?:\s+\[[^\]]{0,300}\])?"
    r"(?:\s+(?:-->|<-|=>|\u2190|\u2192|//|\.{3}).*)?"
)
"""What the debugger, or a person, writes behind a call site."""
_NAMED = re.compile(
    rf"{_MARK}({_MODULE})!({_SYMBOL}?)(?:\([^()]{{0,400}}\))?(?:\+0x([0-9a-fA-F]{{1,8}}))?{_REMARK}\s*$"
)
_UNNAMED = re.compile(rf"{_MARK}({_MODULE})\+0x([0-9a-fA-F]{{1,8}}){_REMARK}\s*$")
_INDEX = r"\s{0,40}(?:[0-9a-fA-F]{1,3}\s{1,4})?"
_WITH_ARGUMENTS = re.compile(rf"{_INDEX}(?:{ADDRESS}\s{{1,4}})?{ADDRESS}\s{{0,8}} :(?: {ADDRESS}){{3,4}} : \S")
_WITHOUT = re.compile(
    rf"{_INDEX}({ADDRESS})\s{{1,4}}{ADDRESS}(?:\s{{1,4}}{ADDRESS}){{0,4}}\s{{1,4}}{_MODULE}(?:!\S|\+0x)"
)
_TWO_COLUMNS = re.compile(rf"{_INDEX}{ADDRESS}\s{{1,4}}{ADDRESS}\s")
_INNER = re.compile(
    r"nt!_?(?:KeBugCheck|KiBugCheck|DbgkWer|DbgkpWer|DbgkpLkmd|IopLiveDump|IoCaptureLiveDump|DbgkCaptureLive|MmDuplicate)"
    r"|watchdog!Wdp?Dbg|dxgkrnl!TdrCollectDbgInfo"
)
"""What stops the system or takes a dump stands at the inner end of a stack."""
_OUTER = re.compile(
    r"nt!(?:K[ix]StartSystemThread|PspSystemThreadStartup|KiSystemService|KiThreadStartup|KiIdleLoop)|ntdll!"
)
_ENDS = frozenset({"KiStartSystemThread", "KxStartSystemThread", "KiThreadStartup", "RtlUserThreadStart", "KiIdleLoop"})


class BareStack(NamedTuple):
    """A list of frames, and the line behind it."""

    places: Sequence[tuple[str, str | None, int]]
    """Module, function and offset, in the text's order."""
    end: int

    @property
    def reaches_end(self) -> bool:
        """Whether the list goes to the end of the stack."""
        return any(place[1] in _ENDS for place in (self.places[0], self.places[-1]))

    def stack(self) -> Stack:
        """The frames, innermost first."""
        inward = self.places[::-1] if _is_upward(self.places) else self.places
        return Stack(tuple(map(_frame, range(len(inward)), inward)), _stop_reason(inward))


def has_rows(lines: Sequence[str], at: int) -> bool | None:
    """Whether a stack's rows begin here with no header; None where they do and have no column of the stack pointer."""
    if _WITH_ARGUMENTS.match(lines[at]):
        return True if _TWO_COLUMNS.match(lines[at]) else None
    return _begins_plain(lines, at)


def _begins_plain(lines: Sequence[str], at: int) -> bool:
    if not _WITHOUT.match(lines[at]):
        return False
    starts = _starts(lines[at : at + FEW + 1])
    before = _starts(lines[max(at - 1, 0) : at])
    addresses = [*before, *starts]
    steps = [second - first for first, second in zip(addresses, addresses[1:])]
    # One step of that size is the frame of a function that keeps nothing on the stack; two are memory.
    return len(starts) >= FEW and steps[:FEW] != [RAW_STEP] * FEW


def _starts(lines: Sequence[str]) -> list[int]:
    starts = []
    for line in lines:
        found = _WITHOUT.match(line)
        if not found:
            break
        starts.append(parse_hex(found.group(1)) or 0)
    return starts


def read_bare_stack(lines: Sequence[str], at: int) -> BareStack | None:
    """The list of ``module!function`` lines that begins here; None where none does."""
    if not _begins_bare(lines, at):
        return None
    found: list[tuple[str, str | None, int]] = []
    end = at
    while end < len(lines) and len(found) < MAX_FRAMES:
        place = _place(lines[end])
        if place is None:
            break
        found.append(place)
        end += 1
    return BareStack(found, end) if len(found) >= FEW else None


def _begins_bare(lines: Sequence[str], at: int) -> bool:
    # A place without a name begins a list only where the next one has one.
    if "!" in lines[at]:
        return bool(_NAMED.match(lines[at]))
    named = at + 1 < len(lines) and "!" in lines[at + 1] and _NAMED.match(lines[at + 1])
    return bool(named and _UNNAMED.match(lines[at]))


def _place(line: str) -> tuple[str, str | None, int] | None:
    named = _NAMED.match(line)
    if named:
        module, symbol, offset = named.groups()
        return plain_module(module), plain_symbol(symbol), int(offset or "0", 16)
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
