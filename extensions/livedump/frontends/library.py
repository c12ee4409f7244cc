"""What ``import livedump`` gives: one dump as an object, and the rows of many."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Union, cast

from livedump.engines.choose import open_engine
from livedump.frontends.questions import ask, find_question, shown_options

if TYPE_CHECKING:
    from types import TracebackType

    from livedump.fleet.batch import Progress
    from livedump.fleet.journal import Known
    from livedump.fleet.judge import HowToRead
    from livedump.fleet.target import Depth, Skipped
    from livedump.model.difference import Difference
    from livedump.model.engine import Engine
    from livedump.model.examination import Symptoms
    from livedump.model.frames import Stack
    from livedump.model.images import Module
    from livedump.model.listing import Listing
    from livedump.model.processes import ListedProcess
    from livedump.model.report import Report
    from livedump.model.threads import Thread
    from livedump.report.document import Document
    from livedump.report.dump_row import DumpRow

Path = Union[str, "os.PathLike[str]"]
Dumped = Union[Path, "OpenDump", "Report"]
"""What can be compared."""


class OpenDump:
    """One dump. Each answer is found when it is first asked for, and kept.

    In a notebook it shows itself as its report, and ``print`` prints that.
    """

    def __init__(self, engine: Engine, path: str, time: int = 10) -> None:
        """``livedump.open`` makes one."""
        self._engine = engine
        self._time = time
        self.path = path
        """The file."""

    def __enter__(self) -> OpenDump:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file and the memory back; answers that were given stay."""
        self._engine.close()

    @cached_property
    def report(self) -> Report:
        """Verdict, origin, facts, evidence and what was going on; of what could not be had it says why.

        Raises:
            DumpError: nothing can be said of the dump.
        """
        from livedump.analysis.signature import signed

        return signed(ask(find_question("info"), self._engine, {"time": self._time}))

    @cached_property
    def stack(self) -> Stack:
        """The call stack of the processor that wrote the dump, innermost frame first, with what each frame did.

        Raises:
            DumpError: the dump does not hold it.
        """
        return cast("Stack", self.ask("stack").stacks[0])

    @cached_property
    def modules(self) -> Listing[Module]:
        """Loaded modules in the order of loading, the kernel first, with their PDBs and versions.

        Raises:
            DumpError: the dump does not hold them.
        """
        return cast("Listing[Module]", self.ask("modules").loaded)

    @cached_property
    def processes(self) -> Listing[ListedProcess]:
        """Processes in the system's own order, with their threads, handles, memory and times.

        Raises:
            DumpError: the dump does not hold them.
        """
        return cast("Listing[ListedProcess]", self.ask("processes").processes)

    @cached_property
    def threads(self) -> Listing[Thread]:
        """All threads, with state, priority, times and what of their stacks is known.

        Raises:
            DumpError: the dump does not hold them.
        """
        from livedump.model.patience import patience_of

        return self._engine.census(patience_of(self._time)).threads

    @property
    def symptoms(self) -> Symptoms:
        """What was going on in the machine: ``findings``, the most important first, and what each analysis saw.

        Raises:
            DumpError: nothing can be said of the dump.
        """
        return cast("Symptoms", self.report.symptoms)  # the report was asked for them

    def ask(self, question: str, **options: Any) -> Any:
        """The answer to any question of the command line, such as ``"waits"`` or ``"stack", processor=1``.

        The options are those of the command without dashes; the answer is the record that ``--format json`` shows.

        Raises:
            KeyError: there is no such question.
            TypeError: the question has no such option.
            DumpError: it cannot be answered.
        """
        asked = find_question(question)
        known = {option.keyword for option in asked.options if not option.shows}
        unknown = sorted(set(options) - known)
        if unknown:
            raise TypeError(f"{question} has no option {unknown[0]}; it has {', '.join(sorted(known)) or 'none'}")
        return ask(asked, self._engine, {"time": self._time, **options})

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a virtual address of the system that was captured.

        Raises:
            DumpError: the dump does not hold all of them.
        """
        return self._engine.read(address, size)

    def __repr__(self) -> str:
        return f"<livedump.OpenDump {self.path!r}>"

    def __str__(self) -> str:
        """The report as text."""
        from livedump.report.plain import format_document

        return format_document(self._document()).rstrip("\n")

    def _repr_html_(self) -> str:
        """The report for a notebook."""
        from livedump.report.dump_row import split_path
        from livedump.report.html_document import format_content
        from livedump.report.markup import element

        document = self._document()._replace(pictures=tuple)  # they need the style of a page
        return str(element("div", *format_content(document, split_path(self.path)[1]), class_="livedump"))

    def _document(self) -> Document:
        from livedump.report.sections.info import document

        return document(self.report, self.path, **shown_options(find_question("info"), {}))


def open_dump(path: Path, symbols: str | None, engine: str, time: int) -> OpenDump:
    """The dump at a path.

    Raises:
        DumpError: it cannot be opened.
    """
    name = os.fspath(path)
    return OpenDump(open_engine(name, engine, symbols), name, time)


def compare(before: Dumped, after: Dumped, symbols: str | None, anyway: bool, time: int) -> Difference:
    """One dump held against another, or their reports.

    Raises:
        DumpError: one of them cannot be read.
    """
    from livedump.analysis.difference.comparing import compare as compared

    return compared(_report_of(before, symbols, time), _report_of(after, symbols, time), anyway=anyway)


def _report_of(given: Dumped, symbols: str | None, time: int) -> Report:
    if isinstance(given, OpenDump):
        return given.report
    if isinstance(given, (str, os.PathLike)):
        with open_dump(given, symbols, "auto", time) as dump:
            return dump.report
    return given


def iter_rows(
    paths: Path | Iterable[Path], how: HowToRead, depth: Depth, jobs: int | None, save: Path | None
) -> Iterator[DumpRow]:
    """A row for each dump below the paths, as they are judged.

    Raises:
        DumpError: results cannot be kept, or no process can be started.
    """
    from contextlib import closing

    from livedump.fleet.batch import Batch
    from livedump.fleet.journal import Journal
    from livedump.fleet.local import LocalPool
    from livedump.frontends.limits import default_limits

    limits = default_limits(how.symbols)
    rows = _Rows()
    with closing(Journal(None if save is None else os.fspath(save))) as journal, LocalPool(how, limits, jobs) as pool:
        batch = Batch(journal, pool, how, rows, limits)
        for _ in batch.steps(_listed(paths), depth, reports=False):
            yield from rows.taken()
    yield from rows.taken()


def _listed(paths: Path | Iterable[Path]) -> list[str]:
    several = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return [os.fspath(path) for path in several]


class _Rows:
    """Keeps what a batch tells until it is asked for."""

    def __init__(self) -> None:
        self._rows: deque[DumpRow] = deque()

    def taken(self) -> Iterator[DumpRow]:
        while self._rows:
            yield self._rows.popleft()

    def known(self, known: Known) -> None:
        self._rows.append(known.row)

    def skipped(self, skipped: Skipped) -> None:
        warnings.warn(f"{skipped.path}: {skipped.reason}", RuntimeWarning, stacklevel=2)

    def progress(self, progress: Progress) -> None:
        """Nobody watches."""

    def headers_read(self) -> None:
        """Nobody watches."""

    def stopping(self) -> bool:
        return False
