"""Dumps at a web server: only the ranges that are needed travel."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from tests.fleet.share import environment, rows_of, symbol_path
from tests.synth import build

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
DUMP = "taskmgr-full"
MIB = 1 << 20


class Served:
    """What a server has given."""

    def __init__(self, folder: Path, ranges: bool) -> None:
        self.folder = folder
        self.ranges = ranges
        self.refusing = False
        """Whether ranges are asked for in vain."""
        self.sent = 0
        self.address = ""


class Handler(BaseHTTPRequestHandler):
    """Files of a folder, in ranges or only as a whole; counts what it sends."""

    protocol_version = "HTTP/1.1"

    def __init__(self, served: Served, *arguments: object) -> None:
        self.served = served
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        """How long a file is."""
        self._answer(with_body=False)

    def do_GET(self) -> None:
        """A file or a part of it."""
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = self.served.folder / self.path.lstrip("/").partition("?")[0]
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        if self.served.refusing and "Range" in self.headers:
            self.send_error(503)
            return
        first, last = self._range(size)
        self.send_response(206 if "Range" in self.headers and self.served.ranges else 200)
        if self.served.ranges:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if with_body:
            self._send(path, first, last + 1)

    def _range(self, size: int) -> tuple[int, int]:
        wanted = self.headers.get("Range", "")
        if not wanted or not self.served.ranges:
            return 0, size - 1
        first, _, last = wanted.partition("=")[2].partition("-")
        return int(first), min(int(last or size), size - 1)

    def _send(self, path: Path, first: int, end: int) -> None:
        with path.open("rb") as file:
            file.seek(first)
            while first < end:
                data = file.read(min(MIB, end - first))
                first += len(data)
                self.served.sent += len(data)
                try:
                    self.wfile.write(data)
                except OSError:  # the other side has enough
                    return

    def log_message(self, *_: object) -> None:
        """Silence."""


def serve(served: Served) -> Iterator[Served]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, served)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        served.address = f"http://127.0.0.1:{running.server_port}"
        yield served
        running.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    yield from serve(Served(tmp_path, True))


@pytest.fixture
def old_server(tmp_path: Path) -> Iterator[Served]:
    yield from serve(Served(tmp_path, False))


def put(served: Served, size: int | None = None) -> str:
    """A made-up dump on the server, its end far away if asked for."""
    path = served.folder / "x.dmp"
    with path.open("wb") as file:
        file.write(Path(build(DUMP).path).read_bytes())
        file.truncate(size)
    return f"{served.address}/x.dmp"


def triage(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    main(["triage", "--jobs", "1", "-y", symbol_path(), "--format", "csv", *arguments])
    (row,) = rows_of(capsys.readouterr().out)
    return row


def test_a_dump_at_a_server_has_the_row_of_the_file(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    address = put(server)
    here = triage(capsys, str(server.folder / "x.dmp"))
    assert triage(capsys, address) == {**here, "folder": address.rpartition("/")[0]}


def test_only_the_ranges_that_are_needed_travel(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    row = triage(capsys, put(server, 64 * MIB))
    assert (row["size"], row["origin"], row["error"]) == (str(64 * MIB), "task-manager", "")
    assert 0 < server.sent < 2 * MIB


def test_a_server_without_ranges_is_named(old_server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    row = triage(capsys, put(old_server, 64 * MIB))
    assert row["error_category"] == "unreadable"
    assert "ranges" in row["error"]
    assert old_server.sent < 8 * MIB


def test_what_the_server_does_not_have_is_an_error(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    row = triage(capsys, f"{server.address}/gone.dmp")
    assert row["error_category"] == "unreadable"
    assert "gone.dmp" in row["error"]


def test_a_server_that_gives_up_is_an_error(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    address, server.refusing = put(server), True
    row = triage(capsys, address)
    assert row["error_category"] == "unreadable"
    assert "503" in row["error"]


@pytest.mark.parametrize(("missing", "wanted"), [("fsspec", "fsspec"), ("aiohttp", "aiohttp")])
def test_a_missing_extra_is_named(missing: str, wanted: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from livedump.fleet.judge import HowToRead, Judge;"
        "from livedump.fleet.target import Depth, Target, TargetKind; address = 'http://127.0.0.1:1/x.dmp';"
        "print(Judge(HowToRead())(Target(address, address, TargetKind.REMOTE), Depth.FULL).row.error)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert wanted in done.stdout
    assert "pip install '.[remote]'" in done.stdout


def test_passwords_reach_neither_rows_nor_errors_nor_the_file_of_results(
    server: Served, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("results")
    there = put(server).replace("http://", "http://reader:s3cret@") + "?sig=s3cret"
    gone = there.replace("x.dmp", "gone.dmp")
    symbols = server.address.replace("http://", f"srv*{folder / 'cache'}*http://reader:s3cret@") + "/symbols"
    for form in ("jsonl", "table", "html"):
        arguments = ("--jobs", "1", "-y", symbols, "--format", form, "--save", str(folder / "kept.db"), there, gone)
        assert main(["triage", *arguments, "-o", str(folder / form)]) == 1
        printed = capsys.readouterr()
        assert "s3cret" not in printed.out + printed.err
    assert main(["triage", "--save", str(folder / "kept.db"), "--resume"]) == 2
    assert "keeps no passwords" in capsys.readouterr().err
    kept = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"jsonl", "table", "html", "kept.db"} <= kept.keys()
    assert [name for name, data in kept.items() if b"s3cret" in data] == []
    rows = [json.loads(line) for line in kept["jsonl"].splitlines()]
    assert sorted(Path(row["file"]["path"]).name for row in rows) == ["gone.dmp?sig=***", "x.dmp?sig=***"]
    assert sorted(row["dump"] is None for row in rows) == [False, True]
