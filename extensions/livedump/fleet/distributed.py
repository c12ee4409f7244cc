"""The same work on a Dask cluster. The only importer of distributed, an extra.

Each worker of the cluster reads in a process of its own with the same limits as here, so that a dump that hangs or
kills costs one row there as well. Files must be found under the same names on all of them.
"""

from __future__ import annotations

import multiprocessing
import queue
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import distributed
from distributed import Future, WorkerPlugin

from livedump.fleet.judge import HowToRead, Judge, Outcome, failure
from livedump.fleet.local import BREATH_SECONDS, Done, LocalPool, Piece, iter_pieces
from livedump.fleet.target import Depth, Target
from livedump.fleet.worker import JudgeMaker
from livedump.model.budget import Limits
from livedump.model.errors import EngineUnavailable, LimitReached

CONNECT_SECONDS = 20
PIECES_PER_THREAD = 2
"""Pieces of work that wait or run at a time for each thread of the cluster."""
MAX_PIECES = 1000
NEEDS = ("pykd", "cdb")
"""Engines that a worker must offer as a resource of that name."""


class DistributedPool:
    """An existing cluster as a pool. Use it as a context."""

    def __init__(
        self, address: str, how: HowToRead, limits: Limits | None = None, maker: JudgeMaker = Judge
    ) -> None:
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
        self._resources = {how.engine: 1} if how.engine in NEEDS else None

    def __enter__(self) -> DistributedPool:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, TimeoutError):
            self._client.unregister_worker_plugin(self._plugin)
        self._client.close()

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes as they come, some at a time and now and then none; every item gets exactly one."""
        pieces, again = iter_pieces(items, depth), deque[Piece]()
        running: dict[Future, Piece] = {}
        try:
            while True:
                self._submit(pieces, again, running)
                if not running:
                    return
                for future in self._finished(running):
                    yield self._taken(future, running.pop(future), again)
                yield []
        finally:
            self._client.cancel(list(running))

    def _submit(self, pieces: Iterator[Piece], again: deque[Piece], running: dict[Future, Piece]) -> None:
        threads = sum(self._client.nthreads().values()) if len(running) < PIECES_PER_THREAD else len(running)
        while len(running) < min(max(threads, 1) * PIECES_PER_THREAD, MAX_PIECES):
            piece = again.popleft() if again else next(pieces, None)
            if piece is None:
                return
            targets = [target for _, target in piece.items]
            future = self._client.submit(
                read_there, self._plugin, targets, int(piece.depth), pure=False, resources=self._resources
            )
            running[future] = piece

    def _finished(self, running: dict[Future, Piece]) -> list[Future]:
        try:
            with self._client.as_current():
                done = distributed.wait(list(running), BREATH_SECONDS, "FIRST_COMPLETED").done
        except (TimeoutError, distributed.TimeoutError):
            return []
        return list(done)

    def _taken(self, future: Future, piece: Piece, again: deque[Piece]) -> list[Done]:
        if future.status == "finished":
            return [Done(*item, outcome) for item, outcome in zip(piece.items, future.result())]
        error = future.exception() if future.status == "error" else None
        if not isinstance(error, distributed.KilledWorker):
            raise EngineUnavailable(f"the cluster gave the work back: {error or future.status}")
        if len(piece.items) > 1:
            again.extend(Piece(piece.depth, [item]) for item in piece.items)
            return []
        ((identity, target),) = piece.items
        lost = LimitReached("the cluster lost its workers, one after the other, while they read the dump")
        return [Done(identity, target, failure(target, lost, self._how))]


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
