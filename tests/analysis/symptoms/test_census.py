"""Processes, threads, processors and stacks are those that the made-up systems were made of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from livedump.model.stack_survey import StackGroup
from livedump.model.thread_states import ThreadState
from tests.analysis.symptoms.examined import SERVER, SOME, Case, Examined, examined
from tests.synth.kernel.spec import RUNNING
from tests.synth.kernel.truths import TruthThread

pytestmark = pytest.mark.parametrize("case", [*SOME, SERVER], ids=str)


def test_every_process_with_what_it_uses(case: Case) -> None:
    found = examined(case)
    processes = found.scene.census.processes
    assert processes.problem is None
    assert [
        (each.address, each.name, each.process_id, each.active_threads, each.kernel_ticks, each.user_ticks, each.zombie)
        for each in processes
    ] == [
        (
            each.address, each.spec.name[:14], each.spec.pid, each.active_threads, each.kernel_ticks, each.user_ticks,
            each.zombie,
        )
        for each in found.truth.processes
    ]  # fmt: skip


def test_pages_and_times_of_each_process(case: Case) -> None:
    found = examined(case)
    clock = found.truth.system.clock
    assert [
        (each.parent_id, each.commit_pages, each.commit_peak_pages, each.working_set_pages, each.virtual_size,
         each.nonpaged_quota, each.paged_quota, each.created)
        for each in found.scene.census.processes if not each.is_idle
    ] == [
        (each.spec.parent, each.spec.commit_pages, each.spec.commit_peak_pages, each.spec.working_set_pages,
         each.spec.virtual_size, each.spec.nonpaged_quota, each.spec.paged_quota,
         clock.booted + timedelta(seconds=each.spec.created_seconds))
        for each in found.truth.processes[1:]
    ]  # fmt: skip


def test_every_thread_with_its_state_and_times(case: Case) -> None:
    found = examined(case)
    threads = found.scene.census.threads
    assert threads.problem is None
    specs = {each.address: each for each in found.truth.threads}
    assert sorted(each.address for each in threads) == sorted(specs)
    for each in threads:
        truth = specs[each.address]
        spec = truth.spec
        assert (each.process, each.process_id, each.thread_id) == (truth.process, truth.pid, spec.tid)
        assert each.state is ThreadState(spec.state)
        assert found.scene.waited_seconds(each) == truth.waits_seconds
        assert (each.wait_reason, each.priority, each.base_priority) == (spec.reason, spec.priority, spec.base_priority)
        assert (each.kernel_ticks, each.user_ticks, each.cycles) == (spec.kernel_ticks, spec.user_ticks, spec.cycles)
        assert (each.context_switches, each.suspend_count) == (spec.switches, spec.suspend_count)
        assert (each.wait_mode_user, each.alertable) == (spec.user_mode, spec.alertable)
        assert each.terminated == spec.terminated


def test_the_stack_of_every_thread_that_does_not_run(case: Case) -> None:
    found = examined(case)
    running = {each.thread for each in found.truth.processors}
    asked = [each for each in found.truth.threads if each.frames and each.address not in running]
    asked = [each for each in asked if each.spec.state != RUNNING]
    for each in asked:
        stack = found.scene.stack_of(each.address)
        assert stack is not None
        assert [(frame.child_sp, frame.instruction) for frame in stack.frames] == [
            (frame.child_sp, frame.instruction) for frame in each.frames
        ], each.key
        assert [frame.call_site.replace("`", "") for frame in stack.frames] == [frame.site for frame in each.frames]
    known = {each.address for each in found.scene.census.threads if found.scene.stack_of(each.address)}
    assert known == {each.address for each in asked}


def test_who_runs_on_each_processor(case: Case) -> None:
    found = examined(case)
    names = {each.address: each.spec.name for each in found.truth.processes}
    assert [
        (each.number, each.thread, each.process, each.idle, each.requester)
        for each in found.symptoms.processors.processors
    ] == [
        (each.number, each.thread, names[each.process], each.idle,
         found.truth.system.live and each.thread == found.truth.requester)
        for each in found.truth.processors
    ]  # fmt: skip


def test_where_each_processor_was_before_the_capture(case: Case) -> None:
    # The requester's way into the capture is its own doing.
    found = examined(case)
    others = [each for each in found.symptoms.processors.processors if not each.requester]
    own_frames = {each.number: each.own_frame for each in found.truth.processors}
    assert [(each.own_frame or "").replace("`", "") for each in others] == [own_frames[each.number] for each in others]


def test_where_the_processors_time_went(case: Case) -> None:
    found = examined(case)
    for each, truth in zip(found.symptoms.processors.processors, found.truth.processors):
        shares = (truth.dpc_share, truth.interrupt_share, truth.idle_share)
        assert (each.dpc_percent, each.interrupt_percent, each.idle_percent) == tuple(
            round(100 * share, 1) for share in shares
        )
        assert each.dpc_queue_depth == len(truth.spec.queued_dpcs)
        assert set(each.dpc_queue_modules) == set(truth.queued_modules)


def test_the_stacks_of_processors(case: Case) -> None:
    found = examined(case)
    stacks = {number: stack.frames for number, stack in found.scene.processor_stacks.items()}
    assert {number: [(each.child_sp, each.instruction) for each in frames] for number, frames in stacks.items()} == {
        processor.number: [(each.child_sp, each.instruction) for each in processor.frames]
        for processor in found.truth.processors
    }


def test_who_waits_for_a_processor_and_since_when(case: Case) -> None:
    found = examined(case)
    ready = found.symptoms.processors.ready
    assert sorted((each.thread, each.seconds, each.priority) for each in ready) == sorted(
        (each.address, each.waits_seconds, each.spec.priority) for each in found.truth.ready
    )
    assert [each.seconds for each in ready] == [each.waits_seconds for each in found.truth.ready]


def test_like_stacks_are_one_group(case: Case) -> None:
    found = examined(case)
    groups = {frozenset(group.threads): group for group in found.symptoms.stacks.groups}
    assert set(groups) == set(_groups_of(found))
    assert [group.count for group in found.symptoms.stacks.groups] == sorted(map(len, groups), reverse=True)
    assert all(_longest(found, group) == group.longest_wait_seconds for group in groups.values())
    assert found.symptoms.stacks.unique == len(groups)


def _groups_of(found: Examined) -> list[frozenset[int]]:
    members: dict[tuple[str, ...], set[int]] = {}
    idle = found.truth.processes[0].address
    for each in found.truth.threads:
        if found.scene.stack_of(each.address) and each.process != idle:
            members.setdefault(_functions(each), set()).add(each.address)
    return list(map(frozenset, members.values()))


def _functions(thread: TruthThread) -> tuple[str, ...]:
    return tuple(frame.site.partition("+")[0] for frame in thread.frames if frame.instruction >> 63)


def _longest(found: Examined, group: StackGroup) -> float:
    return max(each.waits_seconds for each in found.truth.threads if each.address in set(group.threads))


def test_threads_without_a_stack_are_counted(case: Case) -> None:
    found = examined(case)
    running = {each.thread for each in found.truth.processors}
    idle = found.truth.processes[0].address
    waiting = [
        each for each in found.truth.threads
        if each.process != idle and each.spec.state != RUNNING and not each.spec.terminated
        and each.address not in running
    ]  # fmt: skip
    assert found.symptoms.stacks.threads == len(waiting)
    assert found.symptoms.stacks.paged_out == sum(not each.spec.resident for each in waiting)
    assert found.symptoms.stacks.not_captured == 0
