"""How long a pass over a dump may go on, and what becomes of it when somebody breaks it off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, Union

KeepGoing = Callable[[], bool]
"""Whether there is time left."""
SECONDS = 10.0
"""For one dump, unless something else is asked for; a server with 5,000 threads takes two."""
PROCESSOR_SECONDS, BYTES_OF_A_SECOND = 2.5, 10 << 20
"""And so much of the processor: two and a half, and one more for each ten megabytes of the file. That server has forty.
Only a file that was made to be looked at for ever takes longer."""
INTERRUPTIONS = (KeyboardInterrupt, SystemExit)
"""What Ctrl+Break becomes: pykd lets it end the script, wherever that is."""


class Patience:
    """Asked for it says whether there is time left: until so many seconds have passed, or somebody breaks the work off.

    Where ``heeds`` is false, an interruption ends the program, as usual.
    """

    def __init__(self, seconds: float = SECONDS, heeds: bool = False, size: int | None = None) -> None:
        """Without ``size``, the bytes of a file, it is no matter how much of its time the thread that asks worked."""
        self._end = time.monotonic() + seconds
        work = None if size is None else PROCESSOR_SECONDS + size / BYTES_OF_A_SECOND
        self._end_of_work = None if work is None else time.thread_time() + work
        self.heeds = heeds
        """Whether an interruption ends the work alone."""
        self.interrupted = False
        """Whether there was one."""

    def __call__(self) -> bool:
        if self.interrupted or time.monotonic() >= self._end:
            return False
        return self._end_of_work is None or time.thread_time() < self._end_of_work


Time = Union[float, Patience, None]
"""Seconds, or whose patience it is; None for the usual."""


def patience_of(given: Time, heeds: bool = False, size: int | None = None) -> Patience:
    """The patience that is meant; ``heeds`` of one that is only now begun, ``size`` of the usual one."""
    if isinstance(given, Patience):
        return given
    return Patience(SECONDS, heeds, size) if given is None else Patience(given, heeds)


def why_ended(keep_going: KeepGoing) -> str:
    """Why there is no time left, for people."""
    broken_off = isinstance(keep_going, Patience) and keep_going.interrupted
    return "it was interrupted" if broken_off else "the time limit was reached"


@contextmanager
def until_interrupted(keep_going: KeepGoing) -> Iterator[None]:
    """Within, an interruption ends the work and is remembered, if it is heeded."""
    try:
        yield
    except INTERRUPTIONS:
        if not isinstance(keep_going, Patience) or not keep_going.heeds:
            raise
        keep_going.interrupted = True
