"""What happened when symbols were looked for."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import NamedTuple

from livedump.model.listing import Listing
from livedump.model.text_kinds import CodeText, FilePath, ImagePath, ModuleName


class SymbolResult(Enum):
    """What became of one place."""

    FOUND = "found"
    NOT_THERE = "not-there"
    OTHER_BUILD = "other-build"
    """A file of that name belongs to another image."""
    UNREACHABLE = "unreachable"
    TIME_LIMIT = "time-limit"
    DAMAGED = "damaged"
    IN_QUARANTINE = "in-quarantine"
    """It failed a short while ago and is not asked before some time is over."""
    REFUSED = "refused"
    """It is not looked at there: it points elsewhere, or nothing can be kept."""


class SymbolAttempt(NamedTuple):
    """One place that was tried."""

    file: ImagePath
    """The name that was looked for."""
    key: CodeText
    """GUID and age of a PDB, time stamp and size of an image."""
    place: FilePath
    """A file, a folder, or an address without its passwords."""
    result: SymbolResult
    reason: str | None = None
    until: datetime | None = None
    """When a quarantine ends; aware, UTC."""


class SymbolLookup(NamedTuple):
    """What is known of one module's symbols after looking."""

    module: ModuleName
    wanted: str | None
    """Name and key of the PDB; None when nothing tells which one belongs to the module."""
    found: FilePath | None
    """The PDB that is used."""
    status: str
    """Where names come from or, when there are none, why."""
    attempts: tuple[SymbolAttempt, ...]
    """Every place tried, in order."""


class SymbolLookups(NamedTuple):
    """What was looked for."""

    modules: Listing[SymbolLookup]
    notes: tuple[str, ...] = ()
    """Parts of the symbol path that were left out, and why."""


class SymbolState(NamedTuple):
    """What answers that miss symbols depend on: they are asked again when this changes."""

    wanted: tuple[tuple[str, str], ...]
    """Name and key of each file that was not found."""
    state: str
    """Names what lies there where they were looked for."""
