"""What reading may cost: one object that everything draws on which is read for one dump or out of one archive.

Each part of a file is bounded where it is read; this bounds them together, by counts and not by the clock alone.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from livedump.model.errors import LimitReached


class Allowance(NamedTuple):
    """What a budget begins with."""

    expanded_bytes: int = 64 << 30
    """Bytes that come out of compressed data, those that are passed over included."""
    names: int = 1 << 20
    """Names of members, modules, processes and the like."""
    seconds: float | None = None


class Budget:
    """What is left of an allowance. It never grows."""

    def __init__(self, what: str, allowance: Allowance) -> None:
        """``what`` names the file in messages."""
        self._what = what
        self._allowance = allowance
        self.expanded_bytes = allowance.expanded_bytes
        self.names = allowance.names
        self._deadline = None if allowance.seconds is None else time.monotonic() + allowance.seconds

    def heed(self, expanded_bytes: int) -> None:
        """Counts what has been taken of the same allowance altogether, here and by others, which may be known late."""
        self.expanded_bytes = min(self.expanded_bytes, self._allowance.expanded_bytes - expanded_bytes)

    def expand(self, count: int) -> None:
        """Takes so many expanded bytes.

        Raises:
            LimitReached: they are more than is left, or the time is over.
        """
        self.expanded_bytes -= count
        self.check()

    def take_names(self, count: int = 1) -> None:
        """Takes so many names.

        Raises:
            LimitReached: they are more than are left, or the time is over.
        """
        self.names -= count
        self.check()

    @property
    def spent(self) -> bool:
        """Whether more was taken than there was."""
        return self.expanded_bytes < 0 or self.names < 0

    def check(self) -> None:
        """Goes on while there is something left.

        Raises:
            LimitReached: there is not.
        """
        if self.expanded_bytes < 0:
            grown = self._allowance.expanded_bytes
            raise LimitReached(f"{self._what} would grow to more than {grown:,} bytes altogether; the rest is not read")
        if self.names < 0:
            raise LimitReached(f"{self._what} has more than {self._allowance.names:,} names; the rest is not read")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise LimitReached(f"{self._what} takes more than {self._allowance.seconds:g} s altogether")
