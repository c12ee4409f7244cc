"""The command ``livedump``: arguments come in, reports go to stdout, diagnostics to stderr.

Exit status: 0 all read, 1 some file could not be judged, 2 usage.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from livedump import __version__
from livedump.engines.choose import ENGINES

if TYPE_CHECKING:
    from livedump.model.engine import Engine
    from livedump.model.findings import Report
    from livedump.model.images import DownloadProgress

DONE, SOME_FAILED, USAGE = 0, 1, 2

_DESCRIPTION = "Says what a Windows kernel live dump is, who took it and why, and whether it is complete."

_EXAMPLES = """\
examples:
  livedump info memory.dmp                      one report
  livedump info *.dmp --format csv > all.csv    one row for each dump
  livedump info memory.dmp -y srv*C:\\symbols*https://msdl.microsoft.com/download/symbols
  livedump stack memory.dmp --all               the call stack of every processor
  livedump codes 0x141                          what a live dump code and its parameters mean

Without -y, the symbol path is _NT_ALT_SYMBOL_PATH, then _NT_SYMBOL_PATH; the dump's own folder is always searched.
Nothing is downloaded unless the symbol path names a server.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    _prepare_streams()
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except OSError as error:
        if not _reader_has_left(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return 130
    return status


def _reader_has_left(error: OSError) -> bool:
    # Windows reports a pipe that nobody reads any more as an invalid argument.
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="livedump",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"livedump {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_info(commands.add_parser("info", help="the triage report of each dump"))
    _add_stack(commands.add_parser("stack", help="call stacks in WinDbg's own format"))
    _add_modules(commands.add_parser("modules", help="loaded and unloaded modules, with their PDBs and versions"))
    _add_contents(commands.add_parser("contents", help="which structures of the kernel the dump holds"))
    _add_triage(commands.add_parser("triage", help="one row for each dump of folders and archives"))
    _add_signature(commands.add_parser("signature", help="the line that groups like dumps together"))
    _add_codes(commands.add_parser("codes", help="live dump codes and what their parameters mean"))
    return parser


def _add_info(parser: argparse.ArgumentParser) -> None:
    _add_dumps(parser)
    formats = ("table", "json", "csv", "markdown", "html")
    parser.add_argument("--format", choices=formats, default="table", help="table (default), json, csv, markdown, html")
    parser.set_defaults(run=_info)


def _add_stack(parser: argparse.ArgumentParser) -> None:
    _add_dumps(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--processor", type=int, metavar="N", help="of this one; default: that which wrote the dump")
    which.add_argument("--all", action="store_true", help="of every processor")
    parser.add_argument("--roles", action="store_true", help="add what each frame did: capture, request, user, other")
    parser.set_defaults(run=_stack)


def _add_modules(parser: argparse.ArgumentParser) -> None:
    _add_dumps(parser)
    parser.set_defaults(run=_modules)


def _add_contents(parser: argparse.ArgumentParser) -> None:
    _add_dumps(parser)
    parser.set_defaults(run=_contents)


def _add_signature(parser: argparse.ArgumentParser) -> None:
    _add_dumps(parser)
    parser.add_argument("--explain", action="store_true", help="add what each rule did and why")
    parser.set_defaults(run=_signature)


def _add_triage(parser: argparse.ArgumentParser) -> None:
    from livedump.frontends.triage_command import add_arguments

    add_arguments(parser)


def _add_codes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="hexadecimal; all live codes if left out")
    parser.set_defaults(run=_codes)


def _add_dumps(parser: argparse.ArgumentParser) -> None:
    files = "kernel dump, or a saved WinDbg or cdb log; - reads a log from stdin"
    parser.add_argument("files", nargs="+", metavar="FILE", help=files)
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="who reads the dump (default: auto)")
    parser.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    parser.add_argument("-y", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")


def _info(options: argparse.Namespace) -> int:
    reports = _reports(options)
    if options.format == "table":
        return _print_each(reports)
    kept = list(reports)
    sys.stdout.write(_formatted(kept, options.format))
    return SOME_FAILED if any(report.dump is None for report in kept) else DONE


def _print_each(reports: Iterable[Report]) -> int:
    from livedump.report.text import format_report

    status, separator = DONE, ""
    for report in reports:
        if report.dump is None:
            status = SOME_FAILED
            continue
        sys.stdout.write(separator + format_report(report, color=_use_color()))
        sys.stdout.flush()
        separator = "\n"
    return status


def _formatted(reports: list[Report], form: str) -> str:
    if form == "json":
        from livedump.report.json_report import format_reports as as_json

        return as_json(reports, list(map(_signature_text, reports)))
    if form == "csv":
        from livedump.report.csv_report import format_reports as as_csv

        return as_csv(reports)
    if form == "html":
        from livedump.analysis.signature import signature_of
        from livedump.report.html import format_html

        return format_html((report, signature_of(report).text) for report in reports)
    from livedump.report.markdown import format_report

    return "\n".join(map(format_report, reports))


def _signature_text(report: Report) -> str | None:
    from livedump.analysis.signature import signature_of

    return signature_of(report).text if report.dump else None


def _reports(options: argparse.Namespace) -> Iterator[Report]:
    from livedump.analysis.triage import failed_report, triage
    from livedump.model.errors import DumpError

    for path in options.files:
        try:
            with _Opened(path, options) as engine:
                yield triage(engine)
        except DumpError as error:
            _complain(path, error)
            yield failed_report(options.engine, path, _size(path), error)


def _show_each(options: argparse.Namespace, show: Callable[[Engine, str], None]) -> int:
    """Lets ``show`` print what it has to say of each file, under the file's name when there are several."""
    from livedump.model.errors import DumpError

    status = DONE
    for path in options.files:
        try:
            with _Opened(path, options) as engine:
                show(engine, f"{path}\n" if len(options.files) > 1 else "")
        except DumpError as error:
            status = _complain(path, error)
    return status


def _stack(options: argparse.Namespace) -> int:
    from livedump.analysis.roles import with_roles
    from livedump.report.stack_text import format_end, format_stack

    def show(engine: Engine, title: str) -> None:
        for number in _processors(engine, options):
            stack = with_roles(engine.stack(number)) if options.roles else engine.stack(number)
            name = f"Processor {number}\n" if options.all else ""
            sys.stdout.write(title + name + format_stack(stack))
            sys.stdout.flush()
            sys.stderr.write(format_end(stack))

    return _show_each(options, show)


def _processors(engine: Engine, options: argparse.Namespace) -> Sequence[int | None]:
    if not options.all:
        return [options.processor]
    found = engine.processors()
    if found.problem:
        sys.stderr.write(f"not all processors may be known: {_safe(found.problem)}\n")
    return [processor.number for processor in found]


def _modules(options: argparse.Namespace) -> int:
    from livedump.kernel.kernel import describe_module
    from livedump.model.errors import NotKnown
    from livedump.model.listing import Listing
    from livedump.report.modules_text import format_modules

    def show(engine: Engine, title: str) -> None:
        modules = engine.modules()
        described = Listing(tuple(describe_module(engine, module) for module in modules), modules.problem)
        try:
            unloaded = engine.unloaded_modules()
        except NotKnown:
            unloaded = Listing(())
        sys.stdout.write(title + format_modules(described, unloaded))

    return _show_each(options, show)


def _contents(options: argparse.Namespace) -> int:
    from livedump.analysis.contents import inspect_contents
    from livedump.model.errors import NotKnown
    from livedump.report.contents_text import format_contents, format_secondary_data

    def show(engine: Engine, title: str) -> None:
        sys.stdout.write(title + format_contents(inspect_contents(engine)))
        try:
            sys.stdout.write(format_secondary_data(engine.secondary_data()))
        except NotKnown as missing:
            sys.stdout.write(f"\nSecondary data: {missing}\n")

    return _show_each(options, show)


def _signature(options: argparse.Namespace) -> int:
    from livedump.analysis.signature import signature_of
    from livedump.report.signature_text import format_signature

    status = DONE
    for report in _reports(options):
        status = SOME_FAILED if report.dump is None else status
        sys.stdout.write(format_signature(report.path, signature_of(report), options.explain))
        sys.stdout.flush()
    return status


def _codes(options: argparse.Namespace) -> int:
    from livedump.report.codes_text import format_code, format_codes

    if options.code is None:
        sys.stdout.write(format_codes())
        return DONE
    try:
        code = int(options.code, 16)
    except ValueError:
        sys.stderr.write(f"livedump codes: {_safe(options.code)} is not a hexadecimal code such as 161 or 0x161\n")
        return USAGE
    text = format_code(code)
    if text is None:
        sys.stderr.write(f"livedump codes: {code:#x} is neither a known live dump code nor a known bug check\n")
        return SOME_FAILED
    sys.stdout.write(text)
    return DONE


class _Opened:
    """The engine for one file, closed again."""

    def __init__(self, path: str, options: argparse.Namespace) -> None:
        from livedump.engines.choose import open_engine

        progress = _show_download if sys.stderr.isatty() else None
        self._engine = open_engine(path, options.engine, options.symbol_path, options.cdb, progress)

    def __enter__(self) -> Engine:
        return self._engine

    def __exit__(self, *_: object) -> None:
        self._engine.close()


def _show_download(progress: DownloadProgress) -> None:
    total = "" if progress.total is None else f" of {progress.total / 1e6:,.1f}"
    done = progress.received == progress.total
    line = "" if done else f"{_safe(progress.name)}: {progress.received / 1e6:,.1f}{total} MB"
    sys.stderr.write(f"\r{line[:78]:78}\r")
    sys.stderr.flush()


def _complain(path: str, error: Exception) -> int:
    sys.stdout.flush()
    message = str(error)
    prefix = "" if path in message else f"{_safe(path)}: "
    sys.stderr.write(f"livedump: {prefix}{_safe(message)}\n")
    return SOME_FAILED


def _safe(text: str) -> str:
    from livedump.model.text import clean_text

    return clean_text(text)


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None


def _use_color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb" and os.name != "nt"


def _prepare_streams() -> None:
    """Lets every name be printed, also on a console that has no letter for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
