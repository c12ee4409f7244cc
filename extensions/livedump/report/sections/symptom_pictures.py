"""What was going on, for the eye: processors and memory as bars, who waits for whom as a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livedump.model.examination import Symptoms
from livedump.model.memory_use import MemoryUse, PoolTag
from livedump.model.running import Running, RunningProcessor
from livedump.model.waits import Chain, Waits
from livedump.report.pictures import Bar, Bars, Part, Paths, Picture, Step

MAX_BARS = 64
MAX_TAGS = 8
MAX_PATHS = 4
MAX_STEPS = 6
_MIB = 1 << 20


def symptom_pictures(symptoms: Symptoms) -> tuple[Picture, ...]:
    """Pictures of what is known; none of what is not."""
    found = (*_waits(symptoms.waits), *_processors(symptoms.processors), *_memory(symptoms.memory))
    return tuple(found)


def _processors(running: Running) -> Iterator[Picture]:
    bars = tuple(_processor(each) for each in running.processors[:MAX_BARS] if each.idle_percent is not None)
    if bars:
        some = f", {len(bars)} of {len(running.processors)}" if len(running.processors) > MAX_BARS else ""
        yield Bars(f"Processors, since the machine started{some}", bars)


def _processor(each: RunningProcessor) -> Bar:
    dpc, interrupt, idle = (_share(value) for value in (each.dpc_percent, each.interrupt_percent, each.idle_percent))
    rest = max(0.0, 1 - idle - dpc - interrupt)
    parts = (Part("interrupts", interrupt, "bad"), Part("DPCs", dpc, "warn"), Part("threads", rest))
    own = "took the dump" if each.requester else each.own_frame or each.process or "busy now"
    now = "idle now" if each.idle else own
    return Bar(f"Processor {each.number}", parts, now)


def _share(value: float | None) -> float:
    return 0.0 if value is None else value / 100


def _waits(waits: Waits) -> Iterator[Picture]:
    paths = tuple(_path(chain) for chain in waits.chains[:MAX_PATHS] if chain.links)
    if paths:
        total = len(waits.chains) + waits.more_chains
        some = f", {len(paths)} of {total:,} chains" if total > MAX_PATHS else ""
        yield Paths(f"Who waits for whom{some}", paths)


def _path(chain: Chain) -> tuple[Step, ...]:
    return (*_links(chain), *_head(chain))


def _links(chain: Chain) -> Iterator[Step]:
    # The links nearest to the head say most; the first box stands for all that wait behind them.
    shown = chain.links[-MAX_STEPS:]
    yield Step((f"{chain.behind:,} thread{'' if chain.behind == 1 else 's'} in all",), onward="wait")
    for link in shown:
        lock = link.waits_for
        wants = f"waits for the {lock.kind.title}"
        yield Step((link.name or f"{link.thread:x}", wants, f"{lock.address:x}"), onward="held by")


def _head(chain: Chain) -> Iterator[Step]:
    if chain.head is None:
        yield Step(("an owner who is", "not known"), "bad")
        return
    name = chain.head_name or f"{chain.head:x}"
    yield Step((name, "stands in" if chain.why else "where it stands", chain.why or "is not known"), "bad")


def _memory(memory: MemoryUse) -> Iterator[Picture]:
    bars = (*_commit(memory), *_available(memory))
    if bars:
        yield Bars("Memory", bars)
    if memory.tags:
        largest = max(_bytes(tag) for tag in memory.tags) or 1
        yield Bars("Largest pool tags", tuple(_tag(tag, largest) for tag in memory.tags[:MAX_TAGS]))


def _commit(memory: MemoryUse) -> Iterator[Bar]:
    use = memory.commit
    if use and use.used is not None and use.limit:
        share = use.used / use.limit
        yield Bar("Committed", (Part("", share, _mark(share)),), f"{_size(use.used)} of {_size(use.limit)}")


def _available(memory: MemoryUse) -> Iterator[Bar]:
    use = memory.commit
    if use and use.available is not None and use.physical:
        share = 1 - use.available / use.physical
        used = use.physical - use.available
        yield Bar("Physical memory in use", (Part("", share, _mark(share)),), f"{_size(used)} of {_size(use.physical)}")


def _tag(tag: PoolTag, largest: int) -> Bar:
    parts = (Part("", tag.nonpaged_bytes / largest, "warn"), Part("", tag.paged_bytes / largest))
    amounts = (("nonpaged", tag.nonpaged_bytes), ("paged", tag.paged_bytes))
    value = ", ".join(f"{_size(amount)} {name}" for name, amount in amounts if amount)
    return Bar(f"{tag.tag}{_owners(each.module for each in tag.owners)}", parts, value)


def _owners(modules: Iterable[str]) -> str:
    named = ", ".join(modules)
    return f" ({named})" if named else ""


def _bytes(tag: PoolTag) -> int:
    return tag.nonpaged_bytes + tag.paged_bytes


def _mark(share: float) -> str:
    return "bad" if share > 0.95 else "warn" if share > 0.9 else ""


def _size(count: int) -> str:
    return f"{count / _MIB / 1024:,.1f} GiB" if count >= 1 << 30 else f"{count / _MIB:,.0f} MiB"
