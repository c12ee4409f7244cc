"""What is more or less than before by more than noise: totals, pool tags, handles and commit of processes, objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from livedump.analysis.difference.pair import Pair, went_on
from livedump.model.addresses import PAGE_SIZE
from livedump.model.amounts import MIB
from livedump.model.difference import CommitGrowth, HandleGrowth, ObjectGrowth, TagGrowth, TotalGrowth
from livedump.model.snapshot import ProcessCounts, Snapshot, TagCounts

NOISE_SHARE, NOISE_BYTES = 0.01, 10 * MIB
"""Ours: of the pool, or of all that is committed, and at least so much."""
NOISE_COUNT = 100
"""Ours: of handles and of objects; fewer come and go."""
OF_DUMPS = frozenset({"Dump"})
"""Tags of what the capture itself allocates."""
TOTALS_IN_PAGES = (
    "committed", "commit_limit", "commit_peak", "available", "physical", "nonpaged_pool", "paged_pool", "locked",
)  # fmt: skip

Grown = TypeVar("Grown", TagGrowth, HandleGrowth, CommitGrowth, ObjectGrowth)


class Growth(NamedTuple):
    """All that grew or shrank by more than noise; what grew most comes first."""

    totals: tuple[TotalGrowth, ...]
    """All that both dumps tell, noise or not."""
    tags: tuple[TagGrowth, ...]
    handles: tuple[HandleGrowth, ...]
    commit: tuple[CommitGrowth, ...]
    objects: tuple[ObjectGrowth, ...]

    def total(self, name: str) -> TotalGrowth | None:
        """The total of that name."""
        return next((each for each in self.totals if each.name == name), None)


def measure_growth(pair: Pair) -> Growth:
    """What is counted in both dumps, held against each other."""
    return Growth(
        totals=total_growths(pair),
        tags=_fastest_first((*_tags(pair, "nonpaged"), *_tags(pair, "paged"))),
        handles=_fastest_first(_handles(pair)),
        commit=_fastest_first(_commit(pair)),
        objects=_fastest_first(_objects(pair)),
    )


def total_growths(pair: Pair) -> tuple[TotalGrowth, ...]:
    """All totals that both dumps tell."""
    before, after = counted_totals(pair.before), counted_totals(pair.after)
    both = [(*key, before[key], after[key]) for key in after if key in before]
    return tuple(TotalGrowth(*each, each[3] - each[2], _rate(pair, each[3] - each[2])) for each in both)


def is_noise(total: TotalGrowth) -> bool:
    """Whether a total in bytes is no more than before, but for what comes and goes."""
    return total.amount <= max(NOISE_BYTES, NOISE_SHARE * total.after)


def _fastest_first(found: Iterable[Grown]) -> tuple[Grown, ...]:
    return tuple(sorted(found, key=lambda each: -each.amount))


def counted_totals(snapshot: Snapshot) -> Mapping[tuple[str, str], int]:
    """The totals that a dump tells, by name and unit."""
    totals, processes = snapshot.totals, snapshot.processes
    found: dict[tuple[str, str], int | None] = {}
    for name in TOTALS_IN_PAGES:
        pages = getattr(totals, name)
        found[name, "bytes"] = None if pages is None else pages * PAGE_SIZE
    found["free_system_ptes", "entries"] = totals.free_system_ptes
    if not snapshot.lacks("processes"):
        handles = [each.handles for each in processes if each.handles is not None]
        found["processes", "processes"] = len(processes)
        found["zombies", "processes"] = sum(each.zombie for each in processes)
        found["handles", "handles"] = sum(handles) if len(handles) == len(processes) else None
    found["threads", "threads"] = None if snapshot.lacks("threads") else len(snapshot.threads.addresses)
    return {key: value for key, value in found.items() if value is not None}


def _rate(pair: Pair, amount: float) -> float | None:
    rate = pair.per_minute(amount)
    return None if rate is None else round(rate, 1)


class _Counted(NamedTuple):
    size: int
    blocks: int
    allocations: int | None


_LITTLE = _Counted(0, 0, None)
"""What a tag holds that is not listed: less than a page."""


def _tags(pair: Pair, pool: str) -> Iterator[TagGrowth]:
    before, after = _by_tag(pair.before.tags, pool), _by_tag(pair.after.tags, pool)
    pages = getattr(pair.after.totals, f"{pool}_pool")
    least = max(NOISE_BYTES, NOISE_SHARE * (pages or 0) * PAGE_SIZE)
    owners = _owners(pair)
    for name in _in_either(pair, before, after):
        old, new = before.get(name, _LITTLE), after.get(name, _LITTLE)
        amount = new.size - old.size
        if abs(amount) > least:
            blocks, rate = new.blocks - old.blocks, _rate(pair, amount)
            made = went_on(old.allocations, new.allocations)
            yield TagGrowth(name, pool, old.size, new.size, amount, rate, blocks, made, owners.get(name, ()))


def _by_tag(tags: TagCounts, pool: str) -> Mapping[str, _Counted]:
    columns = (getattr(tags, f"{pool}_{what}") for what in ("bytes", "blocks", "allocations"))
    return dict(zip(tags.tags, map(_Counted, *columns)))


def _in_either(pair: Pair, before: Iterable[str], after: Iterable[str]) -> Iterable[str]:
    # A tag that one dump does not list may be one of those that it lacks.
    names = set(before) & set(after) if pair.may_lack_tags else dict.fromkeys((*after, *before))
    return (name for name in names if name not in OF_DUMPS)


def _owners(pair: Pair) -> Mapping[str, tuple[str, ...]]:
    tags = (*pair.was.memory.tags, *pair.now.memory.tags)
    return {each.tag: tuple(owner.module for owner in each.owners) for each in tags if each.owners}


def _handles(pair: Pair) -> Iterator[HandleGrowth]:
    for each, before, after in _counted(pair, lambda process: process.handles):
        if abs(after - before) > NOISE_COUNT:
            yield HandleGrowth(each.name, each.id, before, after, after - before, _rate(pair, after - before))


def _commit(pair: Pair) -> Iterator[CommitGrowth]:
    least = max(NOISE_BYTES, NOISE_SHARE * (pair.after.totals.committed or 0) * PAGE_SIZE)
    for each, *pages in _counted(pair, lambda process: process.commit_pages):
        before, after = (count * PAGE_SIZE for count in pages)
        if abs(after - before) > least:
            yield CommitGrowth(each.name, each.id, before, after, after - before, _rate(pair, after - before))


def _counted(pair: Pair, count: Callable[[ProcessCounts], int | None]) -> Iterator[tuple[ProcessCounts, int, int]]:
    """What each process has of something in either dump; one that began in between had nothing."""
    for old, new in pair.processes:
        before, after = count(old), count(new)
        if before is not None and after is not None:
            yield new, before, after
    for each in pair.new_processes:
        yield each, 0, count(each) or 0


def _objects(pair: Pair) -> Iterator[ObjectGrowth]:
    before = {each.name: each.objects for each in pair.before.object_types}
    for each in pair.after.object_types:
        old = before.get(each.name)
        if old is not None and each.objects is not None and abs(each.objects - old) > NOISE_COUNT:
            amount = each.objects - old
            yield ObjectGrowth(each.name, old, each.objects, amount, _rate(pair, amount))


def of_pool(tags: Sequence[TagGrowth], pool: str) -> int:
    """Bytes that the tags of one pool gained together."""
    return sum(each.amount for each in tags if each.pool == pool and each.amount > 0)
