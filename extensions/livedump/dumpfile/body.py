"""What follows the header of a dump: pages of physical memory, or the pieces that a triage dump was given.

Both are memory. Pieces also carry lists and copies of structures for which pages hold the originals; where the answer
here is None, memory has to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from livedump.dumpfile.header import Header
from livedump.dumpfile.memory import MAX_TALLY, VirtualMemory, virtual_memory
from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.dumpfile.source import ByteSource
from livedump.model.addresses import PAGE_SIZE, Memory
from livedump.model.dump import DUMP_KINDS, Dump, DumpKind
from livedump.model.errors import DamagedDump, DumpError
from livedump.model.holdings import PageTally
from livedump.model.images import Module, UnloadedModule
from livedump.model.listing import Listing

if TYPE_CHECKING:
    from livedump.dumpfile.pieces import Copies
    from livedump.dumpfile.triage_blocks import Block

    class Body(Protocol):
        """The memory of a dump, and what its file says beside it."""

        whole: bool
        """Whether the kernel's own lists can be walked in the memory; in pieces hardly any of it is there."""

        @property
        def memory(self) -> Memory:
            """Virtual memory. Raises a DumpError where there is none."""

        @property
        def end_offset(self) -> int:
            """File offset behind it, where secondary data begins."""

        @property
        def drivers(self) -> Listing[Module] | None:
            """Loaded drivers as the file lists them; None where the kernel's own list has to be walked."""

        @property
        def unloaded_drivers(self) -> Listing[UnloadedModule] | None:
            """The same of those that were unloaded."""

        @property
        def stack(self) -> Block | None:
            """The stack that the file keeps apart; None where it lies in memory like everything else."""

        @property
        def copies(self) -> Copies | None:
            """The current process and thread; None where memory has them.

            Raises:
                NotKnown: the dump should hold them, and does not.
            """

        def describe(self, dump: Dump) -> Dump:
            """The container with what the body says of its size and completeness."""

        def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
            """How many pages of a range the dump holds."""

        def close(self) -> None:
            """Lets go of the pages that are kept."""


_WITHOUT_PAGES = frozenset({DumpKind.HEADER_ONLY, DumpKind.UNKNOWN})


def body_of(source: ByteSource, header: Header) -> Body:
    """The body of a dump. Nothing is read before it is asked for."""
    if DUMP_KINDS.get(header.dump_type) is DumpKind.TRIAGE and header.bits == 64:
        from livedump.dumpfile.pieces import Pieces  # noqa: PLC0415 - few dumps are of that kind

        return Pieces(source, header)
    return Pages(source, header)


class Pages:
    """Physical memory, page by page, and virtual memory through its page tables."""

    whole = True
    drivers = unloaded_drivers = stack = copies = None

    def __init__(self, source: ByteSource, header: Header) -> None:
        self._source = source
        self._header = header

    @property
    def memory(self) -> Memory:
        """Virtual memory.

        Raises:
            DumpError: the dump has no pages, or what tells their places is damaged.
        """
        return self._virtual

    @property
    def end_offset(self) -> int:
        """File offset behind the last page that was promised."""
        return self._physical.end_offset

    def describe(self, dump: Dump) -> Dump:
        """The container with its counts of pages; None where what tells them is damaged."""
        if dump.kind in _WITHOUT_PAGES:
            unknown = (f"dump type {self._header.dump_type:#x} is none that is known",)
            return dump._replace(expected_size=None, problems=unknown if dump.kind is DumpKind.UNKNOWN else ())
        try:
            pages = self._physical
            counted = pages.pages_counted
        except DumpError as error:  # the file may be as long as it should be, and its pages out of reach all the same
            unread = (str(error),) if isinstance(error, DamagedDump) else ()
            return dump._replace(expected_size=None, problems=unread)
        described = dump._replace(pages_present=pages.pages_in_file, pages_promised=pages.page_count)
        missing = None if counted is None else ()
        return described._replace(missing=missing, problems=tuple(_contradictions(pages, counted, dump.expected_size)))

    def tally_pages(self, address: int, size: int, physical: bool = False) -> PageTally:
        """How many pages of a range the dump holds; none is read."""
        if not physical:
            return self._virtual.tally_pages(address, size)
        pages = range(address // PAGE_SIZE, -(-(address + size) // PAGE_SIZE))[:MAX_TALLY]
        held = sum(map(self._physical.holds_page, pages))
        return PageTally(held, 0, len(pages) - held, 0)

    def close(self) -> None:
        """Lets go of the pages that are kept."""
        if "_physical" in self.__dict__:
            self._physical.close()

    @cached_property
    def _physical(self) -> PhysicalMemory:
        header = self._header
        return physical_memory(self._source, header.dump_type, header.body_offset, header.runs)

    @cached_property
    def _virtual(self) -> VirtualMemory:
        header = self._header
        return virtual_memory(self._physical, header.directory_table_base, header.machine, header.loaded_module_list)


def _contradictions(pages: PhysicalMemory, counted: int | None, expected_size: int | None) -> Iterator[str]:
    if counted is not None and counted != pages.page_count:
        yield f"{pages.page_count:,} pages are promised, {counted:,} are marked"
    if expected_size is not None and expected_size < pages.end_offset:
        yield f"the header asks for {expected_size:,} bytes, the pages end at {pages.end_offset:,}"
