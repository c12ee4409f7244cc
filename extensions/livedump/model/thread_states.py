"""What a thread is doing."""

from __future__ import annotations

from enum import Enum


class ThreadState(Enum):
    """KTHREAD.State. Source: public symbols of nt (_KTHREAD_STATE)."""

    INITIALIZED = 0
    READY = 1
    RUNNING = 2
    """Also said by every idle thread: what runs is the processor's current thread."""
    STANDBY = 3
    TERMINATED = 4
    WAITING = 5
    TRANSITION = 6
    """Waits for its stack to be paged in."""
    DEFERRED_READY = 7
    GATE_WAIT_OBSOLETE = 8
    WAITING_FOR_PROCESS_IN_SWAP = 9

    @property
    def title(self) -> str:
        """As ``!thread`` prints it: ``WAITING``."""
        return self.name.replace("_", "").upper()

    @property
    def wants_processor(self) -> bool:
        """Whether the thread could run if a processor were free."""
        return self in _WANT_PROCESSOR


_WANT_PROCESSOR = frozenset({ThreadState.READY, ThreadState.STANDBY, ThreadState.DEFERRED_READY})
