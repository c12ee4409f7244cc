"""The command ``livedump``: arguments come in, reports go to stdout, diagnostics to stderr.

Exit status: 0 all read, 1 some file could not be judged, 2 usage.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from livedump import __version__
from livedump.engines.choose import ENGINES
from livedump.frontends.answering import answer_all, safe
from livedump.frontends.questions import (
    COMMANDS,
    FORMATS,
    Batch,
    Option,
    OptionKind,
    Question,
    find_function,
    parse_number,
)

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
    for command in COMMANDS:
        added = commands.add_parser(command.name, help=command.what)
        if isinstance(command, Batch):
            find_function(command.arguments)(added)
        else:
            _add_question(added, command)
    return parser


def _add_question(parser: argparse.ArgumentParser, question: Question) -> None:
    if question.needs_dump:
        _add_dumps(parser)
    one_of = parser.add_mutually_exclusive_group() if question.exclusive else parser
    for option in question.options:
        _add_option(one_of if option.flag in question.exclusive else parser, option)
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=f"default: {FORMATS[0]}")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to stdout")
    parser.set_defaults(run=lambda options: answer_all(question, options))


def _add_option(parser: argparse._ActionsContainer, option: Option) -> None:
    if option.kind is OptionKind.SWITCH:
        parser.add_argument(option.flag, dest=option.keyword, action="store_true", help=option.help)
    elif option.flag.startswith("-"):
        parser.add_argument(
            option.flag, dest=option.keyword, type=_number(option.kind), metavar=option.value, help=option.help
        )
    else:
        parser.add_argument(
            option.keyword, nargs="?", type=_number(option.kind), metavar=option.value, help=option.help
        )


def _number(kind: OptionKind) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            return parse_number(kind, text)
        except ValueError:
            example = "hexadecimal code such as 161 or 0x161" if kind is OptionKind.HEXADECIMAL else "number"
            raise argparse.ArgumentTypeError(f"{safe(text)} is not a {example}") from None

    return parse


def _add_dumps(parser: argparse.ArgumentParser) -> None:
    files = "kernel dump, or a saved WinDbg or cdb log; - reads a log from stdin"
    parser.add_argument("files", nargs="+", metavar="FILE", help=files)
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="who reads the dump (default: auto)")
    parser.add_argument("--cdb", metavar="PATH", help="cdb.exe or kd.exe for --engine cdb")
    parser.add_argument("-y", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")


def _prepare_streams() -> None:
    """Lets every name be printed, also on a console that has no letter for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
