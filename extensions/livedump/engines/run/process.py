"""Runs a debugger with limits of time, memory and output, and ends it with everything that it started."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from livedump.model.errors import EngineUnavailable

if sys.platform == "win32":
    from livedump.engines.run.job_object import contained

    CREATION_FLAGS = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    from livedump.engines.run.process_group import contained

    CREATION_FLAGS = 0

POLL_SECONDS = 0.05


class RunLimits(NamedTuple):
    """What one run may use."""

    seconds: float = 300
    memory_bytes: int = 8 << 30
    output_bytes: int = 32 << 20


class Finished(NamedTuple):
    """What a run left."""

    output: bytes
    """Standard output and error, up to the limit."""
    stopped: str | None
    """Why it was ended before it was through; None when it ended by itself."""


def run_limited(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], limits: RunLimits, output: Path
) -> Finished:
    """What a program wrote that was started in ``folder``, never through a shell; ``output`` holds it meanwhile.

    A file, not a pipe: what the program started may hold a pipe open after the program has ended.

    Raises:
        EngineUnavailable: the program cannot be started.
    """
    with output.open("wb") as sink:
        try:
            process = subprocess.Popen(  # noqa: S603 - the program is what the user named or installed
                list(arguments),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                creationflags=CREATION_FLAGS,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineUnavailable(f"{arguments[0]} cannot be started: {error.strerror or error}") from error
        with contained(process, limits.memory_bytes):
            stopped = _wait(process, output, limits)
    with output.open("rb") as written:
        return Finished(written.read(limits.output_bytes), stopped)


def _wait(process: subprocess.Popen[bytes], output: Path, limits: RunLimits) -> str | None:
    deadline = time.monotonic() + limits.seconds
    while not _ended(process):
        if time.monotonic() > deadline:
            return f"it was not through after {limits.seconds:g} s"
        if output.stat().st_size > limits.output_bytes:
            return f"it wrote more than {limits.output_bytes >> 20} MB"
    return None


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True
