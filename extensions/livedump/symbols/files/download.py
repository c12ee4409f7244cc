"""One file from a symbol server over HTTP: resumed, retried, bounded in time and size.

Nothing but the address goes out. Credentials in a symbol path's address go to that host alone.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any

from livedump.model.downloads import DownloadProgress, ProgressCallback
from livedump.symbols.files.whole_files import open_safely

USER_AGENT = "Microsoft-Symbol-Server/10.0.0.0"
"""Symbol servers turn others away."""
CHUNK = 1 << 16
MAX_REDIRECTS = 5
NETWORK_ERRORS = (OSError, http.client.HTTPException)


Opener = urllib.request.OpenerDirector


@dataclass(frozen=True)
class DownloadLimits:
    """What one download may cost."""

    silence_seconds: float = 15
    """Longest wait for a connection, or for more of the answer."""
    total_seconds: float = 600
    max_bytes: int = 2 << 30
    attempts: int = 4
    connect_attempts: int = 2
    """Of these, how many may fail before a byte was answered."""
    pause_seconds: float = 0.5
    """Before the second attempt; doubled before each further one."""


class NotOnServer(Exception):
    """The server answers, but not with a file that can be used."""


class ServerTrouble(Exception):
    """The server, or the way to it, fails: no use asking it for the next file at once."""

    def __init__(self, message: str, slow: bool = False) -> None:
        self.slow = slow
        """Whether it answers, or may yet, and took too long."""
        super().__init__(message)


class _Interrupted(Exception):
    """Worth another attempt."""


class Download:
    """One file on its way. Call ``run`` once."""

    def __init__(
        self, url: str, target: Path, opener: Opener, limits: DownloadLimits, progress: ProgressCallback | None
    ) -> None:
        """``opener`` comes from ``make_opener``; it serves any number of downloads.

        Raises:
            ServerTrouble: the address makes no sense.
        """
        self._url, self._authorization = _without_credentials(url)
        self._target = target
        self._opener = opener
        self._limits = limits
        self._progress = progress
        self._deadline = time.monotonic() + limits.total_seconds
        self._watch = _Watch(self._deadline)
        self._validator: str | None = None
        self._unanswered = 0

    def run(self) -> None:
        """Fetches the file to ``target``; what is left there after a failure is of no use.

        Raises:
            NotOnServer: the server does not have it, or not in a form that is taken.
            ServerTrouble: it could not be had within the limits.
            OSError: it cannot be written.
        """
        with self._watch:
            self._try_often()

    def _try_often(self) -> None:
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return self._attempt()
            except _Interrupted as error:
                self._check_time()
                if attempt == self._limits.attempts:
                    raise ServerTrouble(f"{self._host}: {error}") from error
                self._pause(self._limits.pause_seconds * 2 ** (attempt - 1), str(error))
        raise ServerTrouble(f"{self._host}: no attempt was allowed")

    @property
    def _host(self) -> str:
        return urllib.parse.urlsplit(self._url).hostname or self._url

    def _pause(self, seconds: float, trouble: str) -> None:
        if time.monotonic() + seconds > self._deadline:
            raise ServerTrouble(f"{self._host}: {trouble}; gave up after {self._limits.total_seconds:g} s", slow=True)
        time.sleep(seconds)

    def _attempt(self) -> None:
        done = self._target.stat().st_size if self._validator and self._target.exists() else 0
        with contextlib.closing(self._open(done)) as answer:
            self._receive(answer, done)

    def _open(self, done: int) -> http.client.HTTPResponse:
        """The server's answer; whatever else happens becomes one of the three exceptions."""
        try:
            silence = self._limits.silence_seconds
            answer: http.client.HTTPResponse = self._opener.open(self._request(done), timeout=silence)
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                raise self._refused(error) from error
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from error
        except NETWORK_ERRORS as error:
            raise self._unreachable(error) from error
        except ValueError as error:
            raise ServerTrouble(f"{self._host}: an address that makes no sense: {error}") from error
        return answer

    def _request(self, done: int) -> urllib.request.Request:
        request = _WatchedRequest(self._url, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        request.watch = self._watch
        if self._authorization:
            request.add_header("Authorization", self._authorization)
        if done and self._validator:
            request.add_header("Range", f"bytes={done}-")
            request.add_header("If-Range", self._validator)
        return request

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        if error.code == 416:
            self._validator = None  # what we have does not fit what is there: begin anew
        elif error.code < 500 and error.code != 429:
            return NotOnServer(f"{self._host}: HTTP {error.code}")
        return _Interrupted(f"HTTP {error.code}")

    def _unreachable(self, reason: object) -> Exception:
        self._check_time()
        if isinstance(reason, _Refused):
            return NotOnServer(f"{self._host}: {reason}")
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ServerTrouble(f"{self._host}: {reason}")
        trouble = "does not answer in time" if isinstance(reason, socket.timeout) else f"cannot be reached: {reason!r}"
        self._unanswered += 1
        if self._unanswered >= self._limits.connect_attempts:
            return ServerTrouble(f"{self._host} {trouble}", slow=isinstance(reason, socket.timeout))
        return _Interrupted(trouble)

    def _receive(self, answer: http.client.HTTPResponse, done: int) -> None:
        resumed = answer.status == 206 and _range_start(answer.headers) == done
        if answer.status == 206 and not resumed:
            self._validator = None
            raise _Interrupted("it sent another part than was asked for")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise NotOnServer(f"{self._host}: sends the file in another encoding than was asked for")
        received = done if resumed else 0
        length = _number(answer.headers.get("Content-Length", ""))
        total = received + length if length is not None else None
        self._check_size(total or 0)
        self._validator = _validator(answer.headers)
        with open_safely(self._target, "ab" if resumed else "wb") as file:
            received = self._copy(answer, file, received, total)
        if total is not None and received < total:
            raise _Interrupted(f"it broke off after {received} of {total} bytes")

    def _copy(self, answer: http.client.HTTPResponse, file: IO[bytes], received: int, total: int | None) -> int:
        while True:
            try:
                chunk = answer.read1(CHUNK)
            except NETWORK_ERRORS as error:
                raise _Interrupted(f"the connection broke: {error!r}") from error
            self._check_time()
            if not chunk:
                return received
            file.write(chunk)
            received += len(chunk)
            self._check_size(received)
            if self._progress:
                self._progress(DownloadProgress(self._target.name, received, total))

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise ServerTrouble(f"{self._host}: too slow, gave up after {self._limits.total_seconds:g} s", slow=True)

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise NotOnServer(f"{self._host}: the file is larger than {self._limits.max_bytes} bytes")


class _Watch:
    """Ends the connections of one download when its time is over, whatever they wait for. Use it as a context.

    A server may keep every single wait short and never come to an end, in its status line, a header, a trailer.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._connections: list[http.client.HTTPConnection] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> None:
        self._timer = threading.Timer(max(self._deadline - time.monotonic(), 0), self._end)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def begins(self, connection: http.client.HTTPConnection) -> None:
        """Watches a connection that is being made: perhaps a proxy is asked first."""
        self._connections.append(connection)

    def holds(self, made: socket.socket) -> None:
        """Watches a connection that stands: it is known by its socket alone once the answer is being read."""
        self._sockets.append(made)

    def _end(self) -> None:
        for held in (*self._sockets, *(connection.sock for connection in self._connections)):
            with contextlib.suppress(OSError, AttributeError):  # it is closed, or was never made
                held.shutdown(socket.SHUT_RDWR)


class _WatchedRequest(urllib.request.Request):
    """A request, and what watches over its connection."""

    watch: _Watch


class _PlainConnection(http.client.HTTPConnection):
    """A connection that can be ended from outside."""

    watch: _Watch

    def connect(self) -> None:
        """Connects under the watch."""
        self.watch.begins(self)
        super().connect()
        self.watch.holds(self.sock)


class _SecureConnection(http.client.HTTPSConnection):
    """The same with TLS."""

    watch: _Watch

    def connect(self) -> None:
        """Connects under the watch; the time of the handshake as a whole is bounded by that of one wait."""
        self.watch.begins(self)
        super().connect()
        self.watch.holds(self.sock)


class _WatchedHttp(urllib.request.HTTPHandler):
    """Makes the connections of a request."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Opens a connection that its request's watch can end."""

        def connection(host: str, **how: Any) -> http.client.HTTPConnection:
            made = _PlainConnection(host, **how)
            made.watch = _watch_of(req)
            return made

        return self.do_open(connection, req)


class _WatchedHttps(urllib.request.HTTPSHandler):
    """Makes the connections of a request over TLS; certificates are checked."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._certificates = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Opens a connection that its request's watch can end."""

        def connection(host: str, **how: Any) -> http.client.HTTPConnection:
            made = _SecureConnection(host, context=self._certificates, **how)
            made.watch = _watch_of(req)
            return made

        return self.do_open(connection, req)


def _watch_of(request: urllib.request.Request) -> _Watch:
    if not isinstance(request, _WatchedRequest):
        raise TypeError("only requests of a Download are opened")
    return request.watch


class _Refused(Exception):
    """A redirect that is not followed."""


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects over http and https, never from https to http, and takes no credentials to another host."""

    max_redirections = MAX_REDIRECTS

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows a redirect."""
        before, after = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if after.scheme not in ("http", "https") or (before.scheme, after.scheme) == ("https", "http"):
            raise urllib.error.URLError(_Refused(f"a redirect to {after.scheme} is not followed"))
        if after.username is not None:
            raise urllib.error.URLError(_Refused("a redirect with credentials is not followed"))
        request = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if request is None:
            return None
        watched = _WatchedRequest(request.full_url, headers=dict(request.header_items()))
        watched.watch = _watch_of(req)
        watched.unredirected_hdrs = request.unredirected_hdrs
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            watched.remove_header("Authorization")
        return watched


def make_opener() -> Opener:
    """What speaks http and https and nothing else, through the environment's proxy; certificates are checked."""
    opener = Opener()
    for handler in (
        urllib.request.ProxyHandler(),
        _WatchedHttp(),
        _WatchedHttps(ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        _CarefulRedirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _without_credentials(url: str) -> tuple[str, str | None]:
    """The address without user and password, and the header that says them to its host."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise ServerTrouble(f"an address that makes no sense: {error}") from error
    if parts.username is None:
        return url, None
    pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _validator(headers: Message) -> str | None:
    """What proves later that the rest belongs to the beginning; None when the server cannot resume."""
    tag = headers.get("ETag", "")
    if "bytes" not in headers.get("Accept-Ranges", "bytes"):
        return None
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _range_start(headers: Message) -> int | None:
    unit, _, rest = headers.get("Content-Range", "").partition(" ")
    return _number(rest.partition("-")[0]) if unit == "bytes" else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
