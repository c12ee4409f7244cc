"""Limits of this very process while it reads one dump: the same that a worker has, without one."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from livedump.model.errors import LimitReached
from livedump.model.limits import Limits

AGAIN_SECONDS = 1.0
"""What swallows the interruption is interrupted again."""


class _TimeIsOver(BaseException):
    """No DumpError: whoever handles those must not take it for one."""


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Within, this process may take so much time and, where the system knows of it, address space; 0 for no limit.

    For the first thread of a process, which alone has signals.

    Raises:
        LimitReached: it took more.
    """
    try:
        with limited_memory(limits.memory_bytes), _limited_time(limits.seconds):
            yield
    except _TimeIsOver:
        raise LimitReached(f"reading it takes more than {limits.seconds:g} s") from None
    except MemoryError:
        raise LimitReached("reading it takes more memory than a dump may have") from None


@contextmanager
def limited_memory(size: int) -> Iterator[None]:
    """Within, this process gets so much more address space at most; 0 for no limit. Windows knows no such limit.

    What it has already does not count: a process in which other libraries hold gigabytes, or a debugger's, would find
    no memory at all, which not every one of them survives.
    """
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    if size:
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force
            resource.setrlimit(resource.RLIMIT_AS, (_address_space() + size, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, before)


def _address_space() -> int:
    """Bytes that this process has now; 0 where the system does not say (its own limit is another matter there)."""
    try:
        with open("/proc/self/statm", "rb") as counts:  # noqa: PTH123 - pathlib takes longer
            return int(counts.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


@contextmanager
def _limited_time(seconds: float) -> Iterator[None]:
    if not seconds:
        yield
    elif hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _interruption(seconds):
            yield


class _Alarm:
    """What SIGALRM calls."""

    def __init__(self) -> None:
        self.armed = True

    def __call__(self, *_: object) -> None:
        if self.armed:
            raise _TimeIsOver


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    # One that rings while it is put away must not keep it from being put away, or it rings for whoever comes next.
    alarm = _Alarm()
    before = signal.signal(signal.SIGALRM, alarm)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
            yield
        finally:
            alarm.armed = False
    finally:
        alarm.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _interruption(seconds: float) -> Iterator[None]:
    """The same on Windows: as Ctrl-C would come."""
    import _thread  # noqa: PLC0415
    import threading  # noqa: PLC0415 - takes its time to import

    over = threading.Event()

    def interrupt() -> None:
        over.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # what it has still sent comes here, and not after
    except KeyboardInterrupt:
        if over.is_set():
            raise _TimeIsOver from None
        raise
