"""``livedump triage --watch``: folders are looked at again and again, and a row is told of each new dump.

Nothing tells over every network that a file was made, so folders are listed. A dump is written for minutes, its header
last; while it is open its size and time may stand still. So a file is read once they stand still, and what then looks
as if it were not all there is looked at again for a while before it is believed. A share that goes away and comes back
has no new files for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

from livedump.fleet.batch import Batch, Pool, Progress
from livedump.fleet.discovery import FileFilter, Found, iter_targets
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead
from livedump.fleet.target import Depth, Skipped
from livedump.model.limits import Limits
from livedump.report.dump_row import DumpRow

PATIENCE_SECONDS = 30.0
"""How long what looks unfinished must not have changed until it is told as it is."""
_MAY_BE_UNFINISHED = frozenset({"interrupted", "unreadable", "damaged"})

Lister = Callable[[str], Iterable[Found]]


class Stamp(NamedTuple):
    """What changes with a file."""

    size: int | None
    changed_ns: int | None


class Looks(NamedTuple):
    """What one look at all folders found."""

    steady: tuple[str, ...]
    """Files that are new, or were changed, and are now as they were when they were looked at before."""
    remarks: tuple[str, ...]
    """What cannot be read any more, and what can be read again."""


class Folders:
    """Folders, and what of them is known already."""

    def __init__(self, paths: Iterable[str], wanted: FileFilter, lister: Lister | None = None) -> None:
        """What is there when a folder is first read is not new."""
        self._list = lister or (lambda path: iter_targets([path], wanted))
        self._known: dict[str, dict[str, Stamp]] = {}
        self._before: dict[str, dict[str, Stamp]] = {path: {} for path in paths}
        self._away: set[str] = set()

    def look(self) -> Looks:
        """One look at all of them."""
        steady: list[str] = []
        remarks: list[str] = []
        for root in self._before:
            found, problem = self._read(root)
            remarks += self._remarks(root, problem)
            steady += self._steady(root, found, problem is None)
        return Looks(tuple(steady), tuple(remarks))

    def settle(self, path: str) -> None:
        """The file has been told of, as it was when it was looked at."""
        for root, before in self._before.items():
            if path in before:
                self._known[root][path] = before[path]

    def _read(self, root: str) -> tuple[dict[str, Stamp], str | None]:
        found: dict[str, Stamp] = {}
        problem = None
        for each in self._list(root):
            if isinstance(each, Skipped):
                problem = each.reason if each.failed else problem
            elif each.size is None:
                problem = "it is not there"
            else:
                found[each.name] = Stamp(each.size, each.changed_ns)
        return found, problem

    def _remarks(self, root: str, problem: str | None) -> Iterator[str]:
        if (problem is not None) is (root in self._away):
            return
        yield f"{root}: {problem}; waiting for it" if problem else f"{root}: can be read again"
        self._away ^= {root}

    def _steady(self, root: str, found: Mapping[str, Stamp], whole: bool) -> list[str]:
        if root not in self._known:
            if whole:
                self._known[root] = dict(found)
            return []
        known, before = self._known[root], self._before[root]
        if whole:  # what is gone may come back as another one; of what cannot be listed nobody knows
            for path in known.keys() - found.keys():
                del known[path]
        steady = [path for path, stamp in found.items() if before.get(path) == stamp and known.get(path) != stamp]
        self._before[root] = dict(found) if whole else {**before, **found}
        return steady


class Unfinished:
    """Rows of dumps that may still be written."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def believes(self, path: str, rows: Sequence[DumpRow]) -> bool:
        """Whether the rows of a file are told now: if not, it is to be looked at again."""
        if not any(row.error_category in _MAY_BE_UNFINISHED or row.complete is False for row in rows):
            self._since.pop(path, None)
            return True
        began = self._since.setdefault(path, self._clock())
        if self._clock() - began < PATIENCE_SECONDS:
            return False
        del self._since[path]
        return True


class Teller(Protocol):
    """Who is told."""

    def row(self, known: Known, /) -> None:
        """A new dump."""

    def remark(self, text: str, /) -> None:
        """What somebody should know."""

    def stopping(self) -> bool:
        """Whether somebody wants it to end."""


def watch(folders: Folders, read: Callable[[str], Sequence[Known]], every: float, teller: Teller) -> None:
    """Tells of each new dump until the teller is stopping; ``every`` is in seconds.

    ``read`` judges what a path names.
    """
    unfinished = Unfinished()
    while not teller.stopping():
        began = time.monotonic()
        looks = folders.look()
        for remark in looks.remarks:
            teller.remark(remark)
        for path in looks.steady:
            found = read(path)
            if not teller.stopping() and unfinished.believes(path, [known.row for known in found]):
                folders.settle(path)
                for known in found:
                    teller.row(known)
        took = time.monotonic() - began
        _sleep(max(every, took), teller)  # a slow share is not looked at all the time


class Reader(NamedTuple):
    """Judges one path after the other."""

    pool: Pool
    how: HowToRead
    limits: Limits
    depth: Depth
    teller: Teller

    def read(self, path: str) -> Sequence[Known]:
        """The results for what is at a path: several for an archive."""
        rows = _Rows(self.teller)
        with closing(Journal(None)) as journal:
            Batch(journal, self.pool, self.how, rows, self.limits).run([path], self.depth)
        return rows.found


class _Rows:
    """Keeps what a batch tells."""

    def __init__(self, teller: Teller) -> None:
        self.found: list[Known] = []
        self._teller = teller

    def known(self, known: Known) -> None:
        self.found.append(known)

    def skipped(self, skipped: Skipped) -> None:
        self._teller.remark(f"{skipped.path}: {skipped.reason}")

    def progress(self, progress: Progress) -> None:
        """Nobody watches."""

    def headers_read(self) -> None:
        """Nobody watches."""

    def stopping(self) -> bool:
        return self._teller.stopping()


def _sleep(seconds: float, teller: Teller) -> None:
    end = time.monotonic() + seconds
    while not teller.stopping() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
