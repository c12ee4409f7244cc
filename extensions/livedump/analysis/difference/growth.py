"""What grows between two dumps: commit, pools and their tags, handles, objects, processes that have ended.

Growth over one interval may still be load that comes and goes. It is likely a leak where the single dump had already
found it large, or where hardly anything is given back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from livedump.analysis.difference.pair import Pair
from livedump.model.addresses import PAGE_SIZE
from livedump.model.amounts import MIB, count_text, seconds_text, size_text
from livedump.model.difference import (
    Change,
    ChangeKind,
    HandleGrowth,
    ObjectGrowth,
    TagGrowth,
    TotalGrowth,
)
from livedump.model.findings import Confidence, Evidence
from livedump.model.snapshot import Snapshot, TagCounts

NOISE_SHARE, NOISE_BYTES = 0.01, 10 * MIB
"""Ours: of the pool, or of all commit, and at least so much."""
NOISE_HANDLES = 100
"""Ours: handles, objects and processes that have ended; fewer come and go."""
NOISE_ZOMBIES = 10
NEVER_FREED_SHARE = 0.01
"""Ours: of what was allocated between the dumps; where less was freed it is no cache."""
EXPLAINED_SHARE = 0.7
"""Ours: of a growth that others explain: it is not told twice."""
SOON_MINUTES = 7 * 24 * 60
"""Ours: what lasts longer is not told as running out."""
OF_DUMPS = frozenset({"Dump"})
"""Tags of what the capture itself allocates."""


class Growth(NamedTuple):
    """All that grew or shrank by more than noise."""

    totals: tuple[TotalGrowth, ...]
    tags: tuple[TagGrowth, ...]
    handles: tuple[HandleGrowth, ...]
    objects: tuple[ObjectGrowth, ...]


def measure_growth(pair: Pair) -> Growth:
    """What is counted in both dumps, held against each other."""
    return Growth(total_growths(pair), tuple(_tags(pair)), _handles(pair), _objects(pair))


def total_growths(pair: Pair) -> tuple[TotalGrowth, ...]:
    """All totals that both dumps tell."""
    before, after = _totals(pair.before), _totals(pair.after)
    return tuple(
        TotalGrowth(
            name, unit, before[name, unit], value, value - before[name, unit], _rate(pair, value - before[name, unit])
        )
        for (name, unit), value in after.items()
        if (name, unit) in before
    )


def find_growth(pair: Pair, growth: Growth) -> Iterator[Change]:
    """The findings on what grew; what one of them explains is not told again."""
    yield from _running_out(growth)
    for tag in growth.tags:
        yield from _tag_grows(pair, tag)
    yield from _pools_grow(growth)
    for handles in growth.handles:
        yield from _handles_grow(pair, handles)
    yield from _objects_grow(growth)
    yield from _zombies_grow(growth)


def _totals(snapshot: Snapshot) -> Mapping[tuple[str, str], int]:
    totals, processes = snapshot.totals, snapshot.processes
    lacking = {each.what for each in snapshot.problems}
    handles = [each.handles for each in processes]
    in_bytes = (
        "committed",
        "commit_limit",
        "commit_peak",
        "available",
        "physical",
        "nonpaged_pool",
        "paged_pool",
        "locked",
    )
    found: dict[tuple[str, str], int | None] = {
        (name, "bytes"): None if (pages := getattr(totals, name)) is None else pages * PAGE_SIZE for name in in_bytes
    }
    found["free_system_ptes", "entries"] = totals.free_system_ptes
    known = "processes" not in lacking
    found["processes", "processes"] = len(processes) if known else None
    found["zombies", "processes"] = sum(each.zombie for each in processes) if known else None
    found["threads", "threads"] = len(snapshot.threads.addresses) if "threads" not in lacking else None
    found["handles", "handles"] = sum(each or 0 for each in handles) if known and None not in handles else None
    return {name: value for name, value in found.items() if value is not None}


def _rate(pair: Pair, amount: float) -> float | None:
    rate = pair.per_minute(amount)
    return None if rate is None else round(rate, 1)


def _tags(pair: Pair) -> Sequence[TagGrowth]:
    found = [each for pool in ("nonpaged", "paged") for each in _tags_of(pair, pool)]
    return sorted(found, key=lambda each: -each.amount)


def _tags_of(pair: Pair, pool: str) -> Iterator[TagGrowth]:
    before, after = _by_tag(pair.before.tags, pool), _by_tag(pair.after.tags, pool)
    pages = getattr(pair.after.totals, f"{pool}_pool")
    least = max(NOISE_BYTES, NOISE_SHARE * (pages or 0) * PAGE_SIZE)
    owners = {
        each.tag: tuple(owner.module for owner in each.owners)
        for each in (*pair.was.memory.tags, *pair.now.memory.tags)
    }
    # What is in one dump only was counted in the other with less than a page, unless its counters are not all there.
    whole = not any(each.what == "pool tags" for side in (pair.before, pair.after) for each in side.problems)
    names = dict.fromkeys((*after, *before)) if whole else [name for name in after if name in before]
    for name in names:
        old, new = before.get(name, _NOTHING), after.get(name, _NOTHING)
        amount = new.size - old.size
        if abs(amount) > least and name not in OF_DUMPS:
            made = None if None in (old.made, new.made) else ((new.made or 0) - (old.made or 0)) % (1 << 32)
            rate = _rate(pair, amount)
            blocks = new.blocks - old.blocks
            yield TagGrowth(name, pool, old.size, new.size, amount, rate, blocks, made, owners.get(name, ()))


class _Counted(NamedTuple):
    size: int
    blocks: int
    made: int | None


_NOTHING = _Counted(0, 0, 0)


def _by_tag(tags: TagCounts, pool: str) -> Mapping[str, _Counted]:
    columns = (getattr(tags, f"{pool}_{what}") for what in ("bytes", "blocks", "allocations"))
    return dict(zip(tags.tags, map(_Counted, *columns)))


def _handles(pair: Pair) -> tuple[HandleGrowth, ...]:
    found = [
        HandleGrowth(new.name, new.id, old.handles, new.handles, amount, _rate(pair, amount))
        for old, new in pair.processes
        if old.handles is not None and new.handles is not None
        for amount in [new.handles - old.handles]
        if abs(amount) > NOISE_HANDLES
    ]
    return tuple(sorted(found, key=lambda each: -each.amount))


def _objects(pair: Pair) -> tuple[ObjectGrowth, ...]:
    before = {each.name: each.objects for each in pair.before.object_types}
    found = []
    for each in pair.after.object_types:
        old = before.get(each.name)
        if old is not None and each.objects is not None and abs(each.objects - old) > NOISE_HANDLES:
            amount = each.objects - old
            found.append(ObjectGrowth(each.name, old, each.objects, amount, _rate(pair, amount)))
    return tuple(sorted(found, key=lambda each: -each.amount))


def _total(growth: Growth, name: str) -> TotalGrowth | None:
    return next((each for each in growth.totals if each.name == name), None)


def _running_out(growth: Growth) -> Iterator[Change]:
    commit, limit = _total(growth, "committed"), _total(growth, "commit_limit")
    if commit is None or commit.amount <= max(NOISE_BYTES, NOISE_SHARE * commit.after) or not commit.per_minute:
        return
    left = None if limit is None else (limit.after - commit.after) / commit.per_minute
    soon = left is not None and left < SOON_MINUTES
    grew = f"commit grew by {size_text(commit.amount)} ({size_text(commit.per_minute)} a minute)"
    of = f" to {size_text(commit.after)}" + (f" of {size_text(limit.after)}" if limit else "")
    then = f"; at that rate it reaches its limit in {seconds_text((left or 0) * 60)}" if soon else ""
    yield Change(
        ChangeKind.EXHAUSTS if soon else ChangeKind.GROWS,
        f"{grew}{of}{then}",
        Confidence.POSSIBLE,
        "commit",
        commit.amount,
        commit.per_minute,
        "bytes",
        (
            Evidence(
                "commit", f"{size_text(commit.before)} were committed before, {size_text(commit.after)} after", "!vm 1"
            ),
        ),
        weight=commit.amount,
    )


def _tag_grows(pair: Pair, tag: TagGrowth) -> Iterator[Change]:
    if tag.amount <= 0:
        return
    known = _was_found(pair, "pool-tag", tag.tag)
    freed = None if tag.allocations is None else max(tag.allocations - tag.blocks, 0)
    kept = freed is not None and bool(tag.allocations) and freed < NEVER_FREED_SHARE * (tag.allocations or 0)
    whose = (
        f", likely of {tag.owners[0]}"
        if len(tag.owners) == 1
        else f", in the code of {', '.join(tag.owners)}"
        if tag.owners
        else ""
    )
    counted = f"{count_text(tag.blocks, 'block')}" if tag.blocks > 0 else ""
    given = f"; of {tag.allocations:,} allocations {freed:,} were freed" if freed is not None else ""
    rate = f" ({size_text(tag.per_minute)} a minute)" if tag.per_minute else ""
    fact = f"{size_text(tag.before)} before, {size_text(tag.after)} after{given}"
    yield Change(
        ChangeKind.GROWS,
        f"pool tag {tag.tag}{whose} gained {size_text(tag.amount)} of {tag.pool} pool{rate}"
        f"{f' in {counted}' if counted else ''}{given}",
        Confidence.LIKELY if known or kept else Confidence.POSSIBLE,
        f"tag:{tag.tag}",
        tag.amount,
        tag.per_minute,
        "bytes",
        (
            Evidence("pool-tag", fact, f"!poolused {2 if tag.pool == 'nonpaged' else 4} {tag.tag}"),
            *((Evidence("pool-tag-large", "one dump had already found it large", "!poolused 2"),) if known else ()),
        ),
        modules=tag.owners,
        weight=tag.amount,
    )


def _was_found(pair: Pair, kind: str, subject: str) -> bool:
    return any(
        each.kind.value == kind and each.subject == subject for side in (pair.was, pair.now) for each in side.findings
    )


def _pools_grow(growth: Growth) -> Iterator[Change]:
    titles = {
        "nonpaged_pool": "the nonpaged pool",
        "paged_pool": "the paged pool",
        "locked": "what drivers keep locked",
    }
    for name, title in titles.items():
        total = _total(growth, name)
        if total is None or total.amount <= max(NOISE_BYTES, NOISE_SHARE * total.after):
            continue
        of_tags = sum(each.amount for each in growth.tags if name == f"{each.pool}_pool" and each.amount > 0)
        if of_tags < EXPLAINED_SHARE * total.amount:
            yield _grows(title, total, f"memory:{name}", "!vm 1")


def _grows(title: str, total: TotalGrowth, subject: str, check: str) -> Change:
    show = size_text if total.unit == "bytes" else lambda value: f"{value:,.0f}"
    rate = f" ({show(total.per_minute)} a minute)" if total.per_minute else ""
    return Change(
        ChangeKind.GROWS,
        f"{title} grew by {show(total.amount)}{rate}, from {show(total.before)} to {show(total.after)}",
        Confidence.POSSIBLE,
        subject,
        total.amount,
        total.per_minute,
        total.unit,
        (Evidence("total", f"{show(total.before)} before, {show(total.after)} after", check),),
        weight=total.amount if total.unit == "bytes" else 0,
    )


def _handles_grow(pair: Pair, each: HandleGrowth) -> Iterator[Change]:
    if each.amount <= 0:
        return
    rate = f" ({each.per_minute:,.0f} a minute)" if each.per_minute else ""
    known = _was_found(pair, "handles", each.process or "")
    types = [kind for kind in _objects(pair) if kind.amount > EXPLAINED_SHARE * each.amount]
    of = f"; {types[0].name} objects grew by {types[0].amount:,}" if types else ""
    yield Change(
        ChangeKind.GROWS,
        f"{each.process or 'a process'} (id {each.process_id}) opened {each.amount:,} handles more than it closed"
        f"{rate}, from {each.before:,} to {each.after:,}{of}",
        Confidence.LIKELY if known else Confidence.POSSIBLE,
        f"process:{each.process}:{each.process_id}",
        each.amount,
        each.per_minute,
        "handles",
        (
            Evidence(
                "handles", f"{each.before:,} handles before, {each.after:,} after", f"!handle 0 0 0n{each.process_id}"
            ),
        ),
        processes=(each.process,) if each.process else (),
        weight=each.amount,
    )


def _objects_grow(growth: Growth) -> Iterator[Change]:
    by_handles = sum(each.amount for each in growth.handles if each.amount > 0)
    for each in growth.objects:
        if each.amount > 0 and by_handles < EXPLAINED_SHARE * each.amount:
            total = TotalGrowth(each.name, "objects", each.before, each.after, each.amount, each.per_minute)
            yield _grows(f"the number of {each.name} objects", total, f"objects:{each.name}", "!object \\ObjectTypes")


def _zombies_grow(growth: Growth) -> Iterator[Change]:
    total = _total(growth, "zombies")
    if total is not None and total.amount > NOISE_ZOMBIES:
        yield _grows("the number of processes that have ended and are still held", total, "zombies", "!process 0 0")
