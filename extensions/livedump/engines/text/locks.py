"""The output of ``!locks``: ERESOURCEs, who holds them and who waits.

Threads behind a resource's ``Threads:`` are its owners where ``<*>`` follows; the others wait for shared access.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.lines import ADDRESS, parse_address, parse_prompt
from livedump.model.addresses import is_kernel_address
from livedump.model.listing import Listing, joined_problems
from livedump.model.waits import ObjectKind, ThreadWait, WaitedObject, WaitFacts

MAX_LOCKS = 100_000
MAX_WAITS = 100_000
MAX_OWNERS = 256
"""Of one lock; its threads are kept in tuples that are made anew for each."""
MAX_WAITERS = 4096
COOKIE = 3
"""Bits of an owner that is no thread: a mark that its holder chose."""

_RESOURCE = re.compile(
    rf"\s*Resource @ (?:\S{{1,200}} \()?(?:0x)?({ADDRESS})\)?\s+(Exclusively owned|Shared \d+ owning)"
)
_OWNER = re.compile(rf"({ADDRESS})-[0-9a-fA-F]{{2,8}}(<\*>)?(?:\s+\*\*\* Actual Thread (?:0x)?({ADDRESS}))?")
_SHARED = re.compile(r"\s*NumberOfSharedWaiters = (\d{1,9})\s*$")
_WAITING = re.compile(r"\s*Threads Waiting On Exclusive Access:")
_TOTAL = re.compile(r"\s*(\d{1,9}) total locks(?:, (\d{1,9}) locks currently held)?")
_ADDRESSES = re.compile(rf"\s*{ADDRESS}(?:\s+{ADDRESS}){{0,15}}(?=\s|$)")
_ANY = re.compile(ADDRESS)


class _Lock(NamedTuple):
    address: int
    owners: tuple[int, ...] = ()
    no_thread: bool = False
    """Whether an owner is a mark and no thread."""
    others: tuple[int, ...] = ()
    """Threads that are listed and hold nothing."""
    waiting: tuple[int, ...] = ()
    """For exclusive access."""
    shared_waiters: bool = False


def parse_locks(lines: Sequence[str]) -> WaitFacts | None:
    """Who waits for which ERESOURCE and who holds it; None when the text holds no output of ``!locks``.

    A thread waits once: where the text has it twice the first counts.
    """
    locks: dict[int, _Lock] = {}
    for lock in _iter_locks(lines):
        if len(locks) < MAX_LOCKS:
            locks.setdefault(lock.address, lock)
    totals = [found for found in map(_TOTAL.match, _with(lines, "total locks")) if found]
    if not locks and not totals:
        return None
    total = max((int(found.group(1)) for found in totals), default=0)
    held = max((int(found.group(2) or 0) for found in totals), default=0)
    waits = {wait.thread: wait for lock in reversed(tuple(locks.values())) for wait in _waits(lock)}
    many = f"{MAX_WAITS} waiting threads are read: there may be more" if len(waits) > MAX_WAITS else None
    cut = None if totals else "the list of locks has no end"
    known = tuple(waits.values())[:MAX_WAITS]
    return WaitFacts(
        waits=Listing(known, joined_problems(many, cut)),
        resources=max(total, len(locks)),
        held_resources=max(held, len(locks)),
        push_locks_known=False,
        resources_whole=cut is None,
    )


def _with(lines: Sequence[str], word: str) -> Iterator[str]:
    return (line for line in lines if word in line)


def _iter_locks(lines: Sequence[str]) -> Iterator[_Lock]:
    lock: _Lock | None = None
    exclusive = False
    for line in lines:
        found = _RESOURCE.match(line) if "Resource @" in line else None
        if lock and (found or "total locks" in line or parse_prompt(line)):
            yield lock
            lock = None
        if found:
            lock, exclusive = _Lock(parse_address(found.group(1)) or 0), False
        elif lock and _WAITING.match(line):
            exclusive = True
        elif lock:
            lock = _with_waiters(lock, line) if exclusive else _with_line(lock, line)
    if lock:
        yield lock


def _with_line(lock: _Lock, line: str) -> _Lock:
    shared = _SHARED.match(line)
    if shared:
        return lock._replace(shared_waiters=int(shared.group(1)) > 0)
    for found in _OWNER.finditer(line):
        listed, holds, actual = found.groups()
        thread = parse_address(actual or listed)
        if holds and (thread is None or thread & COOKIE or not is_kernel_address(thread)):
            lock = lock._replace(no_thread=True)
        elif thread is not None and is_kernel_address(thread) and holds:
            lock = lock._replace(owners=(*lock.owners, thread)) if len(lock.owners) < MAX_OWNERS else lock
        elif thread is not None and is_kernel_address(thread) and len(lock.others) < MAX_OWNERS:
            lock = lock._replace(others=(*lock.others, thread))
    return lock


def _with_waiters(lock: _Lock, line: str) -> _Lock:
    if not _ADDRESSES.match(line) or len(lock.waiting) >= MAX_WAITERS:
        return lock
    threads = (parse_address(text) for text in _ANY.findall(line))
    # The debugger lists the head of a list of waiters among them, which is no thread.
    known = (each for each in threads if each is not None and is_kernel_address(each) and not each & COOKIE)
    return lock._replace(waiting=(*lock.waiting, *known))


def _waits(lock: _Lock) -> Iterator[ThreadWait]:
    waited = WaitedObject(ObjectKind.RESOURCE, lock.address)
    owners = tuple(dict.fromkeys(lock.owners))
    problem = None if owners else "its owner is no thread" if lock.no_thread else "the text names no owner"
    waiting = (*lock.waiting, *(lock.others if lock.shared_waiters else ()))
    for thread in dict.fromkeys(waiting):
        if thread not in owners:
            yield ThreadWait(thread, waited, owners, owner_problem=problem)
