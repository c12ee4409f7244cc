"""A worker process: takes targets, gives outcomes, keeps to its limits, ends with its parent."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from livedump.fleet.judge import HowToRead, Outcome
from livedump.fleet.target import Depth, Target
from livedump.model.budget import Limits

JudgeMaker = Callable[[HowToRead], Callable[[Target, Depth], Outcome]]
"""Makes, in a worker, what judges there: ``Judge`` but in tests."""

FLUSH_SECONDS = 0.05
ORPHAN_FACTOR = 3
"""A worker without a parent ends itself after so many times the time that a dump may take."""


class Work(NamedTuple):
    """Some targets, to be read in order."""

    depth: Depth
    targets: Sequence[Target]


def run_worker(pipe: Connection, maker: JudgeMaker, how: HowToRead, limits: Limits) -> None:
    """Says with an empty list that it is ready, then answers each Work with lists of outcomes, in order.

    Ends when the pipe is closed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    _limit_memory(limits.memory_bytes)
    with open(os.devnull, "w") as nowhere, contextlib.suppress(EOFError, OSError):  # noqa: PTH123 - kept open
        judge = maker(how)
        pipe.send([])
        while True:
            work: Work = pipe.recv()
            faulthandler.dump_traceback_later(limits.seconds * ORPHAN_FACTOR, exit=True, file=nowhere)
            _run(pipe, work, judge)
            faulthandler.cancel_dump_traceback_later()


def _run(pipe: Connection, work: Work, judge: Callable[[Target, Depth], Outcome]) -> None:
    ready: list[Outcome] = []
    flushed = time.monotonic()
    for target in work.targets:
        ready.append(judge(target, work.depth))
        if target.member is not None or time.monotonic() - flushed > FLUSH_SECONDS:
            pipe.send(ready)
            ready, flushed = [], time.monotonic()
    if ready:
        pipe.send(ready)


def _limit_memory(size: int) -> None:
    if not size:
        return
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):  # a lower limit is in force
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
