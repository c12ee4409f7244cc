"""Drivers that only guests of QEMU load, from ``guest_drivers.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from livedump.reference.entries import Entry, iter_entries


def is_guest_driver(module: str) -> bool:
    """Whether a module of that name, as the debugger writes it, is a driver for guests of QEMU, whatever its case.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return module.lower() in _guest_drivers()


def read_guest_drivers(path: Path) -> tuple[str, ...]:
    """The names, in small letters, of a file in the format of ``guest_drivers.txt``, in file order.

    Raises:
        BadEntry: a line that does not say what the driver serves.
    """
    return tuple(map(_parse, iter_entries(path)))


@cache
def _guest_drivers() -> frozenset[str]:
    return frozenset(read_guest_drivers(Path(__file__).with_name("guest_drivers.txt")))


def _parse(entry: Entry) -> str:
    name, _, serves = entry.text.partition(" ")
    if not serves.strip():
        raise entry.bad(f"expected a module and what it serves, got {entry.text!r}")
    return name.lower()
