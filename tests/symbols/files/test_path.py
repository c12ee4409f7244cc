"""The symbol path as WinDbg writes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livedump.symbols.files.path import MICROSOFT_SERVER, SymbolPath, SymbolSource, parse_symbol_path, symbol_path

WINDOWS = os.name == "nt"
HTTPS = "https://symbols.example/s"


def sources(text: str) -> tuple[SymbolSource, ...]:
    """The parsed elements; an empty cache means /default."""
    return parse_symbol_path(text, "/default").sources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" ; ;", ()),
        ("/a", (SymbolSource("/a", False),)),
        ("/a; /b", (SymbolSource("/a", False), SymbolSource("/b", False))),
        ("srv*", (SymbolSource(MICROSOFT_SERVER, True, ("/default",)),)),
        ("SRV*/a", (SymbolSource("/a", True),)),
        (f"srv*{HTTPS}", (SymbolSource(HTTPS, True, ("/default",)),)),
        (f"srv**{HTTPS}", (SymbolSource(HTTPS, True, ("/default",)),)),
        (f"srv*/c*{HTTPS}", (SymbolSource(HTTPS, True, ("/c",)),)),
        (f"srv*/c*/d*{HTTPS}", (SymbolSource(HTTPS, True, ("/c", "/d")),)),
        (f"symsrv*symsrv.dll*/c*{HTTPS}", (SymbolSource(HTTPS, True, ("/c",)),)),
        ("symsrv*symsrv.dll", (SymbolSource(MICROSOFT_SERVER, True, ("/default",)),)),
        ("cache*", (SymbolSource("/default", True),)),
        ("cache*/c", (SymbolSource("/c", True),)),
        ("/a;cache*/c;/b", (SymbolSource("/a", False), SymbolSource("/b", False, ("/c",)))),
        (f"cache*/c;srv*{HTTPS}", (SymbolSource(HTTPS, True, ("/c",)),)),
        (f"cache*/c;srv*/d*{HTTPS}", (SymbolSource(HTTPS, True, ("/c", "/d")),)),
        ("srv/a", (SymbolSource("srv/a", False),)),
    ],
)
def test_each_form_of_an_element(text: str, expected: tuple[SymbolSource, ...]) -> None:
    assert sources(text) == expected


def test_only_servers_are_online() -> None:
    assert [source.online for source in sources(f"/a;srv*/b;srv*{HTTPS};srv*HTTP://x")] == [False, False, True, True]


@pytest.mark.skipif(WINDOWS, reason="there they are usable")
@pytest.mark.parametrize("text", [r"C:\symbols", r"\\server\share", r"srv*\\server\share", "d:x"])
def test_windows_paths_elsewhere_are_left_out_with_a_note(text: str) -> None:
    path = parse_symbol_path(f"{text};/a")
    assert [source.location for source in path.sources] == ["/a"]
    assert len(path.notes) == 1
    assert "Windows path" in path.notes[0]


@pytest.mark.skipif(WINDOWS, reason="there it is usable")
def test_a_windows_cache_elsewhere_leaves_the_server_with_the_default_cache() -> None:
    path = parse_symbol_path(rf"srv*C:\symbols*{HTTPS}", "/default")
    assert path.sources == (SymbolSource(HTTPS, True, ("/default",)),)
    assert len(path.notes) == 1


def test_a_server_without_srv_stays_unasked() -> None:
    path = parse_symbol_path(HTTPS)
    assert not path.sources
    assert "srv*" in path.notes[0]


def test_the_environment_is_read_in_the_debuggers_order_and_the_dumps_folder_comes_last() -> None:
    environment = {"_NT_SYMBOL_PATH": "/second", "_NT_ALT_SYMBOL_PATH": "/first"}
    path = symbol_path(None, environment, Path("/dumps/x.dmp"))
    assert [source.location for source in path.sources] == ["/first", "/second", str(Path("/dumps"))]


@pytest.mark.parametrize("named", ["/dumps", "/dumps/", "/dumps/.", "/dumps;/dumps"])
def test_the_dumps_folder_is_looked_in_once_though_it_is_named_too(named: str) -> None:
    path = symbol_path(named, {}, Path("/dumps/x.dmp"))
    assert [source.location for source in path.sources] == [named.partition(";")[0]]


def test_a_folder_that_is_a_store_first_or_has_a_cache_later_is_looked_in_again() -> None:
    assert len(symbol_path("srv*/dumps", {}, Path("/dumps/x.dmp")).sources) == 2
    assert len(symbol_path("/dumps;cache*/c;/dumps", {}, None).sources) == 2


def test_an_option_replaces_the_environment() -> None:
    path = symbol_path("/only", {"_NT_SYMBOL_PATH": "/second"}, None)
    assert [source.location for source in path.sources] == ["/only"]
    assert symbol_path("", {"_NT_SYMBOL_PATH": "/second"}, None).sources == ()


def test_nothing_in_the_path_means_nothing_online() -> None:
    path = symbol_path(None, {}, Path("/dumps/x.dmp"))
    assert not any(source.online for source in path.sources)


def test_offline_keeps_what_the_caches_hold() -> None:
    path = parse_symbol_path(f"/a;srv*/c*{HTTPS}").offline()
    assert path == SymbolPath((SymbolSource("/a", False), SymbolSource("/c", True)))


def test_a_path_of_a_million_elements_is_cut() -> None:
    assert len(sources("/a;" * 1_000_000)) <= 256
