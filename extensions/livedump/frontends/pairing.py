"""The report on each of several files, records of Windows among them: evidence of their dump's report, as in triage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from livedump.engines.choose import STANDARD_INPUT
from livedump.engines.texts import is_readable_head
from livedump.fleet.companions import Companions, Sighting, sighting
from livedump.frontends.answering import FileAnswers
from livedump.model.told import Told
from livedump.report.dump_row import dump_row

if TYPE_CHECKING:
    import argparse

    from livedump.frontends.questions import Question
    from livedump.model.errors import DumpError
    from livedump.model.report import Report
    from livedump.report.answers import Answer

RECORD = "record"
HEAD_BYTES = 64 << 10


class PairedAnswers(FileAnswers):
    """Dumps and logs in the files' order, then those records whose dump is not among them."""

    def __init__(self, question: Question, options: argparse.Namespace) -> None:
        super().__init__(question, options)
        self._untold: list[tuple[str, DumpError]] | None = []
        """What is wrong with texts, which are read first; None when it is each file's turn."""

    def __iter__(self) -> Iterator[Answer]:
        files: Sequence[str] = self._options.files
        texts: Mapping[str, list[Answer]] = {
            path: list(self._of_file(path)) for path in dict.fromkeys(files) if _is_text(path)
        }
        untold, self._untold = self._untold or [], None
        records = [answer for answers in texts.values() for answer in answers if _is_record(answer)]
        companions = Companions(_sighting(number, answer.record) for number, answer in enumerate(records))
        for path in files:
            for name, error in untold:
                if name == path:
                    self._say(name, error)
            for answer in texts[path] if path in texts else self._of_file(path):
                if not _is_record(answer):
                    yield _with_records(answer, companions)
        yield from (answer for number, answer in enumerate(records) if number not in companions.paired)

    def _say(self, name: str, error: DumpError) -> None:
        if self._untold is None:
            super()._say(name, error)
        else:
            self._untold.append((name, error))


def _is_text(path: str) -> bool:
    if path == STANDARD_INPUT:  # is read once, where it stands
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - what is no path is said where it is opened
            return is_readable_head(file.read(HEAD_BYTES))
    except (OSError, ValueError):
        return False


def _is_record(answer: Answer) -> bool:
    return answer.engine == RECORD and answer.problem is None


def _sighting(number: int, report: Report) -> Sighting:
    told = report.dump.told if report.dump else None
    return sighting(number, dump_row(report), told or Told(""))


def _with_records(answer: Answer, companions: Companions) -> Answer:
    if answer.problem is not None or answer.record is None:
        return answer
    report: Report = answer.record
    found = companions.findings_on(dump_row(report))
    return answer._replace(record=report._replace(findings=(*report.findings, *found))) if found else answer
