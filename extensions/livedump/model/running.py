"""Who runs, who wants to, and where the processors' time went."""

from __future__ import annotations

from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.frames import Frame
from livedump.model.symptoms import AnalysisState
from livedump.model.text_kinds import ModuleName, ProcessName, SymbolText


class RunningProcessor(NamedTuple):
    """What one processor was doing before the capture stopped it. Percentages are of all time since boot."""

    number: int
    thread: Address | None
    thread_id: int | None
    process: ProcessName | None
    process_id: int | None
    priority: int | None
    idle: bool | None
    requester: bool
    """Whether it is the one that took the dump: no sign of load."""
    own_frame: SymbolText | None
    """Call site of the first frame below what the capture put there; None where the stack cannot be had."""
    frames: tuple[Frame, ...]
    """From there on."""
    dpc_percent: float | None
    interrupt_percent: float | None
    idle_percent: float | None
    dpc_queue_depth: int | None
    dpc_queue_modules: tuple[ModuleName, ...]
    """Whose DPCs wait, each module once, the most frequent first."""
    interrupts_per_second: float | None

    @property
    def busy(self) -> bool:
        """Whether it ran something other than the idle thread and the capture."""
        return self.idle is False and not self.requester


class ReadyThread(NamedTuple):
    """A thread that waits for a processor."""

    thread: Address
    thread_id: int | None
    process: ProcessName | None
    process_id: int | None
    priority: int | None
    seconds: float | None
    """How long."""
    processor: int | None
    """On whose queue it stands."""


class BusyThread(NamedTuple):
    """A thread by the time that it took since it was created."""

    thread: Address
    thread_id: int | None
    process: ProcessName | None
    process_id: int | None
    kernel_seconds: float | None
    user_seconds: float | None
    cycles: int | None
    percent: float | None
    """Of one processor, since it was created."""
    start: SymbolText | None
    """Where it began: ``Ntfs!NtfsWorker``; None for user mode."""


class BusyProcess(NamedTuple):
    """A process by the time of all its threads, ended ones included."""

    process: ProcessName | None
    process_id: int | None
    address: Address
    kernel_seconds: float | None
    user_seconds: float | None
    cycles: int | None


class Running(NamedTuple):
    """Who runs on each processor, who waits for one, who took most time."""

    state: AnalysisState
    reason: str | None
    """Why there is no answer, or not the whole one; None when nothing limits it."""
    summary: str
    """One line."""
    processors: tuple[RunningProcessor, ...] = ()
    ready: tuple[ReadyThread, ...] = ()
    """The longest waiting first."""
    top_threads: tuple[BusyThread, ...] = ()
    top_processes: tuple[BusyProcess, ...] = ()
