"""Dumps at addresses, read through fsspec: only the parts that are asked for travel. The only importer of fsspec."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NoReturn

from livedump.model.errors import EngineUnavailable, UnreadableFile

if TYPE_CHECKING:
    from livedump.dumpfile.source import ByteSource

BLOCK = 64 << 10
"""Bytes that travel at once; the last 32 blocks are kept."""


class RemoteSource:
    """One file at an address."""

    def __init__(self, address: str, file: IO[bytes], size: int) -> None:
        self.path = address
        self.size = size
        self._file = file

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
        except (OSError, ValueError, RuntimeError) as error:
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
        raise EngineUnavailable("addresses need fsspec: pip install livedump[remote]") from error
    try:
        system, path = fsspec.core.url_to_fs(address)
        size = system.size(path)
        if size is None:
            raise UnreadableFile(f"{address}: the server does not say how long the file is")
        file = system.open(path, "rb", block_size=BLOCK, cache_type="blockcache")
    except ImportError as error:
        raise EngineUnavailable(f"{address}: {error}") from error
    except (OSError, ValueError, RuntimeError) as error:
        _raise_unreadable(address, error)
    return RemoteSource(address, file, size)


def _raise_unreadable(address: str, error: Exception) -> NoReturn:
    raise UnreadableFile(f"cannot read {address}: {error or type(error).__name__}") from error
