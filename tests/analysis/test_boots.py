"""Whether two dumps are of one boot, on made-up machines that go on, start again, or are others."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest

from livedump.analysis.boots import compare_boots
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.findings import Sign
from livedump.model.instants import Instant
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenario_series import SERIES
from tests.synth.kernel.scenarios import build_series
from tests.synth.toolchain import ToolchainMissing


@cache
def instants(name: str) -> tuple[Instant, ...]:
    try:
        return tuple(map(instant, build_series(name)))
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def instant(built: BuiltSystem) -> Instant:
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        found = report_dump(engine).instant
    finally:
        engine.close()
    assert found is not None
    return found


@pytest.mark.parametrize("name", SERIES)
def test_it_is_one_boot_where_the_machine_only_went_on(name: str) -> None:
    first, *later = instants(name)
    one_boot = SERIES[name]("19041").relation == "same-boot"
    assert [compare_boots(first, each).same for each in later] == [one_boot] * len(later)


def test_the_time_between_two_dumps_is_not_that_of_a_clock_that_was_set() -> None:
    before, after = instants("odd")
    assert before.since_boot is not None
    assert after.since_boot is not None
    assert after.since_boot - before.since_boot == timedelta(minutes=5)


def test_another_boot_has_another_number_time_and_place_of_the_kernel() -> None:
    against = {each.rule for each in compare_boots(*instants("other-boot")).evidence if each.sign is Sign.AGAINST}
    assert against == {"kernel_base", "boot_id", "boot_time"}


@pytest.mark.parametrize("unknown", [("boot_id", "boot_time"), ("kernel_base",)])
def test_too_little_is_known_to_say_without_what_changes_at_each_boot(unknown: tuple[str, ...]) -> None:
    first, second, *_ = instants("leak")
    assert compare_boots(first._replace(**dict.fromkeys(unknown)), second).same is None


@pytest.mark.parametrize("unknown", ["boot_id", "boot_time", "physical_bytes", "build_lab", "processors"])
def test_one_mark_of_a_boot_is_enough(unknown: str) -> None:
    first, second, *_ = instants("leak")
    assert compare_boots(first._replace(**{unknown: None}), second).same is True


def test_memory_that_is_counted_a_little_otherwise_is_the_same() -> None:
    first, *_ = instants("leak")
    assert first.physical_bytes is not None
    for share, same in ((0.995, True), (0.98, False)):
        assert compare_boots(first, first._replace(physical_bytes=int(first.physical_bytes * share))).same is same
