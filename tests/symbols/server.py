"""A symbol server on 127.0.0.1 that does what a test tells it to, faults included."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Answer:
    """How to answer one request."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    """Close the connection after so many bytes of the body."""
    chunk: int = 1 << 20
    pause: float = 0.0
    """Seconds before each chunk."""
    ranges: bool = True
    etag: str | None = '"v1"'
    content_length: str | None = None
    """Said instead of the true one."""


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""


class SymbolServer:
    """Answers by path. A list of answers is used up one by one, its last one again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path for request in self.requests]

    def serve(self, path: str, *answers: Answer) -> None:
        """Sets the answers for a path."""
        self.answers[path] = list(answers)

    def use_certificate(self, certificate: Path, key: Path) -> None:
        """From now on it speaks TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def close(self) -> None:
        """Stops it."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def take(self, request: Request) -> Answer:
        """The answer to a request."""
        with self._lock:
            self.requests.append(request)
            waiting = self.answers.get(request.path, [Answer(status=404)])
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                with contextlib.suppress(OSError):
                    _send(self, server.take(Request(self.path, headers)), headers)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


def _send(handler: BaseHTTPRequestHandler, answer: Answer, headers: dict[str, str]) -> None:
    start, status = 0, answer.status
    asked = headers.get("range", "")
    if asked and answer.ranges and status == 200 and headers.get("if-range") in (None, answer.etag):
        start, status = int(asked[len("bytes=") : -1]), 206
    body = answer.body[start:]
    handler.send_response(status)
    handler.send_header("Content-Length", answer.content_length or str(len(body)))
    if status == 206:
        handler.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
    if answer.etag:
        handler.send_header("ETag", answer.etag)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    limit = len(body) if answer.drop_after is None else answer.drop_after
    for at in range(0, min(limit, len(body)), answer.chunk):
        time.sleep(answer.pause)
        handler.wfile.write(body[at : min(at + answer.chunk, limit)])
        handler.wfile.flush()
    handler.close_connection = True


@contextlib.contextmanager
def running() -> Iterator[SymbolServer]:
    """A server for as long as a test needs it."""
    server = SymbolServer()
    try:
        yield server
    finally:
        server.close()
