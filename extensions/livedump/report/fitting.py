"""Tables and sentences that fit a terminal: long cells go on below, and what has no room is left out, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import NamedTuple

BETWEEN = 2
"""Spaces from one column to the next."""
LEAST, LONGEST_WORD = 12, 24
"""Letters to which a column is broken at the least; one that is narrower stays as it is, and words that are not longer
than the second, such as addresses, are not broken."""
PADDED = 2
"""By how much tabulate makes a column wider than its head."""


class Fitted(NamedTuple):
    """Rows of which some cells have several lines."""

    rows: tuple[tuple[str, ...], ...]
    headers: tuple[str, ...]
    left_out: int
    """Columns from the right that have no room."""


def fit_table(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> Fitted:
    """The same table in lines of not more than ``width`` letters, as far as its columns can be broken so far."""
    columns = [[row[at] for row in rows if at < len(row)] for at in range(max(map(len, [*rows, headers]), default=0))]
    heads = [len(head) + PADDED for head in headers] or [0] * len(columns)
    natural = [max([head, *map(len, texts)]) for head, texts in zip(heads, columns)]
    least = [max(head, min(wide, _least(texts))) for head, wide, texts in zip(heads, natural, columns)]
    count = len(columns)
    while count > 1 and _room(least[:count]) > width:
        count -= 1
    widths = _narrowed(natural[:count], least[:count], width)
    shown = tuple(tuple(map(_broken, row, widths)) for row in rows)
    return Fitted(shown, tuple(headers[:count]), len(columns) - count)


def _least(texts: Iterable[str]) -> int:
    words = (len(word) for text in texts for word in text.split())
    return max(LEAST, min(LONGEST_WORD, max(words, default=0)))


def fit_text(text: str, width: int) -> list[str]:
    """The lines of a sentence; what follows is moved in as the first line is."""
    begin = " " * (len(text) - len(text.lstrip(" ")))
    return wrap(text, max(width, LEAST), subsequent_indent=begin, break_on_hyphens=False) or [text]


def _room(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + BETWEEN * (len(listed) - 1)


def _narrowed(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """The widths with as much taken from the widest columns as there is too much."""
    widths = list(natural)
    for _ in range(max(0, _room(widths) - width)):
        at = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
        if widths[at] <= least[at]:
            break
        widths[at] -= 1
    return widths


def _broken(text: str, width: int) -> str:
    return text if len(text) <= width else "\n".join(wrap(text, max(1, width), break_on_hyphens=False))
