"""Whose folder the cache is: the user's alone, or it is not used. Real owners, real rights."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from livedump.symbols.files.cache import made_cache, user_cache
from livedump.symbols.files.fetching import Fetcher
from livedump.symbols.files.path import SymbolSource, parse_symbol_path, symbol_path
from livedump.symbols.files.store import StoreEntry, WantedFile
from tests.symbols.server import Answer, SymbolServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="owners and rights of POSIX")
SOMEBODY = 12345
root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
SERVER = "https://symbols.example"


HOMELESS: tuple[dict[str, str], ...] = (
    {},
    {"HOME": ""},
    {"HOME": "."},
    {"XDG_CACHE_HOME": "cache"},
    {"TMPDIR": "/tmp"},
)


@pytest.mark.parametrize("environment", HOMELESS)
def test_without_a_home_there_is_no_cache(environment: dict[str, str]) -> None:
    assert user_cache(environment) is None
    assert made_cache(environment) is None


def test_a_relative_cache_is_passed_over_for_the_home(tmp_path: Path) -> None:
    assert user_cache({"XDG_CACHE_HOME": "cache", "HOME": str(tmp_path)}) == tmp_path / ".cache" / "livedump"


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_the_cache_is_made_for_the_user_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        made = made_cache({"HOME": str(tmp_path)})
    finally:
        os.umask(before)
    assert made is not None
    assert [stat.S_IMODE(place.stat().st_mode) for place in (made, made.parent)] == [0o700, 0o700]


def test_a_cache_that_others_could_look_into_is_closed(tmp_path: Path) -> None:
    (tmp_path / "livedump").mkdir(mode=0o755)
    made = made_cache({"XDG_CACHE_HOME": str(tmp_path)})
    assert made is not None
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


@pytest.mark.parametrize("rights", [0o777, 0o770, 0o707, 0o1777])
def test_a_cache_that_others_could_write_to_is_not_used(tmp_path: Path, rights: int) -> None:
    (tmp_path / "livedump").mkdir()
    (tmp_path / "livedump").chmod(rights)
    assert made_cache({"XDG_CACHE_HOME": str(tmp_path)}) is None
    assert stat.S_IMODE((tmp_path / "livedump").stat().st_mode) == rights


@root
@pytest.mark.parametrize("theirs", ["livedump", "."])
def test_a_cache_of_somebody_else_or_in_a_folder_of_theirs_is_not_used(tmp_path: Path, theirs: str) -> None:
    folder = tmp_path / "cache"
    (folder / "livedump").mkdir(parents=True, mode=0o700)
    os.chown(folder / theirs, SOMEBODY, SOMEBODY)
    assert made_cache({"XDG_CACHE_HOME": str(folder)}) is None


@root
def test_a_link_that_leads_to_somebody_elses_folder_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", SOMEBODY, SOMEBODY)
    (tmp_path / "livedump").symlink_to(tmp_path / "theirs")
    assert made_cache({"XDG_CACHE_HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("mask", [0, 0o077])
def test_what_is_kept_is_for_nobody_else_to_write_to_whatever_the_umask(
    tmp_path: Path, server: SymbolServer, mask: int
) -> None:
    entry = StoreEntry("x.pdb", "0" * 33)
    server.serve(f"/x.pdb/{'0' * 33}/x.pdb", Answer(b"x"))
    before = os.umask(mask)
    try:
        Fetcher().fetch(SymbolSource(server.url, True, (str(tmp_path / "store"),)), WantedFile(entry, lambda _: None))
    finally:
        os.umask(before)
    rights = {stat.S_IMODE(place.stat().st_mode) for place in (tmp_path / "store").rglob("*")}
    assert rights == {0o755 & ~mask, 0o644 & ~mask}


def test_a_folder_that_everybody_may_write_to_without_stickiness_holds_no_cache(tmp_path: Path) -> None:
    open_to_all = tmp_path / "all"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert made_cache({"XDG_CACHE_HOME": str(open_to_all)}) is None
    open_to_all.chmod(0o1777)
    assert made_cache({"XDG_CACHE_HOME": str(open_to_all)}) is not None


@pytest.mark.parametrize("text", ["srv*", f"srv*{SERVER}", "cache*", f"srv**{SERVER}"])
def test_without_a_cache_of_ones_own_the_path_says_so_and_takes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    path = parse_symbol_path(text)
    assert all(source.caches == () for source in path.sources)
    assert all(source.online for source in path.sources)
    assert symbol_path(text, {}, None).sources == path.sources
