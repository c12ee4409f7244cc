"""The same work on a Dask cluster. The only importer of distributed, an extra.

Each worker of the cluster reads in a process of its own with the same limits as here, so that a dump that hangs or
kills costs one row there as well. Files must be found under the same names on all of them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from typing import Any, NamedTuple

import distributed
from distributed import Future, WorkerPlugin

from livedump.fleet.judge import HowToRead, Judge, Outcome, failure
from livedump.fleet.local import BREATH_SECONDS, Done, LocalPool, Piece, iter_pieces
from livedump.fleet.target import Depth, Target
from livedump.fleet.worker import JudgeMaker
from livedump.model.errors import EngineUnavailable, LimitReached
from livedump.model.limits import Limits

CONNECT_SECONDS = 20
PIECES_PER_THREAD = 2
"""Pieces of work that wait or run at a time for each thread of the cluster."""
MAX_PIECES = 1000
MAX_CANCELS = 10
"""So often a piece is given again that was cancelled: the scheduler was restarted, or lost and found."""
GONE = "the scheduler is gone; start it again, and go on with --resume if --save was given"
CLOSED = (RuntimeError, AttributeError, getattr(distributed.client, "ClosedClientError", RuntimeError))
"""What a client may raise that has given the scheduler up, or is just doing so: there is none to call any more."""
NEEDS = ("pykd", "cdb")
"""Engines that a worker must offer as a resource of that name."""


class _Given(NamedTuple):
    """A piece of work as it is given to the cluster."""

    piece: Piece
    cancels: int = 0
    """How often it was cancelled before."""
    alone: bool = False
    """Whether nothing else runs beside it, so that the death of a worker is its fault."""


class _Work:
    """What is still to be given."""

    def __init__(self, pieces: Iterator[_Given]) -> None:
        self._pieces = pieces
        self.again: deque[_Given] = deque()
        self.suspects: deque[_Given] = deque()
        """Each was there when workers died; they come last, one at a time."""

    def next(self, alone: bool) -> _Given | None:
        """What to give next; a suspect only to a cluster that it has ``alone``."""
        given = self.again.popleft() if self.again else next(self._pieces, None)
        if given is None and alone and self.suspects:
            return self.suspects.popleft()
        return given


class DistributedPool:
    """An existing cluster as a pool. Use it as a context."""

    def __init__(self, address: str, how: HowToRead, limits: Limits | None = None, maker: JudgeMaker = Judge) -> None:
        """Connects to the scheduler at ``address``.

        Raises:
            EngineUnavailable: nobody answers there.
        """
        self._how = how
        try:
            self._client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineUnavailable(f"no scheduler answers at {address}: {error}") from error
        self._plugin = f"livedump-{uuid.uuid4().hex}"
        self._client.register_plugin(_Readers(how, limits or Limits(), maker), name=self._plugin)
        self._known_threads, self._ask_at = 0, time.monotonic()
        self._resources = {how.engine: 1} if how.engine in NEEDS else None

    def __enter__(self) -> DistributedPool:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, TimeoutError, *CLOSED):
            self._client.unregister_worker_plugin(self._plugin)
        self._client.close()

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes as they come, some at a time and now and then none; every item gets exactly one.

        Few items are taken in advance. Work that the cluster lost or cancelled is waited for or given again.

        Raises:
            EngineUnavailable: the scheduler is gone, or the cluster cannot do this work.
        """
        work = _Work(map(_Given, iter_pieces(items, depth)))
        running: dict[Future, _Given] = {}
        try:
            while True:
                self._submit(work, running)
                if not running:
                    return
                for future in self._settled(running):
                    yield self._taken(future, running, work)
                yield []
        except CLOSED as error:
            if self._client.status in {"closing", "closed"}:
                raise EngineUnavailable(GONE) from error
            raise
        finally:
            with suppress(*CLOSED):
                self._client.cancel(list(running))

    def _submit(self, work: _Work, running: dict[Future, _Given]) -> None:
        if self._client.status == "closed":
            raise EngineUnavailable(GONE)
        room = min(self._threads() * PIECES_PER_THREAD, MAX_PIECES)
        while len(running) < room:
            given = work.next(alone=not running)
            if given is None:
                return
            targets = [target for _, target in given.piece.items]
            future = self._client.submit(
                read_there, self._plugin, targets, int(given.piece.depth), pure=False, resources=self._resources
            )
            running[future] = given

    def _threads(self) -> int:
        """Threads of the cluster's workers, asked for now and then; one where there are none."""
        if time.monotonic() > self._ask_at:
            with suppress(OSError, TimeoutError, distributed.TimeoutError):
                self._known_threads = sum(self._client.nthreads().values())
            self._ask_at = time.monotonic() + BREATH_SECONDS
        return max(self._known_threads, 1)

    def _settled(self, running: dict[Future, _Given]) -> list[Future]:
        """What need not be waited for any more: not what is pending, or lost and being computed again."""
        with suppress(TimeoutError, distributed.TimeoutError, CancelledError), self._client.as_current():
            distributed.wait(list(running), BREATH_SECONDS, "FIRST_COMPLETED")
        return [future for future in running if future.status in {"finished", "error", "cancelled"}]

    def _taken(self, future: Future, running: dict[Future, _Given], work: _Work) -> list[Done]:
        """The outcomes of a piece that is done; none where it goes on running, or is to be given again."""
        status = future.status
        if status == "finished":
            return self._gathered(future, running)
        if status == "error":
            return self._killed(future.exception(), running.pop(future), work)
        if status == "cancelled":
            return self._cancelled(running.pop(future), work)
        return []

    def _killed(self, error: BaseException, given: _Given, work: _Work) -> list[Done]:
        if not isinstance(error, distributed.KilledWorker):
            raise EngineUnavailable(f"the cluster gave the work back: {error}")
        if given.alone:
            return self._failed(given, "the cluster lost its workers, one after the other, while they read the dump")
        work.suspects.extend(_Given(Piece(given.piece.depth, [item]), alone=True) for item in given.piece.items)
        return []

    def _cancelled(self, given: _Given, work: _Work) -> list[Done]:
        if given.cancels == MAX_CANCELS:
            return self._failed(given, "the cluster cancelled the work again and again")
        work.again.append(given._replace(cancels=given.cancels + 1))
        return []

    def _failed(self, given: _Given, reason: str) -> list[Done]:
        error = LimitReached(reason)
        return [Done(*item, failure(item[1], error, self._how)) for item in given.piece.items]

    def _gathered(self, future: Future, running: dict[Future, _Given]) -> list[Done]:
        """The outcomes; none when they are lost at the last moment, and ``future`` stays among those that run."""

        async def gather() -> list[list[Outcome]]:
            found: list[list[Outcome]] = await self._client.gather([future], errors="skip", asynchronous=True)
            return found

        gathering = asyncio.run_coroutine_threadsafe(gather(), self._client.loop.asyncio_loop)
        while future.status == "finished" and not gathering.done():
            wait([gathering], BREATH_SECONDS)
        if gathering.cancel():  # the cluster would call a worker that has just died for a long time
            return []
        with suppress(OSError, CancelledError):
            for outcomes in gathering.result():
                return [Done(*item, outcome) for item, outcome in zip(running.pop(future).piece.items, outcomes)]
        return []


def read_there(plugin: str, targets: Sequence[Target], depth: int) -> list[Outcome]:
    """The outcomes of some targets, in order. Runs on a worker of the cluster."""
    readers: _Readers = distributed.get_worker().plugins[plugin]
    return readers.read(targets, Depth(depth))


class _Readers(WorkerPlugin):  # type: ignore[misc] # without its types
    """What a worker of the cluster keeps between pieces of work: idle reading processes."""

    def __init__(self, how: HowToRead, limits: Limits, maker: JudgeMaker) -> None:
        self._start = (how, limits, 1, maker)

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - the cluster gives it
        """Begins with none."""
        self._idle: queue.SimpleQueue[LocalPool] = queue.SimpleQueue()
        # A nanny marks its worker as one that may have no children, lest they outlive it. Ours end with their pipe.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 - the cluster gives it
        """Ends all."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().__exit__()

    def read(self, targets: Sequence[Target], depth: Depth) -> list[Outcome]:
        """The outcomes of some targets, in order."""
        try:
            pool = self._idle.get_nowait()
        except queue.Empty:
            pool = LocalPool(*self._start)
        done = {each.id: each.outcome for some in pool.run(enumerate(targets), depth) for each in some}
        self._idle.put(pool)
        return [done[number] for number in range(len(targets))]
