"""Drivers that were loaded, unloaded, or replaced between two dumps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from livedump.model.difference import Change, ChangeKind, DriverChange, DriverChanges
from livedump.model.findings import Confidence, Evidence
from livedump.model.snapshot import Driver, Snapshot


def driver_changes(before: Snapshot, after: Snapshot) -> DriverChanges:
    """What came, what went, and what has another size or time stamp under the same name."""
    old, new = _by_name(before), _by_name(after)
    # What a list that may not be whole does not name was perhaps there.
    return DriverChanges(
        loaded=tuple(new[name] for name in new if name not in old) if not before.lacks("drivers") else (),
        unloaded=tuple(old[name] for name in old if name not in new) if not after.lacks("drivers") else (),
        changed=tuple(_change(old[name], new[name]) for name in new if name in old and _differ(old[name], new[name])),
    )


def find_driver_changes(changes: DriverChanges, one_boot: bool) -> Iterator[Change]:
    """A finding for each; only within one boot is it known that somebody loaded or unloaded it in between."""
    came = "was loaded" if one_boot else "is in the later dump alone"
    went = "was unloaded" if one_boot else "is in the earlier dump alone"
    for driver in changes.loaded:
        yield _finding(driver.name, f"driver {driver.name} {came}", f"it is at {driver.base:x} in the later dump alone")
    for driver in changes.unloaded:
        yield _finding(
            driver.name, f"driver {driver.name} {went}", f"it is at {driver.base:x} in the earlier dump alone"
        )
    for each in changes.changed:
        fact = (
            f"time stamp {_hex(each.timestamp_before)} and size {each.size_before:#x} before, "
            f"{_hex(each.timestamp_after)} and {each.size_after:#x} after"
        )
        yield _finding(each.name, f"driver {each.name} is another one than before", fact)


def _by_name(snapshot: Snapshot) -> Mapping[str, Driver]:
    return {each.name.lower(): each for each in snapshot.drivers}


def _differ(old: Driver, new: Driver) -> bool:
    known = None not in (old.timestamp, new.timestamp)
    return old.size != new.size or (known and old.timestamp != new.timestamp)


def _change(old: Driver, new: Driver) -> DriverChange:
    return DriverChange(new.name, old.size, new.size, old.timestamp, new.timestamp)


def _hex(timestamp: int | None) -> str:
    return "not known" if timestamp is None else f"{timestamp:#x}"


def _finding(name: str, text: str, fact: str) -> Change:
    evidence = (Evidence("driver", fact, f"lmvm {name}"),)
    return Change(
        ChangeKind.DRIVER_CHANGED, text, Confidence.LIKELY, f"driver:{name}", None, None, "", evidence, modules=(name,)
    )
