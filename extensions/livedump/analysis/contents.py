"""What a dump holds, as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.analysis.listings import listing_of
from livedump.analysis.structures import inspect_structures
from livedump.model.contents import Contents

if TYPE_CHECKING:
    from livedump.model.engine import Engine


def inspect_contents(engine: Engine) -> Contents:
    """What the dump holds of each structure, and which blocks follow its memory."""
    holdings, incomplete = inspect_structures(engine)
    return Contents(holdings, incomplete, listing_of(engine.secondary_data))
