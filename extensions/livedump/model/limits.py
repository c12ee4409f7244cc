"""What reading one dump may take of the process that reads it."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """What one dump may take of the process that reads it."""

    seconds: float = 60.0
    memory_bytes: int = 2 << 30
    """Address space, where the system limits it; 0 for no limit."""
