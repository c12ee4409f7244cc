"""Amounts at the axis of a picture, and the steps between them."""

from __future__ import annotations

from itertools import count

from livedump.model.amounts import size_text

_POINTLESS = ".0 "


def amount_text(amount: float, unit: str) -> str:
    """``3.1 GiB``, ``3 GiB``, ``0`` of bytes; of what is counted the number alone."""
    if unit != "bytes" or amount == 0:
        return f"{amount:,.0f}"
    return f"{'-' if amount < 0 else ''}{size_text(abs(amount)).replace(_POINTLESS, ' ')}"


def steps_of(highest: float, unit: str, most: int) -> float:
    """The distance of round amounts so that no more than ``most`` of them lie below the highest one."""
    if unit == "bytes":
        return next(step for power in count(10) for step in [float(1 << power)] if highest / step <= most)
    rounds = (float(digit * 10**power) for power in count() for digit in (1, 2, 5))
    return next(step for step in rounds if highest / step <= most)
