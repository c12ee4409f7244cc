"""Who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.listing import Listing
from livedump.model.symptoms import AnalysisState
from livedump.model.text_kinds import SymbolText, ThreadName


class ObjectKind(Enum):
    """What a thread waits for."""

    RESOURCE = "eresource"
    PUSH_LOCK = "push-lock"
    FAST_MUTEX = "fast-mutex"
    GUARDED_MUTEX = "guarded-mutex"
    MUTANT = "mutant"
    THREAD = "thread"
    PROCESS = "process"
    ALPC_MESSAGE = "alpc-message"
    EVENT = "event"
    SEMAPHORE = "semaphore"
    QUEUE = "queue"
    TIMER = "timer"
    GATE = "gate"
    OTHER = "other"

    @property
    def title(self) -> str:
        """For people: ``push lock``; an ERESOURCE is called what everybody calls it."""
        return "ERESOURCE" if self is ObjectKind.RESOURCE else self.value.replace("-", " ").replace("alpc", "ALPC")

    @property
    def owned(self) -> bool:
        """Whether somebody holds it, so that a wait for it is a wait for a thread."""
        return self in _OWNED


_OWNED = frozenset(
    {
        ObjectKind.RESOURCE,
        ObjectKind.PUSH_LOCK,
        ObjectKind.FAST_MUTEX,
        ObjectKind.GUARDED_MUTEX,
        ObjectKind.MUTANT,
        ObjectKind.THREAD,
        ObjectKind.ALPC_MESSAGE,
    }
)


class WaitedObject(NamedTuple):
    """What one thread waits for."""

    kind: ObjectKind
    address: Address


class ThreadWait(NamedTuple):
    """One thread that waits, for what, and who would have to let go."""

    thread: Address
    object: WaitedObject
    owners: tuple[Address, ...]
    """ETHREADs; several share it. Empty where nobody owns such a thing, or where the owner is not known."""
    owner_process: Address | None = None
    """EPROCESS of whoever would have to answer, where no thread has taken it up."""
    owner_problem: str | None = None
    """Why the owner is not known; None where it is, or where there is none."""
    lost_owner: Address | None = None
    """What the lock says of its owner and where no thread is."""


class WaitFacts(NamedTuple):
    """All waits that lead somewhere, as the kernel's own structures tell."""

    waits: Listing[ThreadWait]
    resources: int
    """ERESOURCEs on the system's list."""
    held_resources: int
    push_locks_known: bool
    """Whether this build records who holds push locks and mutexes."""
    resources_whole: bool = True
    """Whether these are all of the system's list."""


class Link(NamedTuple):
    """One step of a chain."""

    thread: Address
    waits_for: WaitedObject
    held_by: Address | None
    """The first owner; None where it is not known."""
    owners: int
    seconds: float | None
    """How long the thread has waited; of an ERESOURCE only for this round of a few seconds."""
    name: ThreadName | None = None
    """``1c54.1d10 clussvc.exe``: ids in hex, as the debugger prints them, and the process."""


class Chain(NamedTuple):
    """Threads that wait for one another, down to the one that they all wait for."""

    head: Address | None
    """The first of the heads; None where it is not known."""
    heads: tuple[Address, ...]
    """The owners of the last lock, several where they share it. Where its owner is not known: those who wait for it
    and have others behind them."""
    behind: int
    """Threads that wait for it, directly or not."""
    objects: tuple[WaitedObject, ...]
    """What the head holds and others wait for."""
    links: tuple[Link, ...]
    """Down to the one in front of the head, from the thread farthest behind or as many as are listed."""
    why: str | None
    """Where the head itself stands."""
    head_name: ThreadName | None = None
    """As that of a link."""


@dataclass(frozen=True)
class WorkQueue:
    """A system work queue."""

    address: Address
    node: int
    index: int
    pending: int | None
    threads: int | None
    """Worker threads."""
    busy: int | None
    """Of them, those that work on an item."""
    stuck: bool | None
    """Whether work waits and every worker is blocked; None where that cannot be told."""
    routines: tuple[SymbolText, ...] = ()
    """Of pending items, each once, the most frequent first."""
    waits_in: SymbolText | None = None
    """Where most busy workers stand."""
    processed: int | None = None
    """Items that were worked off since boot."""
    workers: tuple[Address, ...] = ()
    """ETHREADs of the busy ones."""


class Waits(NamedTuple):
    """The wait graph."""

    state: AnalysisState
    reason: str | None
    summary: str
    chains: tuple[Chain, ...] = ()
    """The one with most threads behind it first."""
    cycles: tuple[tuple[Address, ...], ...] = ()
    """Each begins with its lowest address."""
    waits: tuple[ThreadWait, ...] = ()
    """For things that somebody owns."""
    work_queues: tuple[WorkQueue, ...] = ()
    more_chains: int = 0
    """Those that are not listed."""
