"""What memory is used for. Sizes are bytes unless a name says otherwise; None is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.findings import Confidence
from livedump.model.listing import Listing
from livedump.model.symptoms import AnalysisState
from livedump.model.text_kinds import CodeText, ModuleName, ProcessName


class Totals(NamedTuple):
    """The system's own counts, in pages of 4 KiB."""

    committed: int | None = None
    commit_limit: int | None = None
    commit_peak: int | None = None
    available: int | None = None
    physical: int | None = None
    nonpaged_pool: int | None = None
    paged_pool: int | None = None
    locked: int | None = None
    """Allocated for MDLs, which drivers hold locked."""
    system_ptes: int | None = None
    free_system_ptes: int | None = None
    system_pte_failures: int | None = None


class TagOwner(NamedTuple):
    """A driver that may allocate with a tag."""

    module: ModuleName
    confidence: Confidence


class PoolTag(NamedTuple):
    """What one tag holds, summed over all processors."""

    tag: CodeText
    nonpaged_bytes: int
    nonpaged_blocks: int
    paged_bytes: int
    paged_blocks: int
    nonpaged_allocations: int | None
    """Since boot."""
    paged_allocations: int | None
    owners: tuple[TagOwner, ...] = ()
    """Drivers whose code holds the tag; empty also where nobody looked."""


class BigBlock(NamedTuple):
    """One allocation of a page or more."""

    address: Address
    tag: CodeText
    bytes: int


@dataclass(frozen=True)
class HandleUse:
    """How many handles a process has."""

    process: ProcessName | None
    id: int | None
    count: int | None
    """None where its table is not captured."""


class ObjectTypeUse(NamedTuple):
    """How many objects of a type there are."""

    name: CodeText
    objects: int | None
    handles: int | None


class MemoryFacts(NamedTuple):
    """What the kernel's structures tell of memory."""

    totals: Totals
    tags: Listing[PoolTag]
    largest_blocks: Listing[BigBlock]
    handles: tuple[HandleUse, ...]
    """Process by process, in the order of the census."""
    object_types: Listing[ObjectTypeUse]


class CommitUse(NamedTuple):
    """What was promised, and what can be."""

    used: int | None
    limit: int | None
    peak: int | None
    available: int | None
    """Of physical memory."""
    physical: int | None


class PoolUse(NamedTuple):
    """The size of the pools, and what drivers have locked."""

    nonpaged: int | None
    paged: int | None
    locked: int | None
    system_ptes: int | None
    """Entries, not bytes."""
    free_system_ptes: int | None


class ProcessMemory(NamedTuple):
    """What one process uses."""

    process: ProcessName | None
    id: int | None
    commit: int | None
    working_set: int | None
    handles: int | None


class ZombieProcess(NamedTuple):
    """A process that has ended and is still held."""

    process: ProcessName | None
    id: int | None
    address: Address


class MemoryUse(NamedTuple):
    """Commit, pools and their tags, handles, processes."""

    state: AnalysisState
    reason: str | None
    summary: str
    commit: CommitUse | None = None
    pools: PoolUse | None = None
    tags: tuple[PoolTag, ...] = ()
    """The largest first."""
    largest_blocks: tuple[BigBlock, ...] = ()
    handles: tuple[HandleUse, ...] = ()
    """The most first."""
    object_types: tuple[ObjectTypeUse, ...] = ()
    processes: tuple[ProcessMemory, ...] = ()
    zombies: tuple[ZombieProcess, ...] = ()
