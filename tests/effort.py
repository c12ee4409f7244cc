"""How much work something is, in a measure that goes with the machine: a fixed piece of work done right after it.

A second on one machine is ten on another that is old, busy or throttled. Both are slowed by the same, so their ratio
says what a bound is to say: that what was read does not decide how long reading takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

NOT_WORTH_A_LOOK = 0.2
"""Seconds of processor time below which nothing is measured: no bound is meant to be as tight as that."""
ROUNDS = 1_600_000


@contextmanager
def at_most(yardsticks: float) -> Iterator[None]:
    """Fails when what is inside takes more than so many yardsticks of processor time.

    One yardstick is about a twentieth of a second where all tests run in minutes. Bounds are generous: what they are to
    find takes hundreds of times as long.
    """
    begun = time.process_time()
    yield
    spent = time.process_time() - begun
    measured = in_yardsticks(spent)
    assert measured < yardsticks, f"took {measured:.0f} yardsticks, more than {yardsticks:.0f}"


def in_yardsticks(seconds: float) -> float:
    """Processor time that was just spent, in the measure of this machine now; 0 for what is not worth a look."""
    return seconds / _yardstick() if seconds > NOT_WORTH_A_LOOK else 0.0


def _yardstick() -> float:
    """Processor time of a fixed piece of work, the mean of three."""
    begun = time.process_time()
    for _ in range(3):
        _work()
    return (time.process_time() - begun) / 3


def _work() -> int:
    table = {number: number.to_bytes(8, "little") for number in range(256)}
    total = 0
    for number in range(ROUNDS):
        total += table[number & 0xFF][0]
    return total
