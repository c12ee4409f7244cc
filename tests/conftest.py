"""Fixtures of the whole suite."""

from __future__ import annotations

import os

if os.name != "nt":  # the lab runs Windows programs; it is not one of them
    from tests.lab.conftest import lab

    __all__ = ["lab"]
