"""The fixtures of the lab: installed, or a skip, or, where it is demanded, a failure."""

from __future__ import annotations

import os

import pytest

from . import lab as lab_module
from . import setup_lab


def lab_is_required() -> bool:
    """Whether a missing lab is a failure: in CI, and where LIVEDUMP_LAB_REQUIRED is 1."""
    return os.environ.get("CI") == "true" or os.environ.get("LIVEDUMP_LAB_REQUIRED") == "1"


@pytest.fixture(scope="session", params=setup_lab.ENGINES)
def lab(request: pytest.FixtureRequest) -> lab_module.Lab:
    """The lab with each of its engines. Where it is required it is installed first; elsewhere it is used if there."""
    return lab_with(request.param)


@pytest.fixture(scope="session")
def lab_2017() -> lab_module.Lab:
    """The lab for what no engine has a say in, or only that of 2017."""
    return lab_with(setup_lab.ENGINE_2017)


@pytest.fixture(scope="session")
def lab_today() -> lab_module.Lab:
    """The lab for what only today's engine can do."""
    return lab_with(setup_lab.ENGINE_TODAY)


def lab_with(engine: str) -> lab_module.Lab:
    """The lab with one engine."""
    if lab_is_required():
        try:
            return lab_module.Lab(setup_lab.install(), engine)
        except setup_lab.InstallError as error:
            pytest.fail(f"the lab is required: {error}")
    try:
        return lab_module.require(engine)
    except lab_module.LabUnavailable as error:
        pytest.skip(str(error))
