"""A progress bar on terminals, and none elsewhere. The only importer of rich, an extra."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from livedump.fleet.batch import Progress

_TITLES = ("found", "headers", "dumps")


class Bar(Protocol):
    """What shows how a batch goes on."""

    def move(self, progress: Progress, /) -> None:
        """Shows where it stands."""

    def write(self, text: str) -> None:
        """Writes lines to stdout, above the bar where there is one."""

    def complain(self, text: str) -> None:
        """Writes lines to stderr, above the bar where there is one."""

    def end(self) -> None:
        """Takes the bar away."""


class NoBar:
    """Text goes straight to its stream."""

    def move(self, _progress: Progress) -> None:
        """Lets what was written so far be seen."""
        sys.stdout.flush()

    def write(self, text: str) -> None:
        """Writes to stdout."""
        sys.stdout.write(text)

    def complain(self, text: str) -> None:
        """Writes to stderr."""
        sys.stderr.write(text)

    def end(self) -> None:
        """Nothing to take away."""


class TerminalBar(NoBar):
    """A bar at the bottom of the terminal."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._tasks: dict[int, TaskID] = {}
        bar.start()

    def move(self, progress: Progress) -> None:
        """Shows where it stands."""
        sys.stdout.flush()
        depth = int(progress.depth)
        if depth not in self._tasks:
            for task in self._tasks.values():
                self._bar.update(task, visible=False)
            self._tasks[depth] = self._bar.add_task(_TITLES[depth], total=progress.total or None)
        self._bar.update(self._tasks[depth], completed=progress.done, total=progress.total or None)

    def write(self, text: str) -> None:
        """Writes to stdout; above the bar when that is on the same terminal."""
        if sys.stdout.isatty():
            self.complain(text)
        else:
            sys.stdout.write(text)

    def complain(self, text: str) -> None:
        """Writes above the bar."""
        self._bar.console.print(text, end="", markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Takes the bar away."""
        self._bar.stop()


def progress_bar() -> Bar:
    """A bar when stderr is a terminal that can show one and rich is installed."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return NoBar()
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return NoBar()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return TerminalBar(Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False))
