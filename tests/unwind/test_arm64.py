"""The ARM64 unwinder against an emulator, at every instruction of functions with every unwind code."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from livedump.images.image import Image, read_image
from livedump.machine import arm64 as machine
from livedump.model.addresses import Memory
from livedump.model.errors import DamagedDump, DumpError, NotKnown
from livedump.unwind.arm64 import UNWINDER, Undoing
from livedump.unwind.arm64_codes import parse_codes
from livedump.unwind.unwinder import Position
from tests.effort import at_most
from tests.unwind.arm64_emulator import BASE
from tests.unwind.arm64_programs import FRAMES, PACKED, Run, build
from tests.unwind.x64_programs import Bytes, missing_tool

needs_tools = pytest.mark.skipif(missing_tool() is not None, reason=f"{missing_tool()} is not installed")
STACK = 0xFFFFF90000010000


def callers(memory: Memory, image: Image, pc: int, sp: int, general: tuple[int, ...]) -> list[tuple[int, int, object]]:
    """All frames further out, nearest first; the last one is where a return address of 0 leads."""
    found: list[tuple[int, int, object]] = []
    position = Position(pc, sp, general, exact=True)
    while position.instruction and len(found) < 20:
        undoing = UNWINDER.plan(memory, image, position) or UNWINDER.leaf(None)
        position = undoing.caller(memory, position)
        found.append((position.instruction, position.stack_pointer, position.general[19:30]))
    return found


@needs_tools
def test_every_instruction_of_every_kind_of_function_leads_to_the_callers_that_the_emulator_saw(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    data, symbols = build(tmp_path)
    run = Run(data)
    image = read_image(run.emulator, BASE)
    wrong, looked_at = [], 0
    for pc, (sp, general) in run.instructions(symbols["start"]):
        looked_at += 1
        try:
            found = callers(run.emulator, image, pc, sp, general)
        except DumpError as error:
            found = [(0, 0, str(error))]
        if found != run.expected():
            wrong.append((hex(pc), found, run.expected()))
    assert wrong == []
    assert looked_at > 12 * (len(FRAMES) + len(PACKED))


# --- frames that hold a stack pointer of another stack, as no assembler's program makes them


def undone(code: int, memory: Memory, *, sp: int = STACK, general: dict[int, int] | None = None) -> Position:
    registers = [0x1000 + number for number in range(31)]
    for number, value in (general or {}).items():
        registers[number] = value
    position = Position(0xFFFFF801_00001000, sp, tuple(registers), exact=False)
    return Undoing(parse_codes(bytes([code, 0xE4]), 0)[:1]).caller(memory, position)


def test_a_trap_frame_leads_to_user_mode_with_all_that_was_interrupted() -> None:
    # KTRAP_FRAME of kxarm64.h: TrSp 98, TrX a0, TrLr 138, TrFp 140, TrPc 148, length 150.
    frame = bytearray(0x150)
    struct.pack_into("<Q19QQQQ", frame, 0x98, 0x7F00_0000, *range(100, 119), 0x7FF6_0004, 0x7F00_0040, 0x7FFC_0000_1234)
    caller = undone(0xE8, Bytes({STACK: bytes(frame)}))
    assert (caller.instruction, caller.stack_pointer) == (0x7FFC_0000_1234, 0x7F00_0000)
    assert (caller.exact, caller.machine_frame) == (True, True)
    assert caller.general[:19] == tuple(range(100, 119))
    assert caller.general[19:29] == tuple(0x1000 + number for number in range(19, 29))
    assert caller.general[29:] == (0x7F00_0040, 0x7FF6_0004)


def test_a_machine_frame_holds_the_stack_pointer_and_then_the_pc() -> None:
    caller = undone(0xE9, Bytes({STACK: struct.pack("<QQ", 0x7F00_0010, 0x7FFC_0000_4444)}))
    assert (caller.instruction, caller.stack_pointer, caller.exact) == (0x7FFC_0000_4444, 0x7F00_0010, True)


@pytest.mark.parametrize(("flags", "exact"), [(0x400007, True), (0x20400007, False)])
def test_a_context_on_the_stack_says_whether_its_pc_is_a_return_address(flags: int, exact: bool) -> None:
    context = bytearray(0x390)
    struct.pack_into("<II31QQQ", context, 0, flags, 0, *range(200, 231), 0x7F00_0020, 0x7FFC_0000_5554)
    caller = undone(0xEA, Bytes({STACK: bytes(context)}))
    assert (caller.instruction, caller.stack_pointer, caller.exact) == (0x7FFC_0000_5554, 0x7F00_0020, exact)
    assert caller.general == tuple(range(200, 231))


def test_what_is_no_context_is_damage() -> None:
    with pytest.raises(DamagedDump, match="no CONTEXT"):
        undone(0xEA, Bytes({STACK: bytes(0x390)}))


def test_frames_of_emulated_code_are_not_known() -> None:
    with pytest.raises(NotKnown, match="emulated"):
        undone(0xEB, Bytes({STACK: bytes(0x1000)}))


def test_a_thread_that_was_started_has_no_call_behind_it() -> None:
    caller = undone(0xEC, Bytes({}), general={30: 0xFFFFF801_00002000})
    assert (caller.instruction, caller.stack_pointer, caller.exact) == (0xFFFFF801_00002000, STACK, True)
    assert not caller.machine_frame


@pytest.mark.parametrize("lr", [0xFFFFF801_00002000, 0x0097F801_00002000, 0xA5CBF801_00002000])
def test_the_code_of_a_signed_return_address_is_taken_off(lr: int) -> None:
    assert undone(0xFC, Bytes({}), general={30: lr}).instruction == 0xFFFFF801_00002000


def test_an_address_between_instructions_is_no_return_address() -> None:
    with pytest.raises(DamagedDump, match="cannot be a return address"):
        undone(0x01, Bytes({}), general={30: 0xFFFFF801_00002002})


@pytest.mark.parametrize("code", [0xDF, *range(0xED, 0xF8)], ids=hex)
def test_reserved_codes_are_refused(code: int) -> None:
    with pytest.raises(DamagedDump, match="reserved"):
        parse_codes(bytes([code, 0xE4]), 0)


@pytest.mark.parametrize("data", [b"\xc0", b"\xe0\0\0", b"\xe7\x01", b"\xc8", b"\xfb\0\0\0"], ids=bytes.hex)
def test_codes_that_end_inside_of_one_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedDump, match="end inside"):
        parse_codes(data, 0)


def test_registers_that_are_not_there_are_damage() -> None:
    from livedump.unwind.arm64 import plan_undoing
    from livedump.unwind.arm64_data import Function

    for codes in (b"\xe6" * 6 + b"\xc8\x00", b"\xcb\xc0", b"\xd3\x00", b"\xe7\x1f\x01", b"\xe7\x5e\x01"):
        with pytest.raises(DamagedDump, match="registers from number"):
            plan_undoing(Function(0, 400, parse_codes(codes + b"\xe4", 0)), 200)


def test_a_frame_that_hangs_on_a_lost_register_is_not_known() -> None:
    position = Position(0xFFFFF801_00001000, STACK, (None,) * 31, exact=False)
    with pytest.raises(NotKnown, match="hangs on lr"):
        Undoing(()).caller(Bytes({}), position)
    with pytest.raises(NotKnown, match="hangs on fp"):
        Undoing(parse_codes(b"\xe1\xe4", 0)[:1]).caller(Bytes({}), position)


def test_a_guessed_frame_hangs_on_fp_alone() -> None:
    general = [None] * 31
    general[machine.FP] = STACK + 0x40  # type: ignore[call-overload]
    position = Position(0xFFFFF801_00001000, STACK, tuple(general), exact=False, guessed=True)
    memory = Bytes({STACK + 0x40: struct.pack("<QQ", STACK + 0x90, 0xFFFFF801_00003000)})
    caller = Undoing(parse_codes(b"\xe1\x83\xe4", 0)[:2]).caller(memory, position)
    assert (caller.instruction, caller.stack_pointer) == (0xFFFFF801_00003000, STACK + 0x60)
    with pytest.raises(NotKnown, match="hangs on sp"):
        Undoing(parse_codes(b"\x83\xe4", 0)[:1]).caller(memory, position)


def test_a_function_with_as_many_epilogues_as_it_can_name_is_read_in_no_time() -> None:
    from livedump.unwind.arm64 import plan_undoing
    from livedump.unwind.arm64_data import read_function

    # 65,535 epilogues, each of the longest list of codes that there may be.
    scopes = b"".join(struct.pack("<I", min(3 * number, 0x3FFFF)) for number in range(0xFFFF))
    record = struct.pack("<II", 0x3FFFF, 0xFFFF | 0xFF << 16) + scopes + b"\xe3" * (4 * 0xFF)
    image = Image(BASE, 1 << 24, 0xAA64, 0, 0, (), None, None, None, None)
    memory = Bytes({BASE + 0x10000: record})
    with at_most(100):
        for instruction in range(2000, 60_000, 1000):
            plan_undoing(read_function(memory, image, 0x1000, 0x10000), 0x1000 + 4 * instruction)
