"""One question asked of each file, and the answers written where they belong."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from livedump.frontends.limits import OWN_LIMITS, heed_symbols_retry, limits_of
from livedump.frontends.parsing import DONE, SOME_FAILED, USAGE
from livedump.frontends.questions import FORMATS, Question, ask, shown_options
from livedump.frontends.redacting import redactor_of, write_key
from livedump.frontends.terminal import use_color, where_symbols_are, width_of

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager

    from livedump.model.downloads import DownloadProgress
    from livedump.model.engine import Engine
    from livedump.model.errors import DumpError
    from livedump.report.answers import Answer
    from livedump.report.redaction import Redactor

    class Answers(Protocol):
        """The answers of one run, each made when it is asked for."""

        @property
        def status(self) -> int:
            """Known when all have been asked for."""

        def __iter__(self) -> Iterator[Answer]:
            """One after the other."""


UNSIGNED = ("table", "markdown")
"""Formats without the signature: they are for whoever looks at one dump."""


def answer_all(question: Question, options: argparse.Namespace) -> int:
    """Asks, writes and returns the exit status."""
    answers = answers_to(question, options)
    try:
        _write_where_asked(question, options, answers)
        if options.redact_key:
            write_key(options.redact_key, options.redactor)
    except OSError as error:
        if error.filename is None:  # stdout
            raise
        complain(error.filename, error, options.redactor)
        return USAGE
    return answers.status


def answers_to(question: Question, options: argparse.Namespace) -> Answers:
    """The answers for each file; ``options.redactor`` is what takes names out of them, if somebody wants that."""
    heed_symbols_retry(options)
    options.redactor = redactor_of(options)
    answers: Answers = _answers(question, options)
    redacted = options.redactor is not None and question.needs_dump
    return _Redacted(answers, options.redactor) if redacted else answers


def _write_where_asked(question: Question, options: argparse.Namespace, answers: Answers) -> None:
    if options.output is None:
        _write(question, options, answers, sys.stdout)
        return
    from livedump.frontends.output_file import output_text

    with output_text(options.output) as file:
        _write(question, options, answers, file)


def _answers(question: Question, options: argparse.Namespace) -> Answers:
    if question.pairs_records and len(options.files) > 1:
        from livedump.frontends.pairing import PairedAnswers

        return PairedAnswers(question, options)
    if not question.others:
        return FileAnswers(question, options)
    from livedump.frontends.comparing import ComparedAnswers

    return ComparedAnswers(question, options)


class _Redacted:
    """The same answers without names."""

    def __init__(self, answers: Answers, redactor: Redactor) -> None:
        self._answers = answers
        self._redactor = redactor

    @property
    def status(self) -> int:
        return self._answers.status

    def __iter__(self) -> Iterator[Answer]:
        return map(self._redactor.record, self._answers)


def complain(path: str, error: Exception, redactor: Redactor | None = None) -> int:
    """Says in one line what is wrong with a file; the status for it."""
    from livedump.model.errors import error_text

    sys.stdout.flush()
    message = error_text(error)
    if redactor is not None:
        path, message = redactor.path(path), redactor.text(message)
    prefix = "" if path in message else f"{safe(path)}: "
    sys.stderr.write(f"livedump: {prefix}{safe(message)}\n")
    return SOME_FAILED


def safe(text: str) -> str:
    """The text for a terminal."""
    from livedump.model.text import clean_text

    return clean_text(text)


class FileAnswers:
    """The answers, one for each dump that the files tell of, each made when it is asked for."""

    def __init__(self, question: Question, options: argparse.Namespace) -> None:
        self.status = DONE
        """Known when all have been asked for."""
        self._question = question
        self._options = options

    def __iter__(self) -> Iterator[Answer]:
        for path in self._options.files if self._question.needs_dump else [""]:
            yield from self._of_file(path)

    def _of_file(self, path: str) -> Iterator[Answer]:
        from livedump.model.errors import DumpError

        try:
            with limited_as_asked(self._options, path):
                engines = opened(path, self._options) if self._question.needs_dump else (None,)
        except DumpError as error:
            yield self._failed(path, self._options.engine, error)
            return
        for engine in engines:
            try:
                answer = self._within_limits(path, engine)
            finally:
                if engine is not None:
                    engine.close()
            yield answer  # what was read is let go of before there is a format

    def _within_limits(self, path: str, engine: Engine | None) -> Answer:
        from livedump.model.errors import DumpError

        try:
            with limited_as_asked(self._options, path):
                return self._of_engine(path, engine)
        except DumpError as error:
            return self._failed(path, self._options.engine if path else "", error)

    def _failed(self, path: str, engine: str, error: DumpError) -> Answer:
        from livedump.model.report import Problem
        from livedump.report.answers import Answer

        self.status = SOME_FAILED
        self._say(path or f"livedump {self._question.name}", error)
        record = self._question.failed(engine, path, file_size(path), error)
        return Answer(self._question.name, engine, path, file_size(path), record, Problem(error.category, str(error)))

    def _say(self, name: str, error: DumpError) -> None:
        complain(name, error, self._options.redactor)

    def _of_engine(self, path: str, engine: Engine | None) -> Answer:
        from livedump.report.answers import Answer

        began = time.monotonic()
        record = ask(self._question, engine, vars(self._options))
        if engine is not None and self._options.redactor is not None:
            self._options.redactor.learn_program(program_of(engine))
        if self._options.verbose and engine is not None:
            seconds, symbols = time.monotonic() - began, where_symbols_are(self._options.symbol_path)
            line = f"{path}: read by {engine.name} in {seconds:.2f} s; {symbols}"
            shown = self._options.redactor.text(line) if self._options.redactor else line
            sys.stderr.write(f"livedump: {safe(shown)}\n")
        problem = getattr(record, "unanswered", None)  # of a list there is none: what cannot be listed is an error
        if problem is not None or not getattr(record, "judged", True):
            self.status = SOME_FAILED
        if self._question.signed and self._options.format not in UNSIGNED:
            from livedump.analysis.signature import signed

            record = signed(record)
        return Answer(self._question.name, engine.name if engine else "", path, file_size(path), record, problem)


def program_of(engine: Engine) -> str | None:
    """The program that asked for the dump: its module is called by its name, also where no process is shown."""
    from livedump.model.errors import DumpError

    try:
        return engine.requesting_process().name
    except DumpError:
        return None


def limited_as_asked(options: argparse.Namespace, path: str) -> AbstractContextManager[None]:
    """The same limits as a worker of ``triage`` has; whoever waits for standard input may wait."""
    from contextlib import nullcontext

    from livedump.engines.choose import STANDARD_INPUT

    if path in ("", STANDARD_INPUT) or options.engine in OWN_LIMITS:
        return nullcontext()
    from livedump.engines.run.own_limits import limited

    return limited(limits_of(options))


def _write(question: Question, options: argparse.Namespace, answers: Iterable[Answer], stream: TextIO) -> None:
    shown = shown_options(question, vars(options))
    if options.format == FORMATS[0]:
        _write_tables(question, answers, shown, stream, options)
        return
    from livedump.report.answer_texts import iter_text

    noted = _with_limits_said(question, answers, shown, options) if options.format == "csv" else answers
    for text in iter_text(options.format, noted, question.name, shown):
        stream.write(text)


def _with_limits_said(
    question: Question, answers: Iterable[Answer], shown: Mapping[str, object], options: argparse.Namespace
) -> Iterator[Answer]:
    # Rows have no place for what could not be looked at, and no row is not the same as nothing there. The row of a
    # report has columns for it, and a comparison remarks on much that takes nothing away.
    from livedump.report.answers import document_of

    silent = options.quiet or question.pairs_records or question.others
    for answer in answers:
        said = silent or answer.record is None or (answer.problem and question.failure)
        for limit in () if said else document_of(answer, shown).limits:
            sys.stderr.write(f"livedump: {safe(answer.path)}: {safe(limit)}\n")
        yield answer


def _write_tables(
    question: Question,
    answers: Iterable[Answer],
    shown: Mapping[str, object],
    stream: TextIO,
    options: argparse.Namespace,
) -> None:
    between = ""
    for answer in answers:
        if answer.record is None or (answer.problem and question.failure and not question.lines):
            continue
        stream.write(between)
        _write_table(question, answer, shown, stream, options)
        between = "" if question.lines else "\n"


def _write_table(
    question: Question, answer: Answer, shown: Mapping[str, object], stream: TextIO, options: argparse.Namespace
) -> None:
    from livedump.report.answers import document_of
    from livedump.report.plain import format_document

    titled = question.needs_dump and len(options.files) > 1 and not question.names_file
    width = None if options.wide or question.lines else width_of(stream)
    document = document_of(answer, shown)
    limits = document.limits if question.exact else ()
    document = document._replace(limits=()) if question.exact else document
    stream.write(format_document(document, use_color(stream), titled, width))
    stream.flush()
    sys.stderr.write("".join(f"{safe(limit)}\n" for limit in limits if not options.quiet))


def opened(path: str, options: argparse.Namespace) -> Sequence[Engine]:
    """The engines on what a file tells of, as the command line asked for them.

    Raises:
        DumpError: it cannot be read.
    """
    from livedump.engines.choose import open_engines

    progress = show_download if sys.stderr.isatty() and not options.quiet else None
    return open_engines(path, options.engine, options.symbol_path, options.cdb, progress)


def show_download(progress: DownloadProgress) -> None:
    """Shows in one line how far a download has come."""
    total = "" if progress.total is None else f" of {progress.total / 1e6:,.1f}"
    done = progress.received == progress.total
    line = "" if done else f"{safe(progress.name)}: {progress.received / 1e6:,.1f}{total} MB"
    sys.stderr.write(f"\r{line[:78]:78}\r")
    sys.stderr.flush()


def file_size(path: str) -> int | None:
    """In bytes; None of what is no file, or none that can be asked."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None
