"""Processes, the probing for their fields, and which of them asked for the dump."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from livedump.kernel.c_layouts import FIXED
from livedump.kernel.copies import StructureCopy
from livedump.kernel.kdbg import read_kdbg
from livedump.kernel.processes import find_requester, processes
from livedump.kernel.structure_copies import find_own_address, process_from_copy
from livedump.kernel.typed_memory import ListedLayouts, TypedMemory
from livedump.model.errors import MemoryGap
from livedump.model.layout import VOID, Layout, Member, MemberType, TypeKind, array_of, integer, pointer_to
from livedump.model.listing import Listing
from livedump.model.processors import Process, Requester
from tests.effort import at_most
from tests.kernel.kernel_memory import (
    KDBG_AT,
    LINKS,
    NAME,
    SIZE_EPROCESS,
    TABLES,
    Pages,
    kdbg_bytes,
    typed,
    write_process,
)

HEAD = 0xFFFFF807_5C82C130
ADDRESSES = (0xFFFFD20B_F9094180, 0xFFFFD20B_F90A2080, 0xFFFFD20B_FC53E080, 0xFFFFD20B_FC600340)
KNOWN = (
    (4, b"System", 0x1AD000),
    (172, b"Registry", 0x2B4000),
    (3244, b"Taskmgr.exe", 0x7108E002),
    (88, b"a.exe", 0x99000),
)
EXPECTED = tuple(
    Process(address, name.decode(), pid, tables & ~0xFFF) for address, (pid, name, tables) in zip(ADDRESSES, KNOWN)
)
SAMPLES = Path(__file__).parents[3] / "shared/samples/dumps"


def system() -> Pages:
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes(PsActiveProcessHead=HEAD))
    links = [write_process(memory, address, *known) for address, known in zip(ADDRESSES, KNOWN)]
    memory.link((HEAD, *links))
    return memory


def symbols(*offsets: int) -> list[Layout]:
    """The symbols of EPROCESS: links, id and name where they are, or at other offsets."""
    links, process_id, name = offsets or (LINKS, LINKS - 8, NAME)
    fields = {
        "ActiveProcessLinks": (links, MemberType(TypeKind.STRUCTURE, 16, "_LIST_ENTRY")),
        "UniqueProcessId": (process_id, pointer_to(VOID)),
        "ImageFileName": (name, array_of(integer(1), 15)),
    }
    return [Layout("_EPROCESS", None, tuple(Member(field, *what) for field, what in fields.items()))]


def listed(memory: Pages, **given: Any) -> Listing[Process]:
    return processes(typed(memory, head=HEAD, **given), HEAD)


@pytest.mark.parametrize(
    "given",
    [
        {"symbols": symbols()},
        {"symbols": [Layout("_EPROCESS", 0xA40, ())]},
        {"anchors": [ADDRESSES[2]]},
        {"anchors": [ADDRESSES[2], 0xFFFFF807_5C935A00, 2**63, 0]},
        {},
    ],
)
def test_processes_come_in_the_systems_order(given: dict[str, object]) -> None:
    assert listed(system(), **given) == Listing(EXPECTED)


def test_a_layout_that_no_build_has_is_found_by_probing() -> None:
    # one long structure, all fields elsewhere; the probe must not know any build
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes(SizeEProcess=0xC00, OffsetEprocessDirectoryTableBase=0x48))
    links = []
    for address, (pid, name, tables) in zip(ADDRESSES, KNOWN):
        start = address & ~0xFFF
        memory.write(start, bytes(0xC00))
        memory.write_u64(start + 0x48, tables)
        memory.write_u64(start + 0x1D0, pid)
        memory.write(start + 0x338, name.ljust(15, b"\0") + b"\x02")
        links.append(start + 0x1D8)
    memory.link((HEAD, *links))
    found = listed(memory, anchors=[ADDRESSES[1] & ~0xFFF])
    assert [each.name for each in found.items] == ["System", "Registry", "Taskmgr.exe", "a.exe"]
    assert [each.process_id for each in found.items] == [4, 172, 3244, 88]
    assert [each.directory_table_base for each in found.items] == [0x1AD000, 0x2B4000, 0x7108E000, 0x99000]


def test_the_word_system_in_another_field_is_not_taken_for_the_name() -> None:
    memory = system()
    memory.write(ADDRESSES[0] + LINKS + 0x40, b"System" + bytes(10))
    memory.write(ADDRESSES[1] + LINKS + 0x40, b"\x90\x41\x02\xfa\x0b\xd2\xff\xff" * 2)
    assert [each.name for each in listed(memory).items] == ["System", "Registry", "Taskmgr.exe", "a.exe"]


def test_names_in_another_code_page_do_not_hinder_the_probe() -> None:
    memory = system()
    memory.write(ADDRESSES[3] + NAME, b"\xc4\xe3.exe\0")
    assert listed(memory).items[3].name == r"\xc4\xe3.exe"


def test_without_a_system_process_ids_are_known_and_names_are_not() -> None:
    memory = system()
    memory.write_u64(ADDRESSES[0] + LINKS - 8, 8)
    found = listed(memory)
    assert [each.process_id for each in found.items] == [8, 172, 3244, 88]
    assert {each.name for each in found.items} == {None}
    assert {each.address for each in found.items} == {None}


def test_anchors_that_disagree_are_outvoted() -> None:
    anchors = [ADDRESSES[0] + 0x10, ADDRESSES[1], ADDRESSES[2]]
    assert listed(system(), anchors=anchors).items == EXPECTED


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"evil\x1b[2J.exe", None),
        (b"evil\x9b2J.exe", r"evil\x9b2J.exe"),
        (b"fifteen chars!!", "fifteen chars!!"),
        (b"", None),
        (b"\0x", None),
    ],
)
def test_hostile_names_can_do_nothing(name: bytes, shown: str | None) -> None:
    memory = system()
    memory.write(ADDRESSES[3] + NAME, name.ljust(15, b"\0"))
    assert listed(memory, symbols=symbols()).items[3].name == shown


def test_a_process_whose_page_is_partly_missing_keeps_the_rest() -> None:
    memory = system()
    address = 0xFFFFD20B_FD000B00  # its links are on the first page, its name is on the second
    memory.link((HEAD, ADDRESSES[0] + LINKS, write_process(memory, address, 96, b"split.exe", 0x5000)))
    memory.drop(address + NAME)
    assert listed(memory, symbols=symbols()).items[1] == Process(address, None, 96, 0x5000)


@pytest.mark.parametrize("garbage", [b"\xff", b"A", b"\x01"])
def test_garbage_is_no_process(garbage: bytes) -> None:
    memory = system()
    memory.write(ADDRESSES[3] + 8, garbage * (LINKS - 8))
    memory.write(ADDRESSES[3] + LINKS + 0x10, garbage * (SIZE_EPROCESS - LINKS - 0x10))
    assert listed(memory, symbols=symbols()).items[3] == Process(ADDRESSES[3], None, None, None)


def test_a_missing_process_is_counted() -> None:
    memory = system()
    memory.drop(ADDRESSES[1])
    found = listed(memory, anchors=[ADDRESSES[2]])
    assert found.items == (EXPECTED[0], *EXPECTED[2:])
    assert "is missing" in str(found.problem)


def test_a_missing_head_is_a_gap() -> None:
    memory = system()
    memory.drop(HEAD)
    with pytest.raises(MemoryGap):
        listed(memory)


@pytest.mark.parametrize("size", [1, 0x448, 0xFFFF])
def test_any_size_of_a_process_is_survived(size: int) -> None:
    memory = system()
    memory.write(KDBG_AT, kdbg_bytes(SizeEProcess=size))
    assert [each.process_id for each in listed(memory, anchors=ADDRESSES).items] == [4, 172, 3244, 88]


@pytest.mark.parametrize("offset", [-(2**63), 2**63, 2**64])
def test_any_symbols_are_survived(offset: int) -> None:
    found = listed(system(), symbols=symbols(offset, offset, offset))
    assert len(found.items) == 4


def test_many_overlapping_processes_end_in_time() -> None:
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes())
    start, count = 0xFFFFD20B_F9040000, 20000
    memory.write_u64(start, *(start + 8 * (number + 1) for number in range(count)))
    memory.write_u64(HEAD, start, start)
    with at_most(100):
        found = listed(memory, symbols=symbols())
        assert len(found.items) >= count


def requester(memory: Pages, tables: int | None, thread_process: int | None) -> Requester:
    return find_requester(
        typed(memory, head=HEAD, anchors=ADDRESSES), listed(memory, anchors=ADDRESSES), tables, thread_process
    )


def test_both_traces_lead_to_the_process_that_asked() -> None:
    found = requester(system(), 0x7108E000, ADDRESSES[2])
    assert (found.by_directory_table, found.by_thread) == (EXPECTED[2], EXPECTED[2])
    assert (found.process, found.contradictory) == (EXPECTED[2], False)


def test_a_contradiction_is_visible() -> None:
    found = requester(system(), 0x99000, ADDRESSES[2])
    assert (found.by_directory_table, found.process, found.contradictory) == (EXPECTED[3], EXPECTED[2], True)


@pytest.mark.parametrize(("tables", "thread"), [(0x7108E000, None), (None, ADDRESSES[2]), (0x5000, ADDRESSES[2])])
def test_one_trace_is_enough(tables: int | None, thread: int | None) -> None:
    found = requester(system(), tables, thread)
    assert (found.process, found.contradictory) == (EXPECTED[2], None)


def test_no_trace_is_no_process() -> None:
    assert requester(system(), None, None) == Requester(None, None)


def test_a_process_that_left_the_list_is_read_by_its_address() -> None:
    memory = system()
    memory.link((HEAD, *(address + LINKS for address in ADDRESSES[:2])))
    assert requester(memory, 0x7108E000, ADDRESSES[2]).process == EXPECTED[2]


def test_a_process_that_is_not_there_has_its_address() -> None:
    assert requester(system(), None, 0xFFFFD20B_11110000).process == Process(0xFFFFD20B_11110000, None, None, None)


# Copies, as a triage dump holds them


def copy_of(memory: Pages, address: int) -> bytes:
    return memory.read(address, SIZE_EPROCESS)


def layouts(*symbols: Layout) -> TypedMemory:
    """What a triage dump tells of layouts: its debugger data block, and symbols where there are any."""
    memory = Pages()
    memory.write(KDBG_AT, kdbg_bytes())
    block = read_kdbg(memory, KDBG_AT).layouts()
    return TypedMemory(Pages(), [ListedLayouts(symbols), block, ListedLayouts(FIXED)])


@pytest.mark.parametrize("number", range(3))
def test_a_copy_with_symbols_tells_everything(number: int) -> None:
    assert process_from_copy(layouts(*symbols()), copy_of(system(), ADDRESSES[number])) == EXPECTED[number]


@pytest.mark.parametrize("number", range(3))
def test_a_copy_without_symbols_tells_the_same_by_probing(number: int) -> None:
    eprocess = copy_of(system(), ADDRESSES[number])
    assert process_from_copy(layouts(), eprocess, thread_of(KNOWN[number][0])) == EXPECTED[number]


def thread_of(pid: int) -> bytes:
    thread = bytearray(0x898)
    struct.pack_into("<QQ", thread, 0x478, pid, 4536)
    return bytes(thread)


def test_two_numbers_that_may_be_the_id_are_none_without_the_thread() -> None:
    memory = system()
    memory.write_u64(ADDRESSES[2] + 0x348, 1304, HEAD, HEAD)
    eprocess = copy_of(memory, ADDRESSES[2])
    assert process_from_copy(layouts(), eprocess).process_id is None
    assert process_from_copy(layouts(), eprocess, thread_of(3244)).process_id == 3244


def test_two_texts_that_may_be_the_name_are_none() -> None:
    memory = system()
    memory.write(ADDRESSES[2] + 0x700, b"notepad.exe".ljust(16, b"\0"))
    assert process_from_copy(layouts(), copy_of(memory, ADDRESSES[2])).name is None


@pytest.mark.parametrize("data", [b"", b"\x03", bytes(SIZE_EPROCESS), b"\xff" * 0x2000, b"A" * 0x30000])
def test_any_copy_is_survived(data: bytes) -> None:
    assert process_from_copy(layouts(), data, data).name is None
    assert find_own_address(data) is None


def test_a_copy_reads_like_memory_at_its_address() -> None:
    copy = StructureCopy(0x1000, b"abcdef")
    assert copy.read(0x1002, 4) == b"cdef"
    for address, size in ((0xFFF, 1), (0x1004, 3), (0x1007, 1)):
        with pytest.raises(MemoryGap):
            copy.read(address, size)


@pytest.mark.parametrize(
    ("sample", "expected", "thread", "prcb"),
    [
        # logs/32 of this dump: PROCESS_NAME:  notmyfault64.e; header DirectoryTableBase 0x7108e000
        ("083125-14875-01.dmp", (None, "notmyfault64.e", 3244, 0x7108E000), 0xFFFFD20BFC13C080, None),
        # its process is System, whose id is always 4; KiProcessorBlock[0] in its data blocks is the PRCB's address
        ("triage_x64.dmp", (None, "System", 4, 0x1AD000), 0xFFFFC08BDE9E1640, 0xFFFFF804782D4180),
    ],
)
def test_the_copies_in_real_triage_dumps(
    sample: str, expected: tuple[None, str, int, int], thread: int, prcb: int | None
) -> None:
    path = SAMPLES / sample
    if not path.exists():
        pytest.skip("the sample dumps are not here")
    data = path.read_bytes()
    prcb_at, process_at, thread_at = struct.unpack_from("<3I", data, 0x201C)
    kdbg_at, kdbg_size = struct.unpack_from("<2I", data, 0x2070)
    pages, (address,) = Pages(), struct.unpack_from("<Q", data, 0x80)
    pages.write(address, data[kdbg_at : kdbg_at + kdbg_size])
    kdbg = read_kdbg(pages, address)
    ethread = data[thread_at : thread_at + 0x898]
    memory = TypedMemory(Pages(), [kdbg.layouts(), ListedLayouts(FIXED)])
    process = process_from_copy(memory, data[process_at : process_at + SIZE_EPROCESS], ethread)
    assert process[1:] == expected[1:]
    assert process.address == struct.unpack_from("<Q", ethread, 0xB8)[0]  # KTHREAD.ApcState.Process
    assert find_own_address(ethread) == thread
    assert prcb is None or find_own_address(data[prcb_at : prcb_at + 0xAF00]) == prcb
    assert kdbg.eprocess_directory_table_base == TABLES
