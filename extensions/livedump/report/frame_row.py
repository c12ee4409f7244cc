"""One frame as a row of a table."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.frames import Role, Trust


class FrameRow(NamedTuple):
    """One frame."""

    processor: int | None
    frame: int
    child_sp: Address | None
    return_address: Address | None
    instruction: Address | None
    call_site: str
    trust: Trust
    role: Role | None
