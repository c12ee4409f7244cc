"""A question about several dumps together: their reports are read, or read back, and held against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Callable

from livedump.frontends.answering import complain, file_size, limited_as_asked, opened
from livedump.frontends.parsing import DONE, SOME_FAILED, USAGE
from livedump.model.errors import DumpError, NotKnown

if TYPE_CHECKING:
    import argparse

    from livedump.frontends.questions import Question
    from livedump.model.difference import Difference
    from livedump.model.engine import Engine
    from livedump.model.report import Report
    from livedump.report.answers import Answer

    OpenFile = Callable[[str], Iterable[Engine]]
    """Gives the engines on what a file tells of."""

FEWEST = 2


class ComparedAnswers:
    """One answer for each dump and the one before it, and of three or more one for the first and the last."""

    def __init__(self, question: Question, options: argparse.Namespace) -> None:
        self.status = DONE
        """Known when all have been asked for: 1 also where dumps are of two machines."""
        self._question = question
        self._options = options

    def __iter__(self) -> Iterator[Answer]:
        from livedump.report.answers import Answer

        try:
            reports = tuple(self._reports())
            differences = compared(reports, self._options.anyway)
        except DumpError as error:
            yield self._failed(error)
            return
        engines = {report.path: report.engine for report in reports}
        for each in differences:
            if each.refused is not None:
                self.status = SOME_FAILED
            path = each.after.path
            yield Answer(self._question.name, engines.get(path, ""), path, file_size(path), each)

    def _reports(self) -> Iterator[Report]:
        self._path = ""
        for path in self._options.files:
            self._path = path
            with limited_as_asked(self._options, path):
                yield from read_reports(path, lambda file: opened(file, self._options), self._options.time)
        self._path = ""

    def _failed(self, error: DumpError) -> Answer:
        from livedump.model.report import Problem
        from livedump.report.answers import Answer

        path = self._path or self._options.files[0]
        complain(self._path, error, self._options.redactor)
        self.status = SOME_FAILED if self._path else USAGE
        problem = Problem(error.category, str(error))
        return Answer(self._question.name, self._options.engine, path, file_size(path), None, problem)


def compared(reports: Sequence[Report], anyway: bool) -> tuple[Difference, ...]:
    """Each report against the one before it, and the first against the last.

    Raises:
        NotKnown: there are no two of them.
    """
    if len(reports) < FEWEST:
        raise NotKnown("it takes two dumps or more to see what changed; name another one, or a file of saved reports")
    from livedump.analysis.difference.comparing import compare_all

    return compare_all(reports, anyway)


def read_reports(path: str, open_file: OpenFile, seconds: int | None) -> tuple[Report, ...]:
    """The reports that were saved in a file; of a dump the one that is made now, in so many seconds.

    Raises:
        DumpError: it is neither, or cannot be read.
    """
    from livedump.frontends.saved_reports import saved_reports

    saved = saved_reports(path)
    return tuple(_reported(open_file(path), seconds)) if saved is None else saved


def _reported(engines: Iterable[Engine], seconds: int | None) -> Iterator[Report]:
    from livedump.analysis.symptoms.reporting import report_dump

    for engine in engines:
        with closing(engine):
            yield report_dump(engine, time=seconds)
