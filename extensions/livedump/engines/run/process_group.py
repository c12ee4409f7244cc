"""A POSIX session around one process: all that it starts can be ended with it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KILL_SECONDS = 10
"""How long a killed process may take to go."""


@contextmanager
def contained(process: subprocess.Popen[bytes], memory_bytes: int) -> Iterator[None]:
    """Limits the memory of a process that leads a session, where the system can; ends the session at the end.

    A process that has ended by itself is left alone, and with it what it left running: under Wine that is Windows.
    """
    if sys.platform == "linux":  # the only system that limits a process from outside
        with suppress(ProcessLookupError, PermissionError):  # it has ended already, or it is another user's
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    try:
        yield
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):  # ended meanwhile; macOS says the latter of zombies
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(KILL_SECONDS)
