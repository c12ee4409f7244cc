"""What the batch reads: files, members of archives, addresses; and what was left out."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import NamedTuple


class Depth(IntEnum):
    """How much of a target is known."""

    FOUND = 0
    HEADERS = 1
    """What its first pages say."""
    FULL = 2
    """Everything, or why not."""


class TargetKind(Enum):
    """What stands at a place."""

    FILE = "file"
    ARCHIVE = "archive"
    """Its members become targets of their own."""
    REMOTE = "remote"
    TEXT = "text"
    """What was named and is no dump: each dump that it tells of becomes a target of its own, or it is one itself."""
    TEXT_IN_FOLDER = "text-in-folder"
    """The same, but found: it may tell of none."""
    TEXT_PART = "text-part"
    """One of several dumps that a text tells of."""


class Target(NamedTuple):
    """One thing to read."""

    name: str
    """What rows and reports show; unique in a batch."""
    place: str
    """The file or the address."""
    kind: TargetKind = TargetKind.FILE
    member: str | None = None
    """The archive's name for it; None for a whole file."""
    size: int | None = None
    """Bytes of the file or, in an archive, of the archive; None when it could not be asked."""
    changed_ns: int | None = None
    """Time of the last change, ns since 1970, of the file or the archive; None when it could not be asked."""
    status_ns: int | None = None
    """Where the system keeps it: when anything about the file changed last, which cannot be set back."""
    archive_expanded: int = 0
    """Bytes that have come out of its archive so far, as far as that is known where work is given out."""

    @property
    def part(self) -> int | None:
        """Which of a text's dumps this is, from 1; None for anything else."""
        return int(self.name.rpartition("#")[2]) if self.kind is TargetKind.TEXT_PART else None


TEXTS = (TargetKind.TEXT, TargetKind.TEXT_IN_FOLDER)
"""Kinds that are listed before they are read."""


class Skipped(NamedTuple):
    """Something that is no target, and why."""

    path: str
    reason: str
    failed: bool
    """Whether dumps may have been missed."""
