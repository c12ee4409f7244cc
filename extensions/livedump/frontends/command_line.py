"""The command ``livedump``: arguments come in, reports go to stdout, diagnostics to stderr.

Exit status: 0 all read, 1 some file could not be judged, 2 usage, 3 the output could not be written; 128 and the number
of a signal that ended it: 130 Ctrl-C, 141 nobody reads the output any more, 143 SIGTERM.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TextIO

from livedump import __version__
from livedump.engines.choose import ENGINES
from livedump.frontends.answering import answer_all, safe
from livedump.frontends.limits import add_limits, add_symbols_retry
from livedump.frontends.questions import (
    COMMANDS,
    FORMATS,
    Batch,
    Option,
    OptionKind,
    Question,
    find_function,
    parse_value,
)

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

NOT_WRITTEN = 3
ENDED_BY = 128
"""And the number of the signal."""
SIGPIPE = 13
"""Windows has none, but its shells know the status."""

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
    before = _heed_sigterm()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return ENDED_BY + signal.SIGINT
    except _Ended:
        return ENDED_BY + signal.SIGTERM
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        try:
            words = sys.argv[1:] if arguments is None else arguments
            options = _parser(words).parse_args(words)
            status: int = options.run(options)
        finally:
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        sys.stderr.write(f"livedump: the output could not be written: {error.strerror or error}\n")
        return ENDED_BY + SIGPIPE if _reader_has_left(error) else NOT_WRITTEN
    return status


class _Ended(BaseException):
    """SIGTERM: what is open is closed on the way out, as with Ctrl-C."""


def _heed_sigterm() -> Callable[..., object] | int | None:
    try:
        return signal.signal(signal.SIGTERM, _end)
    except ValueError:  # another thread than the first has no signals
        return None


def _end(*_: object) -> None:
    raise _Ended


def _reader_has_left(error: OSError) -> bool:
    # Windows reports a pipe that nobody reads any more as an invalid argument.
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)


def _drop_output() -> None:
    """Lets what could not be written vanish: else Python tries again on its way out, and complains."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Parser(argparse.ArgumentParser):
    """One that does not hide that its help could not be written."""

    places_anywhere = False
    """Whether options may stand between the file and a place behind it, which argparse takes for left out then."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options, and what is none of them."""
        if not self.places_anywhere:
            return super().parse_known_args(args, namespace)
        self.places_anywhere = False  # it asks for this method itself
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.places_anywhere = True

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a line that starts with these words: of one command alone where that is the first of them."""
    parser = _Parser(
        prog="livedump",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"livedump {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in [each for each in COMMANDS if each.name in words[:1]] or COMMANDS:
        _add_command(commands.add_parser(command.name, help=command.what), command)
    return parser


def _add_command(parser: _Parser, command: Question | Batch) -> None:
    if isinstance(command, Batch):
        find_function(command.arguments)(parser)
    else:
        _add_question(parser, command)


def _add_question(parser: _Parser, question: Question) -> None:
    if question.needs_dump:
        parser.places_anywhere = question.has_place
        _add_dumps(parser, several=not question.has_place)
    add_options(parser, question)
    parser.set_defaults(run=lambda options: answer_all(question, options))


def add_options(parser: argparse.ArgumentParser, question: Question) -> None:
    """Lets a parser take what may be said with a question, wherever it is asked."""
    one_of = parser.add_mutually_exclusive_group() if question.exclusive else parser
    for option in question.options:
        _add_option(one_of if option.flag in question.exclusive else parser, option)
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=f"default: {FORMATS[0]}")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to stdout")


def _add_option(parser: argparse._ActionsContainer, option: Option) -> None:
    if option.kind is OptionKind.SWITCH:
        parser.add_argument(option.flag, dest=option.keyword, action="store_true", help=option.help)
    elif option.flag.startswith("-"):
        parser.add_argument(
            option.flag, dest=option.keyword, type=_value(option.kind), metavar=option.value, help=option.help
        )
    else:
        parser.add_argument(option.keyword, nargs="?", type=_value(option.kind), metavar=option.value, help=option.help)


def _value(kind: OptionKind) -> Callable[[str], int | str]:
    def parse(text: str) -> int | str:
        try:
            return parse_value(kind, text)
        except ValueError:
            example = "hexadecimal code such as 161 or 0x161" if kind is OptionKind.HEXADECIMAL else "number"
            raise argparse.ArgumentTypeError(f"{safe(text)} is not a {example}") from None

    return parse


def _add_dumps(parser: argparse.ArgumentParser, several: bool) -> None:
    files = "kernel dump, or a saved WinDbg or cdb log; - reads a log from stdin"
    parser.add_argument("files", nargs="+" if several else 1, metavar="FILE", help=files)
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="who reads the dump (default: auto)")
    parser.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    parser.add_argument("-y", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
    add_symbols_retry(parser)
    add_limits(parser)


def _prepare_streams() -> None:
    """Lets every name be printed, also on a console that has no letter for it, and a closed stream be written to.

    A file would get the number of a stream that was closed, and be written into.
    """
    sys.stdin = sys.stdin or _stream(os.O_RDONLY, "r")
    sys.stdout = sys.stdout or _stream(os.O_RDONLY, "w")  # to write fails, as it should
    sys.stderr = sys.stderr or _stream(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stream(mode: int, use: Literal["r", "w"]) -> TextIO:
    return open(os.open(os.devnull, mode), use, encoding="utf-8")  # noqa: PTH123 - as long as we live
