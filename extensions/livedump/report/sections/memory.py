"""What memory is used for: what ``!vm``, ``!poolused`` and ``!process 0 0`` show, with the tags' owners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.model.examination import MemoryFindings
from livedump.model.memory_use import MemoryUse, PoolTag
from livedump.report.document import Block, Cell, Document, Fact, Facts, Kind, Table, address, number, text
from livedump.report.sections.symptom_parts import finding_evidence, findings_block, first_of, limit_of

_TAGS = ("Tag", "NonPaged bytes", "NonPaged blocks", "Paged bytes", "Paged blocks", "Owner")
_BLOCKS = ("Address", "Tag", "Bytes")
_HANDLES = ("Process", "Id", "Handles")
_PROCESSES = ("Process", "Id", "Commit", "Working set", "Handles")
_TYPES = ("Object type", "Objects", "Handles")
_ZOMBIES = ("Process", "Id", "Address")
TOP = 10


class TagRow(NamedTuple):
    """One pool tag."""

    tag: str
    nonpaged_bytes: int
    nonpaged_blocks: int
    paged_bytes: int
    paged_blocks: int
    owners: str


def row_type() -> type:
    """The record that ``rows`` gives any number of."""
    return TagRow


def document(record: MemoryFindings, title: str) -> Document:
    """Findings, totals, then the largest of everything."""
    use = record.memory
    blocks: list[Block] = [findings_block(record.findings)] if record.findings else []
    blocks += [*_totals(use), *_tables(use)]
    return Document(
        title,
        tuple(blocks),
        headline=use.summary,
        evidence=finding_evidence(record.findings),
        limits=limit_of(use.state, use.reason),
    )


def rows(record: MemoryFindings) -> Iterator[TagRow]:
    """The largest pool tags."""
    for each in record.memory.tags:
        sizes = (each.nonpaged_bytes, each.nonpaged_blocks, each.paged_bytes, each.paged_blocks)
        yield TagRow(each.tag, *sizes, _owners(each))


def _totals(use: MemoryUse) -> Iterator[Facts]:
    commit, pools = use.commit, use.pools
    if commit is None or pools is None:
        return
    named = (
        ("Committed", commit.used, "!vm 1"),
        ("Commit limit", commit.limit, "!vm 1"),
        ("Commit peak", commit.peak, "!vm 1"),
        ("Physical memory", commit.physical, "!vm 1"),
        ("Available", commit.available, "!vm 1"),
        ("Nonpaged pool", pools.nonpaged, "!vm 1"),
        ("Paged pool", pools.paged, "!vm 1"),
        ("Locked by drivers", pools.locked, "!vm 1"),
        ("System PTEs", pools.system_ptes, "!sysptes"),
        ("Free system PTEs", pools.free_system_ptes, "!sysptes"),
    )
    yield Facts(tuple(Fact(label, number(value), check) for label, value, check in named if value is not None))


def _tables(use: MemoryUse) -> Iterator[Table]:
    if use.tags:
        yield Table(_TAGS, tuple(map(_tag, use.tags[:TOP])), first_of(TOP, "Pool tags, the largest", use.tags))
    if use.largest_blocks:
        blocks = ((address(each.address), text(each.tag), number(each.bytes)) for each in use.largest_blocks)
        yield Table(_BLOCKS, tuple(blocks), "Pool blocks, the largest")
    if any(each.count for each in use.handles):
        counted = ((_process(each.process), text(each.id), number(each.count)) for each in use.handles[:TOP])
        yield Table(_HANDLES, tuple(counted), first_of(TOP, "Handles by process", use.handles))
    if use.object_types:
        types = ((text(each.name), number(each.objects), number(each.handles)) for each in use.object_types[:TOP])
        yield Table(_TYPES, tuple(types), first_of(TOP, "Objects by type", use.object_types))
    if use.processes:
        yield Table(_PROCESSES, tuple(_processes(use)), first_of(TOP, "Processes by commit", use.processes))
    if use.zombies:
        ended = ((_process(each.process), text(each.id), address(each.address)) for each in use.zombies[:TOP])
        rest = f", {TOP} of {len(use.zombies)}" if len(use.zombies) > TOP else ""
        yield Table(_ZOMBIES, tuple(ended), f"Processes that have ended and are still held{rest}")


def _processes(use: MemoryUse) -> Iterator[tuple[Cell, ...]]:
    for each in use.processes[:TOP]:
        counts = (number(each.commit), number(each.working_set), number(each.handles))
        yield _process(each.process), text(each.id), *counts


def _tag(each: PoolTag) -> tuple[Cell, ...]:
    sizes = (each.nonpaged_bytes, each.nonpaged_blocks, each.paged_bytes, each.paged_blocks)
    return text(each.tag), *map(number, sizes), text(_owners(each))


def _owners(tag: PoolTag) -> str:
    return ", ".join(owner.module for owner in tag.owners)


def _process(name: str | None) -> Cell:
    return Cell(name or "", Kind.PROCESS)
