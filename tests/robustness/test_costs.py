"""What kernels cost whose lists are longer than their file: no more than the file could hold is looked at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from livedump.engines.native import NativeEngine
from livedump.kernel.census import PROCESSES_AT_ONCE
from livedump.model.patience import BYTES_OF_A_SECOND, PROCESSOR_SECONDS, patience_of
from tests.effort import in_yardsticks
from tests.robustness.costs import KERNEL, MAX_MEMORY, MAX_SIZE, Input, cost_of
from tests.robustness.spots import BytesSource

pytestmark = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="made-up dumps need clang and lld-link"
)
PROCESS, THREAD, IRP = 0x4D0, 0x498, 0xD0
"""The smallest of 64-bit Windows: those of 7601."""


@contextmanager
def opened(made: Input) -> Iterator[NativeEngine]:
    engine = NativeEngine("/nowhere/long.dmp", made.symbols, BytesSource(made.data))
    try:
        yield engine
    finally:
        engine.close()


@pytest.mark.parametrize(
    "name", ["processes that overlap", "threads of System that overlap", "threads of all processes that overlap"]
)
def test_no_more_processes_and_threads_are_read_than_a_file_has_room_for(name: str) -> None:
    made = KERNEL[name]()
    with opened(made) as engine:
        census = engine.census(lambda: True)
    assert len(census.processes) * PROCESS < 2 * len(made.data)
    assert len(census.threads) * THREAD < 2 * len(made.data)
    assert census.threads.problem is not None


def test_a_table_that_is_longer_than_its_file_makes_no_sense() -> None:
    with opened(KERNEL["big blocks in one page"]()) as engine:
        facts = engine.memory_use(engine.census(lambda: True), lambda: True)
    assert facts.largest_blocks.items == ()
    assert "makes no sense" in str(facts.largest_blocks.problem)


def test_every_part_of_a_pass_ends_when_its_time_is_over() -> None:
    # The clock says no from the start: whatever goes on for long must ask it.
    for name in ("processes that overlap", "ERESOURCEs that overlap", "threads with deep stacks"):
        with opened(KERNEL[name]()) as engine:
            census = engine.census(lambda: False)
            assert len(census.processes) <= PROCESSES_AT_ONCE
            assert ("time limit" in str(census.processes.problem)) == (name == "processes that overlap")
            assert not census.threads.items
            waits = engine.waits(engine.census(lambda: True), lambda: False)
            assert "time limit" in str(waits.waits.problem)


def test_a_dump_gets_processor_time_by_its_size_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.thread_time", lambda: now)
    small, large = (patience_of(None, size=size) for size in (0, 2 * BYTES_OF_A_SECOND))
    asked = patience_of(60, size=0)
    assert small()
    now = PROCESSOR_SECONDS + 1
    assert (small(), large(), asked()) == (False, True, True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read by Linux's own means")
@pytest.mark.parametrize("name", ["ERESOURCEs that overlap", "threads with deep stacks", "big blocks in one page"])
def test_info_takes_no_more_than_it_may(name: str, tmp_path: Path) -> None:
    made = KERNEL[name]()
    assert len(made.data) < MAX_SIZE
    cost = cost_of(made, tmp_path)
    assert cost.memory <= MAX_MEMORY, cost
    assert in_yardsticks(cost.seconds) < 100, cost
