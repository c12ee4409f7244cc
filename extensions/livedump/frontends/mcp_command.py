"""The command ``livedump mcp``: our tools for assistants, on standard input and output."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from livedump.frontends.limits import MEMORY_MIB
from livedump.frontends.parsing import DONE, USAGE, positive
from livedump.frontends.parsing import seconds as seconds_of
from livedump.frontends.redacting import WHAT_IS_REPLACED

if TYPE_CHECKING:
    from livedump.frontends.mcp_places import AllowedPlaces
    from livedump.frontends.mcp_tools import Tools

SECONDS = 50.0
"""For one dump: clients wait a minute."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    allowed = "what may be read, with all below it"
    parser.add_argument("--allow", action="append", nargs="+", metavar="FOLDER", required=True, help=allowed)
    parser.add_argument("-y", "--symbols", dest="symbol_path", metavar="PATH", help="symbol path in WinDbg's syntax")
    parser.add_argument("--online", action="store_true", help="let the symbol path's servers be asked")
    parser.add_argument("--redact", action="store_true", help=WHAT_IS_REPLACED)
    parser.add_argument("--timeout", type=seconds_of, default=SECONDS, metavar="SECONDS", help="for one dump (50)")
    parser.add_argument(
        "--memory", type=positive, default=MEMORY_MIB, metavar="MIB", help=f"for one dump ({MEMORY_MIB})"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serves until standard input is closed; returns the exit status."""
    from threading import Thread

    from livedump.frontends.mcp_places import AllowedPlaces
    from livedump.model.errors import DumpError

    try:
        places = AllowedPlaces(folder for some in options.allow for folder in some)
    except DumpError as error:
        return _complain(str(error), options.redact)
    with _tools(options, places) as tools:
        # The SDK takes seconds to import: by then the first worker has started.
        Thread(target=tools.warm, daemon=True).start()
        try:
            from livedump.frontends.mcp_server import serve
        except ImportError:
            return _complain("it needs Python 3.10 or newer and the SDK of the protocol: pip install '.[mcp]'")
        serve(tools)
    return DONE


def _tools(options: argparse.Namespace, places: AllowedPlaces) -> Tools:
    from livedump.engines.choose import local_symbols
    from livedump.fleet.judge import HowToRead
    from livedump.frontends.mcp_tools import Tools
    from livedump.model.limits import Limits

    symbols = options.symbol_path if options.online else local_symbols(options.symbol_path)
    how = HowToRead(symbols=symbols)
    return Tools(places, how, Limits(options.timeout, options.memory << 20), options.redact)


def _complain(message: str, redact: bool = False) -> int:
    from livedump.model.text import clean_text

    if redact:
        from livedump.report.redaction import Redactor

        message = Redactor().text(message)
    sys.stderr.write(f"livedump mcp: {clean_text(message)}\n")
    return USAGE
