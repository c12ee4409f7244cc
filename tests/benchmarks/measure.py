"""Runs work in processes of its own and keeps the times: some runs each, the median to quote."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RUNS = 7
RUNS_IN_TURN = 15
PATIENCE_SECONDS = 10.0
"""Work that takes longer is not done again."""
TIME_LIMIT_SECONDS = 120.0
FOREIGN_VARIABLES = ("PYTHON", "_NT_")
"""What the caller's environment says of them would change what is measured."""

Figures = Mapping[str, float]


class Failed(Exception):
    """The work could not be done; the message is for the table."""


class Cell(NamedTuple):
    """Times of one row, in seconds."""

    median: float
    best: float


class Bench:
    """Where files of one run of the benchmark lie, and how its processes are started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
        # Byte code as an installed package has it, but not among the sources.
        self._environment = {
            **kept,
            "PYTHONPATH": f"{ROOT / 'extensions'}{os.pathsep}{ROOT}",
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }
        self._colds = 0

    def warm(self) -> dict[str, str]:
        """Variables of a process that finds what earlier ones kept."""
        return {**self._environment, "XDG_CACHE_HOME": str(self.folder / "cache")}

    def cold(self, *files: Path) -> dict[str, str]:
        """Variables of one that finds nothing kept; the system forgets the contents of ``files``."""
        self._colds += 1
        for file in files:
            forget(file)
        return {**self._environment, "XDG_CACHE_HOME": str(self.folder / f"cold{self._colds}")}

    def job(self, name: str, *arguments: object, cold: Sequence[Path] | None = None) -> Figures:
        """What one job of ``jobs`` printed.

        Raises:
            Failed: it ended with an error, or took too long.
        """
        environment = self.warm() if cold is None else self.cold(*cold)
        command = [sys.executable, "-m", "tests.benchmarks.jobs", name, *map(str, arguments)]
        lines = self.run(command, environment).splitlines()[::-1]
        return {key: float(value) for key, _, value in (line.partition(" ") for line in lines) if _is_number(value)}

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        """Standard output of a command.

        Raises:
            Failed: it ended with an error, or took too long.
        """
        try:
            done = subprocess.run(
                command,
                check=False,
                env=environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"killed after {TIME_LIMIT_SECONDS:.0f} s") from error
        if done.returncode:
            said = (done.stderr.strip() or "no message").splitlines()[-1]
            raise Failed(f"failed: {said[:100]}")
        return done.stdout

    def whole(self, command: Sequence[str], environment: Callable[[], Mapping[str, str]] | None = None) -> Cell:
        """Times of a command as a process, its start included."""
        return repeated(lambda: self._timed(command, (environment or self.warm)()))

    def whole_in_turn(self, commands: Sequence[Sequence[str]]) -> list[Cell]:
        """The same for commands that are to be compared: in turn, so that other work of the machine hits all alike."""
        rounds = [[self._timed(command, self.warm()) for command in commands] for _ in range(RUNS_IN_TURN + 1)]
        return [Cell(median(times), min(times)) for times in zip(*rounds[1:])]

    def _timed(self, command: Sequence[str], environment: Mapping[str, str]) -> float:
        started = time.perf_counter()
        self.run(command, environment)
        return time.perf_counter() - started


def repeated(once: Callable[[], float]) -> Cell:
    """Median and best of some times, after one that is not counted; a long one stands alone."""
    started = time.perf_counter()
    times = [once()]
    if time.perf_counter() - started < PATIENCE_SECONDS / RUNS:
        times = [once() for _ in range(RUNS)]
    return Cell(median(times), min(times))


def repeated_jobs(job: Callable[[], Figures]) -> list[Figures]:
    """The figures of some runs, the first left out where there are more."""
    started = time.perf_counter()
    found = [job()]
    if time.perf_counter() - started < PATIENCE_SECONDS / RUNS:
        found = [job() for _ in range(RUNS)]
    return found


def cell(runs: Iterable[Figures], name: str = "seconds") -> Cell:
    """Median and best of one figure."""
    values = [figures[name] for figures in runs]
    return Cell(median(values), min(values))


def is_installed(module: str) -> bool:
    """Whether the interpreter that measures has that module; our own needs no installation."""
    return module == "livedump" or importlib.util.find_spec(module) is not None


def forget(file: Path) -> None:
    """Lets the system drop what it holds of a file in memory, where it can be told to."""
    if hasattr(os, "posix_fadvise"):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("e-", "", 1).isdigit()
