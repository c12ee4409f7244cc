"""What the page tables of an architecture look like: the words for one, filled in by ``x64``."""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """One level of page tables."""

    name: str
    """As ``!pte`` prints it."""
    shift: int
    """The lowest bit of a virtual address that this level indexes by: an entry covers 2 ** shift bytes."""
    may_be_large: bool = False
    """Whether an entry may map a page of its own size."""
