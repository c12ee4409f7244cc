"""The command ``livedump triage``: one row for each dump of files, folders, archives and addresses."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from livedump.frontends.choosing import add_choosing, choice_of, order_of
from livedump.frontends.limits import add_limits, add_symbols_retry, heed_symbols_retry, limits_of
from livedump.frontends.named_files import named_files
from livedump.frontends.parsing import DONE, SOME_FAILED, USAGE, add_choice, add_verbosity, positive, seconds
from livedump.frontends.redacting import add_redaction, redactor_of, write_key
from livedump.frontends.terminal import use_color, where_symbols_are, width_of

if TYPE_CHECKING:
    from livedump.fleet.batch import Pool, Progress
    from livedump.fleet.journal import Journal, Known
    from livedump.fleet.judge import HowToRead
    from livedump.fleet.output import Format
    from livedump.fleet.series import Found
    from livedump.fleet.target import Depth, Skipped
    from livedump.model.limits import Limits
    from livedump.report.redaction import Redactor

STOPPED = 128
"""And the number of the signal."""

TEXTS = ("table", "json", "jsonl", "csv", "markdown")
STREAMED = ("table", "jsonl", "csv", "markdown")
"""Not JSON, whose array is written when all is known: each report says where its dump stands among others."""
WHOLE = ("html", "parquet")
WITH_REPORTS = ("json", "jsonl", "html")
KEPT = ("headers", "no_symptoms", "glob", "kind", "engine", "cdb", "symbol_path")
"""Options that a batch keeps with its results, for when it is gone on with."""
MANY = 20
"""Dumps for which nobody waits long have no overview before they are judged."""
RETRIED = ("limit", "error")
"""What is not asked again by itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="file, folder, .zip, .gz, .cab, .7z, address or @LIST of them"
    )
    _add_reading(parser)
    add_choosing(parser)
    _add_results(parser)
    parser.set_defaults(run=run)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reading")
    group.add_argument("--headers", action="store_true", help="only headers: thousands of dumps in a second")
    group.add_argument("--no-symptoms", action="store_true", help="do not look at what was going on in the machine")
    group.add_argument("--glob", metavar="PATTERN", help="files to take from folders and archives (default: by ending)")
    kinds = "dump, log or record; may be given again (default: all)"
    add_choice(group, "--kind", ("dump", "log", "record"), action="append", help=kinds)
    group.add_argument(
        "--where", action="store_true", help="list Windows' own places; on Windows, without PATH, read them"
    )
    add_choice(group, "--engine", ("auto", "native", "pykd", "cdb"), help="who reads the dumps (default: auto)")
    group.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    group.add_argument("-y", "--symbols", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
    group.add_argument("--watch", action="store_true", help="tell of dumps that are new in PATH, until Ctrl-C")
    group.add_argument("--every", type=seconds, default=5.0, metavar="SECONDS", help="how often --watch looks (5)")
    group.add_argument("--scheduler", metavar="ADDRESS", help="read on a Dask cluster: tcp://host:8786")
    group.add_argument("--jobs", type=positive, metavar="N", help="worker processes (default: one for each processor)")
    add_symbols_retry(group)
    add_limits(group)
    group.add_argument(
        "--max-extracted", type=positive, default=65536, metavar="MIB", help="for one dump in an archive (65536)"
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    add_choice(group, "--format", (*TEXTS, *WHOLE), default="table", help="default: table")
    group.add_argument("-o", dest="output", metavar="FILE", help="write there, not to stdout")
    add_redaction(group)
    add_verbosity(group)
    group.add_argument("--save", metavar="FILE", help="keep results (SQLite); what is unchanged is not read again")
    group.add_argument("--resume", action="store_true", help="go on with --save FILE; without PATH, with its paths")
    group.add_argument("--retry", action="store_true", help="read again what failed for reasons outside of the dump")


def run(options: argparse.Namespace) -> int:
    """Runs the command and returns the exit status."""
    import sqlite3

    from livedump.model.errors import DumpError, error_text

    redactor = redactor_of(options)
    problem = _problem(options)
    if problem is not None:
        return _usage(problem, redactor)
    if options.where and (not options.paths or os.name != "nt"):
        _print_places(options, redactor)
    try:
        with closing(_opened_journal(options)) as journal:
            return _run(options, journal, redactor)
    except DumpError as error:
        return _usage(str(error), redactor)
    except OSError as error:
        if error.filename is None:  # stdout
            raise
        return _usage(error_text(error), redactor)
    except sqlite3.Error as error:
        return _usage(f"{options.save or 'temporary results'}: {error}", redactor)


def _run(options: argparse.Namespace, journal: Journal, redactor: Redactor | None) -> int:
    if options.resume and not options.paths:
        _take_settings(options, journal)
    paths = _paths(options)
    if not paths:
        return DONE if options.where else _usage("nothing to read: name a file or a folder")
    if options.watch:
        return _watch(options, paths, redactor)
    _keep_settings(options, journal, paths)
    heed_symbols_retry(options)
    if options.retry:
        for category in RETRIED:
            journal.retry(category)
    status = _judge_all(options, journal, paths, redactor)
    if redactor and options.redact_key:
        write_key(options.redact_key, redactor)
    return status


def _keep_settings(options: argparse.Namespace, journal: Journal, paths: list[str]) -> None:
    import json

    from livedump.model.secrets import without_secrets

    kept = {name: getattr(options, name) for name in KEPT}
    if options.symbol_path:
        kept["symbol_path"] = without_secrets(options.symbol_path)
    journal.remember("settings", json.dumps({**kept, "paths": list(map(without_secrets, paths))}))


def _take_settings(options: argparse.Namespace, journal: Journal) -> None:
    """What the batch that is gone on with was told; what was said now comes first."""
    for name, value in _kept_settings(options, journal).items():
        if not getattr(options, name):
            setattr(options, name, value)


def _kept_settings(options: argparse.Namespace, journal: Journal) -> dict[str, object]:
    import json

    from livedump.fleet.errors import JournalError
    from livedump.model.secrets import HIDDEN

    try:
        kept = json.loads(journal.find("settings") or "{}")
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or not all(map(_is_setting, kept.items())):
        raise JournalError(f"{options.save}: its settings are damaged; name the paths again, or another file")
    if HIDDEN in str(kept):
        raise JournalError(f"{options.save} keeps no passwords: say the paths and -y again, with theirs")
    return {name: value for name, value in kept.items() if name in (*KEPT, "paths")}


def _is_setting(item: tuple[str, object]) -> bool:
    name, value = item
    if isinstance(value, list):
        return name in ("paths", "kind") and all(isinstance(each, str) for each in value)
    if name in ("headers", "no_symptoms"):
        return isinstance(value, bool)
    return isinstance(value, str) or (value is None and name != "paths")


def _judge_all(options: argparse.Namespace, journal: Journal, paths: list[str], redactor: Redactor | None) -> int:
    from livedump.fleet.batch import Batch
    from livedump.fleet.target import Depth

    depth = Depth.HEADERS if options.headers else Depth.FULL
    reports = options.format in WITH_REPORTS or redactor is not None
    began = time.monotonic()
    with ExitStack() as stack:
        write = _writer(options, stack)
        how, limits = _how(options), limits_of(options)
        pool = stack.enter_context(_pool(options, how, limits))
        show = stack.enter_context(_Show(options, journal, write, redactor))
        finished = Batch(journal, pool, how, show, limits).run(paths, depth, reports=reports)
        show.end(depth)
    if options.verbose:
        line = f"{show.done:,} dumps in {time.monotonic() - began:.2f} s; {where_symbols_are(options.symbol_path)}"
        _complain(redactor.text(line) if redactor else line)
    if not finished:
        _complain(f"stopped; {show.done} dumps are done")
        return STOPPED + show.signal
    return SOME_FAILED if show.failed else DONE


def _watch(options: argparse.Namespace, paths: list[str], redactor: Redactor | None) -> int:
    from livedump.fleet.target import Depth
    from livedump.frontends.watching import Folders, Reader, watch

    depth = Depth.HEADERS if options.headers else Depth.FULL
    how, limits = _how(options), limits_of(options)
    with ExitStack() as stack:
        write = _writer(options, stack)
        pool = stack.enter_context(_pool(options, how, limits))
        teller = stack.enter_context(_Teller(options, write or sys.stdout.write, redactor))
        reader = Reader(pool, how, limits, depth, teller)
        watch(Folders(paths, how.wanted), reader.read, options.every, teller)
    return STOPPED + teller.signal


_NOT_WATCHED = frozenset({"sort", "by", "summary", "top", "save", "resume", "redact_key"})


def _given(options: argparse.Namespace) -> set[str]:
    return {name for name, value in vars(options).items() if value}


class _Teller:
    """Prints the rows of dumps that are new."""

    def __init__(self, options: argparse.Namespace, write: Callable[[str], object], redactor: Redactor | None) -> None:
        self._write = write
        self._redactor = redactor
        self._form = _format(options, None if options.output or options.wide else width_of(sys.stdout))
        self._choice = choice_of(options)
        self._signals = _Signals()
        self._told = 0

    def __enter__(self) -> _Teller:
        self._signals.__enter__()
        self._say(self._form.head())
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()

    def row(self, known: Known) -> None:
        """Prints one row."""
        if self._choice.takes(known.row):
            self._say(self._form.line(_without_names(known, self._redactor), self._told))
            self._told += 1

    def remark(self, text: str) -> None:
        """Says what somebody should know."""
        _complain(text if self._redactor is None else self._redactor.text(text))

    def stopping(self) -> bool:
        """Whether somebody wants it to end."""
        return bool(self._signals.noticed)

    @property
    def signal(self) -> int:
        """The number of the signal that says so."""
        return self._signals.noticed

    def _say(self, text: str) -> None:
        self._write(text)
        sys.stdout.flush()


class _Signals:
    """The first Ctrl-C or SIGTERM is only noticed, so that no row is torn; the second one ends everything at once."""

    def __init__(self) -> None:
        self.noticed = 0
        """The number of the signal that came."""

    def __enter__(self) -> _Signals:
        import signal

        self._before = {number: signal.signal(number, self._notice) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        import signal

        for number, before in self._before.items():
            signal.signal(number, before)

    def _notice(self, number: int, *_: object) -> None:
        self.noticed = number
        self.__exit__()


class _Show:
    """Prints rows as they come, counts what failed, shows how it goes on."""

    def __init__(
        self,
        options: argparse.Namespace,
        journal: Journal,
        write: Callable[[str], object] | None,
        redactor: Redactor | None,
    ) -> None:
        from livedump.frontends.progress_bar import NoBar, progress_bar
        from livedump.report.counts import Counts

        self.failed = False
        self.done = 0
        self._options = options
        self._journal = journal
        self._redactor = redactor
        self._choice = choice_of(options)
        self._bar = NoBar() if options.quiet else progress_bar()
        self._write = write or self._bar.write
        self._width = None if write or options.wide else width_of(sys.stdout)
        together = options.sort or options.by or options.summary
        self._form = _format(options, self._width) if not together and options.format in STREAMED else None
        self._shown = Counts()
        self._signals = _Signals()

    def __enter__(self) -> _Show:
        self._signals.__enter__()
        if self._form:
            self._write(self._form.head())
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()
        self._bar.end()

    def stopping(self) -> bool:
        """Whether somebody wants it to end."""
        return bool(self._signals.noticed)

    @property
    def signal(self) -> int:
        """The number of the signal that says so."""
        return self._signals.noticed

    def skipped(self, skipped: Skipped) -> None:
        """Says what was left out."""
        self.failed = self.failed or skipped.failed
        path, reason = skipped.path, skipped.reason
        if self._redactor is not None:
            path, reason = self._redactor.path(path), self._redactor.text(reason)
        self._bar.complain(_line(f"{path}: {reason}"))

    def known(self, known: Known) -> None:
        """Prints one row."""
        self.done += 1
        self.failed = self.failed or known.row.failed
        if self._form and self._choice.takes(known.row) and self._shown.dumps < (self._options.top or self.done):
            self._write(self._form.line(_without_names(known, self._redactor), self._shown.dumps))
            self._shown.add(known.row)

    def progress(self, progress: Progress) -> None:
        """Moves the bar."""
        self._bar.move(progress)

    def headers_read(self) -> None:
        """What the headers tell, for whoever waits at a terminal."""
        from livedump.fleet.output import iter_overview
        from livedump.fleet.target import Depth

        if sys.stderr.isatty() and not self._options.quiet:
            rows = [known.row for known in self._journal.results(Depth.HEADERS, reports=False)]
            for line in iter_overview(rows) if len(rows) >= MANY else ():
                self._bar.complain(line)

    def end(self, depth: Depth) -> None:
        """Writes what is still to be written: of a batch that was stopped, what is done."""
        if self._form:
            self._write(self._form.tail())
        else:
            self._write_together(depth)
        self._tell_counts()
        if self._options.format in ("table", "markdown") and not (self._options.by or self._options.summary):
            self._tell_series(depth)

    def _write_together(self, depth: Depth) -> None:
        reports = self._options.format in WITH_REPORTS or self._redactor is not None
        found = self._journal.results(depth, order_of(self._options), reports=reports)
        chosen: Iterator[Known] = (
            _without_names(known, self._redactor) for known in found if self._choice.takes(known.row)
        )
        if not (self._options.by or self._options.summary):
            chosen = islice(chosen, self._options.top)
        if self._options.format == "parquet":
            _write_parquet(self._options, self._counted(chosen))
        elif self._options.format == "html":
            _write_page(self._options, self._counted(chosen), self._found_series(depth))
        else:
            for text in self._iter_document(self._counted(chosen), depth):
                self._write(text)

    def _counted(self, results: Iterator[Known]) -> Iterator[Known]:
        for known in results:
            self._shown.add(known.row)
            yield known

    def _iter_document(self, results: Iterator[Known], depth: Depth) -> Iterator[str]:
        from livedump.fleet.output import iter_text
        from livedump.fleet.series import iter_series, with_series
        from livedump.report import groups

        rows = (known.row for known in results)
        if self._options.summary:
            return groups.summary_lines(list(rows), self._out_of(), self._options.top, self._width)
        if self._options.by == "series" and self._options.format in ("table", "markdown"):
            return iter_series(self._found_series(depth), results, self._options.top)
        if self._options.by and self._options.format in ("table", "markdown"):
            found = groups.groups(rows, self._options.by)
            if self._options.format == "markdown":
                return groups.markdown_lines(found, self._options.top)
            return groups.table_lines(found, self._options.top, self._width)
        if self._options.format in ("json", "jsonl"):
            results = with_series(self._found_series(depth), results)
        return iter_text(results, _format(self._options, self._width))

    def _found_series(self, depth: Depth) -> Found:
        from livedump.fleet.series import find_all_series

        rows = self._journal.results(depth, reports=False)
        chosen = (known for known in rows if self._choice.takes(known.row))
        return find_all_series(self._journal, chosen, self._redactor)

    def _tell_series(self, depth: Depth) -> None:
        """What became of machines of which there are several dumps."""
        if not self.stopping() and not self._options.quiet:
            from livedump.fleet.series import series_text

            self._write(series_text(self._found_series(depth)))

    def _out_of(self) -> int | None:
        """Of how many dumps some were chosen; None where nothing was asked for."""
        return self.done if self._choice.chooses else None

    def _tell_counts(self) -> None:
        """The line under a table; of other formats only that nothing was found, for whoever looks at an empty file."""
        if self._options.quiet or self._options.summary:
            return
        if self._options.format == "table":
            self._write(f"\n{self._shown.line(self._out_of())}\n")
        elif not self._shown.dumps:
            self._bar.complain(_line(self._shown.line(self._out_of())))


def _without_names(known: Known, redactor: Redactor | None) -> Known:
    if redactor is None:
        return known
    from livedump.fleet.saved_report import redacted

    return redacted(known, redactor)


def _format(options: argparse.Namespace, width: int | None) -> Format:
    from livedump.fleet.output import format_called
    from livedump.report.dump_table import layout_for

    columns = options.columns or ()
    color = options.output is None and use_color(sys.stdout)
    return format_called(options.format, layout_for(width, columns, color), columns)


def _write_parquet(options: argparse.Namespace, results: Iterator[Known]) -> None:
    from livedump.fleet.parquet import write_parquet
    from livedump.frontends.output_file import output_path

    with output_path(options.output) as path:
        write_parquet((known.row for known in results), str(path))


def _write_page(options: argparse.Namespace, results: Iterator[Known], found: Found) -> None:
    from livedump.fleet.output import report_of
    from livedump.fleet.saved_report import parse_report
    from livedump.frontends.output_file import output_text
    from livedump.report.html import write_html

    judged = (parse_report(report_of(known)) for known in results)
    with output_text(options.output) as file:
        write_html(judged, file, series=found.series)


def _problem(options: argparse.Namespace) -> str | None:
    if options.resume and not options.save:
        return "--resume needs --save FILE: there stands what is done"
    if options.resume and not Path(options.save).is_file():
        return f"--resume: there is no file {options.save}"
    if options.format in WHOLE and not options.output:
        return f"--format {options.format} needs -o FILE"
    if options.summary and options.format != "table":
        return "--summary is for people: leave --format out"
    if options.watch and (options.format not in STREAMED or _NOT_WATCHED & _given(options)):
        formats = f"{', '.join(STREAMED[:-1])} or {STREAMED[-1]}"
        return f"--watch prints rows as they come: as {formats}, and keeps, sorts and groups none, nor a key"
    if options.columns and options.format not in ("table", "markdown", "csv"):
        return f"--columns are of a table: --format {options.format} has all; table, markdown and csv can have some"
    return None


def _paths(options: argparse.Namespace) -> list[str]:
    options.paths = named_files(options.paths, patterns=False)  # they are kept for --resume as they are
    if options.paths or not options.where or os.name != "nt":
        return list(options.paths)
    from livedump.fleet.places import default_places

    return [place.path for place in default_places(os.environ) if Path(place.path).exists()]


def _opened_journal(options: argparse.Namespace) -> Journal:
    from livedump.fleet.journal import Journal

    return Journal(options.save)


def _print_places(options: argparse.Namespace, redactor: Redactor | None) -> None:
    """Lists them: the answer where nothing is read, else a remark on what is."""
    from livedump.fleet.places import PLACES_BY_NAME, REGISTRY, default_places

    here = os.name == "nt"
    stream = sys.stderr if here or options.paths else sys.stdout
    for place in default_places(os.environ if here else PLACES_BY_NAME):
        missing = here and not Path(place.path).exists()
        path = place.path if redactor is None else redactor.path(place.path)
        stream.write(f"{path}  {place.what}{' (nothing there)' if missing else ''}\n")
    if not here:
        stream.write("".join(f"{value}  where this value names another place\n" for value in REGISTRY))


def _how(options: argparse.Namespace) -> HowToRead:
    from livedump.fleet.discovery import KINDS
    from livedump.fleet.judge import HowToRead

    return HowToRead(
        engine=options.engine or "auto",
        symbols=options.symbol_path,
        cdb=options.cdb,
        pattern=options.glob,
        kinds=tuple(kind for kind in KINDS if kind in (options.kind or KINDS)),
        max_extracted=options.max_extracted << 20,
        symptoms=not options.no_symptoms,
        header_reports=options.headers and options.format in WITH_REPORTS,
    )


def _pool(options: argparse.Namespace, how: HowToRead, limits: Limits) -> AbstractContextManager[Pool]:
    from livedump.fleet.local import LocalPool

    if not options.scheduler:
        return LocalPool(how, limits, options.jobs)
    try:
        from livedump.fleet.distributed import DistributedPool
    except ImportError as error:
        from livedump.model.errors import EngineUnavailable

        raise EngineUnavailable("--scheduler needs distributed: pip install '.[distributed]'") from error
    return DistributedPool(options.scheduler, how, limits)


def _writer(options: argparse.Namespace, stack: ExitStack) -> Callable[[str], object] | None:
    """Where rows go; None for stdout."""
    if options.output is None or options.format in WHOLE:
        return None
    from livedump.frontends.output_file import output_text

    return stack.enter_context(output_text(options.output)).write


def _usage(message: str, redactor: Redactor | None = None) -> int:
    _complain(message if redactor is None else redactor.text(message))
    return USAGE


def _complain(message: str) -> None:
    sys.stderr.write(_line(message))


def _line(message: str) -> str:
    from livedump.model.text import clean_text

    return f"livedump triage: {clean_text(message)}\n"
