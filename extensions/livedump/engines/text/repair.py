"""A pasted text as the debugger printed it: what mail, forums, loggers and copying did to it is undone and noted.

Whatever had to be repaired may have been repaired wrongly: nothing that is read from such a text is certain.
"""

from __future__ import annotations

from typing import NamedTuple

from livedump.engines.text.lines import MAX_LINE, MAX_LINES
from livedump.engines.text.margins import without_margins
from livedump.engines.text.markup import without_markup
from livedump.engines.text.wrapping import join_broken, split_joined

MAX_LONG_LINE = 1 << 18
"""Characters of a line in which others may have run together."""


class Repaired(NamedTuple):
    """The lines of a text, and why what is read from them is not certain."""

    lines: tuple[str, ...]
    repairs: tuple[str, ...]
    """What was undone, for people."""
    limits: tuple[str, ...]
    """What was not read, for people."""


def repaired(text: str) -> Repaired:
    """The lines of the text, of at most MAX_LINE characters, at most MAX_LINES of them; never raises."""
    plain, markup = without_markup(text)
    split = plain.split("\n", MAX_LINES)
    limits = [f"line {MAX_LINES + 1:,} and what follows were not read"] if len(split) > MAX_LINES else []
    lines, margins = without_margins([line[:MAX_LONG_LINE].rstrip("\r") for line in split[:MAX_LINES]])
    joined = split_joined(lines)
    broken = join_broken(joined.lines)
    repairs = [*markup, *margins, *_counted("lines that had run together split", joined.mended)]
    repairs += _counted("broken lines joined", broken.mended)
    long = sum(len(line) > MAX_LINE for line in broken.lines)
    limits += [f"{long} lines have more than {MAX_LINE} characters; the rest of each was not read"] if long else []
    return Repaired(tuple(line[:MAX_LINE].rstrip() for line in broken.lines), tuple(repairs), tuple(limits))


def _counted(what: str, count: int) -> list[str]:
    return [f"{count} {what}"] if count else []
