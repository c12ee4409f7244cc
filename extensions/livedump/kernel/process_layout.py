"""Where the fields of EPROCESS stand in a dump without symbols: by looking at what is there.

Three things hold in every 64-bit build, and they are enough: UniqueProcessId stands right in front of
ActiveProcessLinks; the System process has id 4 and the name ``System``; a processor's current thread points at the
EPROCESS of its process, and exactly one link of the list of processes lies inside of that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from livedump.kernel import c_kernel as c
from livedump.kernel.c_layouts import IMAGE_FILE_NAME
from livedump.kernel.values import find_u64, is_image_file_name, read_prefix
from livedump.model.addresses import Memory, is_kernel_address
from livedump.model.layout import Member, MemberType, TypeKind, integer

NAMES_COMPARED = 8
MAX_ANCHORS = 64
SYSTEM_AMONG_FIRST = 64
"""The System process is the first of the list; a list with a damaged start may show it a little later."""


class ProcessLayout(NamedTuple):
    """What the dump itself shows of EPROCESS. None where it does not tell."""

    links: int | None
    """Of ActiveProcessLinks."""
    process_id_from_links: int
    """Of UniqueProcessId, counted from ActiveProcessLinks: negative."""
    name_from_links: int | None
    """Of ImageFileName, counted from ActiveProcessLinks."""

    def members(self) -> Iterator[Member]:
        """The members in EPROCESS; none where it is not known how far the links are from its start."""
        if self.links is not None:
            yield from ((each._replace(offset=self.links + each.offset)) for each in self.members_beside_links())

    def members_beside_links(self) -> Iterator[Member]:
        """The members, their offsets counted from the links."""
        yield Member("ActiveProcessLinks", 0, MemberType(TypeKind.STRUCTURE, c.LIST_ENTRY_SIZE, "_LIST_ENTRY"))
        yield Member("UniqueProcessId", self.process_id_from_links, integer(c.POINTER_SIZE))
        if self.name_from_links is not None:
            yield Member("ImageFileName", self.name_from_links, IMAGE_FILE_NAME)


def probe_layout(memory: Memory, size: int | None, links: Sequence[int], anchors: Iterable[int]) -> ProcessLayout:
    """The layout that the dump itself shows.

    ``size`` is that of an EPROCESS where it is known, ``links`` the addresses of the ActiveProcessLinks in list order,
    ``anchors`` those of some EPROCESSes that the current threads point at.
    """
    size = size or c.EPROCESS_DEFAULT_SIZE
    system = _find_system(memory, links)
    offset = _links_by_anchors(links, anchors, size)
    if offset is None and system is not None:
        offset = _links_by_header(memory, system, size)
    return ProcessLayout(
        links=offset,
        process_id_from_links=-c.PROCESS_ID_BEFORE_LINKS,
        name_from_links=_name_from_links(memory, links, system, size) if system is not None else None,
    )


def _find_system(memory: Memory, links: Sequence[int]) -> int | None:
    first = links[:SYSTEM_AMONG_FIRST]
    by_id = (entry for entry in first if find_u64(memory, entry - c.PROCESS_ID_BEFORE_LINKS) == c.SYSTEM_PROCESS_ID)
    return next(by_id, None)


def _links_by_anchors(links: Sequence[int], anchors: Iterable[int], size: int) -> int | None:
    ordered = sorted(links)
    votes: Counter[int] = Counter()
    for anchor in list(anchors)[:MAX_ANCHORS]:
        inside = ordered[bisect_right(ordered, anchor) : bisect_right(ordered, anchor + size)]
        if len(inside) == 1:
            votes[inside[0] - anchor] += 1
    return max(votes, key=votes.__getitem__) if votes else None


def _links_by_header(memory: Memory, link: int, size: int) -> int | None:
    # An EPROCESS begins with a dispatcher header that says so, and with list heads that point at themselves.
    nearest = link - link % c.EPROCESS_ALIGNMENT
    starts = range(nearest, max(nearest - size, 0), -c.EPROCESS_ALIGNMENT)
    found = [start for start in starts if _begins_process(read_prefix(memory, start, c.KPROCESS_PROBE_SIZE), start)]
    return link - found[0] if len(found) == 1 else None


def _begins_process(data: bytes, start: int) -> bool:
    if len(data) < c.KPROCESS_PROBE_SIZE or c.DISPATCHER_TYPE.read(data) != c.DISPATCHER_TYPE_PROCESS:
        return False
    own = start + c.KPROCESS_PROFILE_LIST.offset
    waiters = c.DISPATCHER_WAIT_LIST.read_all(data)
    return c.KPROCESS_PROFILE_LIST.read_all(data) == (own, own) and all(map(is_kernel_address, waiters))


def _name_from_links(memory: Memory, links: Sequence[int], system: int, size: int) -> int | None:
    data = read_prefix(memory, system, size)
    field = c.SYSTEM_PROCESS_NAME.ljust(c.IMAGE_FILE_NAME_SIZE, b"\0")
    others = [entry for entry in links if entry != system][:NAMES_COMPARED]
    for offset in range(c.LIST_ENTRY_SIZE, len(data) - c.IMAGE_FILE_NAME_SIZE, c.POINTER_SIZE):
        if data.startswith(field, offset) and _named_there(memory, others, offset):
            return offset
    return None


def _named_there(memory: Memory, others: Iterable[int], offset: int) -> bool:
    # Most of them are enough: a name in another code page than ASCII is no reason for doubt.
    fields = (read_prefix(memory, entry + offset, c.IMAGE_FILE_NAME_SIZE + 1) for entry in others)
    named = [is_image_file_name(field) for field in fields if len(field) > c.IMAGE_FILE_NAME_SIZE]
    return 2 * sum(named) >= len(named)
