"""Dumps of one boot of one machine: a series, in the order of the machine's own clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from livedump.report.dump_row import DumpRow

Places = tuple[int, ...]
"""Where the rows of one instant stand: of a dump and its copies."""


class OneBoot(NamedTuple):
    """What all dumps of one boot have in common, and no other."""

    build: int | None
    machine: str | None
    processors: int | None
    kernel_base: str
    boot_id: int | None
    boot_time: datetime | None


def find_series(rows: Iterable[DumpRow]) -> list[tuple[Places, ...]]:
    """The instants of each series, in the order of their time; series in the order in which their first dumps come.

    A dump whose boot or moment is not known stands alone, and so does one with nothing but copies of it.
    """
    instants: dict[OneBoot, dict[float, list[int]]] = {}
    for at, row in enumerate(rows):
        boot = _boot(row)
        if boot is not None and row.since_boot_seconds is not None:
            instants.setdefault(boot, {}).setdefault(row.since_boot_seconds, []).append(at)
    return [tuple(tuple(found[moment]) for moment in sorted(found)) for found in instants.values() if len(found) > 1]


def _boot(row: DumpRow) -> OneBoot | None:
    if row.kernel_base is None or (row.boot_id is None and row.boot_time is None):
        return None
    return OneBoot(row.build, row.machine, row.processors, row.kernel_base, row.boot_id, row.boot_time)
