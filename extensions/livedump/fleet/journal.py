"""Results in SQLite: what was found, what is known of it, and what is still to do. Each step is kept as it is done.

A process that is killed loses only what it had not handed over; the next one goes on from here. Any number of them
may use one file at a time: each has a run of its own.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from livedump.fleet.errors import JournalError
from livedump.fleet.target import Depth, Target, TargetKind
from livedump.model.secrets import without_secrets
from livedump.model.symbol_lookups import SymbolState
from livedump.report.dump_row import DumpRow, split_path

VERSION = 3
APPLICATION_ID = 0x4C44_554D
"""Marks the file as ours: LDUM."""
PAGE = 256
MAX_VARIABLES = 500
"""In one statement; older SQLite takes 999."""
PATIENCE_SECONDS = 60
"""How long another process may keep the file for itself."""
FORGOTTEN_SECONDS = 7 * 86400
"""What a run that was killed has left is swept away after so long."""
FROM_OUTSIDE = ("unreadable", "engine-unavailable")
"""Categories of failures that say nothing of the dump: they are asked again in every run."""
AT_A_LIMIT = "limit"
"""The category of failures that are asked again when the limits have changed."""

_TYPES = {
    "live": "INTEGER",
    "type": "INTEGER",
    "uptime_seconds": "REAL",
    "build": "INTEGER",
    "code": "INTEGER",
    "complete": "INTEGER",
    "processors": "INTEGER",
    "boot_id": "INTEGER",
    "since_boot_seconds": "REAL",
}
_ROW_COLUMNS = tuple(field for field in DumpRow._fields if field not in ("folder", "name", "size"))
_COLUMNS = ("name", "size", *_ROW_COLUMNS)
"""A target is known by its name, in which folder and file name are one."""
_BOOLEANS = frozenset({"live", "complete"})
_MOMENTS = frozenset({"captured_at", "boot_time"})
_NUMBERS = frozenset({"size", *_TYPES}) - _BOOLEANS


class Asked(NamedTuple):
    """What a result depends on besides the dump."""

    settings: str = ""
    """Names how dumps are read: what was read in another way is read again."""
    limits: str = ""
    """Names what a dump may cost: what reached a limit is read again under others."""
    still_missing: Callable[[str, SymbolState], bool] | None = None
    """Whether a dump at that place would miss the same symbols again: where not, it is read again."""


class _Kept(NamedTuple):
    """What is kept of a target already."""

    id: int
    size: int | None
    changed_ns: int | None
    status_ns: int | None
    settings: str
    limits: str
    category: str | None
    symbols: str | None


class Known(NamedTuple):
    """What a pass has found out about one target."""

    id: int
    row: DumpRow
    depth: Depth
    report: str | None = None
    """The report's JSON object; None for what only the header tells."""
    symbols: SymbolState | None = None
    """What it depends on that symbols were missing. Not told again of what was kept."""


class Journal:
    """One open file of results, or a temporary one. Use it from one thread."""

    def __init__(self, path: str | None = None) -> None:
        """Opens the file and makes it where there is none; None for one that goes away when it is closed.

        Raises:
            JournalError: it is something else, or was made by another version.
        """
        self._path = path
        self._secret_places: dict[str, str] = {}
        """Places that are not kept as they are, for they hold passwords, by name."""
        try:
            self._database = sqlite3.connect(path or "", isolation_level=None, timeout=PATIENCE_SECONDS)
        except sqlite3.Error as error:
            raise JournalError(f"{path}: cannot be used for results: {error}") from error
        try:
            self._prepare()
            self.run = self._next_run()
            """The number of this run; no other one has it."""
        except sqlite3.Error as error:
            self._database.close()
            raise JournalError(f"{path}: cannot be used for results: {error}") from error
        except JournalError:
            self._database.close()
            raise

    def close(self) -> None:
        """Gives the file back; but for a little room, nothing is lost without it."""
        try:
            self._database.execute("DELETE FROM seen WHERE run = ?", (self.run,))
        except sqlite3.Error:  # it is swept away later
            pass
        finally:
            self._database.close()

    def remember(self, name: str, value: str) -> None:
        """Keeps a word about the batch itself."""
        self._database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def find(self, name: str) -> str | None:
        """A word that was kept; None when there is none."""
        found = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else None

    def add(self, targets: Iterable[Target], asked: Asked) -> int:
        """Marks targets as part of this run, and as to be read when they are new or have changed; how many they are."""
        count, remaining = 0, iter(targets)
        with _Transaction(self._database):
            while True:
                some = list(islice(remaining, MAX_VARIABLES))
                if not some:
                    return count
                self._add(some, asked)
                count += len(some)

    def _add(self, targets: list[Target], asked: Asked) -> None:
        marks = ", ".join("?" * len(targets))
        names = [_stored(target.name) for target in targets]
        found_here = self._database.execute(f"{_FIND} ({marks})", names)
        kept = {_text(name): _Kept._make(rest) for name, *rest in found_here}
        for target in targets:
            if target.kind is TargetKind.REMOTE:
                self._secret_places[target.name] = target.place
            found = kept.get(target.name)
            if found is None:
                kept[target.name] = self._insert(target, asked)
            elif not self._still_true(found, target, asked):
                kept[target.name] = self._renew(target, asked, found)
        self._database.executemany(_SEEN, ((self.run, kept[target.name].id) for target in targets))

    def _still_true(self, kept: _Kept, target: Target, asked: Asked) -> bool:
        if not _still_true(kept, target, asked):
            return False
        if kept.symbols is None or asked.still_missing is None:
            return True
        with self._checked():
            missed = _symbol_state(kept.symbols)
        return asked.still_missing(target.name, missed)

    def _renew(self, target: Target, asked: Asked, found: _Kept) -> _Kept:
        values = (target.size, target.changed_ns, target.status_ns, asked.settings, asked.limits)
        self._database.execute(_CHANGED, (*values, found.id))
        return _Kept(found.id, *values, None, None)

    def _insert(self, target: Target, asked: Asked) -> _Kept:
        texts = map(_stored, (target.name, without_secrets(target.place), target.kind.value, target.member))
        values = (target.size, target.changed_ns, target.status_ns, asked.settings, asked.limits)
        identity = self._database.execute(_INSERT, (*texts, *values)).lastrowid
        return _Kept(int(identity or 0), *values, None, None)

    def archives(self) -> Iterator[tuple[int, Target]]:
        """The archives of this run that are to be listed: all but those that are damaged and have not changed."""
        return self._targets(_ARCHIVES, Depth.FULL)

    def texts(self) -> Iterator[tuple[int, Target]]:
        """The texts of this run whose dumps are to be listed."""
        return self._targets(_UNLISTED_TEXTS, Depth.FULL)

    def parts(self) -> Iterator[tuple[int, Target]]:
        """The parts of texts of this run that are to be read."""
        return self._targets(_UNREAD_PARTS, Depth.FULL)

    def hide(self, identity: int) -> None:
        """Takes a result out of this run: it is shown with another one."""
        self._database.execute("DELETE FROM seen WHERE run = ? AND id = ?", (self.run, identity))

    def pending(self, depth: Depth) -> Iterator[tuple[int, Target]]:
        """The targets of this run of which less than ``depth`` is known, in the order in which they were found."""
        return self._targets(_PENDING, depth)

    def _targets(self, query: str, depth: Depth) -> Iterator[tuple[int, Target]]:
        # Page by page: what is stored meanwhile does not disturb it.
        last = 0
        while True:
            rows = self._database.execute(f"{query} LIMIT {PAGE}", (self.run, depth, last)).fetchall()
            for identity, *cells in rows:
                with self._checked():
                    target = _target(*cells)
                yield identity, target._replace(place=self._secret_places.get(target.name, target.place))
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
        return int(self._database.execute(query, (self.run, depth)[: query.count("?")]).fetchone()[0])

    def store(self, results: Iterable[Known]) -> list[Known]:
        """Keeps results in one step and answers them."""
        with _Transaction(self._database):
            return [self._store(result) for result in results]

    def _store(self, known: Known) -> Known:
        cells = [_stored(getattr(known.row, name)) for name in _ROW_COLUMNS]
        report = known.report.encode() if known.report else None
        symbols = json.dumps(known.symbols) if known.symbols else None
        self._database.execute(_STORE, (known.row.size, *cells, known.depth, report, symbols, known.id))
        return known

    def listed(self, archive: int) -> None:
        """Forgets that an archive was given up."""
        self._database.execute(_FORGIVE, (archive,))

    def give_up(self, place: str, depth: Depth) -> tuple[int, Target]:
        """The archive at that place; what is in it and has not reached ``depth`` is no part of this run any more."""
        with _Transaction(self._database):
            self._database.execute(_LEAVE, (self.run, _stored(place), depth))
        ((identity, *cells),) = self._database.execute(_ARCHIVE_AT, (self.run, _stored(place)))
        with self._checked():
            return identity, _target(*cells)

    def results(
        self, depth: Depth, order: Sequence[str] = (), descending: bool = False, reports: bool = True
    ) -> Iterator[Known]:
        """Results of this run of at least that depth, in the order in which they were found or by columns of the row.

        Without ``reports`` only the rows are read.
        """
        direction = "DESC" if descending else "ASC"
        columns = [f"{name} IS NULL, {name} {direction}" for name in order if name in _COLUMNS]
        ordered = ", ".join([*columns, "id"])
        where = f"{_OF_RUN} AND depth >= ? AND (target <> 'archive' OR error IS NOT NULL)"
        select = _SELECT if reports else _SELECT_ROWS
        yield from self._select(f"{select} {where} ORDER BY {ordered}", (self.run, depth))

    def result(self, identity: int) -> Known:
        """One result with its report.

        Raises:
            JournalError: another process has taken it away.
        """
        for known in self._select(f"{_SELECT} FROM dumps WHERE id = ?", (identity,)):
            return known
        raise JournalError(f"{self._path}: a result is gone; another program writes there")

    def retry(self, category: str) -> None:
        """Lets what failed for a reason of that category be read again."""
        self._database.execute("UPDATE dumps SET changed_ns = NULL, depth = 0 WHERE error_category = ?", (category,))

    def _select(self, query: str, parameters: Sequence[object]) -> Iterator[Known]:
        for cells in self._database.execute(query, parameters):
            with self._checked():
                known = _known(*cells)
            yield known

    @contextmanager
    def _checked(self) -> Iterator[None]:
        """What another program, or a bad disk, has made of our values becomes one line."""
        try:
            yield
        except (ValueError, TypeError, AttributeError) as error:
            raise JournalError(f"{self._path}: the results are damaged ({error}); name another file") from error

    def _prepare(self) -> None:
        # The first of several processes makes the file; the others wait and find it made.
        with _Transaction(self._database):
            ours = self._database.execute("PRAGMA application_id").fetchone()[0]
            tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if ours == 0 and tables == 0:
                self._create()
            else:
                _check_version(self._database, self._path)
        self._insist(f"PRAGMA journal_mode = {'WAL' if self._path else 'OFF'}")
        self._database.execute(f"PRAGMA synchronous = {'NORMAL' if self._path else 'OFF'}")

    def _create(self) -> None:
        for statement in (_ABOUT, _DUMPS, _RUNS, _SEEN_TABLE):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    def _insist(self, statement: str) -> None:
        """Runs what SQLite does not wait for by itself while others use the file."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._database.execute(statement)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _next_run(self) -> int:
        now = time.time()
        with _Transaction(self._database):
            self._database.execute(
                "DELETE FROM seen WHERE run IN (SELECT run FROM runs WHERE started < ?)", (now - FORGOTTEN_SECONDS,)
            )
            self._database.execute("DELETE FROM runs WHERE started < ?", (now - FORGOTTEN_SECONDS,))
            return int(self._database.execute("INSERT INTO runs (started) VALUES (?)", (now,)).lastrowid or 0)


def kept_reports(path: str) -> Iterator[str]:
    """The JSON objects of all reports in a file of results, in the order in which their dumps were found; nothing is
    written to it.

    Raises:
        JournalError: it is something else, was made by another version, or is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as database:
            _check_version(database, path)
            for (report,) in database.execute("SELECT report FROM dumps WHERE report IS NOT NULL ORDER BY id"):
                yield report.decode()
    except (sqlite3.Error, ValueError, AttributeError) as error:
        raise JournalError(f"{path}: cannot be used for results: {error}") from error


def _check_version(database: sqlite3.Connection, path: str | None) -> None:
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise JournalError(f"{path}: a database of another program; name another file for the results")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise JournalError(f"{path}: results of version {version}, not {VERSION}; name another file")


class _Transaction:
    """All or nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def _still_true(kept: _Kept, target: Target, asked: Asked) -> bool:
    """Whether what is kept of a target would be found again."""
    if kept[1:5] != (target.size, target.changed_ns, target.status_ns, asked.settings) or target.changed_ns is None:
        return False
    return kept.category not in FROM_OUTSIDE and (kept.category != AT_A_LIMIT or kept.limits == asked.limits)


def _symbol_state(text: str) -> SymbolState:
    wanted, state = json.loads(text)
    return SymbolState(tuple((str(name), str(key)) for name, key in wanted), str(state))


def _target(
    name: str | bytes, place: str | bytes, kind: str, member: str | bytes | None, size: object, *times: object
) -> Target:
    size_bytes, changed, status = (_whole_number(number) for number in (size, *times))
    inside = None if member is None else _text(member)
    return Target(_text(name), _text(place), TargetKind(kind), inside, size_bytes, changed, status)


def _known(identity: int, depth: int, report: bytes | None, *cells: object) -> Known:
    name, *rest = map(_loaded, _COLUMNS, cells)
    row = DumpRow._make((*split_path(str(name)), *rest))
    return Known(identity, row, Depth(depth), report.decode() if report else None)


def _whole_number(cell: object) -> int | None:
    if cell is not None and not isinstance(cell, int):
        raise ValueError(f"{cell!r} is no number")
    return cell


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


def _text(stored: object) -> str:
    if isinstance(stored, bytes):
        return stored.decode("utf-8", "surrogatepass")
    if not isinstance(stored, str):
        raise ValueError(f"{stored!r} is no text")
    return stored


def _loaded(name: str, cell: object) -> object:
    if cell is None:
        return None
    if name in _BOOLEANS:
        return bool(_whole_number(cell))
    if name in _NUMBERS:
        return _number(cell)
    return datetime.fromisoformat(_text(cell)) if name in _MOMENTS else _text(cell)


def _number(cell: object) -> float:
    if not isinstance(cell, (int, float)):
        raise ValueError(f"{cell!r} is no number")
    return cell


_ABOUT = "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_DUMPS = f"""CREATE TABLE dumps (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, place TEXT NOT NULL, target TEXT NOT NULL, member TEXT,
    place_size INTEGER, changed_ns INTEGER, status_ns INTEGER, settings TEXT NOT NULL, limits TEXT NOT NULL,
    depth INTEGER NOT NULL DEFAULT 0, symbols TEXT,
    size INTEGER, {", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" for name in _ROW_COLUMNS)}, report BLOB)"""
"""Reports are long and stand last, so that rows can be read without them."""
_RUNS = "CREATE TABLE runs (run INTEGER PRIMARY KEY AUTOINCREMENT, started REAL NOT NULL)"
_SEEN_TABLE = "CREATE TABLE seen (run INTEGER, id INTEGER, PRIMARY KEY (run, id)) WITHOUT ROWID"
"""Which targets are part of which run: two at a time do not take them from each other."""
_SEEN = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
_FIND = """SELECT name, id, place_size, changed_ns, status_ns, settings, limits, error_category, symbols FROM dumps
    WHERE name IN"""
_INSERT = """INSERT INTO dumps (name, place, target, member, place_size, changed_ns, status_ns, settings, limits)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_CHANGED = """UPDATE dumps SET place_size = ?, changed_ns = ?, status_ns = ?, settings = ?, limits = ?,
    depth = 0, error = NULL, error_category = NULL, symbols = NULL WHERE id = ?"""
_OF_RUN = "FROM seen JOIN dumps USING (id) WHERE run = ?"
_ALL_TARGETS = f"SELECT id, name, place, target, member, place_size, changed_ns, status_ns {_OF_RUN}"
_TARGETS = f"{_ALL_TARGETS} AND depth < ?"
_LISTED = "target IN ('archive', 'text', 'text-in-folder')"
"""What is listed first; a text that tells of one dump has its result by then."""
_PENDING = f"{_TARGETS} AND NOT {_LISTED} AND id > ? ORDER BY id"
_UNREAD_PARTS = f"{_TARGETS} AND target = 'text-part' AND id > ? ORDER BY id"
_UNLISTED_TEXTS = f"{_TARGETS} AND {_LISTED} AND target <> 'archive' AND id > ? ORDER BY id"
_ARCHIVES = f"""{_ALL_TARGETS} AND (depth < ? OR error_category = '{AT_A_LIMIT}') AND target = 'archive' AND id > ?
    ORDER BY id"""
_ARCHIVE_AT = f"{_ALL_TARGETS} AND place = ? AND target = 'archive'"
_FORGIVE = "UPDATE dumps SET depth = 0, error = NULL, error_category = NULL WHERE id = ? AND error IS NOT NULL"
_LEAVE = """DELETE FROM seen WHERE run = ? AND id IN
    (SELECT id FROM dumps WHERE place = ? AND target <> 'archive' AND depth < ?)"""
_COUNT = f"SELECT count(*) FROM seen JOIN dumps USING (id) WHERE run = ?1 AND (NOT {_LISTED} OR depth = 2)"  # noqa: S608
_STORE = " ".join(
    (
        "UPDATE dumps SET size = ?,",
        *(f"{name} = ?," for name in _ROW_COLUMNS),
        "depth = ?, report = ?, symbols = coalesce(?, symbols) WHERE id = ?",
    )
)
_NAMES = ", ".join(_COLUMNS)
_SELECT = f"SELECT id, depth, report, {_NAMES}"
_SELECT_ROWS = f"SELECT id, depth, NULL, {_NAMES}"
