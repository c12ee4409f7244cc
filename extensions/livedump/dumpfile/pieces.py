"""What a triage dump holds in place of pages."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from livedump.dumpfile.blobs import read_blobs
from livedump.dumpfile.header import Header
from livedump.dumpfile.memory import tally_by_reading
from livedump.dumpfile.source import ByteSource
from livedump.dumpfile.triage_blocks import (
    Block,
    TriageBody,
    TriageMemory,
    loaded_drivers,
    read_triage_body,
    triage_memory,
    unloaded_drivers,
)
from livedump.model.addresses import Memory
from livedump.model.dump import Dump
from livedump.model.errors import DamagedDump, NotKnown
from livedump.model.holdings import PageTally
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing

MAX_COPY = 0x10000
"""Sizes of structures are 16 bits wide in the debugger data block."""


class Copies(NamedTuple):
    """Structures of which a triage dump holds copies, up to MAX_COPY bytes; what follows the structure comes along."""

    process: bytes
    """EPROCESS."""
    thread: bytes
    """ETHREAD; empty where there is none."""


class Pieces:
    """What a triage dump holds: some pieces of virtual memory, lists of drivers, copies of structures."""

    whole = False

    def __init__(self, source: ByteSource, header: Header) -> None:
        self._source = source
        self._header = header

    @property
    def memory(self) -> Memory:
        """Virtual memory, of which there is little. Raises DamagedDump."""
        return self._memory

    @property
    def end_offset(self) -> int:
        """File offset behind the triage part."""
        return self._parts.size

    @cached_property
    def drivers(self) -> Listing[Module]:
        """Loaded drivers, in load order."""
        return loaded_drivers(self._source, self._parts)

    @property
    def unloaded_drivers(self) -> Listing[UnloadedModule]:
        """Drivers that were unloaded."""
        return unloaded_drivers(self._source, self._parts)

    @property
    def stack(self) -> Block | None:
        """The current thread's stack, from its stack pointer up."""
        return self._parts.stack

    @property
    def copies(self) -> Copies:
        """The current process and thread.

        Raises:
            NotKnown: there is no copy of the process.
        """
        parts = self._parts
        if parts.process_offset is None:
            raise NotKnown("this triage dump holds no copy of the current process")
        thread = self._source.read_at(parts.thread_offset, MAX_COPY) if parts.thread_offset is not None else b""
        return Copies(self._source.read_at(parts.process_offset, MAX_COPY), thread)

    def describe(self, dump: Dump) -> Dump:
        """The container with the size that it should have, and what is wrong with its parts."""
        try:
            parts = self._parts
        except DamagedDump as damage:
            return dump._replace(problems=(str(damage),))
        size = dump.expected_size if dump.expected_size is not None else self._end(parts)
        return dump._replace(expected_size=size, problems=_limits(parts))

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range can be read whole; of physical ones none."""
        return PageTally(0, 0, 1, 0) if physical else tally_by_reading(self._memory, address, size)

    def close(self) -> None:
        """Nothing: of pieces none is kept."""

    def _end(self, parts: TriageBody) -> int:
        blobs = read_blobs(self._source, parts.size)
        return blobs.end_offset if blobs else parts.size

    @cached_property
    def _parts(self) -> TriageBody:
        return read_triage_body(self._source, self._header.body_offset)

    @cached_property
    def _memory(self) -> TriageMemory:
        return triage_memory(self._source, self._parts, self._header.debugger_data_block)


def _limits(body: TriageBody) -> tuple[str, ...]:
    unfinished = () if body.complete else ("the mark that Windows leaves at the end of a triage dump is missing",)
    full = ("Windows noted that not everything fitted into this triage dump",) if body.overflowed else ()
    return (*(found.message for found in body.problems), *unfinished, *full)
