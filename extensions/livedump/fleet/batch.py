"""A whole batch: find, list archives, read headers, read the rest; each result goes to the journal first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from livedump.fleet.discovery import Found, Wanted, iter_targets
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead, Judged, Listed
from livedump.fleet.local import Done
from livedump.fleet.target import Depth, Skipped, Target, TargetKind

ADD_AT_ONCE = 1000


class Pool(Protocol):
    """Whatever turns targets into outcomes."""

    def run(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """Outcomes as they come; every item gets exactly one."""


class Progress(NamedTuple):
    """Where a batch stands."""

    depth: Depth
    done: int
    total: int


class Watcher(Protocol):
    """Who is told how a batch goes on."""

    def skipped(self, skipped: Skipped) -> None:
        """Something was left out."""

    def known(self, known: Known) -> None:
        """A target has reached the depth that was asked for; each is told once."""

    def progress(self, progress: Progress) -> None:
        """Some work was done."""

    def headers_read(self) -> None:
        """All headers are known, and more is to come."""


class Batch:
    """One run over some paths."""

    def __init__(self, journal: Journal, pool: Pool, how: HowToRead, watcher: Watcher) -> None:
        self._journal = journal
        self._pool = pool
        self._how = how
        self._watcher = watcher

    def run(self, paths: Iterable[str], depth: Depth = Depth.FULL) -> None:
        """Brings everything below ``paths`` to ``depth``. May be stopped at any point: what is done is kept."""
        self._find(iter_targets(paths, Wanted(self._how.pattern)))
        self._list_archives()
        for known in self._journal.results(depth):
            self._watcher.known(known)
        self._pass(Depth.HEADERS, depth)
        if depth is Depth.FULL:
            self._watcher.headers_read()
            self._pass(Depth.FULL, depth)

    def _find(self, found: Iterator[Found]) -> None:
        batch: list[Target] = []
        for each in found:
            if isinstance(each, Skipped):
                self._watcher.skipped(each)
                continue
            batch.append(each)
            if len(batch) == ADD_AT_ONCE:
                self._keep(batch)
        self._keep(batch)

    def _keep(self, batch: list[Target]) -> None:
        self._journal.add(batch, self._how.key)
        batch.clear()
        self._watcher.progress(Progress(Depth.FOUND, 0, self._journal.count_found()))

    def _list_archives(self) -> None:
        for done in self._pool.run(self._journal.archives(), Depth.FOUND):
            for each in done:
                self._listed(each)

    def _listed(self, done: Done) -> None:
        if isinstance(done.outcome, Judged):
            self._journal.store([_known(done.id, done.outcome)])
        elif not done.outcome.members:
            self._watcher.skipped(Skipped(done.target.name, "no dump is in this archive", False))
        else:
            self._journal.add(_members(done.target, done.outcome), self._how.key)

    def _pass(self, depth: Depth, wanted: Depth) -> None:
        total, count = self._journal.count_pending(depth), 0
        for done in self._pool.run(self._journal.pending(depth), depth):
            results = [_known(each.id, each.outcome) for each in done if isinstance(each.outcome, Judged)]
            for known in self._journal.store(results):
                if known.depth >= wanted:
                    self._watcher.known(known)
            count += len(done)
            self._watcher.progress(Progress(depth, count, total))


def _known(identity: int, judged: Judged) -> Known:
    return Known(identity, judged.row, judged.depth, judged.report, judged.fingerprint)


def _members(archive: Target, listed: Listed) -> list[Target]:
    return [
        Target(f"{archive.name}!/{name}", archive.place, TargetKind.FILE, name, archive.size, archive.changed_ns)
        for name in listed.members
    ]
