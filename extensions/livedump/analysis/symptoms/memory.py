"""Memory: what runs out, what uses it, and whose it is.

One dump cannot tell a leak from load: what is large is possibly a leak until a second dump shows that it grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from livedump.analysis.symptoms.said import said_by
from livedump.analysis.symptoms.scene import Scene
from livedump.model.addresses import PAGE_SIZE
from livedump.model.amounts import GIB, MIB, count_text, size_text
from livedump.model.errors import DumpError
from livedump.model.findings import Confidence, Evidence
from livedump.model.listing import joined_problems
from livedump.model.memory_use import (
    CommitUse,
    HandleUse,
    MemoryFacts,
    MemoryUse,
    PoolTag,
    PoolUse,
    ProcessMemory,
    Totals,
    ZombieProcess,
)
from livedump.model.symptoms import AnalysisState, Symptom, SymptomKind

SHOWN = 20
"""Tags, processes and the like."""

COMMIT_SHARE = 0.9
LOW_SHARE, LOW_BYTES = 0.05, 512 * MIB
NONPAGED_SHARE, NONPAGED_BYTES = 0.1, 2 * GIB
PAGED_SHARE, PAGED_BYTES = 0.25, 8 * GIB
TAG_SHARE, TAG_BYTES, TAG_BLOCKS = 0.25, 500 * MIB, 1_000_000
NEVER_FREED_SHARE, NEVER_FREED_BLOCKS, NEVER_FREED_BYTES = 0.01, 100_000, 64 * MIB
MANY_HANDLES, VERY_MANY_HANDLES = 10_000, 30_000
PROCESS_SHARE = 0.25
LOCKED_SHARE = 0.1
PTE_SHARE = 0.1
"""All of these are ours."""


@said_by("memory")
def examine_memory(scene: Scene) -> tuple[MemoryUse, tuple[Symptom, ...]]:
    """Commit, pools, tags, handles and processes, and what of it is too much."""
    if isinstance(scene.memory, DumpError):
        return MemoryUse(AnalysisState.NOT_KNOWN, str(scene.memory), "not known"), ()
    facts = scene.memory
    totals = facts.totals
    known = totals.committed is not None or bool(facts.tags)
    use = MemoryUse(
        state=AnalysisState.FOUND if known else AnalysisState.NOT_CAPTURED,
        reason=_reason(scene, facts) if known else facts.tags.problem or "the totals of memory are not captured",
        summary=_summary(facts) if known else "not captured",
        commit=_commit(totals),
        pools=_pools(totals),
        tags=facts.tags.items[:SHOWN],
        largest_blocks=facts.largest_blocks.items,
        handles=_most_handles(facts),
        object_types=tuple(sorted(facts.object_types, key=lambda each: -(each.objects or 0))[:SHOWN]),
        processes=tuple(_processes(scene, facts)),
        zombies=tuple(
            ZombieProcess(each.name, each.process_id, each.address) for each in scene.census.processes if each.zombie
        ),
    )
    return use, tuple(_findings(scene, facts))


def _findings(scene: Scene, facts: MemoryFacts) -> Iterator[Symptom]:
    totals = facts.totals
    yield from _commit_findings(totals)
    yield from _pool_findings(facts)
    yield from _handle_findings(facts)
    yield from _process_findings(scene, totals)
    yield from _locked_findings(totals)


def _commit_findings(totals: Totals) -> Iterator[Symptom]:
    used, limit, peak = totals.committed, totals.commit_limit, totals.commit_peak
    if used is not None and limit and used / limit > COMMIT_SHARE:
        full = peak is not None and peak >= limit
        reached = "; the peak reached it, so allocations have failed" if full else ""
        share = f"{_bytes(used)} of {_bytes(limit)} ({100 * used / limit:.0f} %) are committed"
        yield Symptom(
            SymptomKind.COMMIT,
            f"commit is near its limit: {share}{reached}",
            Confidence.LIKELY,
            (Evidence("commit", share + reached, "!vm 1"),),
            count=used,
            weight=100 * used / limit,
        )
    available, physical = totals.available, totals.physical
    least = max(LOW_BYTES // PAGE_SIZE, LOW_SHARE * (physical or 0))
    if available is not None and available < least:
        of = f" of {_bytes(physical)}" if physical else ""
        fact = f"{_bytes(available)}{of} are available"
        yield Symptom(
            SymptomKind.LOW_MEMORY,
            f"physical memory is short: {fact}",
            Confidence.LIKELY,
            (Evidence("low-memory", fact, "!vm 1"),),
            count=available,
            weight=1,
        )


def _pool_findings(facts: MemoryFacts) -> Iterator[Symptom]:
    totals = facts.totals
    bounds = (
        ("nonpaged", totals.nonpaged_pool, NONPAGED_SHARE, NONPAGED_BYTES),
        ("paged", totals.paged_pool, PAGED_SHARE, PAGED_BYTES),
    )
    for name, pages, share, most in bounds:
        if pages is not None:
            yield from _pool_size(name, pages, totals.physical, share, most)
    for tag in facts.tags:
        found = _tag_finding(tag, totals, facts.tags.problem)
        if found is not None:
            yield found


def _pool_size(name: str, pages: int, physical: int | None, share: float, most: int) -> Iterator[Symptom]:
    of = pages / physical if physical else 0
    if pages * PAGE_SIZE <= most and of <= share:
        return
    fact = f"the {name} pool has {_bytes(pages)}" + (f", {100 * of:.0f} % of physical memory" if physical else "")
    yield Symptom(
        SymptomKind.POOL_SIZE,
        f"{fact}; one dump cannot tell a leak from load",
        Confidence.POSSIBLE,
        (Evidence("pool-size", fact, "!vm 1"),),
        count=pages,
        subject=name,
        weight=of * 100,
    )


def _tag_finding(tag: PoolTag, totals: Totals, problem: str | None) -> Symptom | None:
    sides = (
        ("nonpaged", tag.nonpaged_bytes, tag.nonpaged_blocks, tag.nonpaged_allocations, totals.nonpaged_pool),
        ("paged", tag.paged_bytes, tag.paged_blocks, tag.paged_allocations, totals.paged_pool),
    )
    name, size, blocks, allocations, pool = max(sides, key=lambda side: side[1])
    share = size / (pool * PAGE_SIZE) if pool else None
    why = _why_much(size, blocks, allocations, share)
    if why is None:
        return None
    owners = [owner.module for owner in tag.owners]
    whose = f", likely {owners[0]}" if len(owners) == 1 else f", in the code of {', '.join(owners)}" if owners else ""
    of = f" ({100 * share:.0f} %)" if share is not None else ""
    fact = f"tag {tag.tag} holds {size_text(size)} of {name} pool in {count_text(blocks, 'block')}{of}"
    counted = f"; {problem}" if problem else ""
    check = f"!poolused {2 if name == 'nonpaged' else 4} {tag.tag}"
    evidence = [Evidence("pool-tag", f"{fact}: {why}{counted}", check)]
    if owners:
        named = f"the tag is in the code of {', '.join(owners)}"
        evidence.append(Evidence("pool-tag-owner", named, f"!poolfind {tag.tag}"))
    return Symptom(
        SymptomKind.POOL_TAG,
        f"{fact}{whose}; one dump cannot tell a leak from load",
        Confidence.POSSIBLE,
        tuple(evidence),
        modules=tuple(owners),
        count=blocks,
        subject=tag.tag,
        weight=size / MIB,
    )


def _why_much(size: int, blocks: int, allocations: int | None, share: float | None) -> str | None:
    if size > TAG_BYTES and share is not None and share > TAG_SHARE:
        return "more than a quarter of its pool"
    if blocks > TAG_BLOCKS:
        return "more than a million blocks"
    if allocations is None:
        return None
    freed = allocations - blocks
    if allocations > NEVER_FREED_BLOCKS and size > NEVER_FREED_BYTES and freed < NEVER_FREED_SHARE * allocations:
        return f"of {allocations:,} allocations {freed:,} were freed"
    return None


def _handle_findings(facts: MemoryFacts) -> Iterator[Symptom]:
    for each in facts.handles:
        if each.count is None or each.count <= MANY_HANDLES:
            continue
        strong = each.count > VERY_MANY_HANDLES
        fact = f"{each.process or 'a process'} (id {each.id}) has {each.count:,} handles"
        yield Symptom(
            SymptomKind.HANDLES,
            f"{fact}; one dump cannot tell a leak from load",
            Confidence.LIKELY if strong else Confidence.POSSIBLE,
            (Evidence("handles", fact, f"!process 0n{each.id} 0; !handle 0 0"),),
            processes=(each.process,) if each.process else (),
            count=each.count,
            subject=each.process or "",
            weight=each.count,
        )


def _process_findings(scene: Scene, totals: Totals) -> Iterator[Symptom]:
    limit = totals.commit_limit
    for each in scene.census.processes:
        if not limit or each.is_idle or each.commit_pages is None or each.commit_pages <= PROCESS_SHARE * limit:
            continue
        share = f"{_bytes(each.commit_pages)}, {100 * each.commit_pages / limit:.0f} % of the limit"
        yield Symptom(
            SymptomKind.PROCESS_COMMIT,
            f"{each.name or 'a process'} (id {each.process_id}) has committed {share}",
            Confidence.LIKELY,
            (Evidence("process-commit", f"it has committed {share}", f"!process {each.address:x} 1"),),
            processes=(each.name,) if each.name else (),
            count=each.commit_pages,
            subject=each.name or "",
            weight=100 * each.commit_pages / limit,
        )


def _locked_findings(totals: Totals) -> Iterator[Symptom]:
    locked, physical = totals.locked, totals.physical
    if locked is not None and physical and locked > LOCKED_SHARE * physical:
        fact = f"drivers have locked {_bytes(locked)}, {100 * locked / physical:.0f} % of physical memory"
        yield Symptom(
            SymptomKind.LOCKED_PAGES,
            fact,
            Confidence.LIKELY,
            (Evidence("locked-pages", fact, "!vm 1"),),
            count=locked,
            weight=100 * locked / physical,
        )
    free, total, failures = totals.free_system_ptes, totals.system_ptes, totals.system_pte_failures
    few = free is not None and bool(total) and free < PTE_SHARE * (total or 0)
    if free is not None and (few or failures):
        failed = f"; {count_text(failures, 'request')} failed" if failures else ""
        fact = f"{free:,} of {total or 0:,} system PTEs are free{failed}"
        yield Symptom(
            SymptomKind.SYSTEM_PTES,
            fact,
            Confidence.LIKELY if few and failures else Confidence.POSSIBLE,
            (Evidence("system-ptes", fact, "!sysptes"),),
            count=free,
            weight=failures or 0,
        )


def _bytes(pages: int) -> str:
    return size_text(pages * PAGE_SIZE)


def _in_bytes(pages: int | None) -> int | None:
    return None if pages is None else pages * PAGE_SIZE


def _commit(totals: Totals) -> CommitUse:
    return CommitUse(
        _in_bytes(totals.committed),
        _in_bytes(totals.commit_limit),
        _in_bytes(totals.commit_peak),
        _in_bytes(totals.available),
        _in_bytes(totals.physical),
    )


def _pools(totals: Totals) -> PoolUse:
    return PoolUse(
        _in_bytes(totals.nonpaged_pool),
        _in_bytes(totals.paged_pool),
        _in_bytes(totals.locked),
        totals.system_ptes,
        totals.free_system_ptes,
    )


def _most_handles(facts: MemoryFacts) -> tuple[HandleUse, ...]:
    return tuple(sorted(facts.handles, key=lambda each: -(each.count or 0))[:SHOWN])


def _processes(scene: Scene, facts: MemoryFacts) -> Iterator[ProcessMemory]:
    pairs = [pair for pair in zip(scene.census.processes, facts.handles) if not pair[0].is_idle]
    for process, handles in sorted(pairs, key=lambda pair: -(pair[0].commit_pages or 0))[:SHOWN]:
        commit, working_set = _in_bytes(process.commit_pages), _in_bytes(process.working_set_pages)
        yield ProcessMemory(process.name, process.process_id, commit, working_set, handles.count)


def _reason(scene: Scene, facts: MemoryFacts) -> str | None:
    tables = sum(each.count is None for each in facts.handles)
    missing = f"no handle table of {count_text(tables, 'process')} is captured" if tables else None
    tags = facts.tags.problem and f"pool tags: {facts.tags.problem}"
    blocks = facts.largest_blocks.problem and f"large blocks: {facts.largest_blocks.problem}"
    types = facts.object_types.problem and f"object types: {facts.object_types.problem}"
    listed = scene.census.processes.problem if scene.said is None else None  # of a text's processes memory shows none
    return joined_problems(tags, blocks, types, missing, listed and f"processes: {listed}")


def _summary(facts: MemoryFacts) -> str:
    totals = facts.totals
    parts: list[str] = []
    if totals.committed is not None and totals.commit_limit:
        parts.append(f"{_bytes(totals.committed)} of {_bytes(totals.commit_limit)} committed")
    if totals.available is not None:
        parts.append(f"{_bytes(totals.available)} available")
    pools = ((totals.nonpaged_pool, "nonpaged pool"), (totals.paged_pool, "paged pool"))
    parts += [f"{_bytes(pages)} {name}" for pages, name in pools if pages is not None]
    largest: Sequence[PoolTag] = facts.tags.items[:1]
    parts += [f"largest tag {each.tag} with {size_text(each.nonpaged_bytes + each.paged_bytes)}" for each in largest]
    return ", ".join(parts)
