"""How much of a range there is in a memory that cannot be asked but by reading."""

from __future__ import annotations

from livedump.dumpfile.memory import MAX_TALLY, tally_by_reading
from livedump.model.errors import MemoryGap
from livedump.model.holdings import PageTally
from tests.kernel.kernel_memory import PAGE, Pages

STACK = 0xFFFFA704_EEB66000


def test_pages_are_tallied_by_reading() -> None:
    memory = Pages()
    memory.write(STACK, bytes(3 * PAGE))
    memory.drop(STACK + PAGE)
    assert tally_by_reading(memory, STACK + 0x800, 3 * PAGE) == PageTally(2, 0, 2)
    assert tally_by_reading(memory, STACK + 0x800, 0x800) == PageTally(1, 0, 0)
    assert tally_by_reading(memory, STACK, 0) == PageTally(0, 0, 0)


def test_the_reason_of_a_gap_is_told_apart() -> None:
    class Unmapped:
        def read(self, address: int, size: int) -> bytes:
            raise MemoryGap(address + size - 1, MemoryGap.NOT_PRESENT)

    assert tally_by_reading(Unmapped(), STACK, 3 * PAGE) == PageTally(0, 3, 0)


def test_a_range_without_end_is_bounded() -> None:
    assert tally_by_reading(Pages(), 0, 2**63) == PageTally(0, 0, MAX_TALLY, 2**51 - MAX_TALLY)


def test_a_range_beyond_64_bits_is_not_there() -> None:
    assert tally_by_reading(Pages(), 2**64 - PAGE, 3 * PAGE).present == 0
