"""When a dump was taken by the machine's own clock, and what tells that boot of that machine from every other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from livedump.model.addresses import Address


class Instant(NamedTuple):
    """One moment of one boot of one machine. None: not known."""

    build: int | None = None
    build_lab: str | None = None
    kernel_base: Address | None = None
    """Chosen anew at each boot."""
    processors: int | None = None
    """Active logical processors."""
    boot_id: int | None = None
    """Counts the boots of an installation; from Windows 10 1607."""
    boot_time: datetime | None = None
    """UTC; does not move when the clock is set."""
    physical_bytes: int | None = None
    """Memory of the machine."""
    since_boot: timedelta | None = None
    """Interrupt time: orders the dumps of one boot, whatever the clock was set to."""
