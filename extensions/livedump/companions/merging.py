"""Records of the same dump made one: Windows registers a dump again and again, and in several places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import timedelta

from livedump.model.records import Record, RecordKind

NEAR = timedelta(minutes=10)
"""Between two records of one dump that have nothing but code and parameters in common."""
_ORDER = list(RecordKind)


def merge_records(records: Iterable[Record]) -> tuple[Record, ...]:
    """One record for each dump, in the order of the first of each; what one does not tell another may."""
    merged: list[Record] = []
    by_key: dict[object, int] = {}
    for record in records:
        at = next((by_key[key] for key in _keys(record) if key in by_key), None)
        if at is None:
            at = _find_near(merged, record)
        if at is None:
            at = len(merged)
            merged.append(record)
        else:
            merged[at] = _both(merged[at], record)
        for key in _keys(record):
            by_key.setdefault(key, at)
    return tuple(merged)


def _keys(record: Record) -> list[tuple[str, str]]:
    named = [("report", record.report_id)] if record.report_id else []
    # MEMORY.DMP is written over by the next crash.
    name = record.dump_name
    return named + ([("dump", name)] if name and name != "memory.dmp" else [])


def _find_near(merged: list[Record], record: Record) -> int | None:
    found = (at for at in range(len(merged) - 1, max(len(merged) - 200, 0) - 1, -1))
    return next((at for at in found if _agree(merged[at], record) and _are_near(merged[at], record)), None)


def _agree(first: Record, second: Record) -> bool:
    if first.live is not second.live or not _same_code(first, second) or _differ(first, second):
        return False
    known = (pair for pair in zip(first.parameters, second.parameters) if None not in pair)
    return all(one == other for one, other in known)


def _same_code(first: Record, second: Record) -> bool:
    # What the kernel logs of writing a dump has no code: only the time tells whose it is.
    if first.code is not None and second.code is not None:
        return first.code == second.code
    kinds, times = {first.kind, second.kind}, (first.recorded_at, second.recorded_at)
    return RecordKind.LIVE_DUMP_EVENT in kinds and None not in times


def _differ(first: Record, second: Record) -> bool:
    # Two names, or two reports, are two dumps whatever else they share.
    names = (first.dump_name, second.dump_name)
    identities = (first.report_id, second.report_id)
    return any(None not in pair and pair[0] != pair[1] for pair in (names, identities))


def _are_near(first: Record, second: Record) -> bool:
    if first.recorded_at is None or second.recorded_at is None:
        return True
    return abs(first.recorded_at - second.recorded_at) <= NEAR


def _both(first: Record, second: Record) -> Record:
    better, other = sorted((first, second), key=lambda record: _ORDER.index(record.kind))
    found = {
        field.name: getattr(other, field.name)
        for field in fields(Record)
        if getattr(better, field.name) is None and getattr(other, field.name) is not None
    }
    parameters = tuple(one if one is not None else two for one, two in zip(better.parameters, other.parameters))
    first_at, second_at, third, fourth = parameters
    return replace(better, **found, parameters=(first_at, second_at, third, fourth))
