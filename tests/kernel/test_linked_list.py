"""Lists that are whole, broken, circular, endless."""

from __future__ import annotations

import pytest

from livedump.kernel.linked_list import walk_list
from livedump.model.errors import MemoryGap
from tests.effort import at_most
from tests.kernel.kernel_memory import PAGE, Pages

HEAD = 0xFFFFF807_5C838770
ENTRIES = tuple(0xFFFF8A0F_40000000 + 0x1040 * number for number in range(8))
"""One to a page, each at another offset."""


def ring(entries: tuple[int, ...] = ENTRIES) -> Pages:
    memory = Pages()
    memory.link((HEAD, *entries))
    return memory


def test_a_whole_list_comes_in_order() -> None:
    assert walk_list(ring(), HEAD, 100) == (ENTRIES, None, ())


def test_an_empty_list_is_known_to_be_empty() -> None:
    assert walk_list(ring(()), HEAD, 100) == ((), None, ())


def test_one_missing_page_costs_one_entry() -> None:
    memory = ring()
    memory.drop(ENTRIES[3])
    walk = walk_list(memory, HEAD, 100)
    assert walk.entries == (*ENTRIES[:3], *ENTRIES[4:])
    assert walk.unreadable == (ENTRIES[3],)
    assert walk.problem == "the entry at ffff8a0f`400030c0 is missing, after 3 entries; 4 more from its other end"


def test_what_lies_between_two_missing_pages_stays_unknown() -> None:
    memory = ring()
    for lost in ENTRIES[2:5]:
        memory.drop(lost)
    walk = walk_list(memory, HEAD, 100)
    assert walk.entries == (*ENTRIES[:2], *ENTRIES[5:])
    assert walk.unreadable == (ENTRIES[2], ENTRIES[4])


def test_the_first_entry_may_be_the_missing_one() -> None:
    memory = ring()
    memory.drop(ENTRIES[0])
    assert walk_list(memory, HEAD, 100).entries == ENTRIES[1:]


def test_all_entries_may_be_missing() -> None:
    memory = ring()
    for lost in ENTRIES:
        memory.drop(lost)
    walk = walk_list(memory, HEAD, 100)
    assert (walk.entries, walk.unreadable) == ((), (ENTRIES[0], ENTRIES[-1]))


def test_a_missing_head_is_a_gap() -> None:
    memory = ring()
    memory.drop(HEAD)
    with pytest.raises(MemoryGap):
        walk_list(memory, HEAD, 100)


@pytest.mark.parametrize("back_to", range(4))
def test_a_circle_that_misses_the_head_ends(back_to: int) -> None:
    memory = ring()
    memory.write_u64(ENTRIES[3], ENTRIES[back_to])
    walk = walk_list(memory, HEAD, 100)
    assert walk.entries == ENTRIES
    assert walk.problem == (
        f"the list runs in a circle, back to ffff8a0f`{ENTRIES[back_to] & 0xFFFFFFFF:08x}, after 4 entries"
        "; 4 more from its other end"
    )


def test_circles_in_both_directions_end() -> None:
    memory = ring()
    memory.write_u64(ENTRIES[3], ENTRIES[3])
    memory.write_u64(ENTRIES[5] + 8, ENTRIES[6])
    assert walk_list(memory, HEAD, 100).entries == (*ENTRIES[:4], *ENTRIES[5:])


@pytest.mark.parametrize("link", [0, 1, 0x7FFF_FFFFFFFF, 2**63, 2**64 - 1, 2**64 - 8, HEAD ^ 2**47])
def test_a_link_out_of_memory_is_a_missing_entry(link: int) -> None:
    memory = ring()
    memory.write_u64(ENTRIES[3], link)
    walk = walk_list(memory, HEAD, 100)
    assert walk.entries == ENTRIES
    assert walk.problem is not None
    assert link in walk.unreadable


@pytest.mark.parametrize("head", [-16, 2**63, 2**64 - 4, 2**64, 2**70])
def test_any_head_is_survived(head: int) -> None:
    with pytest.raises(MemoryGap):
        walk_list(Pages(), head, 100)


def test_a_list_without_end_stops_at_its_bound_and_says_so() -> None:
    walk = walk_list(ring(), HEAD, 5)
    assert walk.entries == ENTRIES[:5]
    assert walk.problem == "more than 5 entries: the list was not followed further"


def test_a_list_of_just_the_bound_is_whole() -> None:
    assert walk_list(ring(), HEAD, len(ENTRIES)).problem is None


def test_entries_on_top_of_each_other_end_within_the_bound() -> None:
    memory = Pages()
    start = 0xFFFF8A0F_40000000
    count = 16 * PAGE // 8
    memory.write_u64(start, *(start + 8 * (number + 1) for number in range(count)))
    memory.write_u64(HEAD, start, start)
    with at_most(100):
        walk = walk_list(memory, HEAD, 65536)
        assert len(walk.entries) == count
