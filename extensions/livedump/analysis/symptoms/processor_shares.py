"""What the records of processors and the findings on them both reckon with."""

from __future__ import annotations

from collections.abc import Iterable

from livedump.analysis.symptoms.scene import Scene
from livedump.model.threads import ProcessorUse, Thread

ROUNDING = 1.01
"""Counters of one processor are not written at one instant."""
ONE_PROCESSOR = 1.05
"""A thread takes no more of one: else a counter, of 32 bits, has gone round, or the clock was set by much."""


def whole_time(kernel: int | None, user: int | None, parts: Iterable[int | None], apart: int = 0) -> int | None:
    """All time of a processor, in ticks; None when it is not known.

    Nor is it where a part of it is more than the whole, as when one of the counters, of 32 bits, has gone round. Parts
    may be more by ``apart``.
    """
    if kernel is None or user is None:
        return None
    total = kernel + user
    return total if max(each or 0 for each in parts) <= total * ROUNDING + apart else None


def total_ticks(scene: Scene, use: ProcessorUse) -> int | None:
    """All ticks of a processor since boot; None when they are not known, or do not fit together."""
    parts = (use.dpc_ticks, use.interrupt_ticks, idle_ticks(scene, use))
    return whole_time(use.kernel_ticks, use.user_ticks, parts)


def idle_ticks(scene: Scene, use: ProcessorUse) -> int | None:
    """Ticks of its idle thread; None when they are not known."""
    idle = scene.threads.get(use.idle_thread) if use.idle_thread else None
    return idle.kernel_ticks if idle else None


def is_ranked(scene: Scene, thread: Thread) -> bool:
    """Whether a thread takes part in rankings: not those of the idle process, and not the one that took the dump."""
    process = scene.process_of(thread)
    return not (process and process.is_idle) and not scene.is_requester(thread.address)


def age_of(scene: Scene, thread: Thread) -> float | None:
    """Seconds since the thread was created."""
    now = scene.census.clock.system_time
    return (now - thread.created).total_seconds() if now and thread.created else None


def share_of(scene: Scene, thread: Thread) -> float | None:
    """Part of one processor that the thread took since it was created; None where its numbers do not fit together."""
    age, seconds = age_of(scene, thread), scene.census.clock.seconds(thread.ticks)
    if not age or seconds is None or seconds > age * ONE_PROCESSOR:
        return None
    return seconds / age
