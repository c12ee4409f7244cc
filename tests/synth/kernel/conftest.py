"""Fixtures of the tests of made-up systems."""

from __future__ import annotations

import pytest

from tests.lab.conftest import lab, lab_2017, lab_today  # noqa: F401 - fixtures
from tests.synth.toolchain import ToolchainMissing, tools


@pytest.fixture(scope="session")
def compiler() -> None:
    """Skips where clang and lld are not installed."""
    try:
        tools()
    except ToolchainMissing as error:
        pytest.skip(str(error))
