"""Whether two dumps are of one boot of one machine, of two boots of it, or of two machines; by evidence.

Two boots of one machine have its processors, its memory and its drivers in common. Two machines that were set up alike
have that too and cannot be told apart by it, unless the number of the boot goes backwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from livedump.analysis.boots import compare_boots
from livedump.model.difference import Relation
from livedump.model.findings import Evidence, Sign
from livedump.model.instants import Instant
from livedump.model.report import Report

COMMON_DRIVERS = 0.8
"""Ours: share of the drivers that two boots of one machine have in common, by name and time stamp."""
_OF_MACHINES = frozenset({"processors", "physical_bytes", "drivers"})
"""What a machine keeps from one boot to the next."""


class Judged(NamedTuple):
    """The relation, and what speaks for one boot (``+``) or against it."""

    relation: Relation | None
    evidence: tuple[Evidence, ...]


def judge_relation(before: Report, after: Report) -> Judged:
    """What two dumps are to each other; None where too little is known of one of them."""
    one, other = before.instant, after.instant
    if one is None or other is None:
        return Judged(None, ())
    boots = compare_boots(one, other)
    if boots.same:
        return Judged(Relation.SAME_BOOT, boots.evidence)
    evidence = (*boots.evidence, *_drivers(before, after))
    return Judged(None if boots.same is None else _of_two_boots(one, other, evidence), evidence)


def _of_two_boots(one: Instant, other: Instant, evidence: Iterable[Evidence]) -> Relation | None:
    signs = {each.rule: each.sign for each in evidence}
    if any(signs.get(rule) is Sign.AGAINST for rule in _OF_MACHINES) or _goes_back(one, other):
        return Relation.OTHER_MACHINE
    return Relation.OTHER_BOOT if "drivers" in signs else None


def _goes_back(one: Instant, other: Instant) -> bool:
    """Whether a later boot has no higher number: then it was not counted by one machine."""
    if one.boot_id is None or other.boot_id is None or one.boot_time is None or other.boot_time is None:
        return False
    if one.boot_time == other.boot_time:
        return one.boot_id != other.boot_id
    return (one.boot_time < other.boot_time) is not (one.boot_id < other.boot_id)


def _drivers(before: Report, after: Report) -> Iterable[Evidence]:
    first, second = map(_driver_keys, (before, after))
    fewer = min(len(first), len(second))
    if fewer:
        common = len(first & second)
        sign = Sign.FOR if common >= COMMON_DRIVERS * fewer else Sign.AGAINST
        fact = f"{common} drivers agree in name and time stamp, of {len(first)} and {len(second)}"
        yield Evidence("drivers", fact, "lm", sign)


def _driver_keys(report: Report) -> frozenset[tuple[str, int | None]]:
    snapshot = report.symptoms.snapshot if report.symptoms else None
    return frozenset((each.name.lower(), each.timestamp) for each in (snapshot.drivers if snapshot else ()))
