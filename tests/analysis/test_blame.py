"""To which driver a dump points, and what is never blamed."""

from __future__ import annotations

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from tests.engines.test_contract import built_or_skip


@pytest.mark.parametrize(("name", "driver"), [("crash-d1", "livedrv"), ("wer-141-full", "dxgmms2")])
def test_the_driver_is_that_of_the_reporter(name: str, driver: str) -> None:
    built = built_or_skip(name)
    blamed = triage(NativeEngine(str(built.path), str(built.symbols))).driver
    assert blamed is not None
    assert blamed.name == driver


def test_who_asks_for_a_dump_by_hand_blames_nobody() -> None:
    built = built_or_skip("taskmgr-full")
    assert triage(NativeEngine(str(built.path), str(built.symbols))).driver is None
