"""What missed symbols is asked again when they have come, and not before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from livedump.symbols.files import missing
from tests.fleet.share import rows_of
from tests.symbols.msf_writer import PdbSpec, pdb_bytes
from tests.symbols.server import SymbolServer, running
from tests.synth import build


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dump alone in its folder, and a cache of our own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("_NT_SYMBOL_PATH", raising=False)
    (tmp_path / "dumps").mkdir()
    return Path(shutil.copy(build("taskmgr-full").path, tmp_path / "dumps" / "x.dmp"))


def triage(capsys: pytest.CaptureFixture[str], dump: Path, *arguments: str) -> tuple[bool, str]:
    """Whether the dump was read again, and what its row says of the reporter."""
    saved = dump.parents[1] / "kept.db"
    mark = "UPDATE dumps SET scope = 'as kept'"
    if saved.exists():
        with closing(sqlite3.connect(saved)) as database, database:
            database.execute(mark)
    main(["triage", "--jobs", "1", "--save", str(saved), "--format", "csv", *arguments, str(dump)])
    (row,) = rows_of(capsys.readouterr().out)
    return row["scope"] != "as kept", row["confidence"]


def test_symbols_that_come_into_a_folder_of_the_path_are_used_at_the_next_run(
    dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "symbols"
    folder.mkdir()
    first = triage(capsys, dump, "-y", str(folder))
    assert triage(capsys, dump, "-y", str(folder)) == (False, first[1])
    for pdb in Path(build("taskmgr-full").symbols).rglob("*.pdb"):
        shutil.copy(pdb, folder / pdb.name)
    again = triage(capsys, dump, "-y", str(folder))
    assert again[0]
    assert again[1] != first[1]
    assert triage(capsys, dump, "-y", str(folder)) == (False, again[1])


def test_a_damaged_pdb_that_is_mended_is_used_at_the_next_run(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pdbs = list(Path(build("taskmgr-full").symbols).rglob("*.pdb"))
    for pdb in pdbs:
        (dump.parent / pdb.name).write_bytes(b"not a PDB")
    first = triage(capsys, dump)
    assert triage(capsys, dump)[0] is False
    for pdb in pdbs:
        shutil.copy(pdb, dump.parent / pdb.name)
    assert triage(capsys, dump)[0] is True
    assert triage(capsys, dump)[1] != first[1]


@pytest.fixture
def server() -> Iterator[SymbolServer]:
    with running() as started:
        yield started


def test_a_server_is_asked_again_when_its_answer_is_no_longer_believed_or_on_demand(
    dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], server: SymbolServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = f"srv*{tmp_path / 'store'}*{server.url}"
    assert triage(capsys, dump, "-y", path)[0]
    asked = len(server.requests)
    assert triage(capsys, dump, "-y", path)[0] is False
    assert len(server.requests) == asked
    assert triage(capsys, dump, "-y", path, "--symbols-retry")[0] is True
    assert len(server.requests) == 2 * asked
    monkeypatch.setattr(missing, "MISSING_SECONDS", 0)  # as if all that time were over
    assert triage(capsys, dump, "-y", path)[0] is True


def test_symbols_says_of_each_place_what_became_of_it(
    dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], server: SymbolServer
) -> None:
    name = next(Path(build("taskmgr-full").symbols).rglob("nt*.pdb")).name
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / name).write_bytes(pdb_bytes(PdbSpec(guid="F" * 32)))
    address = server.url.replace("//", "//u:s3cret@")
    path = f"{tmp_path / 'other'};srv*{tmp_path / 'store'}*{address};srv*http://127.0.0.1:9"
    results = []
    for _ in range(2):
        assert main(["symbols", "--format", "csv", "-y", path, str(dump)]) == 0
        rows = [row for row in rows_of_any(capsys.readouterr().out) if row["module"] == "nt"]
        results.append([row["result"] for row in rows])
        assert "s3cret" not in str(rows)
    # the folder, the store's cache, the server, the default cache, nobody, the dump's folder
    assert results[0] == ["other-build", "not-there", "not-there", "not-there", "unreachable", "not-there"]
    assert results[1] == ["other-build", "not-there", "in-quarantine", "not-there", "in-quarantine", "not-there"]
    assert main(["info", "-y", path, str(dump)]) == 0
    limits = capsys.readouterr().out
    assert f"{name} of nt: mismatch: " in limits


def rows_of_any(text: str) -> list[dict[str, str]]:
    """Rows of any CSV."""
    import csv
    import io

    return list(csv.DictReader(io.StringIO(text, newline="")))
