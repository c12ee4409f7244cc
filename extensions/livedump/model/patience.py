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
INTERRUPTIONS = (KeyboardInterrupt, SystemExit)
"""What Ctrl+Break becomes: pykd lets it end the script, wherever that is."""


class Patience:
    """Asked for it says whether there is time left: until so many seconds have passed, or somebody breaks the work off.

    Where ``heeds`` is false, an interruption ends the program, as usual.
    """

    def __init__(self, seconds: float = SECONDS, heeds: bool = False) -> None:
        self._end = time.monotonic() + seconds
        self.heeds = heeds
        """Whether an interruption ends the work alone."""
        self.interrupted = False
        """Whether there was one."""

    def __call__(self) -> bool:
        return not self.interrupted and time.monotonic() < self._end


Time = Union[float, Patience, None]
"""Seconds, or whose patience it is; None for the usual."""


def patience_of(given: Time, heeds: bool = False) -> Patience:
    """The patience that is meant; ``heeds`` of one that is only now begun."""
    if isinstance(given, Patience):
        return given
    return Patience(SECONDS if given is None else given, heeds)


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
