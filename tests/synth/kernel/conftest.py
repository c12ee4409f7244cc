"""Fixtures of the tests of made-up systems."""

from tests.lab.conftest import lab

__all__ = ["lab"]
