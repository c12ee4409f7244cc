"""Which origin a live dump code names, from ``origin_codes.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from livedump.model.bug_check import BugCheck
from livedump.model.findings import OriginKind
from livedump.reference.entries import Entry, iter_entries


class OriginCode(NamedTuple):
    """One line of the file."""

    code: int
    origin: OriginKind
    first_parameters: tuple[int, ...]
    """Values of parameter 1 for which the line holds; empty for any."""

    def matches(self, bug_check: BugCheck) -> bool:
        """Whether the line speaks of that bug check."""
        if self.code != bug_check.base_code:
            return False
        return not self.first_parameters or bug_check.parameters[0] in self.first_parameters


def find_origin(bug_check: BugCheck) -> OriginKind | None:
    """The origin that a code, with its parameter 1, names; None when the code names none.

    Raises:
        BadEntry: the data file is damaged; names the line.
    """
    return next((entry.origin for entry in _origin_codes() if entry.matches(bug_check)), None)


def read_origin_codes(path: Path) -> tuple[OriginCode, ...]:
    """All lines of a file in the format of ``origin_codes.txt``, in file order.

    Raises:
        BadEntry: names the line and what was expected there.
    """
    return tuple(map(_parse, iter_entries(path)))


@cache
def _origin_codes() -> tuple[OriginCode, ...]:
    return read_origin_codes(Path(__file__).with_name("origin_codes.txt"))


def _parse(entry: Entry) -> OriginCode:
    code, *rest = entry.text.split()
    if not rest:
        raise entry.bad("expected a code and an origin, like 0x11C8 power-button")
    try:
        origin = OriginKind(rest[0])
    except ValueError:
        known = ", ".join(kind.value for kind in OriginKind)
        raise entry.bad(f"{rest[0]!r} is no origin; expected one of {known}") from None
    return OriginCode(entry.hexadecimal(code), origin, tuple(map(entry.hexadecimal, rest[1:])))
