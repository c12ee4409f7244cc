"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import signal

import pytest

if os.name != "nt":  # the lab runs Windows programs; it is not one of them
    from tests.lab.conftest import lab, lab_2017, lab_today

    __all__ = ["lab", "lab_2017", "lab_today"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flag that accepts what the program prints now as what it is to print (tests/golden)."""
    parser.addoption("--refresh-golden", action="store_true", help="write tests/golden/expected anew")


def pytest_configure() -> None:
    """What a shell runs in the background ignores Ctrl-C, and so would all commands that the tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A short name for a long value: Windows cannot hold more than 32767 characters in PYTEST_CURRENT_TEST."""
    return f"{argname} of {len(val)}" if isinstance(val, (str, bytes)) and len(val) > 200 else None
