"""Dumps at addresses, read through fsspec: only the parts that are asked for travel. The only importer of fsspec."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any, NoReturn

from livedump.model.errors import EngineUnavailable, UnreadableFile
from livedump.model.secrets import without_secrets

if TYPE_CHECKING:
    from livedump.dumpfile.source import ByteSource

BLOCK = 64 << 10
"""Bytes that travel at once; the last 32 blocks are kept."""


class RemoteSource:
    """One file at an address."""

    def __init__(self, address: str, file: IO[bytes], size: int, errors: tuple[type[Exception], ...]) -> None:
        """``errors`` are those with which ``file`` says that it cannot be read."""
        self.path = without_secrets(address)
        self.size = size
        self._file = file
        self._errors = errors

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes at ``offset``: fewer than ``size`` only at the end of the file.

        Raises:
            UnreadableFile: the other side does not give them.
        """
        wanted = min(size, self.size - offset)
        if wanted <= 0:
            return b""
        try:
            self._file.seek(offset)
            return self._file.read(wanted)
        except self._errors as error:
            _raise_unreadable(self.path, error)

    def close(self) -> None:
        """Gives the connection back."""
        self._file.close()


def open_remote(address: str) -> ByteSource:
    """The bytes at an address.

    Raises:
        EngineUnavailable: fsspec, or what it needs for this kind of address, is not installed.
        UnreadableFile: nothing is there, or it cannot be read in parts.
    """
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineUnavailable("addresses need fsspec: pip install '.[remote]'") from error
    try:
        system, path = fsspec.core.url_to_fs(address)
        errors = _errors(fsspec)
        size = system.size(path)
        if size is None:
            raise UnreadableFile(f"{without_secrets(address)}: the server does not say how long the file is")
        file = system.open(path, "rb", block_size=BLOCK, cache_type="blockcache")
        if path.startswith(("http://", "https://")):
            _check_ranges(address, file, size)
    except ImportError as error:
        raise EngineUnavailable(f"{without_secrets(address)}: {error}; pip install '.[remote]'") from error
    except _errors(fsspec) as error:
        _raise_unreadable(address, error)
    return RemoteSource(address, file, size, errors)


def _errors(fsspec: Any) -> tuple[type[Exception], ...]:
    """What is raised where an address cannot be read; those of aiohttp, once it is there, are none of Python's own."""
    web = sys.modules.get("aiohttp")
    return (OSError, ValueError, RuntimeError, fsspec.exceptions.FSTimeoutError, *((web.ClientError,) if web else ()))


def _check_ranges(address: str, file: IO[bytes], size: int) -> None:
    """Reads the end of the file: a server that knows no ranges would send all that is before it."""
    if size <= BLOCK:
        return
    try:
        file.seek(size - 1)
        file.read(1)
    except ValueError as error:
        name = without_secrets(address)
        raise UnreadableFile(f"{name}: the server gives no ranges of files; download it and read that") from error


def _raise_unreadable(address: str, error: Exception) -> NoReturn:
    said = without_secrets(str(error)) or type(error).__name__
    raise UnreadableFile(f"cannot read {without_secrets(address)}: {said}") from error
