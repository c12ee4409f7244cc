"""Which parameters of a bug check point into the responsible driver: ``signature_drivers.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from livedump.reference.entries import iter_entries

NOT_DRIVERS = frozenset({"nt", "hal"})
"""Modules that a parameter points into without blaming them."""


def driver_parameter(code: int) -> int | None:
    """The number, 1 to 4, of the parameter that points into the responsible driver; None where none does.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return _driver_parameters().get(code)


def read_driver_parameters(path: Path) -> dict[int, int]:
    """Numbers of parameters by code, from a file in the format of ``signature_drivers.txt``.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    numbers: dict[int, int] = {}
    for entry in iter_entries(path):
        code, _, number = entry.text.partition(" ")
        if number.strip() not in {"1", "2", "3", "4"}:
            raise entry.bad(f"expected a code and a number from 1 to 4, like 0x141 2, got {entry.text!r}")
        if entry.hexadecimal(code) in numbers:
            raise entry.bad(f"{code} stands above already")
        numbers[entry.hexadecimal(code)] = int(number)
    return numbers


@cache
def _driver_parameters() -> dict[int, int]:
    return read_driver_parameters(Path(__file__).with_name("signature_drivers.txt"))
