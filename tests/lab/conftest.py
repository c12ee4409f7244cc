"""The `lab` fixture: the installed lab, or a skip, or, where it is demanded, a failure."""

from __future__ import annotations

import os

import pytest

from . import lab as lab_module
from . import setup_lab


def lab_is_required() -> bool:
    """Whether a missing lab is a failure: in CI, and where LIVEDUMP_LAB_REQUIRED is 1."""
    return os.environ.get("CI") == "true" or os.environ.get("LIVEDUMP_LAB_REQUIRED") == "1"


@pytest.fixture(scope="session")
def lab() -> lab_module.Lab:
    """The lab. Where it is required it is installed first; elsewhere it is used if it is there."""
    if lab_is_required():
        try:
            return lab_module.Lab(setup_lab.install())
        except setup_lab.InstallError as error:
            pytest.fail(f"the lab is required: {error}")
    try:
        return lab_module.require()
    except lab_module.LabUnavailable as error:
        pytest.skip(str(error))
