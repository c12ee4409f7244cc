"""A Windows job object around one process: all that it starts ends with it, within one limit of memory.

Source: "Job Objects" of the Windows documentation; the structures are those of winnt.h.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KILL_SECONDS = 10
"""How long a killed process may take to go."""

_TERMINATE_AND_SET_QUOTA = 0x0101
_EXTENDED_LIMIT_INFORMATION = 9
_LIMIT_JOB_MEMORY = 0x200
_LIMIT_KILL_ON_JOB_CLOSE = 0x2000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("per_process_user_time_limit", ctypes.c_int64),
        ("per_job_user_time_limit", ctypes.c_int64),
        ("limit_flags", ctypes.c_uint32),
        ("minimum_working_set_size", ctypes.c_size_t),
        ("maximum_working_set_size", ctypes.c_size_t),
        ("active_process_limit", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority_class", ctypes.c_uint32),
        ("scheduling_class", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("basic", _BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory_limit", ctypes.c_size_t),
        ("job_memory_limit", ctypes.c_size_t),
        ("peak_process_memory_used", ctypes.c_size_t),
        ("peak_job_memory_used", ctypes.c_size_t),
    )


if sys.platform == "win32":

    class Job:
        """The job of one process. Closing it ends every process in it."""

        def __init__(self, process_id: int, memory_bytes: int) -> None:
            """Puts the process into a job of its own.

            Raises:
                OSError: Windows refuses.
            """
            self._kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
            self._kernel32.CreateJobObjectW.restype = self._kernel32.OpenProcess.restype = ctypes.c_void_p
            self._handle = ctypes.c_void_p(self._kernel32.CreateJobObjectW(None, None))
            limits = _ExtendedLimits(job_memory_limit=memory_bytes)
            limits.basic.limit_flags = _LIMIT_JOB_MEMORY | _LIMIT_KILL_ON_JOB_CLOSE
            try:
                self._call(
                    "SetInformationJobObject", _EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits)
                )
                self._assign(process_id)
            except OSError:
                self.close()
                raise

        def close(self) -> None:
            """Ends every process in the job that still runs."""
            self._kernel32.CloseHandle(self._handle)

        def _assign(self, process_id: int) -> None:
            process = ctypes.c_void_p(self._kernel32.OpenProcess(_TERMINATE_AND_SET_QUOTA, False, process_id))
            try:
                self._call("AssignProcessToJobObject", process)
            finally:
                self._kernel32.CloseHandle(process)

        def _call(self, function: str, *arguments: object) -> None:
            if not getattr(self._kernel32, function)(self._handle, *arguments):
                raise ctypes.WinError(ctypes.get_last_error())

    @contextmanager
    def contained(process: subprocess.Popen[bytes], memory_bytes: int) -> Iterator[None]:
        """Limits the memory of a process and of all that it starts; ends them all at the end."""
        try:
            job = Job(process.pid, memory_bytes)
        except OSError:  # it has ended already, or the system lets no process into a second job
            job = None
        try:
            yield
        finally:
            if process.poll() is None:
                _end_tree(process.pid)
            if job is not None:
                job.close()
            process.wait(KILL_SECONDS)

    def _end_tree(process_id: int) -> None:
        # The alias of a store program may have started the debugger before the job was there.
        tool = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        subprocess.run([str(tool), "/T", "/F", "/PID", str(process_id)], capture_output=True, check=False)  # noqa: S603
