"""What reading one dump may cost, as the command line says it; the same for every command."""

from __future__ import annotations

import argparse
import os

from livedump.model.budget import Limits

SECONDS, SECONDS_WITH_SERVER = 60.0, 900.0
MEMORY_MIB = 2048
OWN_LIMITS = ("pykd", "cdb")
"""Engines in a program of its own, which has limits of its own and would inherit those of the memory."""


def add_limits(group: argparse._ActionsContainer) -> None:
    """Declares the options."""
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="for one dump (default: 60; 900 with a server)")
    group.add_argument(
        "--memory", type=positive, default=MEMORY_MIB, metavar="MIB", help=f"for reading one dump ({MEMORY_MIB})"
    )


def add_symbols_retry(group: argparse._ActionsContainer) -> None:
    """Declares the option that forgets what symbol servers did not have."""
    group.add_argument(
        "--symbols-retry", action="store_true", help="ask symbol servers again for what they did not have"
    )


def heed_symbols_retry(options: argparse.Namespace) -> None:
    """Forgets it, if that was said."""
    if getattr(options, "symbols_retry", False):
        from livedump.engines.choose import forget_missing_symbols

        forget_missing_symbols()


def limits_of(options: argparse.Namespace) -> Limits:
    """The limits of one dump."""
    seconds = options.timeout or (SECONDS_WITH_SERVER if _asks_server(options) else SECONDS)
    return Limits(seconds, 0 if options.engine in OWN_LIMITS else options.memory << 20)


def positive(text: str) -> int:
    """A number of at least 1, as argparse wants it."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _asks_server(options: argparse.Namespace) -> bool:
    names = ("_NT_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH")
    text = options.symbol_path if options.symbol_path is not None else ";".join(os.environ.get(n, "") for n in names)
    return options.engine == "cdb" or "://" in text or "srv*" in text.lower()
