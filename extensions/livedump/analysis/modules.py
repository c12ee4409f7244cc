"""The list of modules, and what their images tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.analysis.listings import listing_of
from livedump.kernel.kernel import describe_module
from livedump.model.listing import Listing
from livedump.model.modules import Modules

if TYPE_CHECKING:
    from livedump.model.engine import Engine


def list_modules(engine: Engine) -> Modules:
    """All modules, each with what its own image tells: the PDB that belongs to it, and its version.

    Raises:
        DumpError: neither the loaded nor the unloaded ones can be had.
    """
    found, unloaded = listing_of(engine.modules), listing_of(engine.unloaded_modules)
    if not found and not unloaded:
        found = engine.modules()
    described = tuple(describe_module(engine, module) for module in found)
    return Modules(Listing(described, found.problem), unloaded)
