"""Windows' times: units of 100 ns, counted from 1601 where they name a moment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

TICKS_PER_MICROSECOND = 10
_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)


def find_moment(filetime: int | None) -> datetime | None:
    """A FILETIME as an aware datetime, UTC; None for none, zero, or one that lies out of range."""
    span = find_span(filetime) if filetime else None
    try:
        return None if span is None else _EPOCH + span
    except OverflowError:
        return None


def find_span(units: int | None) -> timedelta | None:
    """So many units of 100 ns; None for none, or for more than a timedelta holds."""
    try:
        return None if units is None else timedelta(microseconds=units // TICKS_PER_MICROSECOND)
    except OverflowError:
        return None
