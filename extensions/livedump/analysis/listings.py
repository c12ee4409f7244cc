"""The lists of a dump that are answers by themselves."""

from __future__ import annotations

from typing import Callable, TypeVar

from livedump.kernel.kernel import describe_module
from livedump.model.engine import Engine
from livedump.model.errors import DumpError
from livedump.model.images import Modules
from livedump.model.listing import Listing

Item = TypeVar("Item")


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


def listing_of(question: Callable[[], Listing[Item]]) -> Listing[Item]:
    """The answer to a question for a list; an empty one with the reason where it cannot be had."""
    try:
        return question()
    except DumpError as error:
        return Listing((), str(error))
