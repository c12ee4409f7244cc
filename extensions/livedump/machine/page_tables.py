"""What the page tables of an architecture look like: the words for them, filled in by ``x64`` and ``arm64``."""

from collections.abc import Callable
from typing import NamedTuple, Optional

INDEX_BITS = 9
"""Of a table of one 4 KiB page."""


class Level(NamedTuple):
    """One level of page tables."""

    name: str
    """As ``!pte`` prints it."""
    shift: int
    """The lowest bit of a virtual address that this level indexes by: an entry covers 2 ** shift bytes."""
    leads_on: Callable[[int], bool]
    """Whether an entry leads to a page or to a table of the next level."""
    is_large: Optional[Callable[[int], bool]] = None
    """Whether an entry that leads on maps a page of its own size; None at a level where none can."""
    index_bits: int = INDEX_BITS
    """How many bits of the address it takes: a table has 2 ** index_bits entries."""


class OtherForm(NamedTuple):
    """Another form that the same architecture's tables may have, known here only to be recognised and refused."""

    levels: tuple[Level, ...]
    """As far down as tells it from the form that is read."""
    name: str
    """To follow ``this system ran with``."""


class TableForm(NamedTuple):
    """The page tables that are read: 4 KiB pages, four levels, one root for both halves of the address space."""

    top: tuple[Level, ...]
    last: Level
    root_mask: int
    """Of the physical address in a directory table base; the rest of it is something else."""
    frame: Callable[[int], int]
    """The physical address in an entry that leads on."""
    shows_software_entries: bool
    """Whether an entry that leads nowhere is worth showing: what Windows keeps in it is not documented."""
    others: tuple[OtherForm, ...]
