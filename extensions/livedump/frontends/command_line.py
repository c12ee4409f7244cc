"""The command ``livedump``: arguments come in, reports go to stdout, diagnostics to stderr.

Exit status: 0 all read, 1 of some file nothing of what was asked could be judged, 2 usage, 3 the output could not be
written; 128 and the number of a signal that ended it: 130 Ctrl-C, 141 nobody reads the output any more, 143 SIGTERM.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Literal, TextIO

from livedump import __version__
from livedump.engines.choose import ENGINES
from livedump.frontends.answering import answer_all
from livedump.frontends.limits import add_limits, add_symbols_retry
from livedump.frontends.named_files import named_files
from livedump.frontends.parsing import USAGE, Parser, add_choice, add_verbosity, did_you_mean, option_type
from livedump.frontends.questions import (
    COMMANDS,
    FORMATS,
    Batch,
    Option,
    OptionKind,
    Question,
    find_function,
)
from livedump.frontends.redacting import add_redaction, wants_redaction

NOT_WRITTEN = 3
ENDED_BY = 128
"""And the number of the signal."""
SIGPIPE = 13
"""Windows has none, but its shells know the status."""

_DESCRIPTION = "Says what a Windows kernel live dump is, who took it and why, and whether it is complete."

_EXAMPLES = """\
examples:
  livedump memory.dmp                           one report; the same as livedump info memory.dmp
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
            status = _answer(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        sys.stderr.write(f"livedump: the output could not be written: {error.strerror or error}\n")
        return ENDED_BY + SIGPIPE if _reader_has_left(error) else NOT_WRITTEN
    except ModuleNotFoundError as error:
        if error.name != "tabulate":
            raise
        sys.stderr.write("livedump: tables need the package tabulate: pip install tabulate\n")
        return USAGE
    return status


def _answer(words: list[str]) -> int:
    words = with_command(words)
    parser = _parser(words)
    if "_ARGCOMPLETE" in os.environ:
        from livedump.frontends.completion import complete

        complete(parser)
    options, rest = parser.parse_known_args(words)
    if rest:
        options.parser.refuse(rest)
    status: int = options.run(options)
    return status


def with_command(words: list[str]) -> list[str]:
    """The words with the command that they leave out: files alone ask for the report."""
    first = words[0] if words else ""
    commands = [name for each in COMMANDS for name in each.names]
    if not first or first in ("-h", "--help", "--version", *commands):
        return words
    if not first.startswith("-") and not _may_be_file(first):
        parser = _parser([])
        parser.redacts = wants_redaction(words)
        parser.error(f"{first} is neither a command nor a file{did_you_mean(first, commands)}")
    return ["info", *words]


def _may_be_file(word: str) -> bool:
    return any(mark in word for mark in "./\\:*?@") or os.path.lexists(word)


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


def _parser(words: Sequence[str]) -> Parser:
    """The parser for a line that starts with these words: of one command alone where that is the first of them."""
    parser = Parser(
        prog="livedump",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"livedump {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    chosen = [each for each in COMMANDS if set(words[:1]) & set(each.names)]
    for command in chosen or COMMANDS:
        added = commands.add_parser(command.name, aliases=command.aliases, help=command.what)
        added.set_defaults(parser=added)
        _add_command(added, command)
    return parser


def _add_command(parser: Parser, command: Question | Batch) -> None:
    if isinstance(command, Batch):
        find_function(command.arguments)(parser)
    else:
        _add_question(parser, command)


def _add_question(parser: Parser, question: Question) -> None:
    if question.needs_dump:
        parser.places_anywhere = question.has_place
        _add_dumps(parser, question)
    add_options(parser, question)
    parser.add_argument("--wide", action="store_true", help="whole tables, though lines are wider than the terminal")
    add_verbosity(parser)
    parser.set_defaults(run=lambda options: _answer_question(question, options))


def add_options(parser: argparse.ArgumentParser, question: Question) -> None:
    """Lets a parser take what may be said with a question, wherever it is asked."""
    one_of = parser.add_mutually_exclusive_group() if question.exclusive else parser
    for option in question.options:
        _add_option(one_of if option.flag in question.exclusive else parser, option)
    add_choice(parser, "--format", FORMATS, default=FORMATS[0], help=f"default: {FORMATS[0]}")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to stdout")
    add_redaction(parser)


def _answer_question(question: Question, options: argparse.Namespace) -> int:
    if question.needs_dump:
        from livedump.model.errors import UnreadableFile

        try:
            options.files = named_files(options.files)
        except UnreadableFile as error:
            options.parser.error(str(error))
        if not options.files:
            options.parser.error("the list names no file")
    return answer_all(question, options)


def add_others(parser: argparse.ArgumentParser, name: str, count: str = "+") -> None:
    """Lets a parser take the files of a question that is about several dumps together; ``count`` as argparse has it."""
    files = "kernel dump; or reports that were saved: JSON of info, or the results of triage --save (FILE#NAME: of one)"
    parser.add_argument("files", nargs=count, metavar=name, help=files)


def _add_option(parser: argparse._ActionsContainer, option: Option) -> None:
    if option.kind is OptionKind.SWITCH:
        parser.add_argument(option.flag, dest=option.keyword, action="store_true", help=option.help)
    elif option.flag.startswith("-"):
        parser.add_argument(
            option.flag, dest=option.keyword, type=option_type(option.kind), metavar=option.value, help=option.help
        )
    else:
        parser.add_argument(
            option.keyword, nargs="?", type=option_type(option.kind), metavar=option.value, help=option.help
        )


def _add_dumps(parser: argparse.ArgumentParser, question: Question) -> None:
    files = "kernel dump, or a saved WinDbg or cdb log; - reads a log from stdin, @LIST names of files from a file"
    if question.others:
        add_others(parser, "DUMP")
    else:
        parser.add_argument("files", nargs=1 if question.has_place else "+", metavar="FILE", help=files)
    add_choice(parser, "--engine", ENGINES, default="auto", help="who reads the dump (default: auto)")
    parser.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    parser.add_argument("-y", "--symbols", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
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
