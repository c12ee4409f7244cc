"""A machine that goes on: what stays stays where it was, and what changes changes by as much as was said."""

from __future__ import annotations

import pytest

from tests.synth.kernel.kernel_reader import KernelReader
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenario_series import NEARLY_WRAPPED, SERIES
from tests.synth.kernel.scenarios import build_series
from tests.synth.kernel.test_memory import summed_tags

pytestmark = pytest.mark.usefixtures("compiler")
LASTING = ("thread", "process", "resource", "push", "mutex", "mutant", "event", "global")
SAME_BOOT = [name for name in SERIES if not name.startswith("other")]


@pytest.mark.parametrize("build_name", BUILDS)
@pytest.mark.parametrize("name", SAME_BOOT)
def test_what_stays_stays_where_it_was(name: str, build_name: str) -> None:
    first, *later = (dump.truth for dump in build_series(name, build_name))
    for truth in later:
        for thing in set(first.names) & set(truth.names):
            if thing.partition(":")[0] in LASTING:
                assert truth.names[thing] == first.names[thing], thing
        assert {**first.module_bases, **truth.module_bases} == {**truth.module_bases, **first.module_bases}


def test_a_leak_grows_by_what_it_leaks() -> None:
    dumps = build_series("leak", "19041")
    key = int.from_bytes(b"Leak", "little")
    sizes = [summed_tags(KernelReader(dump))[key][2] for dump in dumps]
    amounts = [
        change.amount for found in SERIES["leak"]("19041").changes for change in found if "Leak" in change.subject
    ]
    assert [after - before for before, after in zip(sizes, sizes[1:])] == amounts


def test_rates_are_per_minute() -> None:
    first = next(change for change in SERIES["leak"]("19041").changes[0] if change.subject == "process:svchost")
    assert (first.amount, first.per_minute) == (1_200, 240.0)


def test_what_hangs_has_not_switched() -> None:
    first, second, _ = build_series("hang", "20348")
    readers = KernelReader(first), KernelReader(second)
    head = first.truth.names["thread:head"]
    assert len({reader.field("_KTHREAD.ContextSwitches", head) for reader in readers}) == 1
    assert len({reader.field("_KTHREAD.WaitTime", head) for reader in readers}) == 1
    hog = [reader.field("_KTHREAD.KernelTime", first.truth.names["thread:hog"]) for reader in readers]
    assert hog[1] - hog[0] == 19_180


def test_a_new_thread_may_have_an_old_address() -> None:
    first, second = build_series("odd", "22000")
    address = first.truth.names["thread:svchost.5"]
    assert second.truth.names["thread:again"] == address
    times = [KernelReader(dump).field("_ETHREAD.CreateTime", address) for dump in (first, second)]
    assert times[0] != times[1]


def test_counters_start_anew() -> None:
    first, second = build_series("odd", "22000")
    prcb = first.truth.names["prcb:2"]
    ticks = [KernelReader(dump).field("_KPRCB.KernelTime", prcb) for dump in (first, second)]
    assert ticks[0] == NEARLY_WRAPPED
    assert (ticks[1] - ticks[0]) % (1 << 32) == 19_200


def test_setting_the_clock_moves_no_older_time() -> None:
    first, second = build_series("odd", "22000")
    readers = KernelReader(first), KernelReader(second)
    lsass = first.truth.names["process:lsass"]
    assert len({reader.field("_EPROCESS.CreateTime", lsass) for reader in readers}) == 1
    boots = {(reader.variable("KeBootTime") - reader.variable("KeBootTimeBias")) % (1 << 64) for reader in readers}
    assert len(boots) == 1
    assert len({reader.variable("KeBootTime") for reader in readers}) == 2


def test_another_boot_and_another_machine_are_elsewhere() -> None:
    for name in ("other-boot", "other-machine"):
        first, second = (dump.truth for dump in build_series(name))
        assert first.kernel_base != second.kernel_base
        assert first.system.clock.boot_id != second.system.clock.boot_id
