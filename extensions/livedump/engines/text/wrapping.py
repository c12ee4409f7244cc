"""Lines that mail, a terminal or a translator broke or ran together, put right.

Whether lines were broken is told by rows of stacks, and by a few lines whose length is known; where they were, by the
width: a line that was broken is followed by a word that had no more room on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from livedump.engines.text.shapes import begins_a_line, is_row_begun, is_row_rest, is_whole_row, joined_parts

WIDTHS = range(40, 133)
"""Widths at which text is broken."""
MAX_ROW_LINES = 6
"""Lines that one row of a stack was broken into."""
MAX_BROKEN = 12
"""Lines that any other line was broken into."""
SHORT = 20
"""Characters of a line into which no second one fits."""
MAX_JOINED = 20_000
SAMPLE = 20_000
BANNER = 79
"""Asterisks in the frame around ``Bugcheck Analysis``."""


class Mended(NamedTuple):
    """Lines, and how many of them were put right."""

    lines: list[str]
    mended: int


def split_joined(lines: Sequence[str]) -> Mended:
    """Lines in which several ran together, each on its own again; at most MAX_JOINED of them."""
    kept: list[str] = []
    count = 0
    for line in lines:
        parts = joined_parts(line) if len(line) > SHORT and count < MAX_JOINED else [line]
        count += len(parts) > 1
        kept += parts
    return Mended(kept, count)


def join_broken(lines: Sequence[str]) -> Mended:
    """Broken lines as they were."""
    width = broken_width(lines)
    if width is None:
        return Mended(list(lines), 0)
    hard = _is_hard(lines, width)
    kept: list[str] = []
    count = at = 0
    while at < len(lines):
        end = _row_end(lines, at) or _line_end(lines, at, width, hard)
        kept.append(_joined(lines[at:end], width, hard))
        count += end - at > 1
        at = end
    return Mended(kept, count)


def broken_width(lines: Sequence[str]) -> int | None:
    """The width at which lines were broken; None where they were not."""
    seen = lines[:SAMPLE]
    signs = sum(_is_sign(line, after) for line, after in zip(seen, [*seen[1:], ""]))
    width = max((len(line.rstrip()) for line in seen), default=0)
    return width if signs and width in WIDTHS else None


def _is_sign(line: str, after: str) -> bool:
    if line.startswith("*****") and len(line.rstrip()) < BANNER and not line.strip("* "):
        rest = after.strip()
        return bool(rest) and not rest.strip("*") and len(line.strip()) + len(rest) == BANNER
    if line.startswith("Loading Dump File [") and "]" not in line:
        return "]" in after
    return is_row_begun(line) and is_row_rest(after) and not is_whole_row(after)


def _row_end(lines: Sequence[str], at: int) -> int | None:
    # Behind the last line of a stack's row that begins here in parts; None where none does.
    if not is_row_begun(lines[at]):
        return None
    row = lines[at]
    for end in range(at + 1, min(at + MAX_ROW_LINES, len(lines))):
        if not is_row_rest(lines[end]) or is_whole_row(lines[end]):
            return None
        row = f"{row.rstrip()} {lines[end].lstrip()}"
        if is_whole_row(row):
            return end + 1
    return None


def _line_end(lines: Sequence[str], at: int, width: int, hard: bool) -> int:
    end = at + 1
    while end < min(len(lines), at + MAX_BROKEN) and _goes_on(lines[end - 1], lines[end], width, hard):
        end += 1
    return end


def _goes_on(line: str, after: str, width: int, hard: bool) -> bool:
    word = after.split(None, 1)[:1]
    if not word or not line.strip() or begins_a_line(after) or is_row_begun(after) or is_whole_row(after):
        return False
    length = len(line.rstrip())
    return len(line) >= width if hard else length + 1 + len(word[0]) > width


def _is_hard(lines: Sequence[str], width: int) -> bool:
    # Broken wherever the width ended, in the middle of words too: most of the lines that went on are full.
    pairs = zip(lines[:SAMPLE], lines[1:SAMPLE])
    broken = [len(line) for line, after in pairs if _goes_on(line, after, width, hard=False)]
    return sum(length >= width for length in broken) > 0.7 * len(broken)


def _joined(parts: Sequence[str], width: int, hard: bool) -> str:
    line = parts[0]
    for part in parts[1:]:
        line += part if hard else _between(line, part, width) + part.lstrip()
    return line


def _between(line: str, part: str, width: int) -> str:
    # A word is broken only where it is longer than a whole line.
    if not line or line[-1].isspace():
        return ""
    word = line.rsplit(None, 1)[-1] + part.split(None, 1)[0]
    return "" if len(word) > width or not word.strip("*") else " "
