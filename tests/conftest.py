"""Fixtures of the whole suite."""

from __future__ import annotations

import os

if os.name != "nt":  # the lab runs Windows programs; it is not one of them
    from tests.lab.conftest import lab

    __all__ = ["lab"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A short name for a long value: Windows cannot hold more than 32767 characters in PYTEST_CURRENT_TEST."""
    return f"{argname} of {len(val)}" if isinstance(val, (str, bytes)) and len(val) > 200 else None
