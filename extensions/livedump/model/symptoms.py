"""Symptoms: what was going on in the machine. Findings, and what each analysis saw on the way to them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from livedump.model.addresses import Address
from livedump.model.findings import Confidence, Evidence
from livedump.model.text_kinds import ModuleName, ProcessName


class SymptomKind(Enum):
    """What is wrong. The values are part of the JSON contract, and group a folder."""

    DEADLOCK = "deadlock"
    BLOCKED = "blocked"
    """A head and who waits behind it."""
    ORPHAN_LOCK = "orphan-lock"
    LONG_WAIT = "long-wait"
    STARVED = "starved"
    SATURATED = "saturated"
    RUNAWAY = "runaway"
    DPC_TIME = "dpc-time"
    INTERRUPT_TIME = "interrupt-time"
    SPIN_LOCK = "spin-lock"
    WORK_QUEUE = "work-queue"
    POOL_TAG = "pool-tag"
    POOL_SIZE = "pool-size"
    COMMIT = "commit"
    LOW_MEMORY = "low-memory"
    HANDLES = "handles"
    PROCESS_COMMIT = "process-commit"
    LOCKED_PAGES = "locked-pages"
    SYSTEM_PTES = "system-ptes"
    PENDING_IO = "pending-io"


class Symptom(NamedTuple):
    """One finding: a sentence that an engineer would write, how sure it is, and how to check it."""

    kind: SymptomKind
    text: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    """Never empty."""
    threads: tuple[Address, ...] = ()
    """ETHREADs, the most important first."""
    objects: tuple[Address, ...] = ()
    """Locks, requests, queues: whatever it is about."""
    modules: tuple[ModuleName, ...] = ()
    processes: tuple[ProcessName, ...] = ()
    """Names."""
    processor: int | None = None
    count: int | None = None  # type: ignore[assignment]  # nobody counts values in a finding, as in other tuples
    """How many threads, blocks, requests or bytes; the text says of what."""
    subject: str = ""
    """What distinguishes findings of one kind in a folder: a tag, a driver, a process name. With the kind it is the
    key that groups dumps."""
    weight: float = 0
    """Rank among findings of equal confidence; greater first."""

    @property
    def key(self) -> str:
        """``pool-tag:Leak``: the same for like findings of different dumps."""
        return f"{self.kind.value}:{self.subject}" if self.subject else self.kind.value


class AnalysisState(Enum):
    """What an analysis could say."""

    FOUND = "found"
    """It looked, and has something to show; whether that is trouble the findings say."""
    NONE = "none"
    """It looked at all there is, and there is nothing."""
    NOT_CAPTURED = "not-captured"
    """The dump does not hold what it needs."""
    NOT_KNOWN = "not-known"
    """This engine cannot tell, or symbols are missing."""


LOOKED = (AnalysisState.FOUND, AnalysisState.NONE)
"""What it takes that nothing stands out."""
