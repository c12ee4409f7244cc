"""What is noise and what is not, whose work is left out, and that knowing less never makes a finding surer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from livedump.analysis.difference.comparing import compare
from livedump.model.difference import Change, ChangeKind, Difference
from livedump.model.findings import Confidence
from livedump.model.listing import ListProblem
from livedump.model.memory_use import ObjectTypeUse
from livedump.model.report import Report
from livedump.model.snapshot import ProcessCounts, Snapshot, TagCounts
from tests.analysis.difference.series import Case, cases, report_of, reports
from tests.synth.kernel.building import build_system
from tests.synth.kernel.evolving import FIVE_MINUTES, Step, step
from tests.synth.kernel.scenario_parts import quiet_system
from tests.synth.kernel.scenario_waits import long_wait
from tests.synth.toolchain import ToolchainMissing

MIB, PAGES_OF_MIB = 1 << 20, 256
QUIET = Case("quiet", "22000")


def stepped(build: str, change: Step) -> Difference:
    """The quiet machine and what a step makes of it."""
    first = quiet_system(build)
    try:
        built = [build_system(each, "quiet") for each in (first, step(first, change))]
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    before, after = map(report_of, built)
    return compare(before, after)


def altered(report: Report, change: Callable[[Snapshot], Snapshot]) -> Report:
    """The report with other counts."""
    symptoms = report.symptoms
    assert symptoms is not None
    assert symptoms.snapshot is not None
    return report._replace(symptoms=symptoms._replace(snapshot=change(symptoms.snapshot)))


def later(report: Report, seconds: float) -> Report:
    """The report with clocks that went on by so much more."""
    symptoms = report.symptoms
    assert symptoms is not None
    clock = symptoms.clock
    assert clock is not None
    assert clock.interrupt_time is not None
    assert clock.system_time is not None
    moved = clock._replace(
        interrupt_time=clock.interrupt_time + round(seconds * 10_000_000),
        system_time=clock.system_time + timedelta(seconds=seconds),
    )
    return report._replace(symptoms=symptoms._replace(clock=moved))


def quiet_and(change: Callable[[Snapshot], Snapshot]) -> Difference:
    before, after = reports(QUIET)
    return compare(before, altered(after, change))


def subjects(difference: Difference) -> list[str]:
    return [each.subject for each in difference.findings]


def with_tag(snapshot: Snapshot, size: int, allocations: int, freed: int, tag: str = "Zzzz") -> Snapshot:
    blocks = allocations - freed
    row: tuple[Any, ...] = (tag, size, blocks, allocations, 0, 0, 0)
    columns: list[Any] = [(*column, value) for column, value in zip(snapshot.tags, row)]
    return snapshot._replace(tags=TagCounts(*columns))


@pytest.mark.parametrize(("mib", "told"), [(9, False), (11, True)])
def test_a_tag_is_told_above_ten_mebibytes(mib: int, told: bool) -> None:
    found = quiet_and(lambda snapshot: with_tag(snapshot, mib * MIB, 1_000, 500))
    assert (subjects(found) == ["tag:Zzzz"]) is told
    assert bool(found.tags) is told


def test_a_tag_of_a_large_pool_is_told_above_a_hundredth_of_it() -> None:
    def large(snapshot: Snapshot) -> Snapshot:
        pool = snapshot.totals._replace(nonpaged_pool=4_000 * PAGES_OF_MIB)
        return with_tag(snapshot._replace(totals=pool), 39 * MIB, 1_000, 500)

    before, after = reports(QUIET)
    both = altered(before, lambda each: each._replace(totals=each.totals._replace(nonpaged_pool=4_000 * PAGES_OF_MIB)))
    assert subjects(compare(both, altered(after, large))) == []


@pytest.mark.parametrize(("freed", "sure"), [(500, Confidence.POSSIBLE), (5, Confidence.LIKELY)])
def test_what_is_given_back_may_be_a_cache(freed: int, sure: Confidence) -> None:
    before, after = reports(QUIET)
    small = altered(before, lambda snapshot: with_tag(snapshot, 8_192, 2, 0))
    (found,) = compare(small, altered(after, lambda snapshot: with_tag(snapshot, 20 * MIB, 1_002, freed))).findings
    assert found.confidence is sure
    assert f"of 1,000 allocations {freed} were freed" in found.text


@pytest.mark.parametrize(
    ("made", "sure"), [(3, Confidence.POSSIBLE), (99, Confidence.POSSIBLE), (100, Confidence.LIKELY)]
)
def test_a_few_allocations_that_nobody_freed_yet_are_no_likely_leak(made: int, sure: Confidence) -> None:
    before, after = reports(QUIET)
    small = altered(before, lambda snapshot: with_tag(snapshot, 8_192, 2, 0))
    (found,) = compare(small, altered(after, lambda snapshot: with_tag(snapshot, 20 * MIB, made + 2, 0))).findings
    assert found.confidence is sure
    assert found.text.endswith(f"of {made} allocations 0 were freed")


def test_of_counters_that_do_not_fit_together_nothing_is_told_as_freed() -> None:
    before, after = reports(QUIET)
    small = altered(before, lambda snapshot: with_tag(snapshot, 8_192, 2, 0))
    more_blocks = altered(after, lambda snapshot: with_tag(snapshot, 20 * MIB, 202, -600))
    (found,) = compare(small, more_blocks).findings
    assert "freed" not in found.text
    assert found.confidence is Confidence.POSSIBLE


@pytest.mark.parametrize("side", [0, 1])
def test_a_tag_of_which_a_processor_may_be_missing_is_no_likely_leak(side: int) -> None:
    pair = list(reports(Case("leak", "19041"))[:2])
    pair[side] = altered(
        pair[side], lambda each: each._replace(problems=(ListProblem("pool tags", "those of processor 3 are missing"),))
    )
    found = {each.subject: each.confidence for each in compare(*pair).findings}
    assert found["tag:Leak"] is found["commit"] is Confidence.POSSIBLE


def test_a_wide_counter_that_is_past_32_bits_counts_on() -> None:
    before, after = reports(QUIET)
    many = altered(before, lambda snapshot: with_tag(snapshot, 8_192, 7 << 32, (7 << 32) - 2))
    more = altered(after, lambda snapshot: with_tag(snapshot, 20 * MIB, (8 << 32) + 1_000, (8 << 32) - 2))
    (tag,) = compare(many, more).tags
    assert (tag.allocations, tag.blocks) == ((1 << 32) + 1_000, 1_000)


def test_what_the_capture_allocates_is_not_told() -> None:
    assert subjects(quiet_and(lambda snapshot: with_tag(snapshot, 200 * MIB, 10, 0, "Dump"))) == []


def test_a_tag_is_not_new_where_the_earlier_dump_may_lack_some() -> None:
    before, after = reports(QUIET)
    lacking = altered(before, lambda each: each._replace(problems=(ListProblem("pool tags", "some are missing"),)))
    found = compare(lacking, altered(after, lambda each: with_tag(each, 50 * MIB, 1_000, 0)))
    assert subjects(found) == []
    assert found.notes == ("of the earlier dump not all pool tags may be known: some are missing",)


def process_with(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    changed = tuple(each._replace(**changes) if each.name == name else each for each in snapshot.processes)
    return snapshot._replace(processes=changed)


def process(snapshot: Snapshot, name: str) -> ProcessCounts:
    return next(each for each in snapshot.processes if each.name == name)


@pytest.mark.parametrize(("more", "told"), [(100, False), (101, True), (-500, False)])
def test_handles_are_told_above_a_hundred(more: int, told: bool) -> None:
    def grown(snapshot: Snapshot) -> Snapshot:
        handles = process(snapshot, "lsass.exe").handles
        assert handles is not None
        return process_with(snapshot, "lsass.exe", handles=handles + more)

    found = quiet_and(grown)
    assert [each for each in subjects(found) if each.startswith("process:lsass.exe")] == subjects(found)
    assert bool(subjects(found)) is told
    assert [each.amount for each in found.handles] == ([more] if abs(more) > 100 else [])


def test_the_process_that_takes_the_dump_is_left_out() -> None:
    before, after = reports(QUIET)
    assert after.process is not None
    name = after.process.name
    assert name is not None
    large = altered(after, lambda each: process_with(each, name, handles=90_000, commit_pages=1_000_000))
    found = compare(before, large)
    assert (subjects(found), found.handles, found.commit) == ([], (), ())


def test_a_process_that_began_in_between_had_nothing_before() -> None:
    def with_another(snapshot: Snapshot) -> Snapshot:
        new = process(snapshot, "lsass.exe")._replace(address=0xFFFF_A000_0000_1000, id=9_996, handles=5_000)
        return snapshot._replace(processes=(*snapshot.processes, new))

    (found,) = quiet_and(with_another).findings
    assert (found.subject, found.amount) == ("process:lsass.exe:9996", 5_000)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("unknown", ["created", "id"])
def test_a_process_that_may_be_an_old_one_did_not_begin_in_between(unknown: str, side: int) -> None:
    pair = list(reports(QUIET))
    pair[side] = altered(pair[side], lambda each: process_with(each, "svchost.exe", **{unknown: None}))
    found = compare(*pair)
    assert (subjects(found), found.handles, found.commit) == ([], (), ())


def test_objects_that_no_handles_explain_are_told() -> None:
    def more_tokens(snapshot: Snapshot) -> Snapshot:
        types = (
            ObjectTypeUse(each.name, (each.objects or 0) + 4_000 * (each.name == "Token"), each.handles)
            for each in snapshot.object_types
        )
        return snapshot._replace(object_types=tuple(types))

    (found,) = quiet_and(more_tokens).findings
    assert (found.subject, found.amount, found.per_minute) == ("objects:Token", 4_000, 800)


def test_dumps_that_follow_closely_have_rough_rates() -> None:
    before, after = reports(QUIET)
    near = later(after, -291.5)
    found = compare(before, near)
    assert found.seconds == 8.5
    assert found.notes == ("only 8.5 s lie between the dumps: rates are rough",)


def test_small_counters_are_not_told_where_they_may_have_started_anew_twice() -> None:
    before, after = reports(QUIET)
    found = compare(before, later(after, 7_200))
    assert {each.switches_per_second for each in found.processors} == {None}
    assert "may have started anew more than once" in found.notes[0]


def test_a_clock_that_was_set_is_told_and_changes_nothing() -> None:
    before, after = reports(Case("odd", "22000"))
    found = compare(before, after)
    said = "the clock was set back by 1 h between the dumps; the times here do not depend on it"
    assert (found.seconds, found.notes) == (300, (said,))


@pytest.mark.parametrize("build", ["9600", "17763", "26100"])
def test_a_processors_time_is_split_as_it_was_spent(build: str) -> None:
    found = stepped(build, Step(shares=((1, FIVE_MINUTES // 4, 40), (2, 30, FIVE_MINUTES // 5))))
    assert [each.dpc_percent for each in found.processors] == [0.1, 25.0, 0.2, 0.1]
    assert [each.interrupt_percent for each in found.processors] == [0.0, 0.2, 20.0, 0.0]
    assert {each.subject: each.amount for each in found.findings} == pytest.approx(
        {"processor:1:dpcs": 75, "processor:2:interrupts": 60}
    )
    assert {each.kind for each in found.findings} == {ChangeKind.RUNAWAY}


@pytest.mark.parametrize(
    ("whole", "dpcs", "share"), [(0, FIVE_MINUTES // 4, None), (FIVE_MINUTES, FIVE_MINUTES, 100), (100, 102, 100)]
)
def test_no_share_is_made_of_a_processor_of_which_a_part_is_more_than_the_whole(
    whole: int, dpcs: int, share: int | None
) -> None:
    """But for what comes of counters that are not written at one instant."""
    before, after = reports(QUIET)
    assert before.symptoms
    assert before.symptoms.snapshot
    first, *others = before.symptoms.snapshot.processors
    assert first.kernel_ticks is not None
    assert first.dpc_ticks is not None
    odd = first._replace(kernel_ticks=first.kernel_ticks + whole, dpc_ticks=first.dpc_ticks + dpcs)
    found = compare(before, altered(after, lambda each: each._replace(processors=(odd, *others))))
    assert found.processors[0].dpc_percent == share
    assert subjects(found) == ([] if share is None else ["processor:0:dpcs"])


@pytest.mark.parametrize("build", ["14393", "20348", "7601"])
def test_a_threads_time_is_its_share_of_a_processor(build: str) -> None:
    found = stepped(build, Step(busy=(("lsass.0", 4_800, 1_920),)))
    (rate,) = found.threads
    assert (rate.process, rate.kernel_seconds, rate.user_seconds, rate.percent) == ("lsass.exe", 75, 30, 35)
    assert rate.cycles_percent == pytest.approx(100 * 45_000_000 * 6_720 / 2_900e6 / 300, abs=0.1)
    (of_process,) = found.processes
    assert of_process.process == "lsass.exe"
    assert of_process.percent == pytest.approx(35, abs=0.5)
    assert found.findings == ()


def test_ended_processes_that_are_held_are_told() -> None:
    def held(snapshot: Snapshot) -> Snapshot:
        one = process(snapshot, "lsass.exe")
        ended = (one._replace(address=each, id=each & 0xFFFF, zombie=True, handles=None) for each in range(4, 84, 4))
        return snapshot._replace(processes=(*snapshot.processes, *ended))

    assert "zombies" in subjects(quiet_and(held))


@pytest.mark.parametrize(("taken", "told"), [(30_000, False), (100_000, True)])
def test_system_ptes_that_run_out_are_told_with_when(taken: int, told: bool) -> None:
    def fewer(snapshot: Snapshot) -> Snapshot:
        free = snapshot.totals.free_system_ptes
        assert free == 3_800_000
        return snapshot._replace(totals=snapshot.totals._replace(free_system_ptes=free - taken))

    found = quiet_and(fewer).findings
    assert [each.subject for each in found] == (["system-ptes"] if told else [])
    # 3,700,000 at 20,000 a minute.
    assert all(each.text.endswith("there are none left in 3 h 5 min") for each in found)


def test_another_driver_of_the_same_name_is_told() -> None:
    def another(snapshot: Snapshot) -> Snapshot:
        return snapshot._replace(
            drivers=tuple(each._replace(timestamp=7) if each.name == "Ntfs" else each for each in snapshot.drivers)
        )

    found = quiet_and(another)
    assert [(each.kind, each.subject) for each in found.findings] == [(ChangeKind.DRIVER_CHANGED, "driver:Ntfs")]
    assert [(each.name, each.timestamp_after) for each in found.drivers.changed] == [("Ntfs", 7)]
    assert (found.drivers.loaded, found.drivers.unloaded) == ((), ())


def test_a_driver_that_another_boot_spells_otherwise_is_the_same() -> None:
    def spelled(snapshot: Snapshot) -> Snapshot:
        return snapshot._replace(drivers=tuple(each._replace(name=each.name.upper()) for each in snapshot.drivers))

    assert quiet_and(spelled).findings == ()


def test_without_the_time_between_there_are_amounts_and_no_rates() -> None:
    before, after = reports(Case("leak", "19041"))[:2]
    found = compare(timeless(before), timeless(after))
    assert found.seconds is None
    assert {each.per_minute for each in found.findings} == {None}
    assert "the time between the dumps is not known: there are no rates" in found.notes


def timeless(report: Report) -> Report:
    symptoms = report.symptoms
    assert symptoms is not None
    assert symptoms.clock is not None
    return report._replace(symptoms=symptoms._replace(clock=symptoms.clock._replace(interrupt_time=None)))


def without(record: Any, name: str, value: Any = None) -> Any:
    """The record with one field that is not known."""
    return record._replace(**{name: value})


def removals(snapshot: Snapshot) -> Iterator[tuple[str, Snapshot]]:
    """Each kind of count taken away, as readers leave it out: None, or a list that says that it is not whole."""
    threads, processors = snapshot.threads, snapshot.processors
    for name in threads._fields[2:]:
        unknown = without(threads, name, (None,) * len(threads.addresses))
        yield f"threads {name}", snapshot._replace(threads=unknown)
    for name in snapshot.totals._fields:
        yield f"totals {name}", snapshot._replace(totals=without(snapshot.totals, name))
    for name in ("handles", "commit_pages", "created", "kernel_ticks"):
        some = tuple(without(each, name) for each in snapshot.processes)
        yield f"processes {name}", snapshot._replace(processes=some)
    for name in processors[0]._fields[1:]:
        yield f"processors {name}", snapshot._replace(processors=tuple(without(each, name) for each in processors))
    lists = {
        "pool tags": snapshot._replace(tags=TagCounts()),
        "object types": snapshot._replace(object_types=()),
        "drivers": snapshot._replace(drivers=()),
        "processes": snapshot._replace(processes=snapshot.processes[:1]),
    }
    for name, emptied in lists.items():
        yield name, emptied._replace(problems=(*snapshot.problems, ListProblem(name, "it was taken away")))


@pytest.mark.parametrize("case", [cases("leak")[0], cases("hang")[1], cases("odd")[2], cases("quiet")[0]], ids=str)
@pytest.mark.parametrize("side", [0, 1])
def test_knowing_less_makes_no_finding_surer(case: Case, side: int) -> None:
    pair = list(reports(case)[:2])
    known = {each.subject: each for each in compare(*pair).findings}
    symptoms = pair[side].symptoms
    assert symptoms is not None
    assert symptoms.snapshot is not None
    for what, less in removals(symptoms.snapshot):
        poorer = [*pair]
        poorer[side] = altered(pair[side], lambda _, less=less: less)  # type: ignore[misc]
        for each in compare(*poorer).findings:
            assert is_no_surer(each, known.get(each.subject)), (what, each.text)


def is_no_surer(found: Change, before: Change | None) -> bool:
    return found.confidence.rank >= (Confidence.POSSIBLE if before is None else before.confidence).rank


def test_no_finding_is_without_evidence_that_a_command_checks() -> None:
    for case in (*cases("leak"), *cases("hang"), *cases("odd")):
        for found in compare(*reports(case)[:2]).findings:
            assert found.evidence, found.text
            assert all(each.check and each.fact for each in found.evidence)


def test_a_machine_that_stands_still_but_for_idle_threads_is_not_stuck() -> None:
    first = quiet_system("20348")
    still = Step(still=tuple(thread.key for thread in first.threads if thread.key != first.requester))
    assert stepped("20348", replace(still, ticks=FIVE_MINUTES)).findings == ()


@cache
def stuck_for_five_minutes(ran_seconds: float) -> tuple[Report, Report]:
    """A driver's thread waits for 10 minutes, then for 15; it was created so long before."""
    system = long_wait("19041")
    created = system.clock.uptime_seconds - 600 - ran_seconds
    first = system.changed("threads", "stuck", created_seconds=created)
    try:
        built = [build_system(each, "stuck") for each in (first, step(first, Step(still=("stuck",))))]
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    before, after = map(report_of, built)
    return before, after


@pytest.mark.parametrize(("ran_seconds", "sure"), [(59, Confidence.POSSIBLE), (61, Confidence.LIKELY)])
def test_a_thread_that_only_ever_waited_may_have_nothing_to_do(ran_seconds: int, sure: Confidence) -> None:
    (found,) = compare(*stuck_for_five_minutes(ran_seconds)).findings
    assert (found.kind, found.confidence) == (ChangeKind.STUCK, sure)
    assert "it waits in lab!LabWaitForHardware, for 15 min by now" in found.text
    assert ("since it was created" in found.text) is (sure is Confidence.POSSIBLE)


@pytest.mark.parametrize("unknown", ["created", "since_ticks", "system_time", "clock set back"])
def test_of_a_thread_that_may_have_nothing_to_do_nothing_is_likely(unknown: str) -> None:
    def less(report: Report) -> Report:
        assert report.symptoms
        clock = report.symptoms.clock
        assert clock
        assert clock.system_time
        if unknown == "system_time":
            return report._replace(symptoms=report.symptoms._replace(clock=clock._replace(system_time=None)))
        if unknown == "clock set back":
            earlier = clock._replace(system_time=clock.system_time - timedelta(hours=1))
            return report._replace(symptoms=report.symptoms._replace(clock=earlier))
        return altered(
            report,
            lambda each: each._replace(threads=without(each.threads, unknown, (None,) * len(each.threads.addresses))),
        )

    (found,) = compare(*map(less, stuck_for_five_minutes(61))).findings
    assert (found.kind, found.confidence) == (ChangeKind.STUCK, Confidence.POSSIBLE)
    assert "since it was created" not in found.text
    assert "for 0.0 s" not in found.text
    assert ("for 15 min by now" in found.text) is (unknown != "since_ticks")
