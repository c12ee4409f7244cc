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
MAX_ROWS = 50
"""Rows that are asked how they were broken."""
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
        end = _hard_end(lines, at, width) if hard else _row_end(lines, at) or _line_end(lines, at, width)
        kept.append("".join(lines[at:end]) if hard else _joined(lines[at:end], width))
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
    if not is_row_begun(line) or is_whole_row(after) or not after.strip():
        return False
    # A row that was broken in the middle of a number is whole without a blank.
    return is_row_rest(after) or (not is_row_begun(after) and is_whole_row(line + after))


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


def _hard_end(lines: Sequence[str], at: int, width: int) -> int:
    # A line goes on while it is full; what is an unfinished row goes on whatever follows.
    end = at + 1
    while end < min(len(lines), at + MAX_BROKEN) and len(lines[end - 1]) >= width:
        unfinished = is_row_begun("".join(lines[at:end]))
        if not unfinished and _begins(lines[end]):
            break
        end += 1
    return end


def _begins(line: str) -> bool:
    return not line.strip() or begins_a_line(line) or is_row_begun(line) or is_whole_row(line)


def _line_end(lines: Sequence[str], at: int, width: int) -> int:
    end = at + 1
    while end < min(len(lines), at + MAX_BROKEN) and _goes_on(lines[end - 1], lines[end], width):
        end += 1
    return end


def _goes_on(line: str, after: str, width: int) -> bool:
    if not _has_words(line) or not _has_words(after) or _begins(after):
        return False
    return len(line.rstrip()) + 1 + len(after.split(None, 1)[0]) > width


def _has_words(line: str) -> bool:
    # Rows of dots and of asterisks are what they are, however long.
    return any(map(str.isalnum, line))


def _is_hard(lines: Sequence[str], width: int) -> bool:
    # Broken wherever the width ended, in the middle of words too: rows are whole without a blank where they were
    # broken. Where no row tells, most of the lines that went on are full.
    begun = [at for at, line in enumerate(lines[:SAMPLE]) if is_row_begun(line)][:MAX_ROWS]
    by_blank = sum(_row_end(lines, at) is not None for at in begun)
    by_width = sum(is_whole_row("".join(lines[at : _hard_end(lines, at, width)])) for at in begun)
    if by_blank != by_width:
        return by_width > by_blank
    pairs = list(zip(lines[:SAMPLE], lines[1:SAMPLE]))
    soft = sum(_goes_on(line, after, width) for line, after in pairs)
    full = sum(len(line) >= width and _has_words(after) for line, after in pairs)
    return full > 0.7 * max(soft, 1)


def _joined(parts: Sequence[str], width: int) -> str:
    line = parts[0]
    for part in parts[1:]:
        line += _between(line, part, width) + part.lstrip()
    return line


def _between(line: str, part: str, width: int) -> str:
    # A word is broken only behind a hyphen, or where it is longer than a whole line.
    if not line or line[-1].isspace() or line[-1] == "-":
        return ""
    word = line.rsplit(None, 1)[-1] + part.split(None, 1)[0]
    return "" if len(word) > width else " "
