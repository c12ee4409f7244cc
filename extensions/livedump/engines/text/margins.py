"""What stands before each line of a pasted text: quote marks, times, line numbers, list marks, loggers' names, blanks.

A margin is taken off only where most lines have it, so that no line loses what is its own. What it is, is told from a
sample; taking it off visits each line once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Callable, NamedTuple

SAMPLE = 1000
"""Lines that are looked at to tell what stands before each."""
MAX_MARGINS = 6
"""Margins within margins: a quoted, numbered log has three."""
SOME = 0.3
"""Of the lines: an answer to a quoted mail is not quoted itself, and no line of a debugger begins as a quoted one."""
MOST = 0.6
NEARLY_ALL = 0.9
FEW = 3
"""Lines of a text that is too short to tell a margin from what is its own."""

_QUOTE = re.compile(r"[ \t]{0,3}(?:[>\uff1e][ \t]?)+")
_DATE = r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?[T ,]\s?|\d\d?[-/.]\d\d?[-/.]\d{2,4},?\s|[A-Z][a-z]{2}\s{1,2}\d{1,2}\s)"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,:]\d{1,9})?(?:\s?[AP]M\b)?(?:Z\b|\s?[+-]\d\d:?\d\d\b)?"
_SECONDS = r"\[\s{0,8}\+?\d{1,8}\.\d{3,9}\s?s?\]"
_LOGGER = r"(?:\s{0,4}(?:\[[^\]\s]{1,40}\]|\b(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE|OUT|ERR|stdout|stderr)\b):?){0,3}"
_TIME = re.compile(rf"[ \t]{{0,4}}(?:[\[(]?{_DATE}?{_CLOCK}[\])]?|{_SECONDS}){_LOGGER}(?:\s?[|>:-](?=\s|$))?[ \t]?")
_NUMBER = re.compile(r"[ \t]{0,8}[#L]?(\d{1,7})(?:[:.|)\]>]|\t|(?=[ ]|$))[ \t]?")
_BULLET = re.compile(r"[ \t]{0,8}[-*\u2022\u00b7\u2013\u2014][ \t]+(?=[^\s*])")
_LITERAL = re.compile(
    r"(?:[ \t>|~#;\u2022\u00b7\u2013\u2014:]|//|[-*] )+|[\w.-]{1,40}[ \t]+\|[ \t]?|"
    r"[a-z][\w.-]{0,30}(?:\[\d{1,7}\])?:[ \t]|[\w./\\-]{1,80}\.(?:txt|log)[:-]"
)
_TICKS = re.compile(r"`(?=[^`]).*`$")

Line = str
Taker = Callable[[Line], Line]


class Margin(NamedTuple):
    """What stands before the lines, and how it is taken off one."""

    name: str
    """For people: ``quote marks``."""
    take_off: Taker


def without_margins(lines: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The lines without what stands before each of them, and what that was, for people."""
    found: list[str] = []
    kept = list(lines)
    for _ in range(MAX_MARGINS):
        margin = find_margin(kept)
        if margin is None:
            break
        found.append(margin.name)
        kept = list(map(margin.take_off, kept))
    if is_double_spaced(kept):
        found.append("blank lines between the lines")
        kept = _single_spaced(kept)
    return kept, tuple(f"{name} taken off" for name in dict.fromkeys(found))


def find_margin(lines: Sequence[str]) -> Margin | None:
    """What stands before most of the lines; None where nothing does."""
    sample = _sample(lines)
    if len(sample) < FEW:
        return None
    if _share(_QUOTE, sample) >= SOME:
        return Margin("quote marks", _taker(_QUOTE))
    if _share(_TIME, sample) >= MOST:
        return Margin("times before the lines", _taker(_TIME))
    if _is_numbered(lines):
        return Margin("line numbers", _taker(_NUMBER))
    literal = _common_start(sample)
    if literal:
        name = "the indent" if not literal.strip() else f"{literal.strip()!r} before the lines"
        return Margin(name, lambda line: line[len(literal) :] if line.startswith(literal) else line.lstrip())
    if _share(_BULLET, sample) >= MOST:
        return Margin("list marks", _taker(_BULLET))
    if _share(_TICKS, sample) >= MOST:
        return Margin("backticks around the lines", lambda line: line[1:-1] if _TICKS.match(line) else line)
    return None


def is_double_spaced(lines: Sequence[str]) -> bool:
    """Whether a blank line stands behind nearly every line that is none."""
    filled = [at for at, line in enumerate(lines[: 4 * SAMPLE]) if line.strip()]
    if len(filled) < 2 * FEW:
        return False
    alone = sum(second - first > 1 for first, second in zip(filled, filled[1:]))
    return alone >= NEARLY_ALL * (len(filled) - 1)


def _single_spaced(lines: Sequence[str]) -> list[str]:
    # Of two blank lines one was meant.
    return [line for line, before in zip(lines, ["", *lines]) if line.strip() or not before.strip()]


def _sample(lines: Sequence[str]) -> list[str]:
    filled = [line for line in lines if line and not line.isspace()]
    return filled[:: max(1, len(filled) // SAMPLE)]


def _share(pattern: re.Pattern[str], sample: Sequence[str]) -> float:
    return sum(map(bool, map(pattern.match, sample))) / len(sample)


def _taker(pattern: re.Pattern[str]) -> Taker:
    def take_off(line: Line) -> Line:
        found = pattern.match(line)
        return line[found.end() :] if found else line

    return take_off


def _is_numbered(lines: Sequence[str]) -> bool:
    # One more from line to line; a stack's own numbers cover only a part of a text.
    filled = [line for line in lines[: 2 * SAMPLE] if line.strip()]
    found = [_NUMBER.match(line) for line in filled]
    numbers = [int(each.group(1)) if each else -1 for each in found]
    steps = sum(second - first == 1 for first, second in zip(numbers, numbers[1:]) if first >= 0)
    return len(filled) > 2 * FEW and steps >= NEARLY_ALL * (len(filled) - 1)


def _common_start(sample: Sequence[str]) -> str:
    # The lines between the 5th and the 95th of a hundred, in alphabetical order, start alike where these two do.
    ordered = sorted(sample)
    odd = int(len(ordered) * (1 - NEARLY_ALL) / 2)
    first, last = ordered[odd], ordered[-1 - odd]
    alike = next((at for at, (one, other) in enumerate(zip(first, last)) if one != other), min(len(first), len(last)))
    found = _LITERAL.match(first[:alike])
    return found.group() if found else ""
