"""Functions that spin for a lock, from ``spin_frames.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from livedump.reference.entries import iter_entries


def is_spinning(name: str) -> bool:
    """Whether ``module!function`` spins for a lock, or acquires one by such a function."""
    return name in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(entry.text for entry in iter_entries(Path(__file__).with_name("spin_frames.txt")))
