"""The table of functions and the unwind codes, against llvm-readobj, and with pages missing or data damaged."""

from __future__ import annotations

import math
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from livedump.images.image import Span, read_image
from livedump.model.errors import DamagedDump, DumpError, MemoryGap, NotKnown
from livedump.unwind import c_x64 as c
from livedump.unwind.unwinder import Position
from livedump.unwind.x64 import plan_undoing
from livedump.unwind.x64_data import FunctionEntry, find_function, read_chain, read_unwind_info
from livedump.unwind.x64_epilogue import find_epilogue
from tests.effort import at_most
from tests.images.tiny_image import ALLOCATE_0X28, BASE, PDATA, PUSH_RBX, TEXT, XDATA, Function, assemble, tiny_image
from tests.unwind.x64_programs import BASE as LINKED_BASE
from tests.unwind.x64_programs import Bytes, build_program

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("clang", "lld-link", "llvm-readobj")),
    reason="clang, lld-link and llvm-readobj are not all installed",
)
REGISTERS = (
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
)  # fmt: skip
STACK = 0xFFFFF90000000000


def memory_of(image: bytes, stack: bytes = bytes(0x1000)) -> Bytes:
    return Bytes({BASE: image, STACK: stack})


def position(offset: int, exact: bool = True, rsp: int = STACK) -> Position:
    return Position(BASE + offset, rsp, tuple(range(0x100, 0x110)), exact)


def unwound(memory: Bytes, where: Position) -> Position:
    image = read_image(memory, BASE)
    function = find_function(memory, image, where.call - BASE)
    assert function is not None
    return plan_undoing(memory, image, function, where.instruction, where.exact).caller(memory, where)


# --- decoding


def spelled(code: tuple[int, int, int, int], frame: tuple[int, int]) -> str:
    """A code as llvm-readobj prints it."""
    behind, operation, register, amount = code
    name = {
        c.PUSH_NONVOLATILE: lambda: f"PUSH_NONVOL reg={REGISTERS[register]}",
        c.ALLOCATE_LARGE: lambda: f"ALLOC_LARGE size={amount}",
        c.ALLOCATE_SMALL: lambda: f"ALLOC_SMALL size={amount}",
        c.SET_FRAME_REGISTER: lambda: f"SET_FPREG reg={REGISTERS[frame[0]]}, offset=0x{frame[1]:X}",
        c.SAVE_NONVOLATILE: lambda: f"SAVE_NONVOL reg={REGISTERS[register]}, offset=0x{amount:X}",
        c.SAVE_NONVOLATILE_FAR: lambda: f"SAVE_NONVOL_FAR reg={REGISTERS[register]}, offset=0x{amount:X}",
        c.PUSH_MACHINE_FRAME: lambda: f"PUSH_MACHFRAME errcode={'yes' if register else 'no'}",
    }[operation]()
    return f"0x{behind:02X}: {name}"


@needs_tools
@pytest.mark.parametrize("options", [("-O0",), ("-O2",)], ids=" ".join)
def test_functions_and_codes_are_those_that_llvm_readobj_prints(options: tuple[str, ...], tmp_path: Path) -> None:
    source = Path(__file__).with_name("unwind_corpus.c")
    program = build_program(source, tmp_path, *options)
    text = subprocess.run(["llvm-readobj", "--unwind", program.file], check=True, capture_output=True, text=True).stdout
    memory = Bytes({LINKED_BASE: program.memory})
    image = read_image(memory, LINKED_BASE)
    printed = re.split(r"RuntimeFunction \{", text)[1:]
    assert len(printed) >= 8
    for block in printed:
        addresses = re.findall(r"(?:Start|End)Address: .*\(0x(\w+)", block)
        begin, end = (int(address, 16) - LINKED_BASE for address in addresses)
        function = find_function(memory, image, begin)
        assert function is not None
        assert function[:2] == (begin, end)
        info = read_unwind_info(memory, image, function)
        frame = (info.frame_register, info.frame_offset)
        integer_codes = [code for code in info.codes if code.operation not in (c.SAVE_XMM128, c.SAVE_XMM128_FAR)]
        codes = [spelled(code, frame) for code in integer_codes]
        expected = [line.strip() for line in block.splitlines() if re.match(r"\s+0x[0-9A-F]{2}: (?!SAVE_XMM)", line)]
        assert codes == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        (b"\x04\x42", (4, c.ALLOCATE_SMALL, 4, 0x28)),
        (b"\x04\x01\x00\x02", (4, c.ALLOCATE_LARGE, 0, 0x1000)),
        (b"\x04\x11\x08\x00\x09\x00", (4, c.ALLOCATE_LARGE, 1, 0x90008)),
        (b"\x04\x34\x06\x00", (4, c.SAVE_NONVOLATILE, 3, 0x30)),
        (b"\x04\xc5\x08\x00\x09\x00", (4, c.SAVE_NONVOLATILE_FAR, 12, 0x90008)),
        (b"\x01\xf0", (1, c.PUSH_NONVOLATILE, 15, 0)),
        (b"\x00\x1a", (0, c.PUSH_MACHINE_FRAME, 1, 0)),
    ],
)
def test_one_code_by_hand(slots: bytes, expected: tuple[int, ...]) -> None:
    # The numbers follow the description of UNWIND_CODE on Microsoft Learn.
    info = bytes([1, 4, len(slots) // 2, 0]) + slots
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, info)))
    image = read_image(memory, BASE)
    assert read_unwind_info(memory, image, FunctionEntry(TEXT, TEXT + 9, XDATA)).codes == (expected,)


def test_epilogue_codes_of_version_2_as_a_library_of_microsoft_has_them() -> None:
    # vcruntime140.dll: pop rsi, pop rdi, ret in the last three bytes of the function.
    slots = bytes.fromhex("0316000602600170")
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 0x10, bytes([2, 2, 4, 0]) + slots)))
    image = read_image(memory, BASE)
    function = find_function(memory, image, TEXT)
    assert function is not None
    info = read_unwind_info(memory, image, function)
    assert (info.epilogue_size, info.epilogues) == (3, (3,))
    pops = [
        found and found.pops
        for found in (find_epilogue(memory, image, function, info, TEXT + at) for at in range(0xC, 0x11))
    ]
    assert pops == [None, (6, 7), (7,), (), None]


# --- the table of functions


def many_functions(count: int) -> bytes:
    table = b"".join(struct.pack("<III", TEXT + 4 * n, TEXT + 4 * n + 3, XDATA) for n in range(count))
    return assemble(table, PUSH_RBX)


def test_every_function_of_a_table_is_found_and_nothing_between_them() -> None:
    memory = memory_of(many_functions(300))
    image = read_image(memory, BASE)
    for n in range(300):
        begin = TEXT + 4 * n
        found = [find_function(memory, image, begin + at) for at in range(4)]
        assert [entry and entry.begin for entry in found] == [begin, begin, begin, None]
    assert find_function(memory, image, TEXT - 1) is None
    assert find_function(memory, image, TEXT + 4 * 300) is None


def test_a_search_reads_twelve_bytes_a_probe_and_no_more_probes_than_the_logarithm() -> None:
    memory = memory_of(many_functions(300))
    image = read_image(memory, BASE)
    memory.reads.clear()
    for n in (0, 1, 149, 150, 298, 299):
        memory.reads.clear()
        find_function(memory, image, TEXT + 4 * n)
        assert len(memory.reads) <= math.ceil(math.log2(301))
        assert {size for _, size in memory.reads} == {12}


def test_a_missing_page_of_the_table_is_a_gap() -> None:
    whole = many_functions(300)
    memory = Bytes({BASE: whole[:PDATA]})
    with pytest.raises(MemoryGap) as caught:
        find_function(memory, read_image(memory, BASE), TEXT)
    assert PDATA <= caught.value.address - BASE < PDATA + 300 * 12


def test_an_image_without_a_table_has_no_functions() -> None:
    memory = memory_of(assemble(b"", b""))
    assert find_function(memory, read_image(memory, BASE), TEXT) is None


def test_a_table_that_claims_the_whole_image_is_searched_in_a_few_probes() -> None:
    memory = memory_of(many_functions(1))
    image = read_image(memory, BASE)
    vast = image._replace(size=0xFFFFFFFF, exceptions=Span(0x2000, 0xFFFF0000))
    memory.reads.clear()
    with pytest.raises(MemoryGap):
        find_function(memory, vast, TEXT)
    assert len(memory.reads) < 32


# --- what is unsound


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (bytes([3, 0, 0, 0]), "version 3"),
        (bytes([0, 0, 0, 0]), "version 0"),
        (bytes([1, 4, 1, 0, 4, 0x0B, 0, 0]), "unwind code 11"),
        (bytes([1, 4, 1, 0, 4, 0x01, 0, 0]), "ends inside"),
    ],
    ids=["version 3", "version 0", "unknown code", "operand missing"],
)
def test_unsound_unwind_data_is_refused(info: bytes, message: str) -> None:
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, info)))
    with pytest.raises(DamagedDump, match=message):
        unwound(memory, position(TEXT + 5))


def test_unwind_data_outside_of_the_image_is_refused() -> None:
    memory = memory_of(assemble(struct.pack("<III", TEXT, TEXT + 9, 0xFFFFFFF0), b""))
    with pytest.raises(DamagedDump, match="outside"):
        unwound(memory, position(TEXT + 5))


def test_the_parent_of_a_part_stands_behind_an_even_number_of_slots() -> None:
    # One code, one slot of padding, the parent's entry.
    odd = bytes([0x21, 0, 1, 0, 0, 0x02, 0xEE, 0xEE]) + struct.pack("<III", TEXT, TEXT + 9, XDATA)
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, PUSH_RBX), Function(TEXT + 0x10, TEXT + 0x20, odd)))
    chain = read_chain(memory, read_image(memory, BASE), FunctionEntry(TEXT + 0x10, TEXT + 0x20, XDATA + 8))
    assert [entry.begin for entry, _ in chain] == [TEXT + 0x10, TEXT]


def test_an_entry_may_refer_to_that_of_another_part() -> None:
    # push rbx stands in the part further on. At the pop here the epilogue has begun, one byte before there is the body.
    shared = struct.pack("<III", TEXT + 0x100, TEXT + 0x102, XDATA)
    table = struct.pack("<III", TEXT, TEXT + 3, PDATA + 12 | 1) + shared
    memory = memory_of(assemble(table, PUSH_RBX, b"\x90\x5b\xc3"), struct.pack("<QQQ", 0x1111, 0x2222, 0x3333))
    assert [unwound(memory, position(TEXT + at)).instruction for at in (0, 1, 2)] == [0x2222, 0x2222, 0x1111]


def test_a_chain_that_leads_back_to_itself_ends() -> None:
    chained = bytes([0x21, 0, 0, 0]) + struct.pack("<III", TEXT, TEXT + 9, XDATA)
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, chained)))
    image = read_image(memory, BASE)
    memory.reads.clear()
    with pytest.raises(DamagedDump, match="without end"):
        read_chain(memory, image, FunctionEntry(TEXT, TEXT + 9, XDATA))
    assert len(memory.reads) < 150


def test_an_entry_that_refers_to_itself_ends() -> None:
    memory = memory_of(assemble(struct.pack("<III", TEXT, TEXT + 9, PDATA | 1), b""))
    with pytest.raises(DamagedDump, match="without end"):
        unwound(memory, position(TEXT + 5))


def test_a_lost_frame_register_is_not_guessed() -> None:
    # push rbp; mov rbp, rsp
    info = bytes([1, 4, 2, 5, 4, 0x03, 1, 0x50])
    memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, info)))
    lost = position(TEXT + 5)._replace(general=(None,) * 16)
    with pytest.raises(NotKnown, match="rbp"):
        unwound(memory, lost)


# --- single steps by hand


def test_a_missing_page_of_code_is_taken_for_no_epilogue() -> None:
    # pop rbx; ret at the end of the code that is there: with the page an epilogue, without it the body.
    image = tiny_image(Function(TEXT, TEXT + 2, PUSH_RBX), code=b"\x5b\xc3")
    stack = struct.pack("<QQQ", 0x1111, 0x2222, 0x3333)
    assert unwound(memory_of(image, stack), position(TEXT + 1)).instruction == 0x1111
    without_code = Bytes({BASE: image[:TEXT], BASE + PDATA: image[PDATA:], STACK: stack})
    assert unwound(without_code, position(TEXT + 1)).instruction == 0x2222


def test_a_return_address_is_never_taken_for_an_epilogue() -> None:
    # The same bytes behind a call: what follows there belongs to no epilogue that has begun.
    image = tiny_image(Function(TEXT, TEXT + 2, PUSH_RBX), code=b"\x5b\xc3")
    stack = struct.pack("<QQQ", 0x1111, 0x2222, 0x3333)
    assert unwound(memory_of(image, stack), position(TEXT + 1, exact=False)).instruction == 0x2222


def test_a_jump_into_a_part_that_was_split_off_is_no_epilogue() -> None:
    # jmp to a second entry whose unwind data is chained to the first.
    parent = struct.pack("<III", TEXT, TEXT + 0x10, XDATA)
    chained = bytes([0x21, 0, 0, 0]) + parent
    table = parent + struct.pack("<III", TEXT + 0x100, TEXT + 0x110, XDATA + 8)
    other = parent + struct.pack("<III", TEXT + 0x100, TEXT + 0x110, XDATA)
    code = bytes(8) + b"\xe9" + struct.pack("<i", 0x100 - 8 - 5)
    stack = struct.pack("<QQQQQQ", 0x1111, 2, 3, 4, 5, 0x6666)
    inside = memory_of(assemble(table, ALLOCATE_0X28 + chained, code), stack)
    outside = memory_of(assemble(other, ALLOCATE_0X28, code), stack)
    assert unwound(inside, position(TEXT + 8)).instruction == 0x6666
    assert unwound(outside, position(TEXT + 8)).instruction == 0x1111


def test_a_machine_frame_leads_to_another_stack() -> None:
    # Source of the layout: the processor manuals, "Interrupt stack frame"; an error code lies below RIP.
    frame = struct.pack("<QQQQQ", 0xFFFFF80000001234, 0x10, 0x246, 0xFFFFF70000000000, 0x18)
    for info, before in ((bytes([1, 0, 1, 0, 0, 0x0A]), b""), (bytes([1, 0, 1, 0, 0, 0x1A]), bytes(8))):
        memory = memory_of(tiny_image(Function(TEXT, TEXT + 9, info)), before + frame)
        caller = unwound(memory, position(TEXT + 5))
        assert (caller.instruction, caller.stack_pointer) == (0xFFFFF80000001234, 0xFFFFF70000000000)
        assert caller.exact


def test_damaged_unwind_data_gives_answers_or_dump_errors_in_bounded_time() -> None:
    chance = random.Random(7)
    chained = bytes([0x21, 2, 2, 5, 2, 0x42, 1, 0x30]) + struct.pack("<III", TEXT, TEXT + 0x40, XDATA)
    functions = (
        Function(TEXT, TEXT + 0x40, PUSH_RBX),
        Function(TEXT + 0x40, TEXT + 0x80, bytes([2, 4, 5, 0x25, 3, 0x16, 0, 6, 4, 0x42, 3, 0xC0, 1, 0x30])),
        Function(TEXT + 0x80, TEXT + 0xC0, chained),
    )
    code = bytes(chance.choices(b"\x48\x83\xc4\x28\x5b\x41\x5c\xc3\xe9\xeb\x8d\x65", k=0x100))
    whole = tiny_image(*functions, code=code)
    with at_most(1000):
        for _ in range(4000):
            data = bytearray(whole)
            for _ in range(chance.randrange(1, 6)):
                data[chance.choice((PDATA, XDATA)) + chance.randrange(0x40)] = chance.randrange(256)
            memory = memory_of(bytes(data))
            where = position(TEXT + chance.randrange(0x100), exact=chance.random() < 0.7)
            image = read_image(memory, BASE)
            try:
                function = find_function(memory, image, where.call - BASE)
                if function is not None:
                    plan_undoing(memory, image, function, where.instruction, where.exact).caller(memory, where)
            except DumpError:
                pass
            assert len(memory.reads) < 1000
