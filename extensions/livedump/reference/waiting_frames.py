"""Frames of threads that wait, and of those that have nothing to do, from ``waiting_frames.txt``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from livedump.reference.entries import iter_sections

WAITING, IDLE_POOL = "waiting", "idle-pool"


@lru_cache(maxsize=4096)
def is_waiting(name: str) -> bool:
    """Whether ``module!function`` is the waiting itself, not what a thread waits for."""
    starts, whole = _waiting()
    return name in whole or name.startswith(starts)


def is_idle_pool(names: Iterable[str]) -> bool:
    """Whether a stack of these functions is that of a thread that waits for work."""
    there = set(names)
    return any(pool <= there for pool in _pools())


@cache
def _waiting() -> tuple[tuple[str, ...], frozenset[str]]:
    entries = _entries()[WAITING]
    starts = tuple(entry[:-1] for entry in entries if entry.endswith("*"))
    return starts, frozenset(entry for entry in entries if not entry.endswith("*"))


@cache
def _pools() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(entry.split()) for entry in _entries()[IDLE_POOL])


@cache
def _entries() -> dict[str, tuple[str, ...]]:
    path = Path(__file__).with_name("waiting_frames.txt")
    return {section.title.text: tuple(entry.text for entry in section.entries()) for section in iter_sections(path)}
