"""Two dumps of one boot side by side: what is the same thing in both, and how far a counter went on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from livedump.model.examination import Symptoms
from livedump.model.snapshot import ProcessCounts, Snapshot
from livedump.model.threads import Clock, ThreadKey

COUNTER = 1 << 32
"""Counters of 32 bits start anew there."""
FASTEST_PER_SECOND = 1_000_000
"""Ours: no processor switches, is interrupted or is called more often. A counter of 32 bits may have started anew twice
when that much time has passed, and then nobody knows how far it went."""
TICK_SLACK = 1.1
"""Ours: what a count of ticks may be above the time that passed, before it is held to be damaged."""

UNITS_OF_A_SECOND = 10_000_000
"""Of the interrupt time, and of the length of a tick."""
SYSTEM = 4
"""Id of the process of the kernel's own threads."""


class SameThread(NamedTuple):
    """Where one thread stands in the columns of either dump."""

    key: ThreadKey
    before: int
    after: int


class SameProcess(NamedTuple):
    """One process in both dumps."""

    before: ProcessCounts
    after: ProcessCounts


@dataclass(frozen=True)
class Pair:
    """What both dumps counted; ``before`` is the earlier one."""

    before: Snapshot
    after: Snapshot
    was: Symptoms
    """What the analyses of the earlier dump said."""
    now: Symptoms
    seconds: float | None
    """Between them; None where that is not known."""

    @property
    def clock(self) -> Clock | None:
        """The clocks of the later dump."""
        return self.now.clock

    @property
    def ticks(self) -> float | None:
        """The time between in ticks."""
        length = self.clock.tick_length if self.clock else None
        return None if self.seconds is None or not length else self.seconds * UNITS_OF_A_SECOND / length

    def per_minute(self, amount: float | None) -> float | None:
        """An amount for each minute between the dumps."""
        return None if amount is None or not self.seconds else amount * 60 / self.seconds

    def percent(self, ticks: float | None) -> float | None:
        """Ticks as a share of the time between, in percent."""
        return None if ticks is None or not self.ticks else 100 * ticks / self.ticks

    def tick_seconds(self, ticks: int | None) -> float | None:
        """Ticks in seconds."""
        return self.clock.seconds(ticks) if self.clock else None

    def ticks_on(self, before: int | None, after: int | None, processors: int = 1) -> int | None:
        """How far a count of ticks went on; None for more than so many processors can have spent."""
        gained = went_on(before, after)
        if gained is None or self.ticks is None:
            return gained
        return gained if gained <= TICK_SLACK * processors * self.ticks + 2 else None

    def events_per_second(self, before: int | None, after: int | None) -> float | None:
        """How often a counter of 32 bits counted in a second."""
        if not self.seconds or self.seconds * FASTEST_PER_SECOND > COUNTER:
            return None
        gained = went_on(before, after)
        return None if gained is None else gained / self.seconds

    @cached_property
    def threads(self) -> tuple[SameThread, ...]:
        """Threads that are in both, by address, ids and the time of their creation; in the order of the later dump.

        Not those that took either dump, nor others of their processes.
        """
        earlier = {key: index for index, key in enumerate(_keys(self.before))}
        takers, writers = (self.before.requester, self.after.requester), self.writers
        owners = self.after.threads.processes
        return tuple(
            SameThread(key, earlier[key], index)
            for index, key in enumerate(_keys(self.after))
            if key in earlier and owners[index] not in writers and key.address not in takers
        )

    @cached_property
    def same_threads(self) -> Mapping[int, SameThread]:
        """The same by ETHREAD."""
        return {each.key.address: each for each in self.threads}

    @cached_property
    def processes(self) -> tuple[SameProcess, ...]:
        """Processes that are in both, by address, id and the time of their creation; not those that took a dump."""
        earlier = {_process_key(each): each for each in self.before.processes}
        both = ((earlier.get(_process_key(each)), each) for each in self.after.processes)
        return tuple(SameProcess(old, new) for old, new in both if old is not None and new.address not in self.writers)

    @cached_property
    def new_processes(self) -> tuple[ProcessCounts, ...]:
        """Those that began in between; none where the earlier dump may lack some.

        Nor any that may be an old one: of which not both dumps tell when it was created.
        """
        if self.before.lacks("processes"):
            return ()
        earlier = {each.address: each for each in self.before.processes}
        new = (each for each in self.after.processes if _is_another(earlier.get(each.address), each))
        return tuple(each for each in new if each.address not in self.writers)

    @property
    def may_lack_tags(self) -> bool:
        """Whether either dump may lack pool tags, or the counters of some processors, over which each is added."""
        return self.before.lacks("pool tags") or self.after.lacks("pool tags")

    @cached_property
    def names(self) -> Mapping[int, str | None]:
        """Names of processes by EPROCESS."""
        return {each.address: each.name for each in self.after.processes}

    @cached_property
    def writers(self) -> frozenset[int]:
        """EPROCESSes that took the dumps: what they do and use is the work of the dump.

        Not the system's own, when it took one: of that only the thread is left out.
        """
        takers = {address for each in (self.before, self.after) if (address := _writer(each))}
        return frozenset(each.address for each in self.after.processes if each.address in takers and each.id != SYSTEM)

    @cached_property
    def stacks(self) -> tuple[Mapping[int, tuple[str, ...]], Mapping[int, tuple[str, ...]]]:
        """Where each thread stands, by ETHREAD, in either dump."""
        was, now = ({thread: group.frames for group in each.stacks.groups for thread in group.threads}
                    for each in (self.was, self.now))  # fmt: skip
        return was, now

    def thread_text(self, address: int) -> str:
        """``thread 1c54.1d10 of clussvc.exe``: ids as the debugger prints them, in hex."""
        found = self.same_threads.get(address)
        if found is None or None in (found.key.process_id, found.key.thread_id):
            return f"thread {address:x}"
        name = self.names.get(self.after.threads.processes[found.after]) or "an unnamed process"
        return f"thread {found.key.process_id:x}.{found.key.thread_id:x} of {name}"


def went_on(before: int | None, after: int | None) -> int | None:
    """How far a counter went on; one of 32 bits may have started anew once. None where that makes no sense."""
    if before is None or after is None:
        return None
    if after >= before:
        return after - before
    return after + COUNTER - before if before < COUNTER else None


def _writer(snapshot: Snapshot) -> int | None:
    threads = snapshot.threads
    if snapshot.requester is None or snapshot.requester not in threads.addresses:
        return None
    return threads.processes[threads.addresses.index(snapshot.requester)]


def _process_key(process: ProcessCounts) -> tuple[int, int | None, datetime | None]:
    return process.address, process.id, process.created


def _is_another(old: ProcessCounts | None, new: ProcessCounts) -> bool:
    if old is None:
        return True
    known = (both for both in ((old.id, new.id), (old.created, new.created)) if None not in both)
    return any(first != second for first, second in known)


def _keys(snapshot: Snapshot) -> Iterator[ThreadKey]:
    threads = snapshot.threads
    return map(ThreadKey, threads.addresses, threads.process_ids, threads.ids, threads.created)


def cid_text(each: SameThread) -> str:
    """``1c54.1d10``: process and thread in hex; the address where they are not known."""
    ids = (each.key.process_id, each.key.thread_id)
    return f"{each.key.address:x}" if None in ids else f"{ids[0]:x}.{ids[1]:x}"


def driver_of(place: str | None) -> tuple[str, ...]:
    """The driver in whose code a place is; none of the kernel's own."""
    module = place.partition("!")[0].partition("+")[0] if place else ""
    return (module,) if module not in ("", "nt", "hal") else ()
