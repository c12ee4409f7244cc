"""The command ``livedump triage``: one row for each dump of files, folders, archives and addresses."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from livedump.fleet.batch import Pool, Progress
    from livedump.fleet.journal import Journal, Known
    from livedump.fleet.judge import HowToRead
    from livedump.fleet.local import LocalPool
    from livedump.fleet.output import Choice, Format
    from livedump.fleet.target import Skipped

DONE, SOME_FAILED, USAGE, STOPPED = 0, 1, 2, 130

STREAMED = ("table", "json", "jsonl", "csv", "markdown")
WHOLE = ("html", "parquet")
SORTS = {
    "found": (),
    "name": ("name",),
    "time": ("captured_at",),
    "code": ("code", "captured_at"),
    "origin": ("origin", "captured_at"),
    "signature": ("signature", "captured_at"),
}
SECONDS, SECONDS_WITH_SERVER = 60.0, 900.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="file, folder, .zip, .gz, .cab, .7z or address")
    _add_reading(parser)
    _add_choosing(parser)
    _add_results(parser)
    parser.set_defaults(run=run)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reading")
    group.add_argument("--headers", action="store_true", help="only headers: thousands of dumps in a second")
    group.add_argument("--glob", metavar="PATTERN", help="files to take from folders and archives (default: *.dmp)")
    group.add_argument("--where", action="store_true", help="list Windows' own places; without PATH, read them")
    engines = ("auto", "native", "pykd", "cdb")
    group.add_argument("--engine", choices=engines, default="auto", help="who reads the dumps (default: auto)")
    group.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    group.add_argument("-y", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
    group.add_argument("--jobs", type=_positive, metavar="N", help="worker processes (default: one for each processor)")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="for one dump (default: 60; 900 with a server)")
    group.add_argument("--memory", type=_positive, default=2048, metavar="MIB", help="for one worker (default: 2048)")
    group.add_argument(
        "--max-extracted", type=_positive, default=65536, metavar="MIB", help="for one dump in an archive (65536)"
    )


def _add_choosing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("choosing")
    group.add_argument("--origin", metavar="TEXT", help="only dumps whose origin has this text in its name")
    group.add_argument("--code", type=_code, metavar="CODE", help="only dumps with this bug check code, hexadecimal")
    group.add_argument("--since", type=_moment, metavar="DATE", help="only dumps captured then or later, UTC")
    group.add_argument("--sort", choices=tuple(SORTS), help="order of the rows (default: as they are judged)")
    group.add_argument("--by", choices=("signature", "origin", "code", "day"), help="a table for each group")


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument("--format", choices=(*STREAMED, *WHOLE), default="table", help="default: table")
    group.add_argument("-o", dest="output", metavar="FILE", help="write there, not to stdout")
    group.add_argument("--save", metavar="FILE", help="keep results (SQLite); what is unchanged is not read again")
    group.add_argument("--resume", action="store_true", help="go on with --save FILE; without PATH, with its paths")
    group.add_argument("--retry", action="store_true", help="read again what reached a limit before")


def run(options: argparse.Namespace) -> int:
    """Runs the command and returns the exit status."""
    from livedump.model.errors import DumpError

    problem = _problem(options)
    if problem is not None:
        return _usage(problem)
    if options.where and (not options.paths or os.name != "nt"):
        _print_places()
    try:
        with ExitStack() as stack:
            return _run(options, stack)
    except DumpError as error:
        return _usage(str(error))


def _run(options: argparse.Namespace, stack: ExitStack) -> int:
    from livedump.fleet.journal import Journal

    journal = Journal(options.save)
    stack.callback(journal.close)
    paths = _paths(options, journal)
    if not paths:
        return DONE if options.where else _usage("nothing to read: name a file or a folder")
    journal.remember("paths", "\n".join(paths))
    if options.retry:
        journal.retry("limit")
    out = _opened_output(options, stack)
    how = _how(options)
    return _judge_all(options, journal, stack.enter_context(_pool(options, how)), how, paths, out)


def _judge_all(
    options: argparse.Namespace, journal: Journal, pool: Pool, how: HowToRead, paths: list[str], out: IO[str]
) -> int:
    from livedump.fleet.batch import Batch
    from livedump.fleet.output import FORMATS
    from livedump.fleet.target import Depth

    depth = Depth.HEADERS if options.headers else Depth.FULL
    streamed = options.sort is None and options.by is None and options.format in STREAMED
    show = _Show(_choice(options), out, FORMATS[options.format] if streamed else None)
    stopped = False
    try:
        Batch(journal, pool, how, show).run(paths, depth)
    except KeyboardInterrupt:
        stopped = True
    show.end()
    if not streamed:
        _write_all(options, journal, depth, out)
    out.flush()
    if stopped:
        sys.stderr.write(f"livedump triage: stopped; {show.done} dumps are done\n")
        return STOPPED
    return SOME_FAILED if show.failed else DONE


class _Show:
    """Prints rows as they come, counts what failed, shows how it goes on."""

    def __init__(self, choice: Choice, out: IO[str], form: Format | None) -> None:
        self.failed = False
        self.done = 0
        self._choice = choice
        self._out = out
        self._form = form
        self._printed = 0
        self._bar = _bar()
        if form:
            out.write(form.head())

    def skipped(self, skipped: Skipped) -> None:
        """Says what was left out."""
        self.failed = self.failed or skipped.failed
        self._bar.hide()
        _complain(f"{skipped.path}: {skipped.reason}")

    def known(self, known: Known) -> None:
        """Prints one row."""
        self.done += 1
        self.failed = self.failed or known.row.failed
        if self._form and self._choice.takes(known.row):
            self._bar.hide()
            self._out.write(self._form.line(known, self._printed))
            self._printed += 1

    def progress(self, progress: Progress) -> None:
        """Moves the bar; rows so far are seen."""
        self._out.flush()
        self._bar.move(progress)

    def end(self) -> None:
        """Finishes bar and text."""
        self._bar.end()
        if self._form:
            self._out.write(self._form.tail())


def _write_all(options: argparse.Namespace, journal: Journal, depth: int, out: IO[str]) -> None:
    from livedump.fleet.target import Depth

    choice = _choice(options)
    reports = options.format in ("json", "jsonl", "html")
    order = SORTS[options.sort or {"day": "time"}.get(options.by or "", "found")]
    found = journal.results(Depth(depth), order, reports=reports)
    chosen = (known for known in found if choice.takes(known.row))
    for text in _iter_document(options, chosen):
        out.write(text)


def _iter_document(options: argparse.Namespace, results: Iterator[Known]) -> Iterator[str]:
    from livedump.fleet.output import FORMATS, iter_groups, iter_text

    form = FORMATS[options.format]
    if options.by and options.format in ("table", "markdown"):
        return iter_groups(results, options.by, form)
    return iter_text(results, form)


def _problem(options: argparse.Namespace) -> str | None:
    if options.resume and not options.save:
        return "--resume needs --save FILE: there stands what is done"
    if options.resume and not Path(options.save).is_file():
        return f"--resume: there is no file {options.save}"
    if options.format in WHOLE and not options.output:
        return f"--format {options.format} needs -o FILE"
    return None


def _paths(options: argparse.Namespace, journal: Journal) -> list[str]:
    if options.paths:
        return list(options.paths)
    if options.resume:
        return (journal.find("paths") or "").split("\n")
    if options.where and os.name == "nt":
        from livedump.fleet.places import default_places

        return [place.path for place in default_places(os.environ) if Path(place.path).exists()]
    return []


def _print_places() -> None:
    if os.name != "nt":
        sys.stderr.write("livedump triage: only Windows has places of its own for dumps; name a file or a folder\n")
        return
    from livedump.fleet.places import default_places

    for place in default_places(os.environ):
        state = "" if Path(place.path).exists() else " (nothing there)"
        sys.stderr.write(f"{place.path}  {place.what}{state}\n")


def _how(options: argparse.Namespace) -> HowToRead:
    from livedump.fleet.judge import HowToRead

    return HowToRead(
        engine=options.engine,
        symbols=options.symbol_path,
        cdb=options.cdb,
        pattern=options.glob,
        max_extracted=options.max_extracted << 20,
        header_reports=options.headers and options.format in ("json", "jsonl", "html"),
    )


def _pool(options: argparse.Namespace, how: HowToRead) -> LocalPool:
    from livedump.fleet.local import LocalPool
    from livedump.fleet.worker import Limits

    seconds = options.timeout or (SECONDS_WITH_SERVER if _asks_server(options) else SECONDS)
    return LocalPool(how, Limits(seconds, options.memory << 20), options.jobs)


def _asks_server(options: argparse.Namespace) -> bool:
    names = ("_NT_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH")
    text = options.symbol_path if options.symbol_path is not None else ";".join(os.environ.get(n, "") for n in names)
    return options.engine == "cdb" or "://" in text or "srv*" in text.lower()


def _choice(options: argparse.Namespace) -> Choice:
    from livedump.fleet.output import Choice

    return Choice(options.origin, options.code, options.since)


def _opened_output(options: argparse.Namespace, stack: ExitStack) -> IO[str]:
    if options.output is None:
        return sys.stdout
    return stack.enter_context(Path(options.output).open("w", encoding="utf-8", errors="backslashreplace", newline=""))


class _NoBar:
    """No terminal, no bar."""

    def move(self, progress: Progress) -> None:
        """Nothing to show."""

    def hide(self) -> None:
        """Nothing to hide."""

    def end(self) -> None:
        """Nothing to end."""


def _bar() -> _NoBar:
    return _NoBar()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _code(text: str) -> int:
    return int(text, 16)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _usage(message: str) -> int:
    _complain(message)
    return USAGE


def _complain(message: str) -> None:
    from livedump.model.text import clean_text

    sys.stderr.write(f"livedump triage: {clean_text(message)}\n")
