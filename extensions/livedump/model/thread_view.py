"""One thread, as whoever asks for it alone sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.frames import Stack
from livedump.model.listing import Listing
from livedump.model.requests import Request
from livedump.model.text_kinds import ProcessName, SymbolText
from livedump.model.waits import ThreadWait


class AwaitedObject(NamedTuple):
    """One thing that a thread waits for."""

    address: Address
    what: str | None
    """In ``!thread``'s words: ``SynchronizationEvent``. None where it is not captured."""
    owner: Address | None
    """ETHREAD that holds a mutant; None of all else."""


class ThreadFacts(NamedTuple):
    """What is asked of one thread alone."""

    teb: Address | None
    """0 of one without a user mode part."""
    win32_thread: Address | None
    """0 where the thread draws nothing."""
    ideal_processor: int | None
    attached_process: Address | None
    """EPROCESS in whose address space it runs: its own where it is not attached."""
    objects: tuple[AwaitedObject, ...]
    """By its wait blocks; empty for one that does not wait."""
    requests: Listing[Request]


@dataclass(frozen=True)
class ThreadView:
    """What ``!thread`` shows. None: it is not captured, or nothing tells where this build keeps it."""

    thread: Address
    process_id: int | None
    thread_id: int | None
    process: Address
    process_name: ProcessName | None
    attached_process: Address | None
    """None also when it is attached to no other."""
    attached_name: ProcessName | None
    teb: Address | None
    win32_thread: Address | None
    state: str | None
    """``WAITING``."""
    processor: int | None
    """On which it runs, or for which it is ready."""
    requester: bool
    """Whether it took the dump."""
    wait_reason: str | None
    """None unless it waits, as are the two below."""
    user_mode: bool | None
    alertable: bool | None
    objects: tuple[AwaitedObject, ...]
    lock: ThreadWait | None
    """What lock that is, and who holds it; None where nobody owns what it waits for."""
    requests: Listing[Request]
    wait_start_ticks: int | None
    """Low half of the tick count when the wait began, or when it became ready."""
    wait_ticks: int | None
    """Since then."""
    wait_seconds: float | None
    context_switches: int | None
    ideal_processor: int | None
    user_seconds: float | None
    kernel_seconds: float | None
    created: datetime | None
    start_address: Address | None
    start: SymbolText | None
    """Its name; None where it lies in no module that is known."""
    win32_start_address: Address | None
    win32_start: SymbolText | None
    stack_init: Address | None
    stack_current: Address | None
    stack_base: Address | None
    stack_limit: Address | None
    priority: int | None
    base_priority: int | None
    suspend_count: int | None
    stack: Stack | None
    stack_problem: str | None
    """Why there is none."""
