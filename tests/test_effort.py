"""Bounds go with the machine, and still find what takes far too long."""

from __future__ import annotations

import time

import pytest

from tests import effort


def test_what_takes_too_long_is_found() -> None:
    with pytest.raises(AssertionError, match="yardsticks"), effort.at_most(3):
        sum(effort._work() for _ in range(8))


def test_what_takes_no_time_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "_work", pytest.fail)
    with effort.at_most(1):
        time.sleep(2 * effort.NOT_WORTH_A_LOOK)  # waiting is no effort


def test_an_error_inside_is_the_one_that_is_seen() -> None:
    with pytest.raises(KeyError), effort.at_most(1):
        raise KeyError
