"""What the records of processors and the findings on them both reckon with."""

from __future__ import annotations

from livedump.analysis.symptoms.scene import Scene
from livedump.model.threads import ProcessorUse, Thread


def total_ticks(use: ProcessorUse) -> int | None:
    """All ticks of a processor since boot; None when they are not known."""
    return None if use.kernel_ticks is None or use.user_ticks is None else use.kernel_ticks + use.user_ticks


def is_ranked(scene: Scene, thread: Thread) -> bool:
    """Whether a thread takes part in rankings: not those of the idle process, and not the one that took the dump."""
    process = scene.process_of(thread)
    return not (process and process.is_idle) and not scene.is_requester(thread.address)


def age_of(scene: Scene, thread: Thread) -> float | None:
    """Seconds since the thread was created."""
    now = scene.census.clock.system_time
    return (now - thread.created).total_seconds() if now and thread.created else None
