"""One thread, against what made-up systems were made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from livedump.analysis.threads import show_thread
from livedump.engines.native import NativeEngine
from livedump.frontends.command_line import main
from livedump.model.errors import DumpError
from livedump.model.thread_states import ThreadState
from livedump.model.thread_view import ThreadView
from livedump.model.threads import wait_reason_name
from livedump.report.plain import format_document
from livedump.report.sections.stack import format_frame
from livedump.report.sections.thread import document
from tests.analysis.test_processes import at, built_or_skip
from tests.synth.kernel.building import BuiltSystem, build_system
from tests.synth.kernel.layout import BUILDS, layout_of
from tests.synth.kernel.scenario_parts import quiet_system
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS
from tests.synth.kernel.spec import DEFERRED_READY, READY, STANDBY, WAITING, Patch
from tests.synth.kernel.truths import Truth, TruthThread
from tests.synth.test_synth import listing
from tests.synth.toolchain import ToolchainMissing

NAMES = ("resource-deadlock", "lock-chain", "storage-stall", "starvation", "suspended-holder", "orphaned-lock")
CASES = [*((name, KERNEL_SCENARIOS[name].build) for name in NAMES), *(("quiet", build) for build in BUILDS)]


@contextmanager
def opened(built: BuiltSystem) -> Iterator[NativeEngine]:
    engine = NativeEngine(str(built.path), symbols=f"{built.symbols};{built.images}")
    try:
        yield engine
    finally:
        engine.close()


@pytest.mark.parametrize(("name", "on"), CASES)
def test_each_thread_is_what_it_was_made_to_be(name: str, on: str) -> None:
    built = built_or_skip(name, on)
    with opened(built) as engine:
        for thread in [each for each in built.truth.threads if each.key in shown(built.truth)]:
            found = show_thread(engine, f"{thread.address:x}")
            assert_is(found, built.truth, thread)
            assert show_thread(engine, f"{thread.pid:x}.{thread.spec.tid:x}") == found


def shown(truth: Truth) -> set[str]:
    """Of threads that are made alike, the first: one for each state, reason, kind of stack and process."""
    alike = {
        (each.process, each.spec.state, each.spec.reason, each.spec.stack[:6], bool(each.frames)): each.key
        for each in reversed(truth.threads)
        if not each.key.startswith("idle:")
    }
    return set(alike.values())


def assert_is(found: ThreadView, truth: Truth, thread: TruthThread) -> None:
    spec, clock, base = thread.spec, truth.system.clock, truth.names[f"stack:{thread.key}"]
    process = next(each for each in truth.processes if each.address == thread.process)
    waits = spec.state == WAITING
    assert (found.process_id, found.thread_id, found.process) == (thread.pid, spec.tid, thread.process)
    assert (found.process_name, found.attached_process) == (process.spec.name[:14], None)
    assert found.state == ThreadState(spec.state).title
    assert found.processor == expected_processor(truth, thread)
    assert found.requester == (thread.address == truth.requester)
    assert found.wait_reason == (wait_reason_name(spec.reason) if waits else None)
    assert (found.user_mode, found.alertable) == ((spec.user_mode, spec.alertable) if waits else (None, None))
    assert (found.wait_ticks, found.wait_seconds) == (spec.since_ticks & 0xFFFFFFFF, thread.waits_seconds)
    assert (found.context_switches, found.ideal_processor) == (spec.switches & 0xFFFFFFFF, spec.next_processor)
    assert found.kernel_seconds == clock.seconds(spec.kernel_ticks & 0xFFFFFFFF)
    assert found.user_seconds == clock.seconds(spec.user_ticks)
    assert found.created == at(clock, spec.created_seconds)
    assert (found.priority, found.base_priority, found.suspend_count) == (
        spec.priority, spec.base_priority, spec.suspend_count
    )  # fmt: skip
    assert (found.stack_base, found.stack_limit) == (base, base - 0x6000)
    assert bool(found.teb) is not bool(spec.start)
    start = spec.start.partition("|")[0]
    assert found.start == (start or None)
    assert_stack(found, thread)


def expected_processor(truth: Truth, thread: TruthThread) -> int | None:
    running = next((each.number for each in truth.processors if each.thread == thread.address), None)
    return thread.spec.next_processor if thread.spec.state in (READY, STANDBY, DEFERRED_READY) else running


def assert_stack(found: ThreadView, thread: TruthThread) -> None:
    if found.stack is None:
        assert (thread.frames, bool(found.stack_problem)) == ((), True)
    elif found.processor is None and thread.spec.state == WAITING:
        assert "\n".join(map(format_frame, found.stack.frames)) + "\n" == listing(thread.frames)


@pytest.mark.parametrize("name", ["resource-deadlock", "lock-chain"])
def test_the_lock_and_its_owners_are_those_of_the_system(name: str) -> None:
    built = built_or_skip(name)
    with opened(built) as engine:
        for thread, owners in built.truth.chains.edges.items():
            lock = show_thread(engine, f"{thread:x}").lock
            assert lock is not None
            assert set(lock.owners) == set(owners)


def test_objects_are_named_in_the_debuggers_words() -> None:
    built = built_or_skip("lock-chain")
    truth = built.truth
    waiter = next(each for each in truth.threads if any(wait.on.startswith("mutant:") for wait in each.spec.waits))
    mutant = truth.names[waiter.spec.waits[0].on]
    with opened(built) as engine:
        found = show_thread(engine, f"{waiter.address:x}")
    ((address, what, owner),) = found.objects
    assert (address, what, owner) == (mutant, "Mutant", truth.chains.edges[waiter.address][0])


def test_requests_of_the_thread_are_listed() -> None:
    built = built_or_skip("storage-stall")
    truth = built.truth
    asked = next(each for each in truth.requests if each.thread and not each.completed)
    with opened(built) as engine:
        found = show_thread(engine, f"{asked.thread:x}")
    wanted = [each for each in truth.requests if each.thread == asked.thread]
    shown = {each.irp: (each.driver, each.device, each.major, each.completed) for each in found.requests}
    assert shown == {
        each.irp: (each.module or None, each.device or None, each.major, each.completed) for each in wanted
    }
    assert f"{asked.irp:016x}: IRP_MJ_" in format_document(document(found, "a.dmp"))


@pytest.mark.parametrize("build_name", BUILDS)
def test_what_a_thread_draws_with_and_where_it_is_attached(build_name: str) -> None:
    patches = (
        Patch("thread:lsass.0", "_KTHREAD.Win32Thread", 0xFFFF_FA80_1234_5670),
        Patch("thread:lsass.0", "_KTHREAD.ApcState.Process", "process:csrss"),
    )
    try:
        built = build_system(replace(quiet_system(build_name), patches=patches), f"attached-{build_name}")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    with opened(built) as engine:
        found = show_thread(engine, f"{built.truth.thread('lsass.0').address:x}")
    assert layout_of(build_name).has("_KTHREAD.Win32Thread")
    assert found.win32_thread == 0xFFFF_FA80_1234_5670
    assert (found.attached_process, found.attached_name) == (built.truth.process("csrss").address, "csrss.exe")


def test_nothing_said_is_the_thread_that_took_the_dump() -> None:
    built = built_or_skip("quiet")
    with opened(built) as engine:
        found = show_thread(engine)
    assert (found.thread, found.requester) == (built.truth.requester, True)
    assert "RUNNING on processor 0, took the dump" in format_document(document(found, "a.dmp"))


def test_an_id_is_hexadecimal_where_a_thread_has_it_so_and_else_decimal() -> None:
    built = built_or_skip("quiet")
    thread = built.truth.thread("lsass.0")
    with opened(built) as engine:
        for text in (f"{thread.spec.tid:x}", f"0x{thread.spec.tid:x}", f"0n{thread.spec.tid}"):
            assert show_thread(engine, text).thread == thread.address
        quoted = f"{thread.address >> 32:08x}`{thread.address & 0xFFFFFFFF:08x}"
        assert show_thread(engine, quoted).thread == thread.address
        with pytest.raises(DumpError, match="no thread of the dump has the address or id 0n99999"):
            show_thread(engine, "0n99999")
        for wrong in ("zz", "", "1.2.3", "-5", "f" * 17, "0nff", "12 34"):
            with pytest.raises(DumpError, match="is no address or id of a thread: give its ETHREAD"):
                show_thread(engine, wrong)


def test_a_stack_that_is_not_there_is_said() -> None:
    built = built_or_skip("quiet")
    paged_out = next(each for each in built.truth.threads if not each.spec.resident)
    with opened(built) as engine:
        text = format_document(document(show_thread(engine, f"{paged_out.address:x}"), "a.dmp"))
    assert "no stack: the kernel stack is paged out" in text


def test_without_the_kernels_types_one_line_names_the_pdb(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("_NT_SYMBOL_PATH", raising=False)
    assert main(["thread", str(built_or_skip("quiet").path), "-y", "/nowhere", "47c"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "ntkrnlmp.pdb" in said.err


def test_options_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    built = built_or_skip("quiet")
    thread = built.truth.thread("lsass.0")
    path, symbols, number = str(built.path), str(built.symbols), f"{thread.spec.tid:x}"
    said = set()
    for words in ((path, "-y", symbols, number), (path, number, "-y", symbols), ("-y", symbols, path, number)):
        assert main(["thread", *words]) == 0
        said.add(capsys.readouterr().out)
    (text,) = said
    assert text.startswith(f"THREAD {thread.address:016x}  Cid {thread.pid:x}.{number} ")
