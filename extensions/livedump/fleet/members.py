"""What every kind of archive offers, and the bounds that all of them keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from livedump.model.budget import Budget

MAX_MEMBERS = 100_000
CHUNK = 1 << 20


class Readable(Protocol):
    """A stream."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


Write = Callable[[bytes], object]


class Archive(Protocol):
    """One open archive."""

    def draw_on(self, budget: Budget) -> None:
        """From now on this is what reading draws on."""

    def names(self) -> list[str]:
        """Names of its files, in its own order."""

    def expanded_size(self, name: str) -> int | None:
        """Bytes that it claims the file has; None when it does not say."""

    def packed_size(self, name: str) -> int:
        """Bytes that the file takes in the archive."""

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over, piece by piece."""

    def close(self) -> None:
        """Gives files back."""


def copy_stream(file: Readable, write: Write) -> None:
    """Hands all of a stream over."""
    while True:
        chunk = file.read(CHUNK)
        if not chunk:
            return
        write(chunk)
