"""A batch fetches each PDB once, whatever the number of dumps and workers."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from livedump.engines.native import NativeEngine
from livedump.fleet.judge import HowToRead, Judged
from livedump.fleet.local import LocalPool
from livedump.fleet.target import Depth, Target
from livedump.images.image import find_pdb_identity
from tests.synth import build

DUMP = "taskmgr-full"


class CountingHandler(SimpleHTTPRequestHandler):
    """Serves a folder and counts what it gave."""

    given: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """One file."""
        self.given[self.path] += 1
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    built, store = build(DUMP), tmp_path / "server"
    engine = NativeEngine(str(built.path), "")
    for module in engine.modules():
        identity = find_pdb_identity(engine, module.base)
        source = Path(built.symbols) / (identity.name if identity else "?")
        if identity and source.is_file():
            target = store / source.name / identity.store_key / source.name
            target.parent.mkdir(parents=True)
            shutil.copy(source, target)
    engine.close()
    handler = partial(CountingHandler, directory=str(store))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_each_pdb_is_fetched_once_for_a_batch(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    CountingHandler.given.clear()
    items = []
    for number in range(12):
        path = tmp_path / f"{number}" / "memory.dmp"
        path.parent.mkdir()
        shutil.copy(build(DUMP).path, path)
        items.append((number, Target(str(path), str(path))))
    how = HowToRead(symbols=f"srv*{tmp_path / 'cache'}*{server}")
    with LocalPool(how, workers=3) as pool:
        done = [each for some in pool.run(items, Depth.FULL) for each in some]
    texts = {each.outcome.report for each in done if isinstance(each.outcome, Judged)}
    assert all("IopLiveDumpCollectPages" in str(text) for text in texts)
    assert any("ntkrnlmp.pdb/" in path for path in CountingHandler.given)
    assert set(CountingHandler.given.values()) == {1}
