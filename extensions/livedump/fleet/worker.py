"""A worker process: takes targets, gives outcomes, keeps to its limits, ends with its parent."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple, TextIO

from livedump.engines.run.own_limits import limited_memory
from livedump.fleet.judge import HowToRead, Outcome
from livedump.fleet.target import Depth, Target
from livedump.model.limits import Limits

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
    end = contextlib.suppress(EOFError, OSError)
    with limited_memory(limits.memory_bytes), open(os.devnull, "w") as nowhere, end:  # noqa: PTH123 - kept open
        judge = maker(how)
        pipe.send([])
        while True:
            work: Work = pipe.recv()
            for outcomes in _iter_outcomes(work, judge, limits.seconds * ORPHAN_FACTOR, nowhere):
                pipe.send(outcomes)


def _iter_outcomes(
    work: Work, judge: Callable[[Target, Depth], Outcome], seconds: float, nowhere: TextIO
) -> Iterator[list[Outcome]]:
    """The outcomes in order, some at a time; those of an archive one by one. Each may take so many seconds."""
    ready: list[Outcome] = []
    flushed = time.monotonic()
    for target in work.targets:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        ready.append(judge(target, work.depth))
        faulthandler.cancel_dump_traceback_later()
        if target.member is not None or time.monotonic() - flushed > FLUSH_SECONDS:
            yield ready
            ready, flushed = [], time.monotonic()
    if ready:
        yield ready
