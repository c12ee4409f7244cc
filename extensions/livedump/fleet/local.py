"""Worker processes on this machine: a dump that hangs, kills its worker or eats memory costs one row, not the batch."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Pipe, wait
from typing import NamedTuple

from livedump.fleet.discovery import is_solid
from livedump.fleet.judge import HowToRead, Judge, Outcome, failure
from livedump.fleet.target import Depth, Target
from livedump.fleet.worker import JudgeMaker, Work
from livedump.fleet.worker_process import start_process
from livedump.model.errors import EngineUnavailable, LimitReached
from livedump.model.limits import Limits

QUEUED = 2
"""Pieces of work that a worker has at a time: one in hand, one waiting in its pipe."""
CHUNK = {Depth.FOUND: 1, Depth.HEADERS: 64, Depth.FULL: 1}
"""Targets in one piece of work. What takes long goes alone, so that a culprit is known."""
IN_ONE_PASS = 256
"""Targets in one piece of work, where all are in an archive that is read from its beginning."""
MAX_NAMES = 16 << 10
"""Letters of all names in one piece of work: two pieces must fit into a pipe, lest sending wait for a hung worker."""
MAX_STILLBORN = 4
"""Workers in a row that may end before they are ready."""
BREATH_SECONDS = 0.5
"""After so long without an outcome whoever waits is asked whether to go on."""
START_SECONDS = 60.0
"""What a new worker may take on top, to import what it needs."""


class Done(NamedTuple):
    """The outcome of one target."""

    id: int
    target: Target
    outcome: Outcome


class Piece(NamedTuple):
    """Targets that are read in one go."""

    depth: Depth
    items: list[tuple[int, Target]]
    archive: str | None = None
    """The archive that all of them are in, and that is read in one pass; its outcomes come one by one."""


class LocalPool:
    """Worker processes that live as long as the pool. Use it as a context."""

    def __init__(
        self, how: HowToRead, limits: Limits | None = None, workers: int | None = None, maker: JudgeMaker = Judge
    ) -> None:
        """Starts nothing yet. ``maker`` must have its name in a module: other processes import it."""
        self._start = _Start(how, limits or Limits(), maker)
        self._count = workers or usable_processors()
        self._workers: list[_Worker] = []
        self._stillborn = 0
        self._held: dict[str, deque[Piece]] = {}
        """What waits for the worker that has an archive open."""

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes as they come, some at a time and now and then none; every item gets exactly one.

        Few items are taken in advance.

        Raises:
            EngineUnavailable: worker processes cannot be started.
        """
        again: deque[Piece] = deque()
        pieces = iter_pieces(items, depth)
        while True:
            self._feed(pieces, again)
            busy = [worker for worker in self._workers if worker.pieces]
            if not busy:
                return
            yield from self._collect(busy, again)

    def _feed(self, pieces: Iterator[Piece], again: deque[Piece]) -> None:
        for held in range(QUEUED):
            for number in range(self._count):
                if number < len(self._workers) and len(self._workers[number].pieces) > held:
                    continue
                worker = self._workers[number] if number < len(self._workers) else None
                piece = self._next_piece(worker, pieces, again)
                if piece is None:
                    continue
                if worker is None:
                    self._workers.append(worker := _Worker(self._start))
                worker.give(piece)

    def _next_piece(self, worker: _Worker | None, pieces: Iterator[Piece], again: deque[Piece]) -> Piece | None:
        """What a worker does next: a pass over an archive belongs to one worker as long as that lasts."""
        owners = {each.archive: each for each in self._workers if each.pieces and each.archive}
        for archive, held in self._held.items():
            if held and owners.get(archive, worker) is worker:
                return held.popleft()
        while True:
            piece = again.popleft() if again else next(pieces, None)
            if piece is None or piece.archive is None or owners.get(piece.archive, worker) is worker:
                return piece
            self._held.setdefault(piece.archive, deque()).append(piece)

    def _collect(self, busy: list[_Worker], again: deque[Piece]) -> Iterator[list[Done]]:
        left = min(worker.deadline for worker in busy) - time.monotonic()
        ready = wait([worker.pipe for worker in busy], min(max(left, 0), BREATH_SECONDS))
        if not ready:
            yield []
        for worker in busy:
            if worker.pipe in ready:
                done = worker.take()
                if done is not None:
                    yield done
                    continue
                reason = f"the worker process ended while it read the dump ({worker.how_it_ended()})"
            elif worker.deadline < time.monotonic():
                reason = f"reading it takes more than {self._start.limits.seconds:g} s"
            else:
                continue
            yield self._replace(worker, reason, again)

    def _replace(self, worker: _Worker, reason: str, again: deque[Piece]) -> list[Done]:
        """A fresh worker for a lost one; what it had not answered is done again, one by one, but for a culprit."""
        first, *waiting = worker.pieces
        worker.end()
        self._workers[self._workers.index(worker)] = _Worker(self._start)
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn > MAX_STILLBORN:
                raise EngineUnavailable(f"worker processes cannot start: {reason}")
            again.extend(worker.pieces)
            return []
        self._stillborn = 0
        again.extend(waiting)
        if first.archive is not None and len(first.items) > 1:  # the first without an outcome was being read
            again.appendleft(first._replace(items=first.items[1:]))
        elif len(first.items) > 1:
            again.extend(Piece(first.depth, [item]) for item in first.items)
            return []
        identity, target = first.items[0]
        return [Done(identity, target, failure(target, LimitReached(reason), self._start.how))]


class _Start(NamedTuple):
    how: HowToRead
    limits: Limits
    maker: JudgeMaker


class _Worker:
    """One process and what it has been given."""

    def __init__(self, start: _Start) -> None:
        self.pipe, theirs = Pipe()
        try:
            self._process = start_process(theirs)
        except OSError as error:
            raise EngineUnavailable(f"worker processes cannot start: {error}") from error
        finally:
            theirs.close()
        with contextlib.suppress(OSError):  # it is gone already, which is noticed when its answer is taken
            self.pipe.send((start.maker, start.how, start.limits))
        self._seconds = start.limits.seconds
        self.pieces: deque[Piece] = deque()
        self.deadline = 0.0
        self._grace = START_SECONDS
        self.archive: str | None = None
        """The archive that it has read last, if that is read in one pass."""
        self.ready = False
        """Whether it has started; what ends it before is no dump's fault."""

    def give(self, piece: Piece) -> None:
        """Sends work; a worker that is gone is noticed when its answer is taken."""
        if not self.pieces:
            self._restart_clock()
        self.pieces.append(piece)
        self.archive = piece.archive
        with contextlib.suppress(OSError):
            self.pipe.send(Work(piece.depth, [target for _, target in piece.items]))

    def take(self) -> list[Done] | None:
        """The outcomes that have come, none from a process that is just ready; None when it is gone."""
        try:
            outcomes: list[Outcome] = self.pipe.recv()
        except (EOFError, OSError):
            return None
        piece = self.pieces[0]
        done = [Done(*item, outcome) for item, outcome in zip(piece.items, outcomes)]
        del piece.items[: len(outcomes)]
        if not piece.items:
            self.pieces.popleft()
        self._grace, self.ready = 0.0, True
        self._restart_clock()
        return done

    def how_it_ended(self) -> str:
        """For people: a signal by name or the exit status."""
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        return f"exit status {status}" if status >= 0 else _signal_name(-status)

    def end(self) -> None:
        """Ends the process and what it started, if it is still there."""
        self.pipe.close()
        if self._process.poll() is None and hasattr(os, "killpg"):
            with contextlib.suppress(OSError):  # it has just ended
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _restart_clock(self) -> None:
        self.deadline = time.monotonic() + self._seconds + self._grace


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def iter_pieces(items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[Piece]:
    """The items in pieces of a size that suits the depth."""
    gathered: list[tuple[int, Target]] = []
    length, archive = 0, None
    for item in items:
        solid = _solid_archive(item[1])
        if gathered and solid != archive:
            yield Piece(depth, gathered, archive)
            gathered, length = [], 0
        archive = solid
        gathered.append(item)
        length += len(item[1].name) + len(item[1].place)
        if len(gathered) == (CHUNK[depth] if archive is None else IN_ONE_PASS) or length > MAX_NAMES:
            yield Piece(depth, gathered, archive)
            gathered, length = [], 0
    if gathered:
        yield Piece(depth, gathered, archive)


def _solid_archive(target: Target) -> str | None:
    return target.place if target.member is not None and is_solid(target.place) else None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
