"""Whole stacks: against the source listings, the emulator and hand-made memory with gaps, circles and lies."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest

from livedump.machine import x64
from livedump.model.errors import MemoryGap, SymbolError
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.images import Module
from livedump.model.processors import Registers
from livedump.unwind.walk import MAX_READS, SCAN_LIMIT, SCAN_TOTAL, StackLimits
from livedump.unwind.x64_scan import ends_in_call, parse_machine_frame
from tests.effort import at_most
from tests.images.tiny_image import (
    ALLOCATE_0X28,
    BASE,
    PDATA,
    SIZE,
    TEXT,
    TIMESTAMP,
    XDATA,
    Function,
    assemble,
    tiny_image,
)
from tests.unwind.walking import walk_stack
from tests.unwind.x64_programs import BASE as LINKED_BASE
from tests.unwind.x64_programs import Bytes, Emulator, Program, build_program, missing_tool

needs_linker = pytest.mark.skipif(missing_tool() is not None, reason=f"{missing_tool()} is not installed")
STACK = 0xFFFFF90000000000
NT = Module("nt", "ntoskrnl.exe", BASE, SIZE, TIMESTAMP)
MACHINE_FRAME = bytes([1, 0, 1, 0, 0, 0x0A, 0, 0])
CALL = b"\xe8\0\0\0\0"
# Three functions that allocate 0x28 bytes and call at their ends' return addresses 0x20, 0x60 and 0xa0.
CODE = b"".join(CALL.rjust(0x20, b"\x90").ljust(0x40, b"\x90") for _ in range(3))
FUNCTIONS = tuple(Function(TEXT + at, TEXT + at + 0x40, ALLOCATE_0X28) for at in (0, 0x40, 0x80))
RETURNS = tuple(BASE + TEXT + at for at in (0x20, 0x60, 0xA0))
IMAGE = tiny_image(*FUNCTIONS, code=CODE)


def registers(rip: int, rsp: int = STACK) -> Registers:
    return x64.registers(rip, (0, 0, 0, 0, rsp, *([0] * 11)))


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


def frame_of(return_address: int) -> bytes:
    """What a frame of 0x28 bytes holds, up to and with its return address."""
    return words(1, 2, 3, 4, 5, return_address)


THREE_FRAMES = frame_of(RETURNS[1]) + frame_of(RETURNS[2]) + frame_of(0)
"""Of a processor that stands at RETURNS[0]."""


def walk(ranges: dict[int, bytes], rip: int = RETURNS[0], modules: tuple[Module, ...] = (NT,)) -> Stack:
    return walk_stack(registers(rip), Bytes(ranges), modules)


def columns(stack: Stack) -> list[tuple[int | None, int | None, int | None, Trust]]:
    return [(frame.child_sp, frame.return_address, frame.instruction, frame.trust) for frame in stack.frames]


def without(image: bytes, *pages: int) -> dict[int, bytes]:
    return {BASE + at: image[at : at + 0x1000] for at in range(0, len(image), 0x1000) if at not in pages}


# --- columns


def test_the_columns_are_those_of_k() -> None:
    # The listings of the source paper: Child-SP of a frame is that of the one before, plus its size, plus 8; RetAddr of
    # the last one is 0.
    stack = walk({BASE: IMAGE, STACK: THREE_FRAMES})
    assert stack.stop_reason is None
    assert stack.frames == (
        Frame(0, STACK, RETURNS[1], RETURNS[0], "nt", None, TEXT + 0x20, Trust.CONTEXT),
        Frame(1, STACK + 0x30, RETURNS[2], RETURNS[1], "nt", None, TEXT + 0x60, Trust.UNWIND),
        Frame(2, STACK + 0x60, 0, RETURNS[2], "nt", None, TEXT + 0xA0, Trust.UNWIND),
    )


def test_user_mode_that_was_not_captured_is_one_frame_without_a_return_address() -> None:
    # As listing 1 of the source paper ends.
    user_rip, user_rsp = 0x7FFCD2563054, 0x7BB6F7F838
    image = tiny_image(Function(TEXT, TEXT + 0x40, MACHINE_FRAME), code=CODE)
    stack = walk({BASE: image, STACK: words(user_rip, 0x33, 0x246, user_rsp, 0x2B)})
    assert columns(stack) == [
        (STACK, user_rip, RETURNS[0], Trust.CONTEXT),
        (user_rsp, 0, user_rip, Trust.UNWIND),
    ]
    assert stack.frames[1].call_site == "0x00007ffc`d2563054"
    assert stack.stop_reason == "0000007b`b6f7f838 is not captured"


def test_a_return_address_behind_the_end_of_its_function_belongs_to_that_function_and_is_shown_one_byte_lower() -> None:
    # dbgeng 10.0.15063, `kn` on a made-up dump whose function was made to end at a return address: RetAddr and call
    # site were those of the address less one, the walk went on through that function.
    functions = (FUNCTIONS[0], Function(TEXT + 0x40, TEXT + 0x60, ALLOCATE_0X28), FUNCTIONS[2])
    stack = walk({BASE: tiny_image(*functions, code=CODE), STACK: THREE_FRAMES})
    assert [frame.return_address for frame in stack.frames] == [RETURNS[1] - 1, RETURNS[2], 0]
    assert stack.frames[1].offset == TEXT + 0x5F
    assert stack.frames[1].child_sp == STACK + 0x30


def test_the_end_of_a_function_is_not_its_own_for_the_innermost_frame() -> None:
    # dbgeng 10.0.15063: taken for a leaf, the return address is what lies at the stack pointer.
    functions = (Function(TEXT, TEXT + 0x20, ALLOCATE_0X28), *FUNCTIONS[1:])
    stack = walk({BASE: tiny_image(*functions, code=CODE), STACK: words(RETURNS[2]) + frame_of(0)})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], RETURNS[2]]


def test_where_an_interrupt_came_from_is_taken_as_it_is() -> None:
    # dbgeng 10.0.15063: the address behind a function, reached through a machine frame, is a leaf.
    handler = FUNCTIONS[0]._replace(unwind_info=MACHINE_FRAME)
    functions = (handler, FUNCTIONS[1]._replace(end=TEXT + 0x60), FUNCTIONS[2])
    interrupted = words(RETURNS[1], 0x10, 0x246, STACK + 0x28, 0x18) + words(RETURNS[2]) + frame_of(0)
    stack = walk({BASE: tiny_image(*functions, code=CODE), STACK: interrupted})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], RETURNS[1], RETURNS[2]]
    assert [frame.child_sp for frame in stack.frames] == [STACK, STACK + 0x28, STACK + 0x30]


def test_a_machine_frame_may_lead_to_a_stack_that_lies_lower() -> None:
    lower = STACK - 0x10000
    functions = (Function(TEXT, TEXT + 0x40, MACHINE_FRAME), *FUNCTIONS[1:])
    ranges = {BASE: tiny_image(*functions, code=CODE), lower: frame_of(0)}
    stack = walk({**ranges, STACK: words(RETURNS[1], 0x10, 0x246, lower, 0x18)})
    assert [frame.child_sp for frame in stack.frames] == [STACK, lower]
    assert stack.stop_reason is None


# --- an emulated program


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return build_program(Path(__file__).with_name("unwind_zoo.s"), tmp_path_factory.mktemp("zoo"))


@needs_linker
def test_a_walk_has_the_rows_of_the_calls_that_the_emulator_saw(zoo: Program) -> None:
    pytest.importorskip("unicorn")
    modules = (Module("zoo", "zoo.exe", LINKED_BASE, len(zoo.memory), None),)
    emulator = Emulator(zoo, {})
    deepest: list[tuple[int, list[tuple[object, ...]], list[tuple[object, ...]]]] = []

    def visit(rip: int, general: tuple[int, ...]) -> None:
        if zoo.symbol_at(rip) != "leaf" or rip != zoo.symbols["leaf"]:
            return
        stack = walk_stack(x64.registers(rip, general), emulator, modules)
        rows: list[tuple[object, ...]] = [(frame.child_sp, frame.instruction) for frame in stack.frames]
        # A part of `split` ends behind the call: the debugger shows such an address less one.
        shown = [(caller.rsp, caller.rip - (caller.rip == zoo.symbols["split_end"])) for caller in emulator.callers]
        seen = [row for row in reversed(shown) if row[1]]
        deepest.append((len(rows), rows, [(general[4], rip), *seen]))

    # The functions behind `version2_split` leave their frames in ways that no unwind data describes.
    emulator.run(zoo.symbols["start"], visit, until=zoo.symbols["version2_no_epilogue"])
    assert len(deepest) > 30
    assert max(deepest)[0] >= 4
    for _, rows, expected in deepest:
        assert rows == expected


# --- where unwind data is missing


def test_a_missing_table_of_functions_is_named_and_the_stack_is_searched() -> None:
    stack = walk({**without(IMAGE, PDATA), STACK: THREE_FRAMES.ljust(SCAN_LIMIT * 2, b"\0")})
    assert columns(stack) == [
        (STACK, RETURNS[1], RETURNS[0], Trust.CONTEXT),
        (STACK + 0x30, RETURNS[2], RETURNS[1], Trust.SCAN),
        (STACK + 0x60, 0, RETURNS[2], Trust.SCAN),
    ]
    assert stack.stop_reason is not None
    assert "frames from 1 on are guessed" in stack.stop_reason
    assert "fffff800`00002" in stack.stop_reason
    assert "no return address" in stack.stop_reason
    reasons = re.split("; |: ", stack.stop_reason)
    assert len(reasons) == len(set(reasons))


def test_a_search_takes_no_address_that_no_call_precedes() -> None:
    left_over = words(BASE + TEXT + 0x21, BASE + XDATA, RETURNS[1] + 1, BASE + SIZE, 0x1234, RETURNS[2])
    stack = walk({**without(IMAGE, PDATA), STACK: left_over.ljust(0x1000, b"\0")})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], RETURNS[2]]


def test_a_search_without_code_and_headers_takes_what_lies_in_a_module() -> None:
    stack = walk({STACK: words(0x1234, BASE + TEXT + 0x777, 0).ljust(0x1000, b"\0")})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], BASE + TEXT + 0x777]
    assert stack.frames[1].trust is Trust.SCAN


def test_a_search_sees_the_frame_of_a_system_call() -> None:
    pushed = words(1, 2, 0x7FFC00001234, 0x33, 0x246, 0x7BB6F7F838, 0x2B, RETURNS[2])
    stack = walk({**without(IMAGE, PDATA), STACK: pushed.ljust(0x1000, b"\0")})
    assert columns(stack)[1:] == [(0x7BB6F7F838, 0, 0x7FFC00001234, Trust.SCAN)]


def test_a_search_ends_with_the_stack() -> None:
    far = bytes(0x800) + words(RETURNS[2]) + bytes(0x800)
    ranges = {**without(IMAGE, PDATA), STACK: far}
    limits = StackLimits(STACK - 0x1000, STACK + 0x800)
    found = walk_stack(registers(RETURNS[0]), Bytes(ranges), (NT,))
    bounded = walk_stack(registers(RETURNS[0]), Bytes(ranges), (NT,), stack_limits=limits)
    assert (len(found.frames), len(bounded.frames)) == (2, 1)


def test_a_search_sees_a_machine_frame_across_a_border_of_pages() -> None:
    pushed = words(0x7FFC00001234, 0x33, 0x246, 0x7BB6F7F838, 0x2B)
    contents = (bytes(0x1000 - 0x18) + pushed).ljust(0x2000, b"\0")
    stack = walk({**without(IMAGE, PDATA), STACK: contents})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], 0x7FFC00001234]


def test_a_search_of_a_kernel_stack_takes_no_address_of_user_mode() -> None:
    user = Module("app", "app.exe", 0x7FFC00000000, 0x10000, None, user=True)
    contents = words(user.base + 0x1234, RETURNS[2]).ljust(0x1000, b"\0")
    stack = walk({**without(IMAGE, PDATA), STACK: contents}, modules=(user, NT))
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], RETURNS[2]]


def test_all_searches_together_look_at_no_more_than_the_largest_kernel_stack() -> None:
    contents = (words(RETURNS[2]) + bytes(0x3FF8)) * 16
    memory = Bytes({**without(IMAGE, PDATA), STACK: contents})
    stack = walk_stack(registers(RETURNS[0]), memory, (NT,))
    assert stack.frames[-1].child_sp == STACK + SCAN_TOTAL // 0x4000 * 0x4000 + 8
    assert max(address + size for address, size in memory.reads if address >= STACK) <= STACK + SCAN_TOTAL + 0x1000


def test_no_trust_is_regained_behind_a_guess() -> None:
    # Frame 0 stands in an image that is missing; what is found behind it unwinds well, from a guess.
    other = Module("drv", "drv.sys", BASE + 0x100000, 0x1000, None)
    contents = words(7, RETURNS[1]) + frame_of(RETURNS[2]) + frame_of(0)
    stack = walk({BASE: IMAGE, STACK: contents}, other.base + 8, (NT, other))
    assert [frame.trust for frame in stack.frames] == [Trust.CONTEXT, Trust.SCAN, Trust.SCAN]
    assert [frame.child_sp for frame in stack.frames] == [STACK, STACK + 0x10, STACK + 0x40]


def test_an_image_file_stands_in_for_missing_pages() -> None:
    file = Bytes({0: IMAGE})
    memory = Bytes({STACK: THREE_FRAMES})
    stack = walk_stack(registers(RETURNS[0]), memory, (NT,), find_image=lambda _: file)
    assert stack == walk({BASE: IMAGE, STACK: THREE_FRAMES})


@pytest.mark.parametrize("field", ["timestamp", "size"])
def test_an_image_file_of_another_build_is_not_used(field: str) -> None:
    other = Module("nt", "ntoskrnl.exe", BASE, SIZE + (field == "size"), TIMESTAMP + (field == "timestamp"))
    file = Bytes({0: IMAGE})
    memory = Bytes({STACK: THREE_FRAMES.ljust(0x1000, b"\0")})
    stack = walk_stack(registers(RETURNS[0]), memory, (other,), find_image=lambda _: file)
    assert stack.frames[1].trust is Trust.SCAN


def test_an_image_that_cannot_be_had_is_asked_for_once() -> None:
    asked: list[Module] = []

    def refuse(module: Module) -> None:
        asked.append(module)
        raise SymbolError("no such image")

    memory = Bytes({STACK: THREE_FRAMES.ljust(0x1000, b"\0")})
    assert len(walk_stack(registers(RETURNS[0]), memory, (NT,), find_image=refuse).frames) == 3
    assert asked == [NT]


def test_a_frame_in_no_module_is_shown_and_left_by_a_search() -> None:
    nowhere = BASE + 0x1000000
    follows_no_call = BASE + TEXT + 0x21
    contents = frame_of(nowhere) + words(follows_no_call, 2, RETURNS[2]) + frame_of(0)
    stack = walk({BASE: IMAGE, STACK: contents})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0], nowhere, RETURNS[2]]
    assert stack.frames[1].module is None


def test_a_call_through_a_null_pointer_leads_to_its_caller() -> None:
    # Nothing ran after the call, so that nothing of this is a guess.
    stack = walk({BASE: IMAGE, STACK: words(RETURNS[1]) + frame_of(0)}, rip=0)
    assert [(frame.instruction, frame.trust) for frame in stack.frames] == [
        (0, Trust.CONTEXT),
        (RETURNS[1], Trust.UNWIND),
    ]
    assert stack.stop_reason is None


def test_the_less_is_known_of_where_the_processor_stands_the_less_its_callers_are_trusted() -> None:
    # A leaf of an image: read as one, its table of functions missing, all of the image missing, the image not listed.
    other = Module("drv", "drv.sys", BASE + 0x100000, SIZE, TIMESTAMP)
    leaf, contents = other.base + TEXT + 0x8, words(RETURNS[1]) + frame_of(0)
    known = {BASE: IMAGE, STACK: contents}
    image = {BASE + 0x100000 + at: IMAGE[at : at + 0x1000] for at in range(0, len(IMAGE), 0x1000)}
    without_table = {at: page for at, page in image.items() if at != other.base + PDATA}
    sound = {**known, **image, other.base: tiny_image(code=CODE)}
    stacks = [
        walk(sound, leaf, (NT, other)),
        walk({**known, **without_table}, leaf, (NT, other)),
        walk(known, leaf, (NT, other)),
        walk(known, leaf, (NT,)),
    ]
    assert [[frame.instruction for frame in stack.frames] for stack in stacks] == [[leaf, RETURNS[1]]] * 4
    assert [stack.frames[1].trust for stack in stacks] == [Trust.UNWIND, Trust.SCAN, Trust.SCAN, Trust.SCAN]
    assert stacks[0].stop_reason is None
    assert stacks[3].stop_reason is not None
    assert "frames from 1 on are guessed" in stacks[3].stop_reason
    assert "lies in no module" in stacks[3].stop_reason


# --- stacks that lie


def test_a_circle_of_machine_frames_ends() -> None:
    image = tiny_image(Function(TEXT, TEXT + 0x40, MACHINE_FRAME), code=CODE)
    stack = walk({BASE: image, STACK: words(RETURNS[0], 0x10, 0x246, STACK, 0x18)})
    assert len(stack.frames) == 1
    assert stack.stop_reason is not None
    assert "circle" in stack.stop_reason


def test_a_frame_register_that_points_back_ends_the_walk() -> None:
    # push rbp; mov rbp, rsp: with rbp below the stack pointer the stack would go down.
    info = bytes([1, 4, 2, 5, 4, 0x03, 1, 0x50])
    image = tiny_image(Function(TEXT, TEXT + 0x40, info), code=CODE)
    general = [0] * 16
    general[4], general[5] = STACK + 0x100, STACK
    memory = Bytes({BASE: image, STACK: words(0, RETURNS[1]).ljust(0x1000, b"\0")})
    stack = walk_stack(x64.registers(RETURNS[0], tuple(general)), memory, (NT,))
    assert len(stack.frames) == 1
    assert stack.stop_reason is not None
    assert "does not rise" in stack.stop_reason


def test_a_walk_comes_back_from_the_stack_of_dpcs_to_that_of_the_thread_which_may_lie_lower() -> None:
    info = bytes([1, 4, 2, 5, 4, 0x03, 1, 0x50])
    image = tiny_image(Function(TEXT, TEXT + 0x40, info), code=CODE)
    general = [0] * 16
    general[4], general[5] = STACK + 0x8000, STACK
    memory = Bytes({BASE: image, STACK: words(0, RETURNS[1]).ljust(0x1000, b"\0"), STACK + 0x8000: bytes(0x1000)})
    limits = StackLimits(STACK, STACK + 0x1000)
    stack = walk_stack(x64.registers(RETURNS[0], tuple(general)), memory, (NT,), stack_limits=limits)
    assert [frame.child_sp for frame in stack.frames][:2] == [STACK + 0x8000, STACK + 0x10]


@pytest.mark.parametrize("value", [0x1234, 0x00007FFC00000000, 0x8000000000000000, 0xFFFF000000000000])
def test_what_cannot_be_a_return_address_ends_the_walk(value: int) -> None:
    stack = walk({BASE: IMAGE, STACK: frame_of(value)})
    assert [frame.instruction for frame in stack.frames] == [RETURNS[0]]
    assert stack.stop_reason is not None
    assert "cannot be" in stack.stop_reason


def test_no_more_frames_than_asked_for() -> None:
    endless = frame_of(RETURNS[0]) * 50
    stack = walk_stack(registers(RETURNS[0]), Bytes({BASE: IMAGE, STACK: endless}), (NT,), limit=20)
    assert len(stack.frames) == 20
    assert stack.stop_reason == "more than 20 frames"


class Repeating:
    """Memory that has an answer for every address: the image at its place, one value elsewhere."""

    def __init__(self, image: bytes, value: int) -> None:
        self.image, self.value = image, struct.pack("<Q", value)
        self.reads = 0

    def read(self, address: int, size: int) -> bytes:
        self.reads += 1
        if address >= BASE and address + size <= BASE + len(self.image):
            return self.image[address - BASE : address - BASE + size]
        if size > 0x10000:
            raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
        return (self.value * (size // 8 + 1))[:size]


def hostile_images() -> dict[str, bytes]:
    chain = b""
    for n in range(31):
        at = XDATA + 0x80 * (n + 1)
        info = bytes([0x21, 0, 0x30, 0]) + bytes([0, 0x30]) * 0x30 + struct.pack("<III", TEXT, TEXT + 0x40, at)
        chain += info.ljust(0x80, b"\0")
    chain += bytes([1, 0, 0x30, 0]) + bytes([0, 0x30]) * 0x30
    table = struct.pack("<III", TEXT, TEXT + 0x40, XDATA)
    jumps = b"\xe9" + struct.pack("<i", 0x100)
    return {
        "long chains of pushes": assemble(table, chain.ljust(0x1000, b"\0"), CODE),
        "chains behind a jump": assemble(table, chain.ljust(0x1000, b"\0"), jumps.rjust(0x25, b"\x90")),
        "no unwind data": assemble(b"", b"", CODE),
        "machine frames": assemble(table, bytes([1, 0, 1, 0, 0, 0x0A]), CODE),
    }


@pytest.mark.parametrize("name", list(hostile_images()))
def test_made_to_waste_time_a_walk_ends_soon(name: str) -> None:
    for value in (RETURNS[0], RETURNS[1], 0x10, STACK, 0xFFFFFFFFFFFFFFF8):
        memory = Repeating(hostile_images()[name], value)
        with at_most(100):
            walk_stack(registers(RETURNS[0]), memory, (NT,))
        assert memory.reads <= MAX_READS


@pytest.mark.parametrize(
    "module",
    [
        Module("vast", "vast.sys", 0, 1 << 64, None),
        Module("empty", "empty.sys", BASE, 0, None),
        Module("below", "below.sys", BASE - 0x1000, 1 << 63, None),
    ],
    ids=lambda module: module.name,
)
def test_modules_with_absurd_sizes_do_no_harm(module: Module) -> None:
    stack = walk({BASE: IMAGE, STACK: THREE_FRAMES.ljust(0x1000, b"\0")}, modules=(module, NT))
    assert 1 <= len(stack.frames) < 100


def test_a_stack_at_the_end_of_the_address_space_does_no_harm() -> None:
    top = 0xFFFFFFFFFFFFFFF0
    for image in hostile_images().values():
        assert walk_stack(registers(RETURNS[0], top), Repeating(image, RETURNS[1]), (NT,)).frames


# --- what a search goes by


@pytest.mark.parametrize(
    "code",
    [
        "e801020304", "ffd0", "41ffd3", "ff10", "ff5008", "ff9008000000", "ff542420", "ff942420000000", "ff1500000000",
        "ff14c8", "ff1425aabbccdd",
    ],
)  # fmt: skip
def test_calls(code: str) -> None:
    # llvm-mc says callq to all of them: relative, by register, [rax], [rax+8], [rax+disp32], [rsp+0x20], [rsp+disp32],
    # [rip+0], [rax+rcx*8], [disp32].
    assert ends_in_call(b"\x90" * 8 + bytes.fromhex(code))


@pytest.mark.parametrize("code", ["90909090", "ffe0", "ff30", "e9010203 04", "ffd090", "c3", "ff2500000000"])
def test_what_is_no_call(code: str) -> None:
    # nop, jmp rax, push [rax], jmp, call and a nop, ret, jmp [rip].
    assert not ends_in_call(b"\x90" * 8 + bytes.fromhex(code))


GOOD_FRAME = (0x7FFC00001234, 0x33, 0x246, 0x7BB6F7F838, 0x2B)


@pytest.mark.parametrize(
    ("index", "value"),
    [(0, 0x8000000000000000), (0, RETURNS[0]), (1, 0x30), (2, 0x244), (2, 1 << 40), (3, STACK), (4, 0x33)],
)
def test_what_is_no_machine_frame(index: int, value: int) -> None:
    assert parse_machine_frame(GOOD_FRAME) is not None
    assert parse_machine_frame((*GOOD_FRAME[:index], value, *GOOD_FRAME[index + 1 :])) is None
    assert parse_machine_frame(GOOD_FRAME[:4]) is None


def test_an_image_of_another_machine_is_not_unwound() -> None:
    image = bytearray(IMAGE)
    struct.pack_into("<H", image, 0x44, 0xAA64)
    stack = walk({BASE: bytes(image), STACK: words(1, 2, RETURNS[1]).ljust(0x1000, b"\0")})
    assert stack.frames[1].trust is Trust.SCAN
    assert stack.stop_reason is not None
    assert "nt is no x64 image" in stack.stop_reason


def test_damaged_images_and_stacks_give_stacks() -> None:
    chance = random.Random(11)
    handler = Function(TEXT + 0xC0, TEXT + 0x100, MACHINE_FRAME)
    frame = Function(TEXT + 0x100, TEXT + 0x140, bytes([1, 4, 2, 5, 4, 0x03, 1, 0x50]))
    image = tiny_image(*FUNCTIONS, handler, frame, code=CODE.ljust(0x1000, b"\xc3"))
    contents = THREE_FRAMES[:-8] + words(BASE + TEXT + 0xE0, RETURNS[1], 0x10, 0x246, STACK + 8, 0x18) + THREE_FRAMES
    for _ in range(2000):
        ranges = {BASE: bytearray(image), STACK: bytearray(contents.ljust(0x400, b"\0"))}
        for _ in range(chance.randrange(1, 6)):
            data, size = chance.choice(((ranges[BASE], 0x200), (ranges[STACK], 0x100)))
            at = chance.choice((0, PDATA, XDATA)) * (size == 0x200) + chance.randrange(size)
            data[at] = chance.randrange(256)
        memory = Bytes({start: bytes(data) for start, data in ranges.items()})
        general = tuple(chance.choice((0, STACK + 8 * chance.randrange(64), STACK)) for _ in range(16))
        where = x64.registers(BASE + TEXT + chance.randrange(0x140), (*general[:4], STACK, *general[5:]))
        stack = walk_stack(where, memory, (NT,))
        assert 1 <= len(stack.frames) <= 1024
        assert len(memory.reads) < 20_000
