"""Whether two dumps were taken of one machine that was not started again in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from livedump.model.addresses import format_address
from livedump.model.findings import Evidence, Sign
from livedump.model.instants import Instant

MEMORY_DIFFERS = 0.01
"""Of the larger one: memory that is added or taken out while the machine runs, or counted otherwise, is less."""


class Boots(NamedTuple):
    """What two instants have in common."""

    same: bool | None
    """None: too little is known to say."""
    evidence: tuple[Evidence, ...]
    """What agrees is for one boot, what differs against it."""


def compare_boots(one: Instant, other: Instant) -> Boots:
    """Whether both are instants of one boot: nothing that both know differs, and what changes at each boot is equal.

    References: KUSER_SHARED_DATA.BootId; nt!KeBootTime moves when the clock is set, less nt!KeBootTimeBias it does not.
    """
    evidence = tuple(_evidence(one, other))
    if any(each.sign is Sign.AGAINST for each in evidence):
        return Boots(False, evidence)
    agreeing = {each.rule for each in evidence}
    enough = "kernel_base" in agreeing and not agreeing.isdisjoint({"boot_id", "boot_time"})
    return Boots(True if enough else None, evidence)


def _evidence(one: Instant, other: Instant) -> Iterator[Evidence]:
    for field, what, check in _COMPARED:
        values = getattr(one, field), getattr(other, field)
        if None not in values:
            yield _compared(field, what, check, *values)


_COMPARED = (
    ("build", "the build", "vertarget"),
    ("build_lab", "the kernel", "vertarget"),
    ("processors", "the number of processors", "dd nt!KeNumberProcessors L1"),
    ("physical_bytes", "the memory of the machine", "!vm 1"),
    ("kernel_base", "where the kernel lies", "lm m nt"),
    ("boot_id", "the number of the boot", "dd fffff780`000002c4 L1"),
    ("boot_time", "the time of the boot", "dq nt!KeBootTime L1; dq nt!KeBootTimeBias L1"),
)


def _compared(field: str, what: str, check: str, one: Any, other: Any) -> Evidence:
    if one == other or (field == "physical_bytes" and abs(one - other) <= MEMORY_DIFFERS * max(one, other)):
        return Evidence(field, f"{what} is the same: {_text(field, one)}", check)
    return Evidence(field, f"{what} differs: {_text(field, one)} and {_text(field, other)}", check, Sign.AGAINST)


def _text(field: str, value: Any) -> str:
    if field == "kernel_base":
        return format_address(value)
    if field == "boot_time":
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return f"{value / (1 << 30):,.1f} GiB" if field == "physical_bytes" else str(value)
