"""The lists of modules, as an answer."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing


class Modules(NamedTuple):
    """What was loaded, and what was unloaded before."""

    loaded: Listing[Module]
    """In load order, kernel first."""
    unloaded: Listing[UnloadedModule]
    """Newest first; none of them where the dump or the engine does not hold them."""
