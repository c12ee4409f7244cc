"""The lists of a dump that are answers by themselves."""

from __future__ import annotations

from typing import Callable, TypeVar

from livedump.kernel.kernel import describe_module
from livedump.model.engine import Engine
from livedump.model.errors import DumpError
from livedump.model.images import Modules
from livedump.model.listing import Listing
from livedump.model.processors import Process, Processes

Item = TypeVar("Item")


def list_modules(engine: Engine) -> Modules:
    """All modules, each with what its own image tells: the PDB that belongs to it, and its version.

    Raises:
        DumpError: the loaded modules cannot be had.
    """
    found = engine.modules()
    described = tuple(describe_module(engine, module) for module in found)
    return Modules(Listing(described, found.problem), listing_of(engine.unloaded_modules))


def list_processes(engine: Engine) -> Processes:
    """All processes, and the one whose thread asked for the dump.

    Raises:
        DumpError: the processes cannot be had.
    """
    return Processes(engine.processes(), _requester(engine))


def listing_of(question: Callable[[], Listing[Item]]) -> Listing[Item]:
    """The answer to a question for a list; an empty one with the reason where it cannot be had."""
    try:
        return question()
    except DumpError as error:
        return Listing((), str(error))


def _requester(engine: Engine) -> Process | None:
    try:
        return engine.requesting_process()
    except DumpError:
        return None
