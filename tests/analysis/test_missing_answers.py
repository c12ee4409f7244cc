"""One answer that is missing never takes the others away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from livedump.analysis.modules import list_modules
from livedump.analysis.processes import list_processes
from livedump.analysis.stacks import find_stacks
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.errors import DumpError
from livedump.report.sections.info import document
from tests.synth import SCENARIOS, ToolchainMissing, build_spec

BITMAP = 0x2000
"""Where the signature of the pages stands."""
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "dumps"


@contextmanager
def engine_without(*regions: str) -> Iterator[NativeEngine]:
    """The engine on a dump of four processors that lacks the pages of some regions."""
    try:
        built = build_spec(replace(SCENARIOS["several-processors"].spec(), omit=regions), name="without")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}")
    try:
        yield engine
    finally:
        engine.close()


def test_a_processor_whose_block_is_missing_is_named_and_the_others_are_shown() -> None:
    with engine_without("prcb:1") as engine:
        stacks = find_stacks(engine, every=True).stacks
    assert [stack.processor for stack in stacks] == [0, 1, 2, 3]
    assert [bool(stack.frames) for stack in stacks] == [True, False, True, True]
    assert stacks[1].stop_reason == "not captured: the saved context of processor 1 is not in the dump"


def test_where_no_processor_is_known_the_stack_of_the_writer_is_shown() -> None:
    sample = SAMPLES / "083125-14875-01.dmp"
    if not sample.is_file():
        pytest.skip(f"no sample {sample}")
    engine = NativeEngine(str(sample), symbols="")
    try:
        (stack,) = (found := find_stacks(engine, every=True).stacks)
        assert stack.frames == find_stacks(engine).stacks[0].frames
        assert len(stack.frames) == 6
    finally:
        engine.close()
    assert found.problem == "the number of this one is not captured (fffff807`5c90bcc0 is not captured)"


def test_without_the_lists_of_the_kernel_the_innermost_frame_is_left() -> None:
    with engine_without("image:nt:.data") as engine:
        (stack,) = find_stacks(engine, every=True).stacks
        assert len(stack.frames) == 1
        assert stack.stop_reason is not None
        with pytest.raises(DumpError):
            list_modules(engine)


def test_without_the_loaded_modules_the_others_are_listed() -> None:
    # The first entry of the list lies where the table of the unloaded ones does not.
    with engine_without("modules") as engine:
        found = list_modules(engine)
    assert found.loaded.problem or found.unloaded.problem
    assert found.loaded.items or found.unloaded.items


def test_without_the_process_that_asked_the_list_is_there() -> None:
    with engine_without("thread:7204") as engine:
        found = list_processes(engine)
    assert found.processes.items
    assert found.requester is None or found.requester.name


def test_what_is_in_the_way_of_pages_and_of_all_else_is_one_limit(tmp_path: Path) -> None:
    try:
        data = bytearray(build_spec(SCENARIOS["taskmgr-full"].spec(), name="taskmgr-full").path.read_bytes())
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    data[BITMAP : BITMAP + 8] = bytes(8)
    (tmp_path / "no-pages.dmp").write_bytes(data)
    engine = NativeEngine(str(tmp_path / "no-pages.dmp"), symbols="")
    try:
        limits = document(report_dump(engine), "no-pages.dmp").limits
    finally:
        engine.close()
    assert any("expected SDMPDUMP" in limit for limit in limits)
    assert len(limits) == len(set(limits))


def test_what_is_in_the_way_of_every_stack_is_said_once() -> None:
    try:
        built = build_spec(SCENARIOS["x86-header"].spec(), name="x86-header")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    engine = NativeEngine(str(built.path), symbols="")
    try:
        with pytest.raises(DumpError, match="memory and stacks of x86 systems are not read"):
            find_stacks(engine, every=True)
    finally:
        engine.close()
