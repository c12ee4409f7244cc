"""Lists of a dump, asked for where an answer goes on without them."""

from __future__ import annotations

from typing import Callable, TypeVar

from livedump.model.errors import DumpError
from livedump.model.listing import Listing

Item = TypeVar("Item")


def listing_of(question: Callable[[], Listing[Item]]) -> Listing[Item]:
    """The answer to a question for a list; an empty one with the reason where it cannot be had."""
    try:
        return question()
    except DumpError as error:
        return Listing((), str(error))
