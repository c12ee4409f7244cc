"""Which bytes of a sound file its reader looks at: found by watching it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

from livedump.dumpfile.memory import VirtualMemory
from livedump.dumpfile.page_runs import PhysicalMemory
from livedump.dumpfile.triage_blocks import TriageMemory
from livedump.engines.native import NativeEngine
from livedump.model.errors import DumpError
from tests.robustness.mutations import PAGE, Seed, Spot

MAX_SPOTS = 4000


class BytesSource:
    """A file in memory; tells ``seen`` what was read of it."""

    def __init__(self, data: bytes, seen: list[Spot] | None = None) -> None:
        self.path = "/nowhere/mutated.dmp"
        self.size = len(data)
        self._data = data
        self._seen = seen

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes at ``offset``: fewer than ``size`` only at the end."""
        data = self._data[max(offset, 0) : max(offset, 0) + size]
        if self._seen is not None and data:
            self._seen.append(Spot(offset, len(data)))
        return data

    def close(self) -> None:
        """Nothing to give back."""


def watched(name: str, data: bytes, ask: Callable[[NativeEngine], object], symbols: str = "") -> Seed:
    """The file with every place that ``ask`` makes the native engine look at."""
    seen: list[Spot] = []
    with _watching(seen), contextlib.suppress(DumpError):
        engine = NativeEngine("/nowhere/sound.dmp", symbols, BytesSource(data, seen))
        with contextlib.suppress(DumpError):
            ask(engine)
        engine.close()
    return Seed(name, data, tuple(dict.fromkeys(seen))[:MAX_SPOTS])


@contextlib.contextmanager
def _watching(seen: list[Spot]) -> Iterator[None]:
    physical, virtual, pieces = PhysicalMemory.read, VirtualMemory.read, TriageMemory.read

    def read_physical(self: PhysicalMemory, address: int, size: int) -> bytes:
        before = len(seen)
        data = physical(self, address, size)
        offset = self.offset_of(address // PAGE)
        seen[before:] = [spot for spot in seen[before:] if (spot.offset, spot.size) != (offset, PAGE)]
        if offset is not None:
            seen.append(Spot(offset + address % PAGE, min(size, PAGE - address % PAGE), page=address // PAGE))
        return data

    def read_virtual(self: VirtualMemory, address: int, size: int) -> bytes:
        return _addressed(seen, virtual(self, address, size), address, size)

    def read_pieces(self: TriageMemory, address: int, size: int) -> bytes:
        return _addressed(seen, pieces(self, address, size), address, size)

    watchers = ((PhysicalMemory, read_physical), (VirtualMemory, read_virtual), (TriageMemory, read_pieces))
    with contextlib.ExitStack() as stack:
        for memory, watcher in watchers:
            stack.enter_context(patch.object(memory, "read", watcher))
        yield


def _addressed(seen: list[Spot], data: bytes, address: int, size: int) -> bytes:
    # The place that was looked at last, when it can be all that was asked for, gets its virtual address.
    if seen and seen[-1].size == size:
        seen[-1] = seen[-1]._replace(address=address)
    return data
