"""Processes, and which of them asked for the dump."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livedump.kernel import c_kernel as c
from livedump.kernel.linked_list import walk_list
from livedump.kernel.structure import Structure, member
from livedump.kernel.tasks import EProcess
from livedump.kernel.typed_memory import FoundLayouts, TypedMemory
from livedump.kernel.values import is_client_id, may_be_image_file_name, read_prefix, text_of_bytes
from livedump.model.errors import NotKnown
from livedump.model.listing import Listing
from livedump.model.processors import Process, Requester

if TYPE_CHECKING:
    from livedump.kernel.process_layout import ProcessLayout

MAX_PROCESSES = 65536
PROBED_MEMBERS = ("ActiveProcessLinks", "UniqueProcessId", "ImageFileName")
"""Those that a dump itself may show, where nothing else tells."""
SMALLEST_PROCESS = 0x400
"""Bytes of an EPROCESS, and of an ETHREAD, are more than that in every 64-bit Windows (0x4d0 and 0x498 in 7601)."""


class BesideLinks(Structure):
    """What stands beside the links of a process of which it is not known where it begins."""

    type_name = "_EPROCESS.ActiveProcessLinks"

    process_id = member("UniqueProcessId", int)
    name = member("ImageFileName", str)


def found_layouts(probe: Callable[[], ProcessLayout]) -> tuple[FoundLayouts, FoundLayouts]:
    """What ``probe`` finds out about processes, when that is needed: of a whole one, and of its links."""
    return (
        FoundLayouts(EProcess.type_name, PROBED_MEMBERS, lambda: probe().members()),
        FoundLayouts(BesideLinks.type_name, PROBED_MEMBERS, lambda: probe().members_beside_links()),
    )


def processes(memory: TypedMemory, head: int) -> Listing[Process]:
    """The processes of the list at ``head``, PsActiveProcessHead; 65536 at most. A part that is missing is None.

    Raises:
        MemoryGap: the head of the list is missing.
    """
    walk = walk_list(memory, head, most_processes(memory))
    return Listing(tuple(_process_at(memory, links) for links in walk.entries), walk.problem)


def most_processes(memory: TypedMemory) -> int:
    """How many processes a list may have."""
    return memory.room_for(MAX_PROCESSES, SMALLEST_PROCESS)


def find_requester(
    memory: TypedMemory, listed: Listing[Process], directory_table_base: int | None, thread_process: int | None
) -> Requester:
    """Who asked for the dump.

    ``directory_table_base`` is the dump header's, ``thread_process`` the EPROCESS to which the current thread of the
    processor that wrote the dump is attached. That one need not be in the list.
    """
    by_table = next((each for each in listed if _same_tables(each.directory_table_base, directory_table_base)), None)
    if thread_process is None:
        return Requester(by_table, None, listed.problem)
    by_thread = next((each for each in listed if each.address == thread_process), None)
    return Requester(by_table, by_thread or read_process(memory, thread_process), listed.problem)


def read_process(memory: TypedMemory, address: int) -> Process:
    """The process whose EPROCESS is at ``address``; None for each part that is missing."""
    process = EProcess(memory, address)
    return Process(
        address=address,
        name=sound_name(process),
        process_id=sound_id(process.process_id),
        directory_table_base=sound_tables(process.directory_table_base),
    )


def _process_at(memory: TypedMemory, links: int) -> Process:
    try:
        return read_process(memory, EProcess.around(memory, links, "ActiveProcessLinks").address)
    except NotKnown:
        beside = BesideLinks(memory, links)
        return Process(None, sound_name(beside), sound_id(beside.process_id), None)


def sound_name(process: EProcess | BesideLinks) -> str | None:
    """The name of a process, cleaned; None where it is missing, and where no file is called like that."""
    try:
        place = type(process).name.place(process.memory, type(process))
    except NotKnown:
        return None
    field = read_prefix(process.memory, process.address + place.offset, c.IMAGE_FILE_NAME_SIZE + 1)
    return text_of_bytes(field[: c.IMAGE_FILE_NAME_SIZE]) if may_be_image_file_name(field) else None


def sound_id(value: int | None) -> int | None:
    """The id of a process or thread; None for a number that is none."""
    return value if value is not None and is_client_id(value) else None


def sound_tables(value: int | None) -> int | None:
    """Where the page tables of a process are, without flags; None for a number that is no physical address."""
    if value is None or value >> c.PHYSICAL_ADDRESS_BITS:
        return None
    return value & ~c.DIRECTORY_TABLE_BASE_FLAGS or None


def _same_tables(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return False
    return (one ^ other) & ~c.DIRECTORY_TABLE_BASE_FLAGS == 0
