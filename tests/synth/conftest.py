"""Fixtures of the generator's own tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.lab.conftest import lab  # noqa: F401 - a fixture
from tests.synth import Built, build


@pytest.fixture(scope="session")
def built() -> Callable[[str], Built]:
    """Builds a scenario by name; the test is skipped where clang and lld are not installed."""
    if not (shutil.which("clang") and shutil.which("lld-link")):
        pytest.skip("made-up dumps need clang and lld-link")
    return build
