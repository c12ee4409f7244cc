"""What of the growth between two dumps is worth an engineer's eye, and when something runs out.

Growth over one interval may still be load that comes and goes: it is possibly a leak. It is likely one where the single
dump had already found it large, or where hardly anything of what was allocated in between was freed again.
"""

from __future__ import annotations

from collections.abc import Iterator

from livedump.analysis.difference.growth import NOISE_SHARE, Growth, is_noise, of_pool
from livedump.analysis.difference.pair import Pair
from livedump.model.amounts import count_text, seconds_text, size_text
from livedump.model.difference import (
    Change,
    ChangeKind,
    CommitGrowth,
    HandleGrowth,
    ObjectGrowth,
    TagGrowth,
    TotalGrowth,
)
from livedump.model.findings import Confidence, Evidence

NEVER_FREED_SHARE = 0.01
"""Ours: of what was allocated between the dumps; where less was freed it is no cache."""
FEWEST_ALLOCATIONS = 100
"""Of fewer such a share is less than one, and nothing that was not freed yet shows that it will not be."""
EXPLAINED_SHARE = 0.7
"""Ours: what others explain by so much is not told again."""
SOON_MINUTES = 7 * 24 * 60
"""Ours: what lasts longer is not told as running out."""
NOISE_ZOMBIES = 10
"""Ours: processes that have ended; so many may be held for a while."""


def find_growth(pair: Pair, growth: Growth) -> Iterator[Change]:
    """The findings on what grew; what one of them explains is not told again."""
    leaks = [_tag_grows(pair, tag) for tag in growth.tags if tag.amount > 0]
    yield from leaks
    yield from (_process_grows(each) for each in growth.commit if each.amount > 0)
    yield from _commit_grows(growth, leaks)
    yield from _pools_grow(growth)
    yield from _ptes_run_out(growth)
    yield from (_handles_grow(pair, growth, each) for each in growth.handles if each.amount > 0)
    yield from (_objects_grow(each) for each in growth.objects if not _explained(growth, each))
    yield from _zombies_grow(growth)


def _was_found(pair: Pair, kind: str, subject: str) -> bool:
    """Whether one dump alone had found it."""
    findings = (*pair.was.findings, *pair.now.findings)
    return any(each.kind.value == kind and each.subject == subject for each in findings)


def _tag_grows(pair: Pair, tag: TagGrowth) -> Change:
    known, freed = _was_found(pair, "pool-tag", tag.tag), _freed(tag)
    given = f"; of {tag.allocations:,} allocations {freed:,} were freed" if freed is not None else ""
    fact = f"tag {tag.tag}: {size_text(tag.before)} before, {size_text(tag.after)} after{given}"
    check = f"!poolused {2 if tag.pool == 'nonpaged' else 4} {tag.tag}"
    evidence = [Evidence("pool-tag", fact, check)]
    if known:
        evidence.append(Evidence("pool-tag-large", f"one dump alone had already found {tag.tag} large", check))
    in_blocks = f" in {count_text(tag.blocks, 'block')}" if tag.blocks > 0 else ""
    return Change(
        ChangeKind.GROWS,
        f"pool tag {tag.tag}{_whose(tag)} gained {size_text(tag.amount)} of {tag.pool} pool"
        f"{in_blocks}{_a_minute(tag.per_minute)}{given}",
        Confidence.LIKELY if (known or _is_kept(tag)) and not pair.may_lack_tags else Confidence.POSSIBLE,
        f"tag:{tag.tag}",
        tag.amount,
        tag.per_minute,
        "bytes",
        tuple(evidence),
        modules=tag.owners,
        weight=tag.amount,
    )


def _freed(tag: TagGrowth) -> int | None:
    # More blocks than allocations: the counters do not fit together.
    return None if tag.allocations is None or tag.allocations < tag.blocks else tag.allocations - tag.blocks


def _is_kept(tag: TagGrowth) -> bool:
    freed, made = _freed(tag), tag.allocations or 0
    return freed is not None and made >= FEWEST_ALLOCATIONS and freed < NEVER_FREED_SHARE * made


def _whose(tag: TagGrowth) -> str:
    if not tag.owners:
        return ""
    return f" (likely of {tag.owners[0]})" if len(tag.owners) == 1 else f" (in the code of {', '.join(tag.owners)})"


def _a_minute(size: float | None) -> str:
    return f" ({size_text(size)} a minute)" if size else ""


def _process_grows(each: CommitGrowth) -> Change:
    name = each.process or "a process"
    fact = f"{name}: {size_text(each.before)} before, {size_text(each.after)} after"
    return Change(
        ChangeKind.GROWS,
        f"{name} (id {each.process_id}) has committed {size_text(each.amount)} more{_a_minute(each.per_minute)}, "
        f"{size_text(each.after)} in all",
        Confidence.POSSIBLE,
        f"commit:{each.process}:{each.process_id}",
        each.amount,
        each.per_minute,
        "bytes",
        (Evidence("process-commit", fact, f"!process 0n{each.process_id} 1"),),
        processes=(each.process,) if each.process else (),
        weight=each.amount,
    )


def _commit_grows(growth: Growth, leaks: list[Change]) -> Iterator[Change]:
    commit, limit = growth.total("committed"), growth.total("commit_limit")
    if commit is None or is_noise(commit):
        return
    left = minutes_left(commit, limit)
    of = f" of {size_text(limit.after)}" if limit else ""
    then = f"; at that rate it reaches its limit in {seconds_text(left * 60)}" if left is not None else ""
    # As sure as the leaks that it is made of.
    sure = [each for each in leaks if each.confidence is Confidence.LIKELY]
    leaked = sum(each.amount or 0 for each in sure)
    fact = f"committed: {size_text(commit.before)} before, {size_text(commit.after)} after"
    yield Change(
        ChangeKind.GROWS if left is None else ChangeKind.EXHAUSTS,
        f"commit grew by {size_text(commit.amount)}{_a_minute(commit.per_minute)} "
        f"to {size_text(commit.after)}{of}{then}",
        Confidence.LIKELY if leaked > EXPLAINED_SHARE * commit.amount else Confidence.POSSIBLE,
        "commit",
        commit.amount,
        commit.per_minute,
        "bytes",
        (Evidence("commit", fact, "!vm 1"),),
        weight=commit.amount,
    )


def minutes_left(commit: TotalGrowth, limit: TotalGrowth | None) -> float | None:
    """Until commit reaches its limit at the rate at which it grew; None where that is not known, or not soon."""
    if limit is None or not commit.per_minute:
        return None
    left = max(limit.after - commit.after, 0) / commit.per_minute
    return left if left < SOON_MINUTES else None


def _pools_grow(growth: Growth) -> Iterator[Change]:
    explained = {"nonpaged_pool": of_pool(growth.tags, "nonpaged"), "paged_pool": of_pool(growth.tags, "paged")}
    titles = {
        "nonpaged_pool": "the nonpaged pool",
        "paged_pool": "the paged pool",
        "locked": "what drivers keep locked",
    }
    for name, title in titles.items():
        total = growth.total(name)
        if total is not None and not is_noise(total) and explained.get(name, 0) < EXPLAINED_SHARE * total.amount:
            yield Change(
                ChangeKind.GROWS,
                f"{title} grew by {size_text(total.amount)}{_a_minute(total.per_minute)} to {size_text(total.after)}",
                Confidence.POSSIBLE,
                f"memory:{name}",
                total.amount,
                total.per_minute,
                "bytes",
                (Evidence("total", f"{size_text(total.before)} before, {size_text(total.after)} after", "!vm 1"),),
                weight=total.amount,
            )


def _ptes_run_out(growth: Growth) -> Iterator[Change]:
    free = growth.total("free_system_ptes")
    if free is None or not free.per_minute or -free.amount <= NOISE_SHARE * free.before:
        return
    left = free.after / -free.per_minute
    if left < SOON_MINUTES:
        yield Change(
            ChangeKind.EXHAUSTS,
            f"free system PTEs went down by {-free.amount:,}{_count_a_minute(-free.per_minute)} to {free.after:,}; "
            f"at that rate there are none left in {seconds_text(left * 60)}",
            Confidence.POSSIBLE,
            "system-ptes",
            free.amount,
            free.per_minute,
            free.unit,
            (Evidence("system-ptes", f"{free.before:,} were free before, {free.after:,} after", "!sysptes"),),
        )


def _handles_grow(pair: Pair, growth: Growth, each: HandleGrowth) -> Change:
    name = each.process or "a process"
    known = _was_found(pair, "handles", each.process or "")
    types = [kind for kind in growth.objects if kind.amount >= EXPLAINED_SHARE * each.amount]
    of = f"; the number of {types[0].name} objects grew by {types[0].amount:,}" if types else ""
    check = f"!process 0n{each.process_id} 0; !handle 0 0"
    evidence = [Evidence("handles", f"{name}: {each.before:,} handles before, {each.after:,} after", check)]
    if known:
        evidence.append(Evidence("handles-many", f"one dump alone had already found that {name} has many", check))
    return Change(
        ChangeKind.GROWS,
        f"{name} (id {each.process_id}) has {each.amount:,} more handles{_count_a_minute(each.per_minute)}, "
        f"{each.after:,} in all{of}",
        Confidence.LIKELY if known else Confidence.POSSIBLE,
        f"process:{each.process}:{each.process_id}",
        each.amount,
        each.per_minute,
        "handles",
        tuple(evidence),
        processes=(each.process,) if each.process else (),
        weight=each.amount,
    )


def _count_a_minute(count: float | None) -> str:
    return f" ({count:,.0f} a minute)" if count else ""


def _explained(growth: Growth, each: ObjectGrowth) -> bool:
    """Whether it did not grow, or handles of processes grew by as much: whoever has these was told of."""
    handles = sum(process.amount for process in growth.handles if process.amount > 0)
    return each.amount <= 0 or handles >= EXPLAINED_SHARE * each.amount


def _objects_grow(each: ObjectGrowth) -> Change:
    return Change(
        ChangeKind.GROWS,
        f"there are {each.amount:,} more {each.name} objects{_count_a_minute(each.per_minute)}, {each.after:,} in all, "
        "and no process has as many more handles",
        Confidence.POSSIBLE,
        f"objects:{each.name}",
        each.amount,
        each.per_minute,
        "objects",
        (Evidence("objects", f"{each.name}: {each.before:,} before, {each.after:,} after", r"!object \ObjectTypes"),),
        weight=each.amount,
    )


def _zombies_grow(growth: Growth) -> Iterator[Change]:
    total = growth.total("zombies")
    if total is not None and total.amount > NOISE_ZOMBIES:
        yield Change(
            ChangeKind.GROWS,
            f"{total.amount:,} more processes have ended and are still held{_count_a_minute(total.per_minute)}, "
            f"{total.after:,} in all",
            Confidence.POSSIBLE,
            "zombies",
            total.amount,
            total.per_minute,
            "processes",
            (Evidence("zombies", f"{total.before:,} before, {total.after:,} after", "!process 0 0"),),
            weight=total.amount,
        )
