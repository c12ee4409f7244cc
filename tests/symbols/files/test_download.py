"""Downloads from a server that misbehaves."""

from __future__ import annotations

import contextlib
import http.client
import io
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.model.downloads import DownloadProgress
from livedump.model.errors import SymbolError
from livedump.symbols.files.download import Download, DownloadLimits, NotOnServer, ServerTrouble, make_opener
from livedump.symbols.files.fetching import Fetcher
from livedump.symbols.files.path import SymbolSource
from livedump.symbols.files.store import StoreEntry, WantedFile
from tests.symbols.server import Answer, SymbolServer, running

BODY = bytes(range(256)) * 4000
OPENER = make_opener()
QUICK = DownloadLimits(silence_seconds=1, total_seconds=5, pause_seconds=0.01)


def fetch(url: str, folder: Path, limits: DownloadLimits = QUICK) -> bytes:
    """What one download leaves behind."""
    target = folder / "x.pdb"
    Download(url, target, OPENER, limits, None).run()
    return target.read_bytes()


def test_a_file_arrives_whole_and_is_asked_for_as_symbol_servers_want(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY))
    assert fetch(f"{server.url}/x", tmp_path) == BODY
    headers = server.requests[0].headers
    assert headers["user-agent"].startswith("Microsoft-Symbol-Server/")
    assert not {"authorization", "cookie", "referer"} & headers.keys()


def test_progress_rises_to_the_whole(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, chunk=100_000, pause=0.01))
    seen: list[DownloadProgress] = []
    Download(f"{server.url}/x", tmp_path / "x.pdb", OPENER, QUICK, seen.append).run()
    assert [report.received for report in seen] == sorted(report.received for report in seen)
    assert seen[-1] == DownloadProgress("x.pdb", len(BODY), len(BODY))
    assert len(seen) > 3


@pytest.mark.parametrize("etag", ['"v1"', None])
def test_a_broken_connection_is_resumed_when_the_server_can(
    server: SymbolServer, tmp_path: Path, etag: str | None
) -> None:
    broken = Answer(BODY, drop_after=300_000, etag=etag)
    server.serve("/x", broken, broken, Answer(BODY, etag=etag))
    assert fetch(f"{server.url}/x", tmp_path) == BODY
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges == ([None, "bytes=300000-", "bytes=600000-"] if etag else [None, None, None])


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: SymbolServer, tmp_path: Path) -> None:
    other = BODY[::-1]
    server.serve("/x", Answer(BODY, drop_after=300_000), Answer(other, etag='"v2"'))
    assert fetch(f"{server.url}/x", tmp_path) == other


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, drop_after=300_000), Answer(BODY, ranges=False))
    assert fetch(f"{server.url}/x", tmp_path) == BODY


def test_another_part_than_was_asked_for_is_not_used(server: SymbolServer, tmp_path: Path) -> None:
    wrong = Answer(BODY[:1000], status=206, headers={"Content-Range": "bytes 0-999/1024000"})
    server.serve("/x", Answer(BODY, drop_after=300_000), wrong, Answer(BODY))
    assert fetch(f"{server.url}/x", tmp_path) == BODY


def test_a_range_that_no_longer_fits_begins_anew(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, drop_after=300_000), Answer(status=416), Answer(BODY))
    assert fetch(f"{server.url}/x", tmp_path) == BODY


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_passing_failure_is_tried_again(server: SymbolServer, tmp_path: Path, status: int) -> None:
    server.serve("/x", Answer(status=status), Answer(status=status), Answer(BODY))
    assert fetch(f"{server.url}/x", tmp_path) == BODY


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 451])
def test_a_file_that_is_not_there_is_asked_for_once(server: SymbolServer, tmp_path: Path, status: int) -> None:
    server.serve("/x", Answer(status=status))
    with pytest.raises(NotOnServer, match=f"HTTP {status}"):
        fetch(f"{server.url}/x", tmp_path)
    assert len(server.requests) == 1


def test_a_lasting_failure_ends_after_all_attempts(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(status=500))
    with pytest.raises(ServerTrouble, match="HTTP 500"):
        fetch(f"{server.url}/x", tmp_path)
    assert len(server.requests) == QUICK.attempts


def test_a_connection_that_always_breaks_ends(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, drop_after=10, etag=None))
    with pytest.raises(ServerTrouble, match="broke off after 10 of"):
        fetch(f"{server.url}/x", tmp_path)


def test_a_slow_server_is_left_at_the_time_limit(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, chunk=100, pause=0.02))
    with pytest.raises(ServerTrouble, match="too slow"):
        fetch(f"{server.url}/x", tmp_path, DownloadLimits(silence_seconds=1, total_seconds=0.5))


def test_a_silent_server_is_left_after_the_silence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        with pytest.raises(ServerTrouble, match="does not answer in time"):
            fetch(
                f"http://127.0.0.1:{listener.getsockname()[1]}/x",
                tmp_path,
                DownloadLimits(silence_seconds=0.2, pause_seconds=0.01),
            )
        assert time.monotonic() - start < DownloadLimits().silence_seconds  # as long as it would wait by default


def test_a_machine_that_does_not_listen_is_tried_twice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServerTrouble, match="cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/x", tmp_path)


@pytest.mark.parametrize("said", [None, "9" * 400, "10"])
def test_a_file_over_the_size_limit_is_refused(server: SymbolServer, tmp_path: Path, said: str | None) -> None:
    server.serve("/x", Answer(BODY, content_length=said, etag=None))
    limits = DownloadLimits(silence_seconds=1, total_seconds=5, pause_seconds=0.01, max_bytes=1000)
    if said == "10":
        assert fetch(f"{server.url}/x", tmp_path, limits) == BODY[:10]
    else:
        with pytest.raises(NotOnServer, match="larger than 1000 bytes"):
            fetch(f"{server.url}/x", tmp_path, limits)
    assert (tmp_path / "x.pdb").stat().st_size <= 1 << 17 if (tmp_path / "x.pdb").exists() else True


def test_a_redirect_is_followed(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(status=302, headers={"Location": "/y"}))
    server.serve("/y", Answer(BODY))
    assert fetch(f"{server.url}/x", tmp_path) == BODY


def test_credentials_stay_with_their_host(server: SymbolServer, tmp_path: Path) -> None:
    with running() as other:
        server.serve("/x", Answer(status=302, headers={"Location": f"http://127.0.0.1:{other.port}/y"}))
        other.serve("/y", Answer(BODY))
        assert fetch(f"http://user:secret@127.0.0.1:{server.port}/x", tmp_path) == BODY
        assert server.requests[0].headers["authorization"] == "Basic dXNlcjpzZWNyZXQ="  # base64 of user:secret
        assert "authorization" not in other.requests[0].headers
        assert "secret" not in str(other.requests)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "http://user:pw@127.0.0.1:1/", "http://[bad"]
)
def test_redirects_elsewhere_are_refused(server: SymbolServer, tmp_path: Path, location: str) -> None:
    server.serve("/x", Answer(status=302, headers={"Location": location}))
    with pytest.raises((NotOnServer, ServerTrouble)):
        fetch(f"{server.url}/x", tmp_path)
    assert len(server.requests) == 1


def redirector() -> urllib.request.HTTPRedirectHandler:
    handlers: list[object] = vars(OPENER)["handlers"]
    return next(each for each in handlers if isinstance(each, urllib.request.HTTPRedirectHandler))


def test_a_redirect_to_a_connection_that_anybody_can_read_is_refused() -> None:
    request = urllib.request.Request("https://symbols.example/x")
    with pytest.raises(urllib.error.URLError, match="a redirect to http is not followed"):
        redirector().redirect_request(
            request, io.BytesIO(), 302, "", http.client.HTTPMessage(), "http://symbols.example/y"
        )


def test_a_server_without_a_good_certificate_is_not_spoken_to(server: SymbolServer, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    made = ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made], check=True, capture_output=True)
    server.use_certificate(certificate, key)
    server.serve("/x", Answer(BODY))
    with pytest.raises(ServerTrouble, match="certificate"):
        fetch(f"https://127.0.0.1:{server.port}/x", tmp_path)
    assert server.requests == []


def test_redirects_in_a_circle_end(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(status=302, headers={"Location": "/x"}))
    with pytest.raises(NotOnServer):
        fetch(f"{server.url}/x", tmp_path)
    assert len(server.requests) < 20


def test_an_encoded_answer_is_refused(server: SymbolServer, tmp_path: Path) -> None:
    server.serve("/x", Answer(BODY, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(NotOnServer, match="encoding"):
        fetch(f"{server.url}/x", tmp_path)


NOT_HTTP = {
    "nothing": b"", "no status": b"HTTP/1.1 abc\r\n\r\n", "zeros": bytes(100),
    "headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500,
}  # fmt: skip


@pytest.mark.parametrize("reply", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_is_a_server_trouble(tmp_path: Path, reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(reply)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(ServerTrouble):
            fetch(f"http://127.0.0.1:{port}/x", tmp_path)


@pytest.mark.parametrize("url", ["http://[bad/x", "http://127.0.0.1:port/x", "http://a..b/x", "http://127.0.0.1:1/a b"])
def test_an_address_that_makes_no_sense_is_a_server_trouble(tmp_path: Path, url: str) -> None:
    with pytest.raises(ServerTrouble):
        fetch(url, tmp_path)


ENDLESS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n", b"X: y\r\n"),
    "size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n", b"0"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 100000\r\n\r\n", b"a"),
}


@contextlib.contextmanager
def endless(start: bytes, step: bytes) -> Iterator[str]:
    """The address of a server whose answer never ends, though it is never silent for long."""
    over = threading.Event()

    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            client.sendall(start)
            while not over.wait(0.05):
                client.sendall(step)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()


@pytest.mark.parametrize("part", ENDLESS)
def test_an_answer_without_end_is_given_up_after_the_time_limit(tmp_path: Path, part: str) -> None:
    with endless(*ENDLESS[part]) as url, pytest.raises(ServerTrouble, match="gave up after"):
        fetch(f"{url}/x", tmp_path, DownloadLimits(silence_seconds=30, total_seconds=0.5))


def test_a_proxy_that_never_opens_the_way_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with endless(b"HTTP/1.1 200 ", b"O") as url:
        monkeypatch.setenv("https_proxy", url)
        opener = make_opener()
        limits = DownloadLimits(silence_seconds=30, total_seconds=0.5)
        with pytest.raises(ServerTrouble, match="gave up after"):
            Download("https://127.0.0.1:9/x", tmp_path / "x.pdb", opener, limits, None).run()


def test_the_lock_is_released_when_a_server_never_ends(tmp_path: Path) -> None:
    wanted = WantedFile(StoreEntry("x.pdb", "0" * 33), lambda _: None)
    with endless(*ENDLESS["header"]) as url:
        fetcher = Fetcher(limits=DownloadLimits(silence_seconds=30, total_seconds=0.5))
        with pytest.raises(SymbolError, match="gave up after"):
            fetcher.fetch(SymbolSource(url, True, (str(tmp_path / "cache"),)), wanted)
    assert list((tmp_path / "cache").rglob("*")) == []
