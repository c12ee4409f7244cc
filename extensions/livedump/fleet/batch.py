"""A whole batch: find, list archives, read headers, read the rest; each result goes to the journal first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from livedump.fleet.companions import Companions, is_record, sighting_of
from livedump.fleet.discovery import FileFilter, Found, iter_targets
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead, Judged, Listed, failure
from livedump.fleet.local import Done
from livedump.fleet.target import Depth, Skipped, Target, TargetKind
from livedump.model.errors import LimitReached
from livedump.model.limits import Limits

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

    def stopping(self) -> bool:
        """Whether to stop now; asked between steps, at which everything that is done has been kept and told."""


class Batch:
    """One run over some paths."""

    def __init__(self, journal: Journal, pool: Pool, how: HowToRead, watcher: Watcher, limits: Limits) -> None:
        self._journal = journal
        self._pool = pool
        self._how = how
        self._watcher = watcher
        self._asked = how.asked(limits)
        self._companions = Companions(())

    def run(self, paths: Iterable[str], depth: Depth = Depth.FULL, reports: bool = True) -> bool:
        """Brings everything below ``paths`` to ``depth``; False when the watcher stopped it before.

        Without ``reports`` the watcher is told of what was known before without its report.
        """
        return not any(self._watcher.stopping() for _ in self.steps(paths, depth, reports))

    def steps(self, paths: Iterable[str], depth: Depth = Depth.FULL, reports: bool = True) -> Iterator[None]:
        """The same step by step: between two of them everything that is done has been kept and told."""
        yield from self.steps_of(iter_targets(paths, self._how.wanted), depth, reports)

    def steps_of(self, found: Iterable[Found], depth: Depth = Depth.FULL, reports: bool = True) -> Iterator[None]:
        """The same for what was found already."""
        yield from self._find(iter(found))
        yield from self._list(self._journal.archives())
        yield from self._list(self._journal.texts())
        yield from self._read_parts()
        self._companions = Companions(map(sighting_of, filter(is_record, self._kept(Depth.FULL, reports=True))))
        for known in self._kept(depth, reports):
            self._tell(known)
        yield from self._pass(Depth.HEADERS, depth)
        if depth is not Depth.HEADERS:
            self._watcher.headers_read()
            yield from self._pass(Depth.FULL, depth)
        self._tell_records(depth)

    def _kept(self, depth: Depth, reports: bool) -> Iterator[Known]:
        # A record is told by its report.
        return self._journal.results(depth, reports=reports or self._how.wanted.texts)

    def _tell(self, known: Known) -> None:
        """Tells the watcher of what was kept; records are told last, when it is known whose they are."""
        if is_record(known):
            return
        attached = self._companions.attach(known)
        if attached is not known:
            self._journal.store([attached])
        self._watcher.known(attached)

    def _tell_records(self, depth: Depth) -> None:
        for known in self._kept(depth, reports=False):
            if not is_record(known):
                continue
            if known.id in self._companions.paired:
                self._journal.hide(known.id)
            else:
                self._watcher.known(known)

    def _read_parts(self) -> Iterator[None]:
        # Before the dumps, for they may tell of them.
        for done in self._outcomes(self._journal.parts(), Depth.FULL):
            self._journal.store([_known(each.id, each.outcome) for each in done if isinstance(each.outcome, Judged)])
            yield

    def _find(self, found: Iterator[Found]) -> Iterator[None]:
        batch: list[Target] = []
        for each in found:
            yield
            if isinstance(each, Skipped):
                self._watcher.skipped(each)
                continue
            batch.append(each)
            if len(batch) == ADD_AT_ONCE:
                self._keep(batch)
        self._keep(batch)

    def _keep(self, batch: list[Target]) -> None:
        self._journal.add(batch, self._asked)
        batch.clear()
        self._watcher.progress(Progress(Depth.FOUND, 0, self._journal.count_found()))

    def _list(self, targets: Iterator[tuple[int, Target]]) -> Iterator[None]:
        for done in self._outcomes(targets, Depth.FOUND):
            for each in done:
                self._listed(each)
            yield

    def _listed(self, done: Done) -> None:
        if isinstance(done.outcome, Judged):
            self._journal.store([_known(done.id, done.outcome)])
            return
        self._journal.listed(done.id)
        if done.outcome.remark:
            self._watcher.skipped(Skipped(done.target.name, done.outcome.remark, False))
        elif done.outcome.archives:
            self._watcher.skipped(_inner_archives(done.target, done.outcome.archives))
        elif not done.outcome.members and done.target.kind is TargetKind.ARCHIVE:
            self._watcher.skipped(Skipped(done.target.name, "no dump is in this archive", False))
        if done.outcome.members:
            self._journal.add(_members(done.target, done.outcome, self._how.wanted), self._asked)

    def _pass(self, depth: Depth, wanted: Depth) -> Iterator[None]:
        total, count = self._journal.count_pending(depth), 0
        given_up: set[str] = set()
        for done in self._outcomes(self._journal.pending(depth), depth):
            results = [each for each in (self._result(one, depth, given_up) for one in done) if each]
            for known in self._journal.store(map(self._companions.attach, results)):
                if known.depth >= wanted:
                    self._watcher.known(known)
            count += len(done)
            self._watcher.progress(Progress(depth, count, total))
            yield

    def _outcomes(self, items: Iterable[tuple[int, Target]], depth: Depth) -> Iterator[list[Done]]:
        """What the pool gives; whoever reads a member of an archive is told what others have taken out of it."""
        expanded: Counter[str] = Counter()
        told = ((each, target._replace(archive_expanded=expanded[target.place])) for each, target in items)
        for done in self._pool.run(told, depth):
            for one in done:
                expanded[one.target.place] += one.outcome.archive_expanded
            yield done

    def _result(self, done: Done, depth: Depth, given_up: set[str]) -> Known | None:
        """What is kept of an outcome: of an archive that has cost all that it may one row, of what is left none."""
        if not isinstance(done.outcome, Judged) or (done.outcome.archive_spent and done.target.place in given_up):
            return None
        if not done.outcome.archive_spent:
            return _known(done.id, done.outcome)
        given_up.add(done.target.place)
        identity, archive = self._journal.give_up(done.target.place, depth)
        return _known(identity, failure(archive, LimitReached(done.outcome.row.error or ""), self._how))


def _known(identity: int, judged: Judged) -> Known:
    return Known(identity, judged.row, judged.depth, judged.report, judged.symbols)


def _inner_archives(archive: Target, names: tuple[str, ...]) -> Skipped:
    count = f"{names[0]} in it is" if len(names) == 1 else f"{len(names)} archives in it ({names[0]}, ...) are"
    return Skipped(archive.name, f"{count} not opened; take archives out of archives first", True)


def _members(archive: Target, listed: Listed, wanted: FileFilter) -> list[Target]:
    if archive.kind is not TargetKind.ARCHIVE:
        return [archive._replace(name=f"{archive.name}{part}", kind=TargetKind.TEXT_PART) for part in listed.members]
    return [
        archive._replace(
            name=f"{archive.name}!/{name}",
            kind=TargetKind.TEXT_IN_FOLDER if wanted.is_text(name) else TargetKind.FILE,
            member=name,
        )
        for name in listed.members
    ]
