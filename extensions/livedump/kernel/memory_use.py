"""What the kernel tells of the use of memory, each part by itself: one that is missing takes no other along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Optional

from livedump.kernel.handles import read_object_types
from livedump.kernel.memory_counts import read_totals
from livedump.kernel.pool import TagReader, find_tag_owners, read_largest_blocks
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import listed
from livedump.model.images import Module
from livedump.model.listing import Listing
from livedump.model.memory_use import HandleUse, MemoryFacts, PoolTag
from livedump.model.patience import KeepGoing
from livedump.model.threads import Census

AddressOf = Callable[[str], Optional[int]]
OWNERS_OF = 6
"""Tags of each pool whose owners are looked for, the largest."""
WORTH_AN_OWNER = 64 << 20
"""Bytes; below, nobody asks whose they are."""


def read_memory_use(
    memory: TypedMemory, address_of: AddressOf, census: Census, modules: Sequence[Module], keep_going: KeepGoing
) -> MemoryFacts:
    """Totals, pool tags with the owners of the largest, large blocks, handles by process, objects by type."""
    tags = listed(lambda: TagReader(memory, address_of, keep_going).read(len(census.processors)))
    return MemoryFacts(
        totals=read_totals(memory, address_of),
        tags=_with_owners(memory, tags, modules, keep_going),
        largest_blocks=listed(lambda: read_largest_blocks(memory, address_of)),
        handles=tuple(HandleUse(each.name, each.process_id, each.handles) for each in census.processes),
        object_types=listed(lambda: read_object_types(memory, address_of)),
    )


def _with_owners(
    memory: TypedMemory, tags: Listing[PoolTag], modules: Sequence[Module], keep_going: KeepGoing
) -> Listing[PoolTag]:
    nonpaged = sorted(tags, key=lambda tag: -tag.nonpaged_bytes)[:OWNERS_OF]
    paged = sorted(tags, key=lambda tag: -tag.paged_bytes)[:OWNERS_OF]
    large = [tag.tag for tag in (*nonpaged, *paged) if max(tag.nonpaged_bytes, tag.paged_bytes) >= WORTH_AN_OWNER]
    if not large:
        return tags
    owners = find_tag_owners(memory, modules, large, keep_going)
    return Listing(tuple(tag._replace(owners=owners.get(tag.tag, ())) for tag in tags), tags.problem)
