"""What the tests of this room share: a server, and a user's cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.symbols.server import SymbolServer, running


@pytest.fixture
def server() -> Iterator[SymbolServer]:
    """A symbol server on this machine."""
    with running() as started:
        yield started


@pytest.fixture(autouse=True)
def user_cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache: never the real one. No proxy either."""
    folder = tmp_path_factory.mktemp("cache")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "PROGRAMDATA"):
        monkeypatch.setenv(name, str(folder))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder
