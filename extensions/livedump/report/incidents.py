"""Dumps of one incident: Windows may take several in a row, of the same trouble or of what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from livedump.report.dump_row import DumpRow

TOGETHER = timedelta(minutes=2)
"""From one dump to the next of one incident. A watchdog's dump and that of the vendor's driver come seconds apart; a
crash that follows waits for its timeout."""
NO_TIME = "time of capture not known"


def incidents(rows: Sequence[DumpRow]) -> list[tuple[int, ...]]:
    """The places of the rows that belong together, each once: those of one system that were captured close together.

    In the order of time; rows without a time stand alone, last.
    """
    timed = sorted((row.captured_at, at) for at, row in enumerate(rows) if row.captured_at is not None)
    groups: list[list[int]] = []
    open_groups: dict[tuple[object, ...], list[int]] = {}
    for captured_at, at in timed:
        system = (rows[at].build, rows[at].machine)
        group = open_groups.get(system)
        before = rows[group[-1]].captured_at if group else None
        if group is None or before is None or captured_at - before > TOGETHER:
            group = open_groups[system] = []
            groups.append(group)
        group.append(at)
    return [*map(tuple, groups), *((at,) for at, row in enumerate(rows) if row.captured_at is None)]


def incident_name(rows: Iterable[DumpRow]) -> str:
    """When it began and which codes it has: ``2026-05-14 11:18 UTC: 0x1a8 + 0x1b8``."""
    members = list(rows)
    codes = dict.fromkeys("no code" if row.code is None else f"{row.code:#x}" for row in members)
    began = members[0].captured_at
    return f"{f'{began:%Y-%m-%d %H:%M} UTC' if began else NO_TIME}: {' + '.join(codes)}"
