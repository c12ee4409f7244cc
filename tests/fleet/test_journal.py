"""Results in SQLite: what is read again, what is not, and whose file it is."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from livedump.fleet.errors import JournalError
from livedump.fleet.journal import Asked, Journal, Known
from livedump.fleet.judge import HowToRead, failure
from livedump.fleet.output import report_of
from livedump.fleet.saved_report import parse_report
from livedump.fleet.target import Depth, Target
from livedump.model.errors import DamagedDump, DumpError, EngineUnavailable, LimitReached, UnreadableFile
from livedump.report.dump_row import DumpRow

ROW = DumpRow._make([None] * len(DumpRow._fields))._replace(
    folder="",
    name="a.dmp",
    code=0xFFFFFFFF,
    captured_at=datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc),
    live=True,
    complete=False,
)
ALONE = Asked()
TARGET = Target("a.dmp", "/share/a.dmp", size=100, changed_ns=7)


def judged(journal: Journal, depth: Depth = Depth.FULL) -> None:
    """Everything pending becomes known."""
    for identity, target in list(journal.pending(depth)):
        journal.store([Known(identity, ROW._replace(name=target.name), depth, "{}")])


def pending(path: Path, *targets: Target, asked: Asked = ALONE) -> list[str]:
    """What a later run has to read."""
    journal = Journal(str(path))
    journal.add(targets, asked)
    names = [target.name for _, target in journal.pending(Depth.FULL)]
    journal.close()
    return names


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    journal = Journal(str(path))
    journal.add([TARGET], ALONE)
    judged(journal)
    journal.close()
    return path


def test_what_changed_and_is_named_twice_is_marked_once(saved: Path) -> None:
    assert pending(saved, *[TARGET._replace(changed_ns=8)] * 2) == ["a.dmp"]


def test_what_has_not_changed_is_not_read_again(saved: Path) -> None:
    assert pending(saved, TARGET, Target("b.dmp", "b.dmp", size=1, changed_ns=1)) == ["b.dmp"]


CHANGED = (
    TARGET._replace(size=101),
    TARGET._replace(changed_ns=8),
    TARGET._replace(changed_ns=None),
    TARGET._replace(status_ns=1),
)


@pytest.mark.parametrize("changed", CHANGED)
def test_what_has_changed_is_read_again(saved: Path, changed: Target) -> None:
    assert pending(saved, changed) == ["a.dmp"]


def test_what_was_read_in_another_way_is_read_again(saved: Path) -> None:
    assert pending(saved, TARGET, asked=Asked("with symbols")) == ["a.dmp"]


def test_a_row_comes_back_as_it_was(saved: Path) -> None:
    journal = Journal(str(saved))
    journal.add([TARGET], ALONE)
    (known,) = journal.results(Depth.FULL)
    assert (known.row, known.report) == (ROW, "{}")


def test_results_are_those_of_this_run_alone(saved: Path) -> None:
    journal = Journal(str(saved))
    journal.add([Target("b.dmp", "b.dmp")], ALONE)
    judged(journal)
    assert [known.row.name for known in journal.results(Depth.FULL)] == ["b.dmp"]


def test_results_are_ordered_and_unknown_ones_come_last() -> None:
    journal = Journal()
    journal.add([Target(name, name) for name in "cab"], ALONE)
    codes = {"a": 2, "b": 1, "c": None}
    for identity, target in list(journal.pending(Depth.FULL)):
        journal.store([Known(identity, ROW._replace(name=target.name, code=codes[target.name]), Depth.FULL)])
    assert [known.row.name for known in journal.results(Depth.FULL, ("code",))] == ["b", "a", "c"]
    assert [known.row.name for known in journal.results(Depth.FULL)] == ["c", "a", "b"]


def test_what_reached_a_limit_is_read_again_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    journal = Journal(str(path))
    journal.add([TARGET], ALONE)
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
    journal.add([Target(f"{number:04d}", "") for number in range(1000)], ALONE)
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


def failed(path: Path, error: DumpError, asked: Asked) -> None:
    """What one run keeps of a dump that could not be judged."""
    journal = Journal(str(path))
    journal.add([TARGET], asked)
    ((identity, _),) = journal.pending(Depth.FULL)
    outcome = failure(TARGET, error, HowToRead())
    journal.store([Known(identity, outcome.row, outcome.depth, outcome.report)])
    journal.close()


@pytest.mark.parametrize("error", [UnreadableFile("no right to read it"), EngineUnavailable("py7zr is missing")])
def test_what_failed_for_a_reason_from_outside_is_asked_again(tmp_path: Path, error: DumpError) -> None:
    failed(tmp_path / "results.db", error, ALONE)
    assert pending(tmp_path / "results.db", TARGET) == ["a.dmp"]


def test_what_reached_a_limit_is_asked_again_under_others(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    failed(path, LimitReached("too slow"), Asked(limits="60 s"))
    assert pending(path, TARGET, asked=Asked(limits="60 s")) == []
    assert pending(path, TARGET, asked=Asked(limits="900 s")) == ["a.dmp"]


def test_a_damaged_dump_is_not_asked_again(tmp_path: Path) -> None:
    failed(tmp_path / "results.db", DamagedDump("cut"), ALONE)
    assert pending(tmp_path / "results.db", TARGET, asked=Asked(limits="900 s")) == []


def begin_at_once(path: str, start: float, found: multiprocessing.Queue[object]) -> None:
    """What each of several processes does with a file that none has made yet."""
    time.sleep(max(start - time.time(), 0))
    journal = Journal(path)
    journal.add([TARGET], ALONE)
    judged(journal)
    found.put((journal.run, [known.row.name for known in journal.results(Depth.FULL)]))
    journal.close()


def test_several_writers_into_one_new_file_have_a_run_each(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        path, start, found = str(tmp_path / f"{attempt}.db"), time.time() + 1.5, context.Queue()
        writers = [context.Process(target=begin_at_once, args=(path, start, found)) for _ in range(4)]
        for writer in writers:
            writer.start()
        answers = sorted(found.get(timeout=60) for _ in writers)
        for writer in writers:
            writer.join()
        assert answers == [(run, ["a.dmp"]) for run in range(1, 5)]


def test_two_runs_at_a_time_do_not_take_targets_from_each_other(saved: Path) -> None:
    first, second = Journal(str(saved)), Journal(str(saved))
    first.add([TARGET], ALONE)
    second.add([TARGET, Target("b.dmp", "b.dmp")], ALONE)
    assert [known.row.name for known in first.results(Depth.FULL)] == ["a.dmp"]
    assert second.count_pending(Depth.FULL) == 1
    first.close()
    assert [known.row.name for known in second.results(Depth.FULL)] == ["a.dmp"]
    second.close()


def test_what_a_killed_run_has_left_is_swept_away(saved: Path) -> None:
    killed = Journal(str(saved))
    killed.add([TARGET], ALONE)
    with sqlite3.connect(saved) as database:
        assert database.execute("SELECT count(*) FROM seen").fetchone() == (1,)
        database.execute("UPDATE runs SET started = 0")
    Journal(str(saved)).close()
    with sqlite3.connect(saved) as database:
        assert database.execute("SELECT count(*) FROM seen").fetchone() == (0,)


COLUMNS = ("depth", "place", "target", "place_size", "changed_ns", "report", "code", "captured_at", "live", "origin")


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", ["x", b"\xff", 9, 0.5])
def test_a_damaged_value_is_one_error_of_the_results(saved: Path, column: str, value: object) -> None:
    with sqlite3.connect(saved) as database:
        database.execute(f"UPDATE dumps SET {column} = ?", (value,))  # noqa: S608 - names of this test
    journal = Journal(str(saved))
    try:
        journal.add([TARGET], ALONE)
        list(journal.pending(Depth.FULL))
        for known in journal.results(Depth.FULL):
            parse_report(report_of(known))
    except JournalError as error:
        assert "damaged" in str(error)  # noqa: PT017 - a value that fits is no damage
    finally:
        journal.close()
