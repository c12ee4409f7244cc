"""Results in SQLite: what is read again, what is not, and whose file it is."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path

import pytest

from livedump.fleet.errors import JournalError, LimitReached
from livedump.fleet.journal import Journal, Known
from livedump.fleet.judge import HowToRead, failure
from livedump.fleet.row import DumpRow
from livedump.fleet.target import Depth, Target

ROW = DumpRow._make([None] * len(DumpRow._fields))._replace(
    name="a.dmp",
    code=0xFFFFFFFF,
    captured_at=datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc),
    live=True,
    complete=False,
)
TARGET = Target("a.dmp", "/share/a.dmp", size=100, changed_ns=7)


def judged(journal: Journal, fingerprint: int | None = 1, depth: Depth = Depth.FULL) -> None:
    """Everything pending becomes known."""
    for identity, target in list(journal.pending(depth)):
        journal.store([Known(identity, ROW._replace(name=target.name), depth, "{}", fingerprint)])


def pending(path: Path, *targets: Target, settings: str = "") -> list[str]:
    """What a later run has to read."""
    journal = Journal(str(path))
    journal.add(targets, settings)
    names = [target.name for _, target in journal.pending(Depth.FULL)]
    journal.close()
    return names


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    journal = Journal(str(path))
    journal.add([TARGET], "")
    judged(journal)
    journal.close()
    return path


def test_what_changed_and_is_named_twice_is_marked_once(saved: Path) -> None:
    journal = Journal(str(saved))
    journal.add([TARGET._replace(changed_ns=8)] * 2, "")
    judged(journal, depth=Depth.HEADERS)  # with the header that was judged before
    assert list(journal.pending(Depth.FULL)) == []
    journal.close()


def test_what_has_not_changed_is_not_read_again(saved: Path) -> None:
    assert pending(saved, TARGET, Target("b.dmp", "b.dmp", size=1, changed_ns=1)) == ["b.dmp"]


@pytest.mark.parametrize("change", [{"size": 101}, {"changed_ns": 8}, {"changed_ns": None}])
def test_what_has_changed_is_read_again(saved: Path, change: dict[str, int]) -> None:
    assert pending(saved, TARGET._replace(**change)) == ["a.dmp"]


def test_what_was_read_in_another_way_is_read_again(saved: Path) -> None:
    assert pending(saved, TARGET, settings="with symbols") == ["a.dmp"]


@pytest.mark.parametrize(("fingerprint", "left"), [(1, []), (2, ["a.dmp"])])
def test_a_new_time_over_the_same_first_and_last_pages_restores_what_is_known(
    saved: Path, fingerprint: int, left: list[str]
) -> None:
    journal = Journal(str(saved))
    journal.add([TARGET._replace(changed_ns=8)], "")
    judged(journal, fingerprint, Depth.HEADERS)
    assert [target.name for _, target in journal.pending(Depth.FULL)] == left


def test_a_row_comes_back_as_it_was(saved: Path) -> None:
    journal = Journal(str(saved))
    journal.add([TARGET], "")
    (known,) = journal.results(Depth.FULL)
    assert (known.row, known.report) == (ROW, "{}")


def test_results_are_those_of_this_run_alone(saved: Path) -> None:
    journal = Journal(str(saved))
    journal.add([Target("b.dmp", "b.dmp")], "")
    judged(journal)
    assert [known.row.name for known in journal.results(Depth.FULL)] == ["b.dmp"]


def test_results_are_ordered_and_unknown_ones_come_last() -> None:
    journal = Journal()
    journal.add([Target(name, name) for name in "cab"], "")
    codes = {"a": 2, "b": 1, "c": None}
    for identity, target in list(journal.pending(Depth.FULL)):
        journal.store([Known(identity, ROW._replace(name=target.name, code=codes[target.name]), Depth.FULL)])
    assert [known.row.name for known in journal.results(Depth.FULL, ("code",))] == ["b", "a", "c"]
    assert [known.row.name for known in journal.results(Depth.FULL)] == ["c", "a", "b"]


def test_what_reached_a_limit_is_read_again_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    journal = Journal(str(path))
    journal.add([TARGET], "")
    outcome = failure(TARGET, LimitReached("too slow"), HowToRead())
    ((identity, _),) = journal.pending(Depth.FULL)
    journal.store([Known(identity, outcome.row, outcome.depth, outcome.report)])
    journal.close()
    assert pending(path, TARGET) == []
    journal = Journal(str(path))
    journal.retry("limit")
    journal.close()
    assert pending(path, TARGET) == ["a.dmp"]


def test_pending_is_paged_and_survives_what_is_stored_meanwhile() -> None:
    journal = Journal()
    journal.add([Target(f"{number:04d}", "") for number in range(1000)], "")
    seen = []
    for identity, target in journal.pending(Depth.FULL):
        seen.append(target.name)
        journal.store([Known(identity, ROW._replace(name=target.name), Depth.FULL)])
    assert seen == [f"{number:04d}" for number in range(1000)]
    assert journal.count_pending(Depth.FULL) == 0


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE dumps (x)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="another program"):
        Journal(str(path))
    assert path.read_bytes() == before


def test_results_of_another_version_are_refused(saved: Path) -> None:
    with sqlite3.connect(saved) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="version 99"):
        Journal(str(saved))


@pytest.mark.parametrize("content", [b"MDMP" * 300, b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "results.db"
    path.write_bytes(content)
    with pytest.raises(JournalError):
        Journal(str(path))


def test_a_folder_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        Journal(str(tmp_path / "missing" / "results.db"))
