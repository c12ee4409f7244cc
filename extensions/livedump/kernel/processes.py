"""Processes, and which of them asked for the dump."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from livedump.kernel import c_kernel as c
from livedump.kernel.kdbg import Kdbg
from livedump.kernel.linked_list import walk_list
from livedump.kernel.process_layout import FieldOffset, ProcessLayout, layout_from_symbols, probe_layout
from livedump.kernel.values import find_u64, read_prefix, text_of_bytes
from livedump.model.addresses import Memory
from livedump.model.listing import Listing
from livedump.model.processors import Process, Requester

MAX_PROCESSES = 65536


class ProcessList(NamedTuple):
    """Processes in the system's own order, and where their fields stand."""

    listing: Listing[Process]
    layout: ProcessLayout


def processes(
    memory: Memory, kdbg: Kdbg, head: int, field_offset: FieldOffset | None = None, anchors: Iterable[int] = ()
) -> ProcessList:
    """The processes of the list at ``head``, PsActiveProcessHead; 65536 at most.

    Without symbols the offsets are probed for; ``anchors``, addresses of any EPROCESSes, help: each processor's
    current thread points at one. A part of a process that is missing is None.

    Raises:
        MemoryGap: the head of the list is missing.
    """
    walk = walk_list(memory, head, MAX_PROCESSES)
    layout = layout_from_symbols(kdbg, field_offset) or probe_layout(memory, kdbg, walk.entries, anchors)
    found = tuple(_process_at(memory, links, layout) for links in walk.entries)
    return ProcessList(Listing(found, walk.problem), layout)


def find_requester(
    memory: Memory, listed: ProcessList, directory_table_base: int | None, thread_process: int | None
) -> Requester:
    """Who asked for the dump.

    ``directory_table_base`` is the dump header's, ``thread_process`` the EPROCESS to which the current thread of the
    processor that wrote the dump is attached. That one need not be in the list.
    """
    found, problem = listed.listing, listed.listing.problem
    by_table = next((each for each in found if _same_tables(each.directory_table_base, directory_table_base)), None)
    if thread_process is None:
        return Requester(by_table, None, problem)
    by_thread = next((each for each in found if each.address == thread_process), None)
    return Requester(by_table, by_thread or read_process(memory, thread_process, listed.layout), problem)


def read_process(memory: Memory, address: int, layout: ProcessLayout) -> Process:
    """The process whose EPROCESS is at ``address``; None for each part that is missing."""
    if layout.links is not None:
        return _process_at(memory, address + layout.links, layout)
    return Process(address, None, None, _find_tables(memory, address, layout))


def _process_at(memory: Memory, links: int, layout: ProcessLayout) -> Process:
    address = None if layout.links is None or layout.links > links else links - layout.links
    return Process(
        address=address,
        name=_find_name(memory, links, layout),
        process_id=find_u64(memory, links + layout.process_id_from_links),
        directory_table_base=None if address is None else _find_tables(memory, address, layout),
    )


def _find_name(memory: Memory, links: int, layout: ProcessLayout) -> str | None:
    if layout.name_from_links is None:
        return None
    return text_of_bytes(read_prefix(memory, links + layout.name_from_links, c.IMAGE_FILE_NAME_SIZE)) or None


def _find_tables(memory: Memory, address: int, layout: ProcessLayout) -> int | None:
    if layout.directory_table_base is None:
        return None
    value = find_u64(memory, address + layout.directory_table_base)
    return None if value is None else value & ~c.DIRECTORY_TABLE_BASE_FLAGS or None


def _same_tables(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return False
    return (one ^ other) & ~c.DIRECTORY_TABLE_BASE_FLAGS == 0
