"""The list of processes with what they use, against what made-up systems were made of."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from livedump.analysis.processes import list_processes
from livedump.engines.native import NativeEngine
from livedump.kernel.census import CensusTaker
from livedump.kernel.typed_memory import ListedLayouts, TypedMemory
from livedump.model.layout import Layout, Member, MemberType, TypeKind, integer, pointer_to
from livedump.model.processes import ListedProcess, Processes
from livedump.report.plain import format_document
from livedump.report.sections.processes import document
from tests.kernel.kernel_memory import Pages
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS, build, build_damaged
from tests.synth.kernel.spec import DEFERRED_READY, READY, RUNNING, STANDBY, WAITING, Clock
from tests.synth.kernel.truths import Truth, TruthProcess
from tests.synth.toolchain import ToolchainMissing

CASES = [
    *(("starvation", build_name) for build_name in BUILDS),
    *((name, KERNEL_SCENARIOS[name].build) for name in ("zombies", "handle-leak", "commit-exhaustion", "saturation")),
]
HEAD = 0xFFFF_8000_0000_0000
LIST = MemberType(TypeKind.STRUCTURE, 16, "_LIST_ENTRY")
STATES = {RUNNING: "run", READY: "ready", STANDBY: "ready", DEFERRED_READY: "ready", WAITING: "wait"}


def built_or_skip(name: str, on: str = "", damaged: bool = False) -> BuiltSystem:
    try:
        return build_damaged(name, on) if damaged else build(name, on)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def listed(built: BuiltSystem, symbols: bool = True) -> Processes:
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}" if symbols else "")
    try:
        return list_processes(engine)
    finally:
        engine.close()


def expected(truth: Truth, process: TruthProcess) -> ListedProcess:
    """What was asked for, in the words of the list."""
    spec, clock = process.spec, truth.system.clock
    states = Counter(STATES.get(each.spec.state) for each in truth.threads if each.process == process.address)
    created, ended = (at(clock, each) for each in (spec.created_seconds, spec.exited_seconds))
    last = at(clock, clock.uptime_seconds) if ended is None else ended
    return ListedProcess(
        address=process.address,
        name=spec.name[:14],
        process_id=spec.pid,
        directory_table_base=None,
        parent_id=spec.parent,
        threads=process.active_threads,
        running=states["run"],
        ready=states["ready"],
        waiting=states["wait"],
        handles=process.handle_count,
        commit=spec.commit_pages * 4096,
        created=created,
        exited=ended,
        elapsed_seconds=None if last is None or created is None else (last - created).total_seconds(),
        kernel_seconds=clock.seconds(process.kernel_ticks),
        user_seconds=clock.seconds(process.user_ticks),
    )


def at(clock: Clock, seconds: float | None) -> datetime | None:
    """A moment after boot."""
    return None if seconds is None else clock.booted + timedelta(seconds=seconds)


@pytest.mark.parametrize(("name", "on"), CASES)
def test_each_process_uses_what_it_was_made_with(name: str, on: str) -> None:
    built = built_or_skip(name, on)
    truth, found = built.truth, listed(built)
    assert found.use_problem is None
    shown = [each._replace(directory_table_base=None) for each in found.processes]
    assert shown == [expected(truth, each) for each in truth.processes if each.key != "Idle"]


def test_handles_that_are_not_captured_are_not_known_and_none_are_none() -> None:
    found = {each.name: each.handles for each in listed(built_or_skip("handles-missing", damaged=True)).processes}
    assert found["lsass.exe"] is None
    assert found["Registry"] == 0


class Session(NamedTuple):
    """Where the made-up process of a session points to."""

    name: str
    number_at: int


@pytest.mark.parametrize("session", [Session("_MM_SESSION_SPACE", 8), Session("_PSP_SESSION_SPACE", 4)])
def test_the_number_of_a_session_is_read_by_the_type_that_a_process_points_to(session: Session) -> None:
    process, space, links = 0xFFFF_8000_0000_1000, 0xFFFF_8000_0000_5000, 0x40
    memory = Pages()
    for address, value in ((HEAD, process + links), (process + links, HEAD), (process + 0x10, space)):
        memory.write(address, struct.pack("<Q", value))
    memory.write(space + session.number_at, struct.pack("<I", 3))
    of = MemberType(TypeKind.STRUCTURE, None, session.name)
    layouts = (
        Layout("_EPROCESS", 0x400, (Member("ActiveProcessLinks", links, LIST), Member("Session", 0x10, pointer_to(of)),
                                    Member("ThreadListHead", 0x80, LIST))),
        Layout("_ETHREAD", 0x400, (Member("ThreadListEntry", 0, LIST),)),
        Layout("_KPRCB", 0x400, (Member("CurrentThread", 0, integer(8)),)),
        Layout(session.name, 0x100, (Member("SessionId", session.number_at, integer(4)),)),
    )  # fmt: skip
    typed = TypedMemory(memory, [ListedLayouts(layouts)])
    census = CensusTaker(typed, lambda _: None, lambda: True).take((), HEAD, None)
    assert [each.session for each in census.processes] == [3]


def test_without_the_kernels_types_the_list_is_the_short_one_and_one_line_names_the_pdb() -> None:
    found = listed(built_or_skip("quiet"), symbols=False)
    assert {each.threads for each in found.processes} == {None}
    text = format_document(document(found, "a.dmp"))
    assert text.splitlines()[0].split() == ["Process", "Id", "Name", "Page", "tables"]
    (limit,) = (line for line in text.splitlines() if "what processes use is not known" in line)
    assert "ntkrnlmp.pdb" in limit


def test_a_process_whose_threads_were_not_looked_at_has_no_number_of_them_by_state() -> None:
    built = built_or_skip("quiet")
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}")
    try:
        found = list_processes(engine, time=0)
    finally:
        engine.close()
    assert found.use_problem is not None
    assert "were not looked at" in found.use_problem
    assert {each.waiting for each in found.processes} == {None}
    assert all(each.threads for each in found.processes)
    assert "not all of what processes use is known" in format_document(document(found, "a.dmp"))
