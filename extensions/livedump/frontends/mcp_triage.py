"""The rows of a folder for an assistant: a page at a time, in the order of the files, within the time of a call."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from livedump.fleet.batch import Batch, Progress
from livedump.fleet.discovery import FileFilter, Found, iter_targets
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead
from livedump.fleet.local import LocalPool
from livedump.fleet.saved_report import parse_report
from livedump.fleet.target import Skipped, Target
from livedump.frontends.mcp_answers import BadCursor
from livedump.frontends.mcp_places import AllowedPlaces
from livedump.model.limits import Limits
from livedump.report.triage_page import SCHEMA, TriagePage, TriageRow, row_text, triage_row

FILES_AT_ONCE = 32
PAGE_BUDGET = 12_000
"""Characters of all rows of a page."""
SECONDS = 45.0
"""After so long a page is given with what is done; clients wait a minute."""
MAX_FILES = 100_000
MAX_LEFT_OUT = 8


class _Cursor(NamedTuple):
    """The file where a page begins, and how many of its rows were given; an archive has several."""

    file: int
    row: int

    def __str__(self) -> str:
        return f"{self.file}.{self.row}"


class FolderReader:
    """Reads folders; keeps what it has read as long as it lives, so that a file is read once. Use it as a context."""

    def __init__(self, how: HowToRead, limits: Limits, places: AllowedPlaces, seconds: float = SECONDS) -> None:
        self._how = how
        self._limits = limits
        self._places = places
        self._seconds = seconds
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> FolderReader:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="livedump-"))
        self._results = str(Path(folder) / "results.db")
        self._pool = self._stack.enter_context(LocalPool(self._how, self._limits))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def page(self, path: str, cursor: str | None) -> TriagePage:
        """The rows that follow the cursor; of what is not judged in time the next page tells.

        Raises:
            BadCursor: no page gave that cursor.
            DumpError: the path is not allowed, or nothing can be read.
        """
        start = _parsed(cursor)
        found = self._found(self._places.find(path))
        targets = [each for each in found if isinstance(each, Target)]
        left_out = [f"{each.path}: {each.reason}" for each in found if isinstance(each, Skipped)]
        with self._lock:
            told = self._judged(targets[start.file : start.file + FILES_AT_ONCE])
        rows, following = _chosen(targets, told, start)
        more = len(left_out) - MAX_LEFT_OUT
        left_out[MAX_LEFT_OUT:] = [f"and {more} more"] if more > 0 else []
        following_text = str(following) if following and following.file < len(targets) else None
        return TriagePage(SCHEMA, path, len(targets), tuple(rows), tuple(left_out), following_text)

    def _found(self, path: str) -> list[Found]:
        found: list[Found] = []
        for each in iter_targets([path], FileFilter(self._how.pattern, self._how.kinds)):
            outside = isinstance(each, Target) and not self._places.holds(Path(os.path.realpath(each.place)))
            found.append(Skipped(each.place, "a link out of the allowed folders", False) if outside else each)  # type: ignore[union-attr]
            if len(found) == MAX_FILES:
                break
        return found

    def _judged(self, targets: list[Target]) -> _Told:
        told = _Told(targets, time.monotonic() + self._seconds)
        journal = Journal(self._results)
        try:
            batch = Batch(journal, self._pool, self._how, told, self._limits)
            told.stopped = any(told.stopping() for _ in batch.steps_of(targets))
        finally:
            journal.close()
        return told


class _Told:
    """What a batch tells of some files."""

    def __init__(self, targets: list[Target], deadline: float) -> None:
        self.rows: dict[str, list[Known]] = {target.name: [] for target in targets}
        """By the name of the file that they are of."""
        self.without: set[str] = set()
        """Files that tell of no dump."""
        self.stopped = False
        self._deadline = deadline

    def skipped(self, skipped: Skipped) -> None:
        """A file that has no dump in it."""
        self.without.add(skipped.path)

    def known(self, known: Known) -> None:
        """A row."""
        name = known.row.name if not known.row.folder else _joined(known)
        file = (
            name
            if name in self.rows
            else next((each for each in self.rows if name.startswith((f"{each}!", f"{each}#"))), None)
        )
        if file is not None:
            self.rows[file].append(known)

    def progress(self, progress: Progress) -> None:
        """Nobody watches."""

    def headers_read(self) -> None:
        """Nobody watches."""

    def stopping(self) -> bool:
        """Whether the time of the call is over."""
        return time.monotonic() > self._deadline


def _joined(known: Known) -> str:
    return os.path.join(known.row.folder, known.row.name)  # noqa: PTH118 - a name, not a path


def _chosen(targets: list[Target], told: _Told, start: _Cursor) -> tuple[list[TriageRow], _Cursor | None]:
    """Rows until the page is full or a file is not judged yet, and where the next page begins."""
    rows: list[TriageRow] = []
    size = 0
    for file in range(start.file, min(start.file + FILES_AT_ONCE, len(targets))):
        name = targets[file].name
        first = start.row if file == start.file else 0
        if told.stopped and not told.rows[name] and name not in told.without:
            return rows, _Cursor(file, 0)
        for number, row in enumerate(_rows(told.rows[name])):
            if number < first:
                continue
            size += len(row_text(row))
            if rows and size > PAGE_BUDGET:
                return rows, _Cursor(file, number)
            rows.append(row)
    return rows, _Cursor(start.file + FILES_AT_ONCE, 0)


def _rows(told: list[Known]) -> Iterator[TriageRow]:
    for known in sorted(told, key=lambda each: each.row.name):
        yield triage_row(known.row, parse_report(known.report) if known.report else None)


def _parsed(cursor: str | None) -> _Cursor:
    if not cursor:
        return _Cursor(0, 0)
    file, dot, row = cursor.partition(".")
    if not (dot and file.isdecimal() and row.isdecimal() and len(cursor) < 20):
        raise BadCursor("the cursor is none: leave it out, or give next_cursor of the answer before")
    return _Cursor(int(file), int(row))
