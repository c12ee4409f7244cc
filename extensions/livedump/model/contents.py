"""What a dump holds, as an answer."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.holdings import Holding, Presence
from livedump.model.listing import Listing, ListProblem


class SecondaryBlob(NamedTuple):
    """A block of data that a driver or Windows put behind the memory of a dump."""

    guid: str
    """Upper case with dashes; several blocks may have the same, or all zeros."""
    size: int
    """Bytes. The data are private and are not read."""


class Contents(NamedTuple):
    """One holding for each structure, in their documented order."""

    holdings: tuple[Holding, ...]
    incomplete: tuple[ListProblem, ...]
    """Lists that may not be whole, though each page that is known of them is there."""
    secondary_data: Listing[SecondaryBlob]
    """The blocks behind the memory of the dump, in the file's order."""

    @property
    def complete(self) -> bool:
        """Whether everything that a live dump is meant to hold is there."""
        if self.incomplete:
            return False
        return all(each.presence in {Presence.PRESENT, Presence.NOT_SEPARATE} for each in self.holdings)
