"""``livedump windbg``: what has to do with WinDbg and is done from outside of it."""

from __future__ import annotations

import argparse

from livedump.frontends.answering import DONE
from livedump.frontends.questions import QUESTIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command can do."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_ask(actions.add_parser("ask", help="answer a command of WinDbg, which pipes its session in", add_help=False))


def _add_ask(parser: argparse.ArgumentParser) -> None:
    from livedump.frontends.windbg import HELP

    parser.add_argument("name", choices=[*(question.name for question in QUESTIONS), HELP])
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_ask)


def _ask(options: argparse.Namespace) -> int:
    from livedump.frontends.windbg import answer_piped

    answer_piped(options.name, options.words)
    return DONE
