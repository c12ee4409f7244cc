"""The path at work: caches, servers, what is kept, what is remembered, many processes at once."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from livedump.model.errors import SymbolError
from livedump.model.images import PdbIdentity
from livedump.symbols.files.download import DownloadLimits
from livedump.symbols.files.missing import MISSING_SECONDS, MissingFiles
from livedump.symbols.files.path import parse_symbol_path
from livedump.symbols.files.search import FileSearch
from livedump.symbols.files.store import StoreEntry
from livedump.symbols.loaded import LoadedPdb
from livedump.symbols.shelf import load_pdb
from tests.symbols.files.test_cabinet import cabinet
from tests.symbols.msf_writer import PdbSpec, pdb_bytes
from tests.symbols.server import Answer, SymbolServer

GUID = "0123456789ABCDEF0123456789ABCDEF"
IDENTITY = PdbIdentity(r"d:\obj\x.pdb", GUID, 1)
GOOD = pdb_bytes(PdbSpec(publics=[(1, 0, "alpha")]))
OTHER = pdb_bytes(PdbSpec(guid="F" * 32, publics=[(1, 0, "wrong")]))
OTHER_AGE = pdb_bytes(PdbSpec(age=2, publics=[(1, 0, "wrong")]))
WRONG = {
    "guid": OTHER, "age": OTHER_AGE, "page": b"<html>please log in</html>", "cut short": GOOD[:5000], "empty": b"",
}  # fmt: skip
QUICK = DownloadLimits(silence_seconds=1, total_seconds=5, pause_seconds=0.01)
STORED = f"x.pdb/{GUID}1/x.pdb"


def load(path: str, limits: DownloadLimits = QUICK) -> LoadedPdb:
    """The PDB on this symbol path."""
    return load_pdb(IDENTITY, FileSearch(parse_symbol_path(path), limits=limits))


def cached(folder: Path) -> str:
    """A path with the folder as the cache of another one, which is empty."""
    return f"cache*{folder};{folder / 'empty'}"


def name_of(pdb: LoadedPdb) -> str:
    """The name at the start of the first section."""
    found = pdb.find(0x1000)
    pdb.close()
    assert found
    return found.name


def put(path: Path, data: bytes = GOOD) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def files_below(folder: Path) -> list[str]:
    """What lies there, indexes aside."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".ldsymidx")
    return sorted(path.relative_to(folder).as_posix() for path in files)


def entries(folder: Path) -> list[str]:
    """The names in a folder; none when it is not there."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("place", ["x.pdb", STORED])
def test_a_pdb_in_a_folder(tmp_path: Path, place: str) -> None:
    put(tmp_path / place)
    assert name_of(load(str(tmp_path))) == "alpha"


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", ["x.pdb", STORED])
def test_what_does_not_belong_to_the_image_is_passed_over(tmp_path: Path, place: str, data: bytes) -> None:
    put(tmp_path / "first" / place, data)
    put(tmp_path / "second" / place)
    assert name_of(load(f"{tmp_path / 'first'};{tmp_path / 'second'}")) == "alpha"
    with pytest.raises(SymbolError, match=r"x\.pdb"):
        load(str(tmp_path / "first"))


def test_a_mismatch_says_what_was_found_and_what_is_wanted(tmp_path: Path) -> None:
    put(tmp_path / "x.pdb", OTHER_AGE)
    with pytest.raises(SymbolError, match=rf"mismatch: .*x\.pdb is {GUID}2, the image wants {GUID}1"):
        load(str(tmp_path))


def test_a_pdb_that_was_replaced_is_not_answered_from_the_old_index(tmp_path: Path) -> None:
    put(tmp_path / "x.pdb")
    assert name_of(load(str(tmp_path))) == "alpha"
    put(tmp_path / "x.pdb", OTHER)
    with pytest.raises(SymbolError, match="mismatch"):
        load(str(tmp_path))


def test_nothing_of_ours_is_put_into_a_plain_folder(tmp_path: Path, user_cache_folder: Path) -> None:
    put(tmp_path / "x.pdb")
    load(str(tmp_path)).close()
    assert entries(tmp_path) == ["x.pdb"]
    assert list(user_cache_folder.rglob("*.ldsymidx"))


def test_nothing_of_ours_is_put_into_a_store_or_believed_from_there(tmp_path: Path, user_cache_folder: Path) -> None:
    put(tmp_path / STORED)
    planted = put(tmp_path / (STORED + ".ldsymidx"), b"planted")
    for text in (str(tmp_path), f"srv*{tmp_path}"):
        load(text).close()
    assert (entries(planted.parent), planted.read_bytes()) == (["x.pdb", "x.pdb.ldsymidx"], b"planted")
    assert list(user_cache_folder.rglob("*.ldsymidx"))


def test_the_index_lies_beside_a_pdb_in_a_cache_of_the_path(tmp_path: Path, user_cache_folder: Path) -> None:
    put(tmp_path / STORED)
    load(cached(tmp_path)).close()
    assert (tmp_path / (STORED + ".ldsymidx")).is_file()
    assert not list(user_cache_folder.rglob("*.ldsymidx"))


def test_an_index_that_is_deleted_or_damaged_is_made_anew(tmp_path: Path) -> None:
    index = put(tmp_path / STORED).with_name("x.pdb.ldsymidx")
    load(cached(tmp_path)).close()
    good = index.read_bytes()
    for damaged in (b"", good[:50], good[:-3], good[:-4] + b"\xff" + good[-3:], b"\0" * len(good)):
        index.write_bytes(damaged)
        assert name_of(load(cached(tmp_path))) == "alpha"
        assert index.read_bytes() == good
    index.unlink()
    assert name_of(load(cached(tmp_path))) == "alpha"


def test_a_name_that_is_damaged_later_is_made_anew(tmp_path: Path) -> None:
    index = put(tmp_path / STORED).with_name("x.pdb.ldsymidx")
    load(cached(tmp_path)).close()
    index.write_bytes(index.read_bytes()[:-1] + b"!")
    assert name_of(load(cached(tmp_path))) == "alpha"


def test_a_cache_that_cannot_be_written_is_used_all_the_same(tmp_path: Path, user_cache_folder: Path) -> None:
    put(tmp_path / STORED)
    (tmp_path / (STORED + ".ldsymidx")).mkdir()  # even root cannot put a file there
    assert name_of(load(cached(tmp_path))) == "alpha"
    assert list(user_cache_folder.rglob("*.ldsymidx"))
    assert name_of(load(cached(tmp_path))) == "alpha"


def test_a_compressed_pdb_in_a_store_is_kept_expanded_in_the_cache(tmp_path: Path) -> None:
    put(tmp_path / "s" / "x.pdb" / f"{GUID}1" / "x.pd_", cabinet(GOOD))
    assert name_of(load(f"cache*{tmp_path / 'c'};srv*{tmp_path / 's'}")) == "alpha"
    assert (tmp_path / "c" / STORED).read_bytes() == GOOD
    put(tmp_path / "t" / "x.pdb" / f"{GUID}1" / "x.pd_", cabinet(OTHER))
    with pytest.raises(SymbolError, match="mismatch"):
        load(f"cache*{tmp_path / 'd'};srv*{tmp_path / 't'}")
    assert files_below(tmp_path / "d") == []


def test_a_pointer_in_a_store_is_followed(tmp_path: Path) -> None:
    real = put(tmp_path / "real.pdb")
    put(tmp_path / "s" / "x.pdb" / f"{GUID}1" / "file.ptr", f"PATH:{real}".encode())
    assert name_of(load(f"srv*{tmp_path / 's'}")) == "alpha"


def test_a_download_is_kept_in_the_first_cache_and_asked_for_once(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/{STORED}", Answer(GOOD))
    path = f"srv*{tmp_path / 'c'}*{server.url}"
    assert name_of(load(path)) == "alpha"
    assert name_of(load(path)) == "alpha"
    assert server.paths == [f"/{STORED}"]
    assert files_below(tmp_path / "c") == [STORED]


def test_a_compressed_download_is_expanded(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/{STORED[:-1]}_", Answer(cabinet(GOOD)))
    assert name_of(load(f"srv*{tmp_path / 'c'}*{server.url}/")) == "alpha"
    assert files_below(tmp_path / "c") == [STORED]


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_download_that_does_not_belong_is_not_kept(server: SymbolServer, tmp_path: Path, data: bytes) -> None:
    server.serve(f"/{STORED}", Answer(data))
    with pytest.raises(SymbolError):
        load(f"srv*{tmp_path / 'c'}*{server.url}")
    assert entries(tmp_path / "c") == []


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_damaged_in_the_cache_is_fetched_anew(server: SymbolServer, tmp_path: Path, data: bytes) -> None:
    put(tmp_path / "c" / STORED, data)
    server.serve(f"/{STORED}", Answer(GOOD))
    assert name_of(load(f"srv*{tmp_path / 'c'}*{server.url}")) == "alpha"
    assert (tmp_path / "c" / STORED).read_bytes() == GOOD


def test_a_file_that_is_too_large_does_not_speak_against_the_server(server: SymbolServer, tmp_path: Path) -> None:
    path, limits = f"srv*{tmp_path / 'c'}*{server.url}", DownloadLimits(max_bytes=1000)
    server.serve(f"/{STORED}", Answer(GOOD))
    with pytest.raises(SymbolError, match="larger than 1000 bytes"):
        load(path, limits)
    server.serve(f"/other.pdb/{GUID}1/other.pdb", Answer(GOOD))
    search = FileSearch(parse_symbol_path(path))
    assert name_of(load_pdb(IDENTITY._replace(name="other.pdb"), search)) == "alpha"


def test_what_a_server_does_not_have_is_not_asked_for_again(server: SymbolServer, tmp_path: Path) -> None:
    path = f"srv*{tmp_path / 'c'}*{server.url}"
    for _ in range(3):
        with pytest.raises(SymbolError, match="HTTP 404"):
            load(path)
    assert server.paths == [f"/{STORED}", f"/{STORED[:-1]}_"]
    assert not list((tmp_path / "c").glob("*"))


def reason(notes: MissingFiles, server: str, entry: StoreEntry) -> str | None:
    """Why the server is not asked now."""
    found = notes.find(server, entry)
    return found.reason if found else None


def test_a_note_of_what_is_missing_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, entry = MissingFiles(tmp_path), StoreEntry("x.pdb", GUID + "1")
    notes.remember("https://a", entry, "HTTP 404", 100)
    assert reason(notes, "https://a", entry) == reason(notes, "https://A", entry) == "HTTP 404"
    assert reason(notes, "https://b", entry) is None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 101)
    assert reason(notes, "https://a", entry) is None
    monkeypatch.setattr(time, "time", lambda: now - 2 * MISSING_SECONDS)  # the clock was wrong when it was written
    assert reason(notes, "https://a", entry) is None


@pytest.mark.parametrize("note", [b"", b"\0\xff", b"nan\nx", b"inf\nx", b"1e400\nx", b"later\nx"])
def test_a_damaged_note_is_no_note(tmp_path: Path, note: bytes) -> None:
    notes, entry = MissingFiles(tmp_path), StoreEntry("x.pdb", GUID + "1")
    notes.remember("https://a", entry, "HTTP 404", 100)
    next(path for path in tmp_path.rglob("*") if path.is_file()).write_bytes(note)
    assert reason(notes, "https://a", entry) is None


def test_a_server_in_trouble_is_left_alone_for_all_files(server: SymbolServer, tmp_path: Path) -> None:
    path = parse_symbol_path(f"srv*{tmp_path / 'c'}*{server.url}")
    server.serve(f"/{STORED}", Answer(status=500))
    with pytest.raises(SymbolError, match="HTTP 500"):
        load_pdb(IDENTITY, FileSearch(path, limits=QUICK))
    asked = len(server.requests)
    with pytest.raises(SymbolError, match="asked a short while ago"):
        load_pdb(IDENTITY._replace(name="other.pdb"), FileSearch(path, limits=QUICK))
    assert len(server.requests) == asked


def test_a_second_server_is_asked_when_the_first_does_not_have_it(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/two/{STORED}", Answer(GOOD))
    assert name_of(load(f"srv*{tmp_path / 'c'}*{server.url}/one;srv*{tmp_path / 'c'}*{server.url}/two")) == "alpha"


def test_a_cache_that_takes_no_file_makes_way_for_the_next(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/{STORED}", Answer(GOOD))
    (tmp_path / "file").write_bytes(b"")  # not even root can make a folder below it
    assert name_of(load(f"srv*{tmp_path / 'file'}*{tmp_path / 'c'}*{server.url}")) == "alpha"
    assert files_below(tmp_path / "c") == [STORED]


def test_no_cache_that_takes_a_file_is_a_reason(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/{STORED}", Answer(GOOD))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SymbolError, match="nothing can be kept"):
        load(f"srv*{tmp_path / 'file'}*{server.url}")


@pytest.mark.parametrize("name", ["..", "con.pdb", "a:b.pdb", "x.pdb.", "", "\\\\host\\share\\"])
def test_a_hostile_name_is_never_asked_for(server: SymbolServer, tmp_path: Path, name: str) -> None:
    search = FileSearch(parse_symbol_path(f"srv*{tmp_path / 'c'}*{server.url};{tmp_path}"), limits=QUICK)
    with pytest.raises(SymbolError, match="cannot be a file name"):
        load_pdb(PdbIdentity(name, GUID, 1), search)
    assert server.requests == []
    assert entries(tmp_path) == []


def test_the_path_in_the_image_is_not_opened(tmp_path: Path) -> None:
    built = put(tmp_path / "build" / "x.pdb")
    with pytest.raises(SymbolError, match="not found"):
        load_pdb(PdbIdentity(str(built), GUID, 1), FileSearch(parse_symbol_path(str(tmp_path / "empty"))))


def test_a_name_is_quoted_on_its_way_to_the_server(server: SymbolServer, tmp_path: Path) -> None:
    search = FileSearch(parse_symbol_path(f"srv*{tmp_path / 'c'}*{server.url}"), limits=QUICK)
    with pytest.raises(SymbolError):
        load_pdb(PdbIdentity("a b#%\u00e9.pdb", GUID, 1), search)
    assert server.paths[0] == f"/a%20b%23%25%C3%A9.pdb/{GUID}1/a%20b%23%25%C3%A9.pdb"


def test_a_lock_of_a_dead_process_is_taken_over(server: SymbolServer, tmp_path: Path) -> None:
    server.serve(f"/{STORED}", Answer(GOOD))
    lock = put(tmp_path / "c" / (STORED + ".lock"), b"")
    os.utime(lock, (time.time() - 3600,) * 2)
    leftover = put(lock.with_name("x.pdb.1.abc.tmp"))
    os.utime(leftover, (time.time() - 100_000,) * 2)
    assert name_of(load(f"srv*{tmp_path / 'c'}*{server.url}")) == "alpha"
    assert files_below(tmp_path / "c") == [STORED]


def _load_in_process(path: str, cache: str, start: float) -> str:
    os.environ["XDG_CACHE_HOME"] = os.environ["LOCALAPPDATA"] = cache
    time.sleep(max(0, start - time.time()))
    try:
        return name_of(load(path, DownloadLimits(silence_seconds=20)))
    except SymbolError as error:
        return str(error)


@pytest.mark.parametrize("there", [True, False])
def test_many_processes_fetch_a_file_once(server: SymbolServer, tmp_path: Path, there: bool) -> None:
    server.serve(f"/{STORED}", Answer(GOOD, chunk=8192, pause=0.02) if there else Answer(status=404, pause=0.2))
    path, start = f"srv*{tmp_path / 'c'}*{server.url}", time.time() + 1.0
    with multiprocessing.get_context("spawn").Pool(5) as pool:
        answers = pool.starmap(_load_in_process, [(path, str(tmp_path / "own"), start)] * 5, chunksize=1)
    if there:
        assert answers == ["alpha"] * 5
        assert server.paths == [f"/{STORED}"]
        assert files_below(tmp_path / "c") == [STORED]
    else:
        assert [answer for answer in answers if "HTTP 404" not in answer] == []
        assert len(server.paths) == 2
        assert entries(tmp_path / "c") == []
