"""Doubly linked lists in dump memory, walked so that none of them can hold the walker.

A live dump is taken while most of the system stands still, yet a page of a list may be missing. Then the list is
walked from its other end too, and what lies between stays unknown.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from livedump.kernel import c_kernel as c
from livedump.kernel.values import read_u64
from livedump.model.addresses import Memory, format_address
from livedump.model.errors import MemoryGap


class ListWalk(NamedTuple):
    """The entries of one list."""

    entries: tuple[int, ...]
    """Addresses of the LIST_ENTRYs whose links could be read, in list order."""
    problem: str | None
    """Why these may not be all; None when the walk came back to the head."""
    unreadable: tuple[int, ...]
    """Entries that are known to exist and could not be read; there may be more between them."""


class _End(Enum):
    CLOSED = "closed"
    GAP = "gap"
    CIRCLE = "circle"
    LIMIT = "limit"


class _Path(NamedTuple):
    entries: list[int]
    end: _End
    stop: int
    """The entry that ended it."""


def walk_list(memory: Memory, head: int, limit: int) -> ListWalk:
    """The entries of the list at ``head``, without the head, ``limit`` at most.

    Raises:
        MemoryGap: the head itself is missing.
    """
    forward = _follow(memory, head, c.FLINK.offset, limit)
    if forward.end is _End.CLOSED:
        return ListWalk(tuple(forward.entries), None, ())
    if forward.end is _End.LIMIT:
        return ListWalk(tuple(forward.entries), f"more than {limit} entries: the list was not followed further", ())
    backward = _follow(memory, head, c.BLINK.offset, limit - len(forward.entries))
    reached = set(forward.entries)
    tail = [entry for entry in reversed(backward.entries) if entry not in reached]
    gaps = dict.fromkeys(path.stop for path in (forward, backward) if path.end is _End.GAP)
    return ListWalk((*forward.entries, *tail), _problem(forward, len(tail)), tuple(gaps))


def _follow(memory: Memory, head: int, link: int, limit: int) -> _Path:
    entries: list[int] = []
    seen = {head}
    entry = read_u64(memory, head + link)
    while entry not in seen:
        if len(entries) >= limit:
            return _Path(entries, _End.LIMIT, entry)
        try:
            following = read_u64(memory, entry + link)
        except MemoryGap:
            return _Path(entries, _End.GAP, entry)
        seen.add(entry)
        entries.append(entry)
        entry = following
    return _Path(entries, _End.CLOSED if entry == head else _End.CIRCLE, entry)


def _problem(forward: _Path, from_the_end: int) -> str:
    where = format_address(forward.stop)
    after = f"after {len(forward.entries)} entries"
    if from_the_end:
        after += f"; {from_the_end} more from its other end"
    if forward.end is _End.CIRCLE:
        return f"the list runs in a circle, back to {where}, {after}"
    return f"the entry at {where} is missing, {after}"
