"""Drivers by how long their requests may wait, from ``waiting_drivers.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from livedump.reference.entries import iter_sections

PATIENT, STORAGE = "patient", "storage"


def is_patient(module: str) -> bool:
    """Whether requests of that driver may wait as long as a machine runs."""
    return module.lower() in _drivers()[PATIENT]


def is_storage(module: str) -> bool:
    """Whether that driver stands between a file and a disk."""
    return module.lower() in _drivers()[STORAGE]


@cache
def _drivers() -> dict[str, frozenset[str]]:
    path = Path(__file__).with_name("waiting_drivers.txt")
    return {section.title.text: frozenset(entry.text for entry in section.entries()) for section in iter_sections(path)}
