"""Results in SQLite: what was found, what is known of it, and what is still to do. Each step is kept as it is done.

A process that is killed loses only what it had not handed over; the next one goes on from here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Optional

from livedump.fleet.errors import JournalError
from livedump.fleet.row import DumpRow
from livedump.fleet.target import Depth, Target, TargetKind

VERSION = 1
APPLICATION_ID = 0x4C44_554D
"""Marks the file as ours: LDUM."""
PAGE = 256
MAX_VARIABLES = 500
"""In one statement; older SQLite takes 999."""

_TYPES = {
    "live": "INTEGER",
    "uptime_seconds": "REAL",
    "build": "INTEGER",
    "code": "INTEGER",
    "complete": "INTEGER",
}
_ROW_COLUMNS = tuple(field for field in DumpRow._fields if field not in ("name", "size"))
_BOOLEANS = frozenset({"live", "complete"})


_Kept = tuple[int, Optional[int], Optional[int], str]
"""Number of a target, size and time of its file, and how it was read."""


class Known(NamedTuple):
    """What a pass has found out about one target."""

    id: int
    row: DumpRow
    depth: Depth
    report: str | None = None
    """The report's JSON object; None for what only the header tells."""
    fingerprint: int | None = None
    """CRC of the file's first and last pages; None when they were not read."""


class Journal:
    """One open file of results, or a temporary one. Use it from one thread."""

    def __init__(self, path: str | None = None) -> None:
        """Opens the file and makes it where there is none; None for one that goes away when it is closed.

        Raises:
            JournalError: it is something else, or was made by another version.
        """
        self._path = path
        try:
            self._database = sqlite3.connect(path or "", isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            raise JournalError(f"{path}: cannot be used for results: {error}") from error
        self._run = self._next_run()

    def close(self) -> None:
        """Gives the file back; nothing is lost without it."""
        self._database.close()

    def remember(self, name: str, value: str) -> None:
        """Keeps a word about the batch itself."""
        self._database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def find(self, name: str) -> str | None:
        """A word that was kept; None when there is none."""
        found = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else None

    def add(self, targets: Iterable[Target], settings: str) -> int:
        """Marks targets as part of this run, and as to be read when they are new or have changed; how many they are.

        ``settings`` names how they are read: what was read in another way is read again.
        """
        count, remaining = 0, iter(targets)
        with _Transaction(self._database):
            while True:
                some = list(islice(remaining, MAX_VARIABLES))
                if not some:
                    return count
                self._add(some, settings)
                count += len(some)

    def _add(self, targets: list[Target], settings: str) -> None:
        marks = ", ".join("?" * len(targets))
        names = [_stored(target.name) for target in targets]
        found_here = self._database.execute(f"{_FIND} ({marks})", names)
        kept: dict[str, _Kept] = {_text(name): tuple(rest) for name, *rest in found_here}
        unchanged: list[int] = []
        for target in targets:
            found = kept.get(target.name)
            if found is None:
                kept[target.name] = self._insert(target, settings)
            elif found[1:] == (target.size, target.changed_ns, settings) and target.changed_ns is not None:
                unchanged.append(found[0])
            else:
                kept[target.name] = self._renew(target, settings, found)
        self._database.executemany("UPDATE dumps SET run = ? WHERE id = ?", ((self._run, each) for each in unchanged))

    def _renew(self, target: Target, settings: str, found: _Kept) -> _Kept:
        same = found[1] == target.size and found[3] == settings
        self._database.execute(_CHANGED, (self._run, target.size, target.changed_ns, settings, same, found[0]))
        return found[0], target.size, target.changed_ns, settings

    def _insert(self, target: Target, settings: str) -> _Kept:
        texts = map(_stored, (target.name, target.place, target.kind.value, target.member))
        values = (*texts, target.size, target.changed_ns)
        identity = self._database.execute(_INSERT, (*values, settings, self._run)).lastrowid
        return int(identity or 0), target.size, target.changed_ns, settings

    def archives(self) -> Iterator[tuple[int, Target]]:
        """The archives of this run that are to be listed: all but those that could not be read and have not changed."""
        return self._targets(_ARCHIVES, Depth.FULL)

    def pending(self, depth: Depth) -> Iterator[tuple[int, Target]]:
        """The targets of this run of which less than ``depth`` is known, in the order in which they were found."""
        return self._targets(_PENDING, depth)

    def _targets(self, query: str, depth: Depth) -> Iterator[tuple[int, Target]]:
        # Page by page: what is stored meanwhile does not disturb it.
        last = 0
        while True:
            rows = self._database.execute(f"{query} LIMIT {PAGE}", (self._run, depth, last)).fetchall()
            for identity, name, place, kind, member, size, changed in rows:
                target = Target(_text(name), _text(place), TargetKind(kind), member, size, changed)
                yield identity, target if member is None else target._replace(member=_text(member))
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def count_found(self) -> int:
        """How many targets this run has."""
        return self._count(_COUNT, Depth.FULL)

    def count_pending(self, depth: Depth) -> int:
        """Of how many targets of this run less than ``depth`` is known."""
        return self._count(f"{_COUNT} AND depth < ?2", depth)

    def _count(self, query: str, depth: Depth) -> int:
        return int(self._database.execute(query, (self._run, depth)[: query.count("?")]).fetchone()[0])

    def store(self, results: Iterable[Known]) -> list[Known]:
        """Keeps results in one step and answers them as they now stand.

        A header that turns out to be the one that was fully judged before restores that judgement.
        """
        with _Transaction(self._database):
            return [self._store(result) for result in results]

    def _store(self, known: Known) -> Known:
        if known.depth is Depth.HEADERS and known.fingerprint is not None:
            parameters = (known.id, known.fingerprint)
            if self._database.execute(_RESTORE, parameters).rowcount:
                return next(self._select(f"{_SELECT} WHERE id = ?", (known.id,)))
        cells = [_stored(getattr(known.row, name)) for name in _ROW_COLUMNS]
        report = known.report.encode() if known.report else None
        self._database.execute(_STORE, (known.row.size, *cells, known.depth, report, known.fingerprint, known.id))
        return known

    def results(
        self, depth: Depth, order: Sequence[str] = (), descending: bool = False, reports: bool = True
    ) -> Iterator[Known]:
        """Results of this run of at least that depth, in the order in which they were found or by columns of the row.

        Without ``reports`` only the rows are read.
        """
        direction = "DESC" if descending else "ASC"
        columns = [f"{name} IS NULL, {name} {direction}" for name in order if name in DumpRow._fields]
        ordered = ", ".join([*columns, "id"])
        where = "WHERE run = ? AND depth >= ? AND (target <> 'archive' OR error IS NOT NULL)"
        select = _SELECT if reports else _SELECT_ROWS
        yield from self._select(f"{select} {where} ORDER BY {ordered}", (self._run, depth))

    def retry(self, category: str) -> None:
        """Lets what failed for a reason of that category be read again."""
        self._database.execute(
            "UPDATE dumps SET depth = 0, error = NULL, fingerprint = NULL WHERE error_category = ?", (category,)
        )

    def _select(self, query: str, parameters: Sequence[object]) -> Iterator[Known]:
        cursor = self._database.execute(query, parameters)
        for identity, depth, report, fingerprint, *cells in cursor:
            row = DumpRow._make(_loaded(name, cell) for name, cell in zip(DumpRow._fields, cells))
            yield Known(identity, row, Depth(depth), report.decode() if report else None, fingerprint)

    def _prepare(self) -> None:
        ours = self._database.execute("PRAGMA application_id").fetchone()[0]
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if (ours, version) == (APPLICATION_ID, VERSION):
            pass
        elif ours == 0 and tables == 0:
            self._create()
        elif ours == APPLICATION_ID:
            raise JournalError(f"{self._path}: results of version {version}, not {VERSION}; name another file")
        else:
            raise JournalError(f"{self._path}: a database of another program; name another file for the results")
        self._database.execute(f"PRAGMA journal_mode = {'WAL' if self._path else 'OFF'}")
        self._database.execute(f"PRAGMA synchronous = {'NORMAL' if self._path else 'OFF'}")

    def _create(self) -> None:
        with _Transaction(self._database):
            for statement in (_ABOUT, _DUMPS, _BY_RUN):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._database.execute(f"PRAGMA user_version = {VERSION}")

    def _next_run(self) -> int:
        run = int(self.find("run") or 0) + 1
        self.remember("run", str(run))
        return run


class _Transaction:
    """All or nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def exists(path: str) -> bool:
    """Whether there is a file of results to go on with."""
    return Path(path).is_file()


def _stored(cell: object) -> object:
    if isinstance(cell, str) and not cell.isascii():
        return _storable(cell)
    return cell.isoformat() if isinstance(cell, datetime) else cell


def _storable(text: str) -> str | bytes:
    """The text, or its bytes where it holds what is no text to SQLite: file names may be anything."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _text(stored: str | bytes) -> str:
    return stored.decode("utf-8", "surrogatepass") if isinstance(stored, bytes) else stored


def _loaded(name: str, cell: object) -> object:
    if cell is None:
        return None
    if name in _BOOLEANS:
        return bool(cell)
    if isinstance(cell, bytes):
        return _text(cell)
    return datetime.fromisoformat(str(cell)) if name == "captured_at" else cell


_ABOUT = "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_DUMPS = f"""CREATE TABLE dumps (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, place TEXT NOT NULL, target TEXT NOT NULL, member TEXT,
    place_size INTEGER, changed_ns INTEGER, settings TEXT NOT NULL, run INTEGER NOT NULL,
    depth INTEGER NOT NULL DEFAULT 0, judged_before INTEGER NOT NULL DEFAULT 0, fingerprint INTEGER,
    size INTEGER, {", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" for name in _ROW_COLUMNS)}, report BLOB)"""
"""Reports are long and stand last, so that rows can be read without them."""
_BY_RUN = "CREATE INDEX by_run ON dumps (run, target, depth)"
_FIND = "SELECT name, id, place_size, changed_ns, settings FROM dumps WHERE name IN"
_INSERT = """INSERT INTO dumps (name, place, target, member, place_size, changed_ns, settings, run)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_CHANGED = """UPDATE dumps SET run = ?, place_size = ?, changed_ns = ?, settings = ?,
    judged_before = ? AND depth = 2 AND error IS NULL, depth = 0 WHERE id = ?"""
_TARGETS = "SELECT id, name, place, target, member, place_size, changed_ns FROM dumps WHERE run = ? AND depth < ?"
_PENDING = f"{_TARGETS} AND target <> 'archive' AND id > ? ORDER BY id"
_ARCHIVES = f"{_TARGETS} AND target = 'archive' AND id > ? ORDER BY id"
_COUNT = "SELECT count(*) FROM dumps WHERE run = ?1 AND target <> 'archive'"
_RESTORE = "UPDATE dumps SET depth = 2, judged_before = 0 WHERE id = ? AND judged_before AND fingerprint = ?"
_STORE = " ".join(
    (
        "UPDATE dumps SET size = ?,",
        *(f"{name} = ?," for name in _ROW_COLUMNS),
        "depth = ?, report = ?, fingerprint = coalesce(?, fingerprint), judged_before = 0 WHERE id = ?",
    )
)
_COLUMNS = ", ".join(DumpRow._fields)
_SELECT = f"SELECT id, depth, report, fingerprint, {_COLUMNS} FROM dumps"  # noqa: S608 - our own names
_SELECT_ROWS = f"SELECT id, depth, NULL, fingerprint, {_COLUMNS} FROM dumps"  # noqa: S608 - our own names
