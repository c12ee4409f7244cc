"""What reading one dump may cost, as the command line says it; the same for every command."""

from __future__ import annotations

import argparse
import os

from livedump.frontends.parsing import positive, seconds
from livedump.model.limits import Limits
from livedump.model.symbol_places import symbol_places

SECONDS, SECONDS_WITH_SERVER = 60.0, 900.0
MEMORY_MIB = 2048
OWN_LIMITS = ("pykd", "cdb")
"""Engines in a program of its own, which has limits of its own and would inherit those of the memory."""


def add_limits(group: argparse._ActionsContainer) -> None:
    """Declares the options."""
    group.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="for one dump (default: 60; 900 with a server)"
    )
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
    allowed = options.timeout or default_seconds(options.symbol_path, options.engine)
    return Limits(allowed, 0 if options.engine in OWN_LIMITS else options.memory << 20)


def default_limits(symbol_path: str | None) -> Limits:
    """The limits of one dump where nothing is said, with a symbol path or that of the environment."""
    return Limits(default_seconds(symbol_path), MEMORY_MIB << 20)


def default_seconds(symbol_path: str | None, engine: str | None = None) -> float:
    """How long one dump may take: far longer where a server may be asked."""
    text = symbol_places(symbol_path, os.environ)
    return SECONDS_WITH_SERVER if engine == "cdb" or "://" in text or "srv*" in text.lower() else SECONDS
