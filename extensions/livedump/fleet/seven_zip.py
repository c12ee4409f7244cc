"""7z archives, read by py7zr, an extra. The only importer of py7zr."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from livedump.fleet.errors import ArchiveError
from livedump.fleet.members import Write
from livedump.model.budget import Budget
from livedump.model.errors import EngineUnavailable, LimitReached

INPUT = 1 << 10
"""Packed bytes that are expanded at once: Zstandard hands over all that these grow to, thirty thousandfold. Of bzip2,
which can do a million, py7zr takes 128 MB at a time by itself."""
WAITING = 4
"""Pieces that are expanded before somebody takes them."""


class SevenZip:
    """One open archive. Files that are asked for in the archive's order are expanded in one pass."""

    def __init__(self, place: str, budget: Budget) -> None:
        try:
            import py7zr  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise EngineUnavailable(f"{place}: 7z archives need py7zr: pip install '.[archives]'") from error
        self._library = py7zr
        self._budget = budget
        self._size = Path(place).stat().st_size
        self._file = _Sipped(io.FileIO(place))
        self._pass: _Pass | None = None
        try:
            self._sizes = self._listed()
        except BaseException:
            self._file.close()
            raise

    def draw_on(self, budget: Budget) -> None:
        """From now on this is what reading draws on."""
        self._budget = budget

    def names(self) -> list[str]:
        """Names of its files."""
        return list(self._sizes)

    def expanded_size(self, name: str) -> int:
        """Bytes that its directory promises."""
        return self._sizes[name]

    def packed_size(self, _name: str) -> int:
        """Bytes of the whole archive: its files may be compressed together."""
        return self._size

    def copy(self, name: str, write: Write) -> None:
        """Hands the file's bytes over; those of files before it in a solid archive are expanded as well."""
        if self._pass is None or not self._pass.may_still_come(name):
            self._end_pass()
            archive = self._archive()
            self._file.sips = True
            self._pass = _Pass(archive, list(self._sizes))
        for piece in self._pass.iter_pieces(name):
            self._budget.expand(len(piece.data))
            if piece.name == name:
                write(piece.data)

    def close(self) -> None:
        """Gives the file back."""
        self._end_pass()
        self._file.close()

    def _listed(self) -> dict[str, int]:
        archive = self._archive()
        try:
            if archive.needs_password():
                raise ArchiveError("the archive is encrypted; take its files out with its password first")
            listed = archive.list()
        except (ArchiveError, MemoryError):
            raise
        except Exception as error:
            raise _damaged(error) from error
        self._budget.take_names(len(listed))
        return {each.filename: each.uncompressed for each in listed if not each.is_directory}

    def _archive(self) -> Any:
        # An open file, not its name: py7zr would read with a thread for each of its folders.
        self._file.sips = False
        self._file.seek(0)
        try:
            return self._library.SevenZipFile(self._file)
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(error) from error

    def _end_pass(self) -> None:
        if self._pass is not None:
            self._pass.end()
            self._pass = None


def _damaged(error: Exception) -> ArchiveError:
    """For what py7zr and its decoders raise: exceptions of theirs, and of Python's own whatever a damage leads to."""
    return ArchiveError(f"the archive is damaged or encrypted: {str(error) or type(error).__name__}")


class _Sipped(io.BufferedReader):
    """A file that gives little at a time once its directory is read: py7zr takes a megabyte, and expands it at once."""

    sips = False

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes."""
        return super().read(INPUT if self.sips and (size is None or not 0 <= size <= INPUT) else size)


class _Piece(NamedTuple):
    name: str
    data: bytes


class _Pass:
    """One pass over an archive, in a thread of its own that waits until its pieces are taken: py7zr only hands over."""

    def __init__(self, archive: Any, names: list[str]) -> None:
        self._left = dict.fromkeys(names)
        self._pieces: queue.Queue[_Piece | BaseException | None] = queue.Queue(WAITING)
        self._over = threading.Event()
        self._waiting: _Piece | None = None
        self._thread = threading.Thread(target=self._read, args=(archive,), daemon=True)
        self._thread.start()

    def may_still_come(self, name: str) -> bool:
        """Whether the beginning of the file has not been taken yet."""
        return name in self._left

    def iter_pieces(self, name: str) -> Iterator[_Piece]:
        """The next pieces up to the end of that file, those of files before it included.

        Raises:
            ArchiveError: the file does not come, or the archive is damaged.
        """
        begun = False
        while True:
            piece = self._next()
            if begun and (piece is None or piece.name != name):
                self._waiting = piece
                return
            if piece is None:
                raise ArchiveError(f"the archive is damaged: {name} does not come out of it")
            begun = begun or piece.name == name
            self._left.pop(piece.name, None)
            yield piece

    def end(self) -> None:
        """Ends the thread."""
        self._over.set()
        while self._thread.is_alive():
            self._take(0.01)
        self._thread.join()

    def put(self, piece: _Piece | BaseException | None) -> None:
        """Waits until there is room; called by the thread."""
        while not self._over.is_set():
            try:
                return self._pieces.put(piece, timeout=0.1)
            except queue.Full:
                continue
        raise _Over

    def _next(self) -> _Piece | None:
        waiting, self._waiting = self._waiting, None
        found = waiting or self._pieces.get()
        if not isinstance(found, _Piece):
            self._left.clear()  # the thread has ended
        if isinstance(found, BaseException):
            raise found
        return found

    def _take(self, seconds: float) -> None:
        try:
            self._pieces.get(timeout=seconds)
        except queue.Empty:
            return

    def _read(self, archive: Any) -> None:
        end: BaseException | None = None
        try:
            archive.extract(factory=_Factory(self))
        except _Over:
            return
        except MemoryError:
            end = LimitReached("to expand it takes more memory than a dump may have")
        except Exception as error:  # noqa: BLE001 - whatever the library raises
            end = _damaged(error)
        try:
            self.put(end)
        except _Over:
            return


class _Over(Exception):
    """Nobody takes pieces any more."""


class _Sink:
    """What py7zr writes a file to (its Py7zIO): hands the bytes on."""

    def __init__(self, name: str, reading: _Pass) -> None:
        self._name = name
        self._reading = reading
        self._size = 0
        reading.put(_Piece(name, b""))

    def write(self, data: bytes) -> int:
        """Hands bytes on."""
        self._reading.put(_Piece(self._name, bytes(data)))
        self._size += len(data)
        return len(data)

    def read(self, _size: int | None = None) -> bytes:
        """Nothing is kept."""
        return b""

    def seek(self, offset: int, _whence: int = 0) -> int:
        """There is one way."""
        return offset

    def flush(self) -> None:
        """Nothing waits."""

    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def close(self) -> None:
        """Nothing to give back."""


class _Factory:
    """What py7zr asks for a place for each file (its WriterFactory)."""

    def __init__(self, reading: _Pass) -> None:
        self._reading = reading

    def create(self, filename: str) -> _Sink:
        """The place for a file."""
        return _Sink(filename, self._reading)
