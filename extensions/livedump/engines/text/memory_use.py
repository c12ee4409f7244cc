"""The output of ``!vm`` and ``!poolused``: totals of memory, and pool by tag.

The debugger itself prints nonsense for some figures of systems newer than it is: what no machine can have is not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from livedump.engines.text.lines import parse_prompt
from livedump.model.addresses import PAGE_SIZE
from livedump.model.memory_use import PoolTag, Totals

MAX_TAGS = 50_000
MAX_PAGES = 1 << 36
"""Of 4 KiB, more than any x64 system can address."""
MAX_BYTES = MAX_PAGES * PAGE_SIZE

_FIGURE = re.compile(r"\s{0,40}([A-Z][A-Za-z ]{4,30}):\s{1,40}(\d{1,13})\s{1,20}\(\s{0,20}(\d{1,15}) [Kk]b\)")
_PHYSICAL, _AVAILABLE, _FREE_PTES = "Physical Memory", "Available Pages", "Free System PTEs"
_NONPAGED, _NONPAGED_NX, _PAGED = "NonPagedPool Usage", "NonPagedPoolNx Usage", "PagedPool Usage"
_COMMITTED, _LIMIT, _LOCKED = "Committed pages", "Commit limit", "Pages For MDLs"
_NAMES = frozenset({
    _PHYSICAL, _AVAILABLE, _FREE_PTES, _NONPAGED, _NONPAGED_NX, _PAGED, _COMMITTED, _LIMIT, _LOCKED,
})  # fmt: skip
_HEADER = re.compile(r"\s{0,10}Tag\s{1,10}Allocs\s{1,20}(Frees\s{1,20}Diff\s{1,20})?Used\s{1,20}Allocs\s")
_ROW = re.compile(r"\s{0,4}(\S(?:.{0,2}\S)?)\s{1,30}(\d{1,20}(?:\s{1,30}-?\d{1,20}){3,7})(?=\s|$)")
_TOTAL = re.compile(r"\s{0,4}TOTAL\s{1,30}(\d{1,20}(?:\s{1,30}-?\d{1,20}){3,7})(?=\s|$)")


class PoolTags(NamedTuple):
    """Pool by tag, and what the debugger added up."""

    tags: tuple[PoolTag, ...]
    """The largest first."""
    nonpaged_bytes: int | None
    """Of all tags together; None where the text was cut before."""
    paged_bytes: int | None


def parse_totals(lines: Sequence[str]) -> Totals | None:
    """The totals that ``!vm`` prints; None when the text holds none."""
    found: dict[str, int] = {}
    for line in lines:
        figure = _FIGURE.match(line) if "b)" in line else None
        if figure and figure.group(1) in _NAMES:
            pages, size = int(figure.group(2)), int(figure.group(3))
            if pages < MAX_PAGES and pages * PAGE_SIZE == size << 10:
                found.setdefault(figure.group(1), pages)
    if not {_PHYSICAL, _COMMITTED} & set(found):
        return None
    physical, limit = found.get(_PHYSICAL), found.get(_LIMIT)
    return Totals(
        committed=found.get(_COMMITTED),
        commit_limit=limit,
        available=_within(found.get(_AVAILABLE), physical),
        physical=physical,
        nonpaged_pool=_within(_sum(found.get(_NONPAGED), found.get(_NONPAGED_NX)), physical),
        paged_pool=_within(found.get(_PAGED), limit),
        locked=_within(found.get(_LOCKED), physical),
        free_system_ptes=found.get(_FREE_PTES),
    )


def _within(pages: int | None, most: int | None) -> int | None:
    return None if pages is None or (most is not None and pages > most) else pages


def _sum(*pages: int | None) -> int | None:
    known = [each for each in pages if each is not None]
    return sum(known) if known else None


def parse_pool_tags(lines: Sequence[str]) -> PoolTags | None:
    """Pool by tag as ``!poolused`` prints it, of all its outputs; None when the text holds none."""
    tags: dict[str, PoolTag] = {}
    totals: tuple[int, ...] | None = None
    below = detailed = False
    for line in lines:
        header = _HEADER.match(line) if "Allocs" in line else None
        if header:
            below, detailed = True, bool(header.group(1))
        elif below and parse_prompt(line):
            below = False
        elif below:
            tag = _tag(line, detailed)
            if tag and len(tags) < MAX_TAGS:
                tags.setdefault(tag.tag, tag)
            totals = totals or _totals(line, detailed)
    if not tags:
        return None
    largest = sorted(tags.values(), key=lambda each: -(each.nonpaged_bytes + each.paged_bytes))
    return PoolTags(tuple(largest), *(totals or (None, None)))


def _totals(line: str, detailed: bool) -> tuple[int, ...] | None:
    found = _TOTAL.match(line) if "TOTAL" in line else None
    numbers = _numbers(found.group(1), detailed) if found else None
    return (numbers[1], numbers[4]) if numbers else None


def _tag(line: str, detailed: bool) -> PoolTag | None:
    found = _ROW.match(line)
    numbers = _numbers(found.group(2), detailed) if found else None
    if found is None or numbers is None:
        return None
    blocks, size, allocations, paged_blocks, paged_size, paged_allocations = numbers
    # Without the flag that shows them what was ever allocated is not told.
    ever = (allocations, paged_allocations) if detailed else (None, None)
    return PoolTag(found.group(1), size, blocks, paged_size, paged_blocks, *ever)


def _numbers(text: str, detailed: bool) -> tuple[int, ...] | None:
    # Blocks, bytes and allocations of nonpaged and of paged pool; None where a number cannot be.
    numbers = [int(word) for word in text.split()]
    if len(numbers) < (8 if detailed else 4) or any(not 0 <= each < MAX_BYTES for each in numbers):
        return None
    if detailed:
        ever, _, blocks, size, paged_ever, _, paged_blocks, paged_size = numbers[:8]
        return blocks, size, ever, paged_blocks, paged_size, paged_ever
    blocks, size, paged_blocks, paged_size = numbers[:4]
    return blocks, size, blocks, paged_blocks, paged_size, paged_blocks
