"""Memory is used for what the made-up systems use it for."""

from __future__ import annotations

import pytest

from livedump.model.errors import DumpError
from livedump.model.memory_use import MemoryFacts
from tests.analysis.symptoms.examined import SERVER, SOME, Case, Examined, examined
from tests.synth.kernel.layout import layout_of

pytestmark = pytest.mark.parametrize("case", [*SOME, SERVER], ids=str)


def memory_of(found: Examined) -> MemoryFacts:
    assert not isinstance(found.scene.memory, DumpError)
    return found.scene.memory


def test_totals_of_the_system(case: Case) -> None:
    found = examined(case)
    totals, spec = memory_of(found).totals, found.truth.system.memory
    assert (totals.committed, totals.commit_limit, totals.commit_peak) == (spec.committed, spec.limit, spec.peak)
    assert (totals.available, totals.physical) == (spec.available, spec.physical)
    assert (totals.nonpaged_pool, totals.paged_pool) == (spec.nonpaged_pool, spec.paged_pool)
    assert (totals.free_system_ptes, totals.system_pte_failures) == (spec.free_ptes, spec.pte_failures)
    layout = layout_of(case.build)
    counted = layout.has("_MI_VISIBLE_STATE.MdlPagesAllocated") or "MmMdlPagesAllocated" in layout.globals
    assert (totals.system_ptes, totals.locked) == (spec.ptes, spec.locked if counted else None)


def test_what_each_pool_tag_holds_over_all_processors(case: Case) -> None:
    found = examined(case)
    tags = memory_of(found).tags
    assert tags.problem is None
    expected = {
        each.tag: (
            each.nonpaged[2], max(each.nonpaged[0] - each.nonpaged[1], 0),
            each.paged[2], max(each.paged[0] - each.paged[1], 0),
        )
        for each in found.truth.system.tags
    }  # fmt: skip
    assert {
        each.tag: (each.nonpaged_bytes, each.nonpaged_blocks, each.paged_bytes, each.paged_blocks) for each in tags
    } == expected
    sizes = [each.nonpaged_bytes + each.paged_bytes for each in tags]
    assert sizes == sorted(sizes, reverse=True)


def test_whose_the_largest_tags_are(case: Case) -> None:
    found = examined(case)
    drivers = {each.module: set(each.tags) for each in found.truth.system.drivers}
    for tag in memory_of(found).tags:
        assert {owner.module for owner in tag.owners} <= {name for name, tags in drivers.items() if tag.tag in tags}
    shown = [each for each in memory_of(found).tags if each.tag == "Leak"]
    assert [[owner.module for owner in each.owners] for each in shown] == [["lab"]] * len(shown)


def test_handles_of_each_process(case: Case) -> None:
    found = examined(case)
    idle, *others = memory_of(found).handles
    assert (idle.id, idle.count) == (0, 0)
    assert [(each.id, each.count) for each in others] == [
        (each.spec.pid, each.handle_count) for each in found.truth.processes[1:]
    ]


def test_objects_of_each_type(case: Case) -> None:
    found = examined(case)
    types = {each.name: (each.objects, each.handles) for each in memory_of(found).object_types}
    if found.whole:
        spec = {each.name: (each.objects, each.handles) for each in found.truth.system.object_types}
        assert {name: types[name] for name in spec} == spec
        assert memory_of(found).object_types.problem is None


def test_processes_that_have_ended_and_are_still_listed(case: Case) -> None:
    found = examined(case)
    zombies = [each.address for each in found.truth.processes if each.zombie]
    assert [each.address for each in found.symptoms.memory.zombies] == zombies


def test_the_largest_blocks(case: Case) -> None:
    found = examined(case)
    blocks = memory_of(found).largest_blocks
    if found.whole:
        there = {(each.address, each.tag, each.size) for each in found.truth.system.big_pages if not each.free}
        assert {tuple(each) for each in blocks} <= there
        assert [each.bytes for each in blocks] == sorted((size for _, _, size in there), reverse=True)[: len(blocks)]
