"""Who used the processors between two dumps, and what for. These are true rates, which no single dump has."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.analysis.difference.pair import Pair, SameProcess, SameThread, cid_text, driver_of, went_on
from livedump.analysis.symptoms.processor_shares import whole_time
from livedump.model.amounts import seconds_text
from livedump.model.difference import Change, ChangeKind, ProcessorRate, ProcessRate, ThreadRate
from livedump.model.findings import Confidence, Evidence
from livedump.model.snapshot import ProcessorCounts, Snapshot

NOISE_PERCENT = 5
"""Ours: of one processor; what uses less is not listed."""
RUNAWAY_PERCENT = 90
"""Ours: of one processor, the whole time."""
DPC_PERCENT, DPC_PERCENT_STRONG, INTERRUPT_PERCENT = 5, 30, 10
"""Ours: of one processor's time."""
TICKS_APART = 2
"""By so much parts may exceed the whole that went on between two readings, each of which is of no one instant."""
TOP = 50
"""Threads and processes that are listed."""


def thread_rates(pair: Pair) -> tuple[ThreadRate, ...]:
    """Threads that used more than noise, the busiest first."""
    found = (_thread(pair, each) for each in pair.threads)
    busy = [each for each in found if max(each.percent or 0, each.cycles_percent or 0) > NOISE_PERCENT]
    return tuple(sorted(busy, key=lambda each: -max(each.percent or 0, each.cycles_percent or 0))[:TOP])


def process_rates(pair: Pair) -> tuple[ProcessRate, ...]:
    """The same for processes: ended threads of theirs are in it."""
    found = (_process(pair, each) for each in pair.processes)
    busy = [each for each in found if max(each.percent or 0, each.cycles_percent or 0) > NOISE_PERCENT]
    return tuple(sorted(busy, key=lambda each: -max(each.percent or 0, each.cycles_percent or 0))[:TOP])


def processor_rates(pair: Pair) -> tuple[ProcessorRate, ...]:
    """Where each processor's time went."""
    earlier = {each.number: each for each in pair.before.processors}
    return tuple(
        _processor(pair, earlier[each.number], each) for each in pair.after.processors if each.number in earlier
    )


def find_busy(pair: Pair, rates: tuple[ProcessorRate, ...]) -> Iterator[Change]:
    """Threads that kept a processor busy all the time, and processors that DPCs or interrupts kept busy."""
    for each in pair.threads:
        yield from _runaway(pair, each)
    for rate in rates:
        yield from _time_of_dpcs(pair, rate)
        yield from _time_of_interrupts(pair, rate)


def _gained(pair: Pair, each: SameThread) -> tuple[int | None, int | None]:
    before, after = pair.before.threads, pair.after.threads
    return (
        pair.ticks_on(before.kernel_ticks[each.before], after.kernel_ticks[each.after]),
        pair.ticks_on(before.user_ticks[each.before], after.user_ticks[each.after]),
    )


def _thread(pair: Pair, each: SameThread) -> ThreadRate:
    before, after = pair.before.threads, pair.after.threads
    kernel, user = _gained(pair, each)
    return ThreadRate(
        thread=each.key.address,
        thread_id=each.key.thread_id,
        process=pair.names.get(after.processes[each.after]),
        process_id=each.key.process_id,
        kernel_seconds=pair.tick_seconds(kernel),
        user_seconds=pair.tick_seconds(user),
        percent=_percent(pair, kernel, user),
        cycles_percent=_cycles_percent(pair, before.cycles[each.before], after.cycles[each.after]),
        switches_per_second=_rounded(pair.events_per_second(before.switches[each.before], after.switches[each.after])),
    )


def _process(pair: Pair, each: SameProcess) -> ProcessRate:
    before, after = each
    count = len(pair.after.processors)
    kernel = pair.ticks_on(before.kernel_ticks, after.kernel_ticks, count)
    user = pair.ticks_on(before.user_ticks, after.user_ticks, count)
    return ProcessRate(
        address=after.address,
        process=after.name,
        process_id=after.id,
        kernel_seconds=pair.tick_seconds(kernel),
        user_seconds=pair.tick_seconds(user),
        percent=_percent(pair, kernel, user),
        cycles_percent=_cycles_percent(pair, before.cycles, after.cycles, count),
    )


def _percent(pair: Pair, kernel: int | None, user: int | None) -> float | None:
    return None if kernel is None or user is None else _rounded(pair.percent(kernel + user))


def _cycles_percent(pair: Pair, before: int | None, after: int | None, processors: int = 1) -> float | None:
    mhz = next((each.mhz for each in pair.after.processors if each.mhz), None)
    if before is None or after is None or not mhz or not pair.seconds or after < before:
        return None
    share = 100 * (after - before) / (mhz * 1_000_000 * pair.seconds)
    # The nominal frequency is not always that of the time stamp counter; what is far above all time is damage.
    return _rounded(share) if share <= 200 * processors else None


def _processor(pair: Pair, before: ProcessorCounts, after: ProcessorCounts) -> ProcessorRate:
    kernel = pair.ticks_on(before.kernel_ticks, after.kernel_ticks)
    user = pair.ticks_on(before.user_ticks, after.user_ticks)
    parts = [
        pair.ticks_on(before.dpc_ticks, after.dpc_ticks),
        pair.ticks_on(before.interrupt_ticks, after.interrupt_ticks),
        pair.ticks_on(before.idle_ticks, after.idle_ticks),
    ]
    total = whole_time(kernel, user, parts, TICKS_APART)
    # Kernel time holds the other three; what of it is left is work.
    known = [each for each in parts if each is not None]
    work = max(kernel - sum(known), 0) if kernel is not None and len(known) == len(parts) else None
    dpc, interrupt, idle = (_share(each, total) for each in parts)
    return ProcessorRate(
        number=after.number,
        user_percent=_share(user, total),
        kernel_percent=_share(work, total),
        dpc_percent=dpc,
        interrupt_percent=interrupt,
        idle_percent=idle,
        interrupts_per_second=_rounded(pair.events_per_second(before.interrupts, after.interrupts)),
        dpcs_per_second=_rounded(pair.events_per_second(before.dpcs, after.dpcs)),
        switches_per_second=_rounded(pair.events_per_second(before.switches, after.switches)),
        system_calls_per_second=_rounded(pair.events_per_second(before.system_calls, after.system_calls)),
    )


def _share(ticks: int | None, total: int | None) -> float | None:
    return None if ticks is None or not total else round(min(100 * ticks / total, 100.0), 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _runaway(pair: Pair, each: SameThread) -> Iterator[Change]:
    kernel, user = _gained(pair, each)
    percent = _percent(pair, kernel, user)
    if kernel is None or user is None or percent is None or percent <= RUNAWAY_PERCENT:
        return
    address = each.key.address
    processors = [_processor_of(side, address) for side in (pair.before, pair.after)]
    place = next((one.own_frame for one in pair.now.processors.processors if one.thread == address), None)
    mode = "kernel mode" if kernel >= user else "user mode"
    seconds = pair.tick_seconds(kernel + user) or 0.0
    facts = [f"it took {seconds_text(seconds)} of {seconds_text(pair.seconds)}, mostly in {mode}"]
    if None not in processors:
        facts.append(f"it ran on processor {processors[0]} in the first dump and on {processors[1]} in the second")
    name = pair.names.get(pair.after.threads.processes[each.after])
    yield Change(
        ChangeKind.RUNAWAY,
        f"{pair.thread_text(address)} kept a processor busy all the time: {percent:.0f} % of one, mostly in {mode}"
        f"{_never_switched(pair, each)}{f'; it stands in {place}' if place else ''}",
        Confidence.LIKELY if None not in processors else Confidence.POSSIBLE,
        f"thread:{cid_text(each)}",
        seconds,
        pair.per_minute(seconds),
        "seconds",
        tuple(Evidence("runaway", fact, f"!thread {address:x}") for fact in facts),
        threads=(address,),
        modules=driver_of(place),
        processes=(name,) if name else (),
        weight=percent,
    )


def _processor_of(snapshot: Snapshot, thread: int) -> int | None:
    return next((each.number for each in snapshot.processors if each.thread == thread), None)


def _never_switched(pair: Pair, each: SameThread) -> str:
    switches = went_on(pair.before.threads.switches[each.before], pair.after.threads.switches[each.after])
    return ", without giving it up once" if switches == 0 else ""


def _time_of_dpcs(pair: Pair, rate: ProcessorRate) -> Iterator[Change]:
    share = rate.dpc_percent
    if share is not None and share > DPC_PERCENT:
        sure = Confidence.LIKELY if share > DPC_PERCENT_STRONG else Confidence.POSSIBLE
        yield _taken(pair, rate, "DPCs", share, sure)


def _time_of_interrupts(pair: Pair, rate: ProcessorRate) -> Iterator[Change]:
    share = rate.interrupt_percent
    if share is not None and share > INTERRUPT_PERCENT:
        yield _taken(pair, rate, "interrupts", share, Confidence.LIKELY)


def _taken(pair: Pair, rate: ProcessorRate, what: str, share: float, sure: Confidence) -> Change:
    seconds = (pair.seconds or 0) * share / 100
    fact = f"{share:.1f} % of the time between the dumps went to {what}"
    return Change(
        ChangeKind.RUNAWAY,
        f"{what} took {share:.1f} % of processor {rate.number} between the dumps",
        sure,
        f"processor:{rate.number}:{what.lower()}",
        seconds,
        pair.per_minute(seconds),
        "seconds",
        (Evidence("processor-time", fact, "!running -it"),),
        weight=share,
    )
