"""The stacks of several processors, as an answer."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.frames import Stack
from livedump.model.listing import Listing


class Stacks(NamedTuple):
    """The stacks that were asked for."""

    stacks: Listing[Stack]
    """By processor."""
