"""Structures: declared once, read in one piece, and saying why something is not known."""

from __future__ import annotations

import contextlib
import random
import struct
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from enum import IntEnum
from typing import TYPE_CHECKING

import pytest

from livedump.kernel.rows import iter_rows
from livedump.kernel.structure import Declared, Structure, array, joined, member, pointer
from livedump.kernel.typed_memory import FoundLayouts, ListedLayouts, TypedMemory
from livedump.model.errors import DumpError, MemoryGap, NotKnown
from livedump.model.layout import (
    FUNCTION,
    Layout,
    Member,
    MemberType,
    TypeKind,
    array_of,
    bit_field,
    integer,
    pointer_to,
)
from tests.kernel.kernel_memory import PAGE, Pages

if TYPE_CHECKING:
    from livedump.kernel.typed_memory import LayoutSource

AT = 0xFFFFC201_00001F00
"""A little in front of the end of a page."""


def inside(name: str, size: int) -> MemberType:
    return MemberType(TypeKind.STRUCTURE, size, name)


LAYOUTS = (
    Layout("_LIST_ENTRY", 16, (Member("Flink", 0, integer(8)), Member("Blink", 8, integer(8)))),
    Layout(
        "_ETHREAD",
        0x300,
        (
            Member("Tcb", 0, inside("_KTHREAD", 0x200)),
            Member("CreateTime", 0x200, inside("_LARGE_INTEGER", 8)),
            Member("ThreadListEntry", 0x210, inside("_LIST_ENTRY", 16)),
            Member("Name", 0x220, pointer_to(inside("_UNICODE_STRING", 16))),
            Member("Label", 0x230, array_of(integer(1), 15)),
            Member("Text", 0x240, inside("_UNICODE_STRING", 16)),
            Member("Locks", 0x260, array_of(inside("_KLOCK_ENTRY", 0x10), 3)),
        ),
    ),
    Layout(
        "_KTHREAD",
        0x200,
        (
            Member("State", 0x10, integer(1)),
            Member("Priority", 0x11, integer(1, signed=True)),
            bit_field("KernelStackResident", 0x14, 17, 1),
            bit_field("Wide", 0x18, 4, 40),
            Member("Process", 0x20, pointer_to(inside("_KPROCESS", 8))),
            Member("Counts", 0x28, array_of(integer(2), 4)),
            Member("TimeLow", 0x30, integer(4)),
            Member("TimeHigh", 0x50, integer(4)),
            Member("Far", 0x1F8, integer(8)),
            Member("Routine", 0x40, pointer_to(FUNCTION)),
            Member("Huge", 0x60, array_of(integer(1), 5000)),
        ),
    ),
    Layout("_KPROCESS", 0x40, (Member("Id", 0, integer(8)),)),
    Layout("_UNICODE_STRING", 16, (Member("Length", 0, integer(2)),)),
    Layout("_KLOCK_ENTRY", 0x10, (Member("LockState", 8, integer(8)),)),
)


class ThreadState(IntEnum):
    READY = 1
    WAITING = 5


class KLockEntry(Structure):
    type_name = "_KLOCK_ENTRY"
    lock_state = member("LockState", int)


class KProcess(Structure):
    type_name = "_KPROCESS"
    id = member("Id", int)


class KThread(Structure):
    type_name = "_KTHREAD"
    state = member("State", ThreadState)
    priority = member("Priority", int)


class EThread(Structure):
    type_name = "_ETHREAD"
    tcb = member("Tcb", KThread)
    state = member("Tcb.State", ThreadState)
    priority = member("Tcb.Priority", int)
    resident = member("Tcb.KernelStackResident", bool)
    wide = member("Tcb.Wide", int)
    process = member("Tcb.Process", pointer(KProcess))
    process_address = member("Tcb.Process", int)
    counts = member("Tcb.Counts", array(int))
    time = member("Tcb.Time", int, joined("Tcb.TimeLow", "Tcb.TimeHigh"))
    create_time = member("CreateTime", datetime)
    label = member("Label", str)
    text = member("Text", str)
    locks = member("Locks", array(KLockEntry))
    nothing = member("Nothing", int, "Nowhere")
    no_number = member("Tcb.Counts", int)
    no_text = member("Tcb.State", str)
    no_array = member("Tcb.State", array(int))
    too_long = member("Tcb.Huge", array(int))


class Far(Structure):
    type_name = "_ETHREAD"
    state = member("Tcb.State", ThreadState)
    far = member("Tcb.Far", int)


def thread_bytes(**words: int) -> bytes:
    """An _ETHREAD, packed here by the offsets above."""
    data = bytearray(0x300)
    struct.pack_into("<BbxxI", data, 0x10, words.get("state", 5), -2, 1 << 17)
    struct.pack_into("<QQ4H", data, 0x18, 0xABCDE_12345 << 4 | 7 << 44, words.get("process", 0), 1, 2, 3, 0xFFFF)
    struct.pack_into("<I", data, 0x30, 0x89ABCDEF)
    struct.pack_into("<I", data, 0x50, 1)
    struct.pack_into("<Q", data, 0x1F8, 42)
    struct.pack_into("<Q", data, 0x200, 133_000_000_000_000_000)
    data[0x230:0x23F] = b"worker\0garbage!"
    struct.pack_into("<HHxxxxQ", data, 0x240, 8, 8, words.get("text", 0))
    struct.pack_into("<6Q", data, 0x260, 0, 11, 0, 22, 0, 33)
    return bytes(data)


def typed(pages: Pages, *sources: LayoutSource) -> TypedMemory:
    return TypedMemory(pages, sources or (ListedLayouts(LAYOUTS),))


@pytest.fixture
def pages() -> Pages:
    made = Pages()
    made.write(AT, thread_bytes(process=AT + 0x800, text=AT + 0x900))
    made.write_u64(AT + 0x800, 4)
    made.write(AT + 0x900, "name".encode("utf-16-le"))
    made.reads = 0
    return made


def test_every_kind_of_member_is_read(pages: Pages) -> None:
    thread = EThread(typed(pages), AT)
    assert thread.state is ThreadState.WAITING
    assert (thread.priority, thread.resident, thread.wide) == (-2, True, 0xABCDE_12345 & (1 << 40) - 1)
    assert (thread.process_address, thread.counts, thread.time) == (AT + 0x800, (1, 2, 3, 0xFFFF), 0x1_89ABCDEF)
    assert thread.create_time == datetime(2022, 6, 18, 4, 26, 40, tzinfo=timezone.utc)
    assert (thread.label, thread.text) == ("worker", "name")


def test_structures_lead_to_structures(pages: Pages) -> None:
    thread = EThread(typed(pages), AT)
    assert thread.process
    assert thread.process.id == 4
    assert thread.locks is not None
    assert [lock.lock_state for lock in thread.locks] == [11, 22, 33]
    assert thread.tcb is not None
    assert thread.tcb.priority == -2


def test_all_members_are_read_in_one_piece(pages: Pages) -> None:
    thread = EThread(typed(pages), AT)
    assert pages.reads == 0
    assert (thread.state, thread.priority, thread.time) == (ThreadState.WAITING, -2, 0x1_89ABCDEF)
    assert None not in (thread.create_time, thread.label)
    assert pages.reads == 1


def test_the_structure_around_one_of_its_members(pages: Pages) -> None:
    memory = typed(pages)
    assert EThread.around(memory, AT + 0x210, "ThreadListEntry") == EThread(memory, AT)
    assert EThread.around(memory, AT + 0x218, "ThreadListEntry.Blink").state is ThreadState.WAITING
    assert EThread(memory, AT).address_of("ThreadListEntry") == AT + 0x210
    assert EThread.size(memory) == 0x300
    with pytest.raises(NotKnown, match=r"_ETHREAD\.IrpList is not known"):
        EThread.around(memory, AT, "IrpList")


def test_a_missing_page_makes_unknown_what_lies_on_it_and_nothing_else(pages: Pages) -> None:
    pages.drop(AT + 0x100)
    thread = EThread(typed(pages), AT)
    assert (thread.state, thread.counts) == (ThreadState.WAITING, (1, 2, 3, 0xFFFF))
    assert (thread.create_time, thread.label, thread.text) == (None, None, None)
    with pytest.raises(MemoryGap) as gap:
        thread.read(EThread.create_time)
    assert gap.value.address == AT + 0x200
    assert Far(typed(pages), AT).far is None


def test_what_lies_behind_a_gap_is_known() -> None:
    pages = Pages()
    pages.write(AT, thread_bytes())
    pages.drop(AT)
    thread = EThread(typed(pages), AT)
    assert thread.state is None
    assert thread.label == "worker"


def test_why_something_is_not_known_is_said(pages: Pages) -> None:
    pages.write(AT, thread_bytes(state=9))
    thread = EThread(typed(pages), AT)
    reasons = {
        "state": "9 is no ThreadState that is known",
        "nothing": "_ETHREAD.Nothing is not known: the symbols do not have it",
        "no_number": "_ETHREAD.Tcb.Counts is no number in this build but u16[4]",
        "no_text": "_ETHREAD.Tcb.State is no text in this build but u8",
        "no_array": "_ETHREAD.Tcb.State is no array in this build but u8",
        "too_long": "_ETHREAD.Tcb.Huge has 5000 elements, more than are ever read",
    }
    for attribute, reason in reasons.items():
        assert getattr(thread, attribute) is None
        with pytest.raises(NotKnown, match="^" + reason.replace("[", r"\[")):
            thread.read(getattr(EThread, attribute))
    with pytest.raises(NotKnown, match="9 is no ThreadState"):
        thread.read("Tcb.State")


def test_a_pointer_to_nothing_is_false_and_nothing_is_known_of_it(pages: Pages) -> None:
    pages.write(AT, thread_bytes(process=0))
    pages.write_u64(0, 99)
    process = EThread(typed(pages), AT).process
    assert process is not None
    assert not process
    assert process.id is None
    with pytest.raises(NotKnown, match="the pointer to this _KPROCESS leads to nothing"):
        process.read(KProcess.id)


@pytest.mark.parametrize("address", [2**64 - 8, 2**64 - 0x300, 2**70, -0x100])
def test_an_address_that_does_not_exist_is_a_gap(pages: Pages, address: int) -> None:
    thread = EThread(typed(pages), address)
    assert (thread.state, thread.label, thread.text, thread.counts) == (None, None, None, None)
    assert thread.locks is not None
    assert {lock.lock_state for lock in thread.locks} == {None}


class Broken:
    """A source that knows nothing and says why."""

    def __init__(self) -> None:
        self.problems: Mapping[str, str] = {"_ETHREAD": "no PDB of nt: nothing is on the path"}

    def tells(self, path: str) -> bool:
        return bool(path)

    def layout(self, type_name: str) -> Layout | None:
        return None if type_name in self.problems else Layout(type_name, None, ())


def test_the_first_source_that_knows_a_member_is_asked(pages: Pages) -> None:
    symbols = ListedLayouts([Layout("_KTHREAD", 0x600, (Member("Priority", 0x10, integer(1)),))])
    block = ListedLayouts(
        [Layout("_KTHREAD", None, (Member("Priority", 0x28, integer(1)), Member("State", 0x10, integer(1))))]
    )
    thread = KThread(typed(pages, Broken(), symbols, block), AT)
    assert (thread.priority, thread.state) == (5, ThreadState.WAITING)
    assert KThread.size(thread.memory) == 0x600
    with pytest.raises(NotKnown, match=r"_ETHREAD\.Tcb\.State is not known: no PDB of nt: nothing is on the path"):
        EThread(thread.memory, AT).read(EThread.state)


def test_what_takes_looking_is_looked_for_once_and_only_when_asked(pages: Pages) -> None:
    looked = []

    def look() -> list[Member]:
        looked.append(1)
        return [Member("State", 0x10, integer(1))]

    memory = typed(pages, FoundLayouts("_KTHREAD", ["State"], look))
    assert KProcess(memory, AT).id is None
    assert memory.find("_KTHREAD", "Priority") is None
    assert looked == []
    assert [KThread(memory, AT).state for _ in range(3)] == [ThreadState.WAITING] * 3
    assert KThread(memory, AT).priority is None
    assert looked == [1]


def test_looking_in_vain_says_why(pages: Pages) -> None:
    def look() -> list[Member]:
        raise MemoryGap(0x1234, MemoryGap.NOT_CAPTURED)

    memory = typed(pages, FoundLayouts("_KTHREAD", ["State"], look))
    with pytest.raises(NotKnown, match=r"_KTHREAD\.State is not known: 00000000`00001234 is not captured"):
        KThread(memory, AT).read(KThread.state)


def test_an_array_that_contradicts_itself_is_read_by_its_elements(pages: Pages) -> None:
    class Odd(Structure):
        type_name = "_ODD"
        numbers = member("Numbers", array(int))

    odd = MemberType(TypeKind.ARRAY, 3, elements=4, of=integer(2))
    thread = Odd(typed(pages, ListedLayouts([Layout("_ODD", 8, (Member("Numbers", 0x28, odd),))])), AT)
    assert thread.numbers == (1, 2, 3, 0xFFFF)


def test_members_far_apart_are_read_apart(pages: Pages) -> None:
    class Wide(Structure):
        type_name = "_WIDE"
        near = member("Near", int)
        far = member("Far", int)

    layout = Layout("_WIDE", 0x9000, (Member("Near", 0, integer(8)), Member("Far", 0x8000, integer(8))))
    pages.write_u64(AT + 0x8000, 7)
    pages.reads = 0
    wide = Wide(typed(pages, ListedLayouts([layout])), AT)
    assert wide.far == 7
    assert pages.reads == 1
    assert wide.near is not None


class Tag(Structure):
    type_name = "_POOL_TRACKER_TABLE"
    bytes_used = member("NonPagedBytes", int)
    key = member("Key", int)
    paged_bytes = member("PagedBytes", int)
    bits = member("Bits", int)


TAGS = Layout(
    "_POOL_TRACKER_TABLE",
    0x28,
    (
        Member("Key", 0, integer(4)),
        Member("NonPagedBytes", 8, integer(8)),
        Member("PagedBytes", 0x20, integer(8)),
        bit_field("Bits", 0x10, 3, 4),
    ),
)


def test_a_table_is_read_as_rows(pages: Pages) -> None:
    for row in range(500):
        pages.write(AT + 0x28 * row, struct.pack("<IxxxxQ16xQ", row, 1000 * row, 1 << row % 60))
    memory = typed(pages, ListedLayouts([TAGS]))
    rows = list(iter_rows(memory, Tag, AT, 500, (Tag.bytes_used, Tag.key, Tag.paged_bytes, Tag.key)))
    assert rows == [(1000 * row, row, 1 << row % 60, row) for row in range(500)]
    pages.drop(AT + 0x1000)
    rows = list(iter_rows(memory, Tag, AT, 500, (Tag.key, Tag.bytes_used)))
    gap = (AT + 0x1000) // PAGE
    missing = {row for row in range(500) if gap in {(AT + 0x28 * row) // PAGE, (AT + 0x28 * row + 0x27) // PAGE}}
    assert [row for row, values in enumerate(rows) if values is None] == sorted(missing)
    assert rows[499] == (499, 499_000)


def test_rows_that_cannot_be_read_say_why(pages: Pages) -> None:
    memory = typed(pages, ListedLayouts([TAGS]))
    for members, count, why in (
        ((Tag.key, Tag.bits), 5, "Bits is no number of its own"),
        ((Tag.key, Tag.bytes_used), 1 << 60, "longer than any that is read"),
    ):
        with pytest.raises(DumpError, match=why):
            list(iter_rows(memory, Tag, AT, count, members))
    with pytest.raises(NotKnown, match="NonPagedBytes is not known"):
        list(iter_rows(typed(pages, ListedLayouts([])), Tag, AT, 5, (Tag.bytes_used, Tag.key)))


def test_a_subclass_has_the_members_of_its_parent(pages: Pages) -> None:
    class Thread(KThread):
        process = member("Process", int)

    thread = Thread(typed(pages), AT)
    assert (thread.state, thread.process) == (ThreadState.WAITING, AT + 0x800)


SIZES = (0, 1, 2, 3, 4, 8, 16, 5000, 2**31, 2**62, -8, None)
OFFSETS = (0, 1, 0x10, 0xFF8, 0x1000, 2**31, 2**63, -1, -(2**63))


def any_type(draw: random.Random, depth: int = 0) -> MemberType:
    """A type that no sane symbols give."""
    kind = draw.choice(list(TypeKind))
    of = any_type(draw, depth + 1) if depth < 3 and draw.random() < 0.7 else None
    name = draw.choice([None, "_KTHREAD", "_ETHREAD", "_LIST_ENTRY", "_UNICODE_STRING", "_KLOCK_ENTRY"])
    return MemberType(kind, draw.choice(SIZES), name, draw.random() < 0.5, draw.choice(SIZES), of)


def any_member(draw: random.Random, name: str) -> Member:
    first, bits = draw.choice([(None, None), (0, 1), (63, 1), (200, 300), (-1, -1), (3, 0)])
    return Member(name, draw.choice(OFFSETS), any_type(draw), first, bits)


@pytest.mark.parametrize("seed", range(300))
def test_any_layout_over_any_memory_gives_a_value_or_says_why_not(seed: int) -> None:
    draw = random.Random(seed)
    pages = Pages()
    pages.write(AT, bytes(draw.choices([0, 1, 0x7F, 0xFF], k=0x800)))
    names = {path.split(".")[-1] for layout in LAYOUTS for path in (member.name for member in layout.members)}
    layouts = [
        Layout(layout.name, draw.choice(SIZES), tuple(any_member(draw, name) for name in sorted(names)))
        for layout in LAYOUTS
    ]
    memory = typed(pages, ListedLayouts(layouts))
    for kind in (EThread, KThread, KLockEntry, Far):
        for attribute, declared in vars(kind).items():
            if isinstance(declared, Declared):
                with contextlib.suppress(DumpError):
                    kind(memory, draw.choice([AT, 0, 2**64 - 4, 2**80])).read(declared)
                assert getattr(kind(memory, AT), attribute) is not Ellipsis
        with contextlib.suppress(DumpError):
            list(iter_rows(memory, kind, AT, 3, (Far.far, EThread.wide)))
        with contextlib.suppress(DumpError):
            kind.around(memory, AT, "Tcb.State")


def test_four_members_of_thousands_of_threads_cost_little() -> None:
    # The bar is 5,000 threads in 100 ms on a usual machine, where a million additions take some 30.
    data = thread_bytes(process=AT) * 20

    class Flat:
        def read(self, address: int, size: int) -> bytes:
            return data[address - AT : address - AT + size]

    memory = TypedMemory(Flat(), [ListedLayouts(LAYOUTS)])
    addresses = [AT + 0x300 * (number % 20) for number in range(5000)]

    def read_all() -> None:
        for address in addresses:
            thread = KThreadOfFour(memory, address)
            assert None not in (thread.state, thread.priority, thread.process, thread.time)

    def add_all() -> None:
        total = 0
        for number in range(1_000_000):
            total += number

    assert best_of(5, read_all) < 3 * best_of(5, add_all)


class KThreadOfFour(Structure):
    type_name = "_KTHREAD"
    state = member("State", ThreadState)
    priority = member("Priority", int)
    process = member("Process", int)
    time = member("Time", int, joined("TimeLow", "TimeHigh"))


def best_of(rounds: int, work: Callable[[], None]) -> float:
    """Processor seconds of the quickest of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)
