"""What did not move between two dumps: hangs that are confirmed, threads that never ran, queues that did nothing.

Who waits for an ERESOURCE wakes every few seconds and waits again: of those the lock and its owner must be the same,
not the count of switches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from livedump.analysis.difference.pair import Pair, SameThread, cid_text, driver_of
from livedump.analysis.symptoms.stacks import KERNEL_WAITS
from livedump.model.amounts import count_text, seconds_text
from livedump.model.difference import Change, ChangeKind
from livedump.model.examination import Symptoms
from livedump.model.findings import Confidence, Evidence
from livedump.model.stack_survey import StackGroup
from livedump.model.thread_states import ThreadState
from livedump.model.waits import Chain, ObjectKind, ThreadWait, WaitedObject, WorkQueue

FROM_THE_START_SECONDS = 60
"""Ours: a thread that has waited since so soon after it was created may just have nothing to do."""
MANY_WAIT = 2
"""Ours: for a lock whose owner is not known; one thread alone may wait for what it is told."""
_ORDINARY = frozenset({ObjectKind.THREAD, ObjectKind.PROCESS, ObjectKind.ALPC_MESSAGE})
"""To wait for these for long is nothing unusual, as long as whoever is waited for waits in user mode."""


def find_standstill(pair: Pair) -> tuple[Change, ...]:
    """Hangs that are confirmed, dead work queues, then other threads that did not move."""
    hangs = (*_hangs(pair), *_deadlocks(pair))
    queues = tuple(_dead_queues(pair))
    explained = {thread for each in (*hangs, *queues) for thread in each.threads}
    return (*hangs, *queues, *_stuck(pair, explained))


def did_not_move(pair: Pair, each: SameThread) -> bool:
    """Whether a thread waited in both dumps, at the same place, and was not switched to in between."""
    before, after = pair.before.threads, pair.after.threads
    waits = ThreadState.WAITING
    if before.states[each.before] is not waits or after.states[each.after] is not waits:
        return False
    switches = before.switches[each.before]
    was, now = pair.stacks
    same_place = was.get(each.key.address) == now.get(each.key.address)
    return switches is not None and switches == after.switches[each.after] and same_place


class _Waits:
    # Who waits for whom in one dump.

    def __init__(self, symptoms: Symptoms) -> None:
        self.by_thread: Mapping[int, ThreadWait] = {each.thread: each for each in symptoms.waits.waits}
        self._behind: defaultdict[int, list[int]] = defaultdict(list)
        for each in symptoms.waits.waits:
            for owner in each.owners:
                self._behind[owner].append(each.thread)

    def behind(self, heads: Iterable[int]) -> tuple[int, ...]:
        """All threads that wait for these, directly or not; the nearest first."""
        found = dict.fromkeys(heads)
        pending = list(found)
        for thread in pending:  # grows while it is walked
            new = [each for each in self._behind.get(thread, ()) if each not in found]
            found.update(dict.fromkeys(new))
            pending += new
        return tuple(found)[len(set(heads)) :]


def _hangs(pair: Pair) -> Iterator[Change]:
    was, now = _Waits(pair.was), _Waits(pair.now)
    earlier = {(head, lock) for chain in pair.was.waits.chains for head in chain.heads for lock in chain.objects}
    for chain in pair.now.waits.chains:
        if chain.objects and all(each.held_by is None for each in chain.links[-1:]):
            yield from _without_owner(pair, was, now, chain.objects[0])
            continue
        heads = [head for head in chain.heads if head in pair.same_threads]
        locks = [lock for lock in chain.objects for head in heads if (head, lock) in earlier]
        if not locks:
            continue
        still = _still_waiting(pair, was, now, set(was.behind(heads)), now.behind(heads))
        if still:
            yield from _hang(pair, chain, heads, tuple(dict.fromkeys(locks)), still)


def _without_owner(pair: Pair, was: _Waits, now: _Waits, lock: WaitedObject) -> Iterator[Change]:
    """Threads that still wait for a lock of which nothing tells who holds it: those that did not move at all."""
    waiting = [each.thread for each in now.by_thread.values() if each.object == lock]
    behind = now.behind(waiting)
    before = {each.thread for each in was.by_thread.values() if each.object == lock}
    still = _still_waiting(pair, was, now, {*before, *was.behind(before)}, (*waiting, *behind))
    unmoved = [each for each in still if did_not_move(pair, pair.same_threads[each])]
    if lock.kind in _ORDINARY or len(unmoved) < MANY_WAIT:
        return
    count = f"{count_text(len(unmoved), 'thread')} {'have' if len(unmoved) > 1 else 'has'} not run"
    names = _process_names(pair, unmoved)
    fact = f"{lock.kind.title} {lock.address:x} was waited for by the same threads in both dumps"
    yield Change(
        ChangeKind.HANG_CONFIRMED,
        f"hang confirmed: {count} once in {seconds_text(pair.seconds)} behind {lock.kind.title} "
        f"{lock.address:x}, whose owner is not known",
        Confidence.LIKELY,
        f"lock:{lock.address:x}",
        len(unmoved),
        None,
        "threads",
        (Evidence("same-lock", fact, f"!thread {unmoved[0]:x}"),),
        threads=tuple(unmoved),
        objects=(lock.address,),
        processes=names,
        weight=len(unmoved),
    )


def _process_names(pair: Pair, threads: Iterable[int]) -> tuple[str, ...]:
    owners = (pair.after.threads.processes[pair.same_threads[each].after] for each in threads)
    return tuple(dict.fromkeys(name for name in map(pair.names.get, owners) if name))


def _still_waiting(pair: Pair, was: _Waits, now: _Waits, before: set[int], after: Sequence[int]) -> list[int]:
    return [
        thread
        for thread in after
        if thread in before
        and thread in pair.same_threads
        and was.by_thread[thread].object == now.by_thread[thread].object
        and was.by_thread[thread].owners == now.by_thread[thread].owners
    ]


def _hang(
    pair: Pair, chain: Chain, heads: Sequence[int], locks: Sequence[WaitedObject], still: Sequence[int]
) -> Iterator[Change]:
    head = pair.same_threads[heads[0]]
    moved = not did_not_move(pair, head)
    if all(lock.kind in _ORDINARY for lock in locks) and (moved or not _waits_in_kernel(pair, head)):
        return
    who = pair.thread_text(heads[0])
    others = f" and {count_text(len(heads) - 1, 'other')} that share it" if len(heads) > 1 else ""
    lock = locks[0]
    evidence = [
        Evidence(
            "same-head",
            f"{lock.kind.title} {lock.address:x} was held by {who} and waited for in both dumps",
            f"!locks {lock.address:x}" if lock.kind is ObjectKind.RESOURCE else f"!thread {heads[0]:x}",
        )
    ]
    if not moved:
        evidence.append(Evidence("did-not-move", f"{who} was not switched to once in between", f"!thread {heads[0]:x}"))
    yield Change(
        ChangeKind.HANG_CONFIRMED,
        _hang_text(pair, f"{who}{others}", len(still), None if moved else _waits_text(pair, chain, head)),
        Confidence.POSSIBLE if moved else Confidence.LIKELY,
        f"thread:{cid_text(head)}",
        len(still),
        None,
        "threads",
        tuple(evidence),
        threads=(*heads, *still),
        objects=tuple(each.address for each in locks),
        modules=driver_of(chain.why),
        processes=_process_names(pair, heads),
        weight=len(still),
    )


def _hang_text(pair: Pair, who: str, behind: int, waits: str | None) -> str:
    count, seconds = count_text(behind, "thread"), seconds_text(pair.seconds)
    if waits is None:
        same = f"the same {count} were" if behind > 1 else f"{count} was"
        return f"{same} behind {who} in both dumps, {seconds} apart; it has run in between, so it may be slow"
    been = "have been" if behind > 1 else "has been"
    return f"hang confirmed: {count} {been} behind {who} for all of {seconds}; {waits} and did not run once"


def _waits_text(pair: Pair, chain: Chain, head: SameThread) -> str:
    where = f" in {chain.why}" if chain.why else ""
    waited = _waited_seconds(pair, head)
    return f"it waits{where}" + (f", for {seconds_text(waited)} by now," if waited is not None else "")


def _deadlocks(pair: Pair) -> Iterator[Change]:
    was, now = _Waits(pair.was), _Waits(pair.now)
    earlier = set(pair.was.waits.cycles)
    for cycle in pair.now.waits.cycles:
        known = (pair.same_threads, was.by_thread, now.by_thread)
        if cycle not in earlier or any(thread not in each for thread in cycle for each in known):
            continue
        if any(was.by_thread[thread].object != now.by_thread[thread].object for thread in cycle):
            continue
        still = _still_waiting(pair, was, now, set(was.behind(cycle)), now.behind(cycle))
        behind = f", {count_text(len(still), 'thread')} behind them" if still else ""
        told = " and ".join(pair.thread_text(thread) for thread in cycle)
        locks = tuple(now.by_thread[thread].object.address for thread in cycle)
        yield Change(
            ChangeKind.HANG_CONFIRMED,
            f"deadlock confirmed: {told} have waited for one another for all of {seconds_text(pair.seconds)}{behind}",
            Confidence.LIKELY,
            f"deadlock:{cid_text(pair.same_threads[cycle[0]])}",
            len(cycle) + len(still),
            None,
            "threads",
            tuple(
                Evidence("same-cycle", f"{pair.thread_text(each)} waits in both dumps", f"!thread {each:x}")
                for each in cycle
            ),
            threads=(*cycle, *still),
            objects=locks,
            processes=_process_names(pair, cycle),
            weight=1000 + len(still),
        )


def _dead_queues(pair: Pair) -> Iterator[Change]:
    earlier = {each.address: each for each in pair.was.waits.work_queues}
    for queue in pair.now.waits.work_queues:
        old = earlier.get(queue.address)
        if old and old.pending and queue.pending and old.processed is not None and old.processed == queue.processed:
            yield _dead_queue(pair, queue)


def _dead_queue(pair: Pair, queue: WorkQueue) -> Change:
    workers = tuple(each for each in queue.workers if each in pair.same_threads)
    still = [each for each in workers if did_not_move(pair, pair.same_threads[each])]
    where = f" in {queue.waits_in}" if queue.waits_in else ""
    stand = f"; {count_text(len(still), 'worker')} stood still{where}" if still else ""
    fact = f"{queue.processed:,} items were worked off before and after, {queue.pending or 0:,} wait"
    return Change(
        ChangeKind.WORK_QUEUE,
        f"work queue {queue.index} (node {queue.node}) did nothing for {seconds_text(pair.seconds)} while "
        f"{count_text(queue.pending or 0, 'item')} waited{stand}",
        Confidence.LIKELY,
        f"queue:{queue.node}.{queue.index}",
        queue.pending,
        None,
        "items",
        (Evidence("work-queue", fact, f"dt nt!_EX_WORK_QUEUE {queue.address:x}"),),
        threads=workers,
        objects=(queue.address,),
        modules=driver_of(queue.waits_in),
        weight=queue.pending or 0,
    )


def _stuck(pair: Pair, explained: set[int]) -> Iterator[Change]:
    places = {thread: group for group in pair.now.stacks.groups for thread in group.threads}
    found: defaultdict[tuple[str, ...], list[SameThread]] = defaultdict(list)
    for each in pair.threads:
        group = places.get(each.key.address)
        if group is None or group.idle_pool or group.guessed or each.key.address in explained:
            continue
        if _waits_in_kernel(pair, each) and did_not_move(pair, each):
            found[group.frames].append(each)
    for threads in found.values():
        yield _stuck_at(pair, places[threads[0].key.address], threads)


def _waits_in_kernel(pair: Pair, each: SameThread) -> bool:
    after = pair.after.threads
    return after.interruptible[each.after] is False and after.wait_reasons[each.after] in KERNEL_WAITS


def _stuck_at(pair: Pair, group: StackGroup, threads: Sequence[SameThread]) -> Change:
    addresses = tuple(each.key.address for each in threads)
    where = group.waits_in or "the kernel"
    idle = [_from_the_start(pair, each) for each in threads]
    others = f" and {count_text(len(threads) - 1, 'more thread')}" if len(threads) > 1 else ""
    waited = [seconds for each in threads if (seconds := _waited_seconds(pair, each)) is not None]
    since = f", for {seconds_text(max(waited))} by now" if waited else ""
    all_along = "; that is since it was created, so it may have nothing to do" if all(idle) else ""
    return Change(
        ChangeKind.STUCK,
        f"{pair.thread_text(addresses[0])}{others} did not run once in {seconds_text(pair.seconds)}: "
        f"{'they wait' if others else 'it waits'} in {where}{since}{all_along}",
        Confidence.LIKELY if False in idle else Confidence.POSSIBLE,
        f"stack:{where}",
        len(threads),
        None,
        "threads",
        (Evidence("did-not-move", "waiting in both dumps, with no switch in between", f"!thread {addresses[0]:x}"),),
        threads=addresses,
        modules=driver_of(group.waits_in),
        processes=group.processes,
        weight=len(threads),
    )


def _waited_seconds(pair: Pair, each: SameThread) -> float | None:
    return pair.clock.seconds_since(pair.after.threads.since_ticks[each.after]) if pair.clock else None


def _from_the_start(pair: Pair, each: SameThread) -> bool | None:
    # None where it is not known, or where the clock was set back, so that it waits for longer than it lives.
    waited, created = _waited_seconds(pair, each), each.key.created
    now = pair.clock.system_time if pair.clock else None
    if waited is None or created is None or now is None:
        return None
    ran = (now - created).total_seconds() - waited
    return ran < FROM_THE_START_SECONDS if ran > -FROM_THE_START_SECONDS else None
