"""What can go wrong in a batch and not with one dump in hand."""

from __future__ import annotations

from livedump.model.errors import DumpError


class ArchiveError(DumpError):
    """The archive is damaged, would grow too much, or is of a kind that is not read here."""

    category = "archive"


class JournalError(DumpError):
    """The file of results cannot be used."""

    category = "results"
