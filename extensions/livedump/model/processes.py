"""The list of processes, and what each of them uses."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.listing import Listing
from livedump.model.processors import Process
from livedump.model.text_kinds import ProcessName


class ListedProcess(NamedTuple):
    """One process, and what it uses. Everything from ``parent_id`` on needs the kernel's types."""

    address: Address | None
    """EPROCESS; None where an engine cannot tell."""
    name: ProcessName | None
    process_id: int | None
    directory_table_base: Address | None
    parent_id: int | None = None
    session: int | None = None
    """None also when it belongs to none."""
    threads: int | None = None
    """That have not ended, by the process's own count."""
    running: int | None = None
    """Of the threads on its list, as are the two below."""
    ready: int | None = None
    """They wait for a processor."""
    waiting: int | None = None
    handles: int | None = None
    commit: int | None = None
    """Bytes."""
    created: datetime | None = None
    """UTC."""
    exited: datetime | None = None
    """UTC; None also when it runs."""
    elapsed_seconds: float | None = None
    """Since it was created, until it ended or the dump was taken."""
    kernel_seconds: float | None = None
    """Of all its threads, ended ones included, as is the one below."""
    user_seconds: float | None = None

    @property
    def process(self) -> Process:
        """What every engine tells of it."""
        return Process(self.address, self.name, self.process_id, self.directory_table_base)


class Processes(NamedTuple):
    """All processes, and the one that asked for the dump."""

    processes: Listing[ListedProcess]
    """In the system's own order."""
    requester: Process | None
    """None where it is not known."""
    use_problem: str | None = None
    """Why it is not known, or not of all, what they use; None when it is."""
