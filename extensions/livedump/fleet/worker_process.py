"""How a worker process is started: from our own modules alone, whatever lies in the folder it is started in.

multiprocessing starts its processes with the current folder first among the places of modules. That may be a folder of
evidence, and a file called ``selectors.py`` in it would run.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

_PROGRAM = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from livedump.fleet.worker_process import run; run(sys.argv[2:])"
)
"""Run with -I: neither the current folder nor the environment add to ``sys.path`` before it is set."""


def start_process(pipe: Connection) -> subprocess.Popen[bytes]:
    """A new process that serves the pipe, once it is told how over the pipe; in a session and group of its own.

    Whatever it starts can be ended with it, and Ctrl-C is not for it.

    Raises:
        OSError: it cannot be started.
    """
    command = [sys.executable, "-I", "-c", _PROGRAM, json.dumps(module_places())]
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        started = subprocess.Popen(command, stdin=subprocess.PIPE, creationflags=flags)  # noqa: S603 - ourselves
        assert started.stdin is not None  # noqa: S101 - for mypy
        with started.stdin as stdin:
            stdin.write(ForkingPickler.dumps(pipe))
        return started
    number = pipe.fileno()
    return subprocess.Popen(  # noqa: S603 - ourselves
        [*command, str(number)], stdin=subprocess.DEVNULL, pass_fds=[number], start_new_session=True
    )


def module_places() -> list[str]:
    """Where a new process looks for modules: where this one does, but not in whatever folder is the current one."""
    own = str(Path(__file__).parents[2])
    return [*(place for place in sys.path if place), own]


def run(arguments: list[str]) -> None:
    """Serves the pipe whose number is given, or that comes on standard input, until it is closed."""
    from livedump.fleet.worker import run_worker  # noqa: PLC0415 - not where processes are only started

    if arguments:
        pipe: Connection = Connection(int(arguments[0]))
    else:
        pipe = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that has started this one
    run_worker(pipe, *pipe.recv())
