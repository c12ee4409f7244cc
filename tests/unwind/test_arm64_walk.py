"""Whole ARM64 stacks: what is guessed where unwind data is missing, and a real triage dump that holds none."""

from __future__ import annotations

import struct

import pytest

from livedump.engines.native import NativeEngine
from livedump.machine import arm64
from livedump.model.frames import Stack, Trust
from livedump.model.images import Module
from livedump.model.machines import ARM64
from livedump.model.processors import Registers
from livedump.unwind.arm64_scan import is_call
from tests.samples import TRIAGE_ARM64
from tests.unwind.walking import walk_stack
from tests.unwind.x64_programs import Bytes

BASE, SIZE = 0xFFFFF801_00000000, 0x10000
NT = Module("nt", "ntoskrnl.exe", BASE, SIZE, 1)
STACK = 0xFFFFF900_00010000
CALL, CALL_REGISTER, NOTHING = 0x94000010, 0xD63F0100, 0xD503201F


def code(*calls: int) -> dict[int, bytes]:
    """Code of the module with a call in front of each of these offsets; it has no headers."""
    words = [NOTHING] * (SIZE // 4)
    for offset in calls:
        words[offset // 4 - 1] = CALL if offset % 8 else CALL_REGISTER
    return {BASE + 0x1000: struct.pack(f"<{SIZE // 4}I", *words)[0x1000:]}


def walk(
    stack: dict[int, int], *, fp: int = 0, calls: tuple[int, ...] = (), modules: tuple[Module, ...] = (NT,)
) -> Stack:
    data = bytearray(0x400)
    for offset, value in stack.items():
        struct.pack_into("<Q", data, offset, value)
    general = [0] * 31
    general[arm64.FP] = fp
    registers = Registers(BASE + 0x2000, STACK, tuple(general), ARM64)
    memory = Bytes({STACK: bytes(data), **code(*calls)})
    return walk_stack(registers, memory, modules, machine=ARM64)


def instructions(stack: Stack) -> list[tuple[int, Trust]]:
    return [(frame.instruction or 0, frame.trust) for frame in stack.frames]


def test_without_unwind_data_the_chain_of_frame_pointers_is_followed() -> None:
    # Between the links lies a value that looks like a return address.
    stack = {0x20: STACK + 0x80, 0x28: BASE + 0x3000, 0x40: BASE + 0x5000, 0x80: 0, 0x88: BASE + 0x4004}
    found = walk(stack, fp=STACK + 0x20, calls=(0x3000, 0x4004, 0x5000))
    assert instructions(found) == [
        (BASE + 0x2000, Trust.CONTEXT),
        (BASE + 0x3000, Trust.SCAN),
        (BASE + 0x4004, Trust.SCAN),
    ]
    assert found.stop_reason is not None
    assert found.stop_reason.startswith("frames from 1 on are guessed")


def test_codes_of_authentication_are_no_part_of_what_is_guessed() -> None:
    stack = {0x20: 0, 0x28: (BASE + 0x3000) & ~(0xFF7F << 48) | 0x5A12 << 48 | 1 << 55}
    assert instructions(walk(stack, fp=STACK + 0x20, calls=(0x3000,)))[1:] == [(BASE + 0x3000, Trust.SCAN)]


def test_a_broken_chain_is_taken_up_at_the_next_likely_value() -> None:
    stack = {0x10: BASE + 0x6000, 0x30: STACK + 0x60, 0x38: BASE + 0x3000, 0x60: 0, 0x68: BASE + 0x4004}
    found = walk(stack, fp=0x1234, calls=(0x3000, 0x4004))
    assert [instruction for instruction, _ in instructions(found)] == [BASE + 0x2000, BASE + 0x3000, BASE + 0x4004]


@pytest.mark.parametrize("fp", [STACK + 0x21, STACK - 0x40, STACK + 0x3F8, STACK + 0x9000], ids=hex)
def test_a_frame_pointer_that_leads_nowhere_is_not_followed(fp: int) -> None:
    assert len(walk({0x20: 0, 0x28: BASE + 0x3000}, fp=fp, calls=(0x3000,)).frames) == 2


def test_a_chain_that_runs_in_a_circle_ends() -> None:
    stack = {0x20: STACK + 0x20, 0x28: BASE + 0x3000}
    assert len(walk(stack, fp=STACK + 0x20, calls=(0x3000,)).frames) < 20


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (0x94000001, True),  # bl
        (0x97FFFFFF, True),
        (0xD63F0100, True),  # blr x8
        (0xD63F091F, True),  # blraaz x8
        (0xD73F0911, True),  # blraa x8, x17
        (0x14000001, False),  # b
        (0xD61F0100, False),  # br x8
        (0xD65F03C0, False),  # ret
        (0xD503201F, False),  # nop
    ],
    ids=hex,
)
def test_calls_by_their_encoding(instruction: int, expected: bool) -> None:
    assert is_call(instruction) == expected


@pytest.mark.skipif(not TRIAGE_ARM64.exists(), reason="the real dumps are not at hand")
def test_a_real_triage_dump_without_unwind_data_shows_its_context_and_marks_what_is_guessed() -> None:
    # The debugger of 2026 shows the same first frame and no other but 0x0: the dump holds neither headers nor unwind
    # data of nt. The links of fp were followed by hand: e0e4bc4a0, e0e4bcb10, e0e4bccd0, e0e4bcd30, 0.
    engine = NativeEngine(str(TRIAGE_ARM64), symbols="")
    try:
        stack = engine.stack()
    finally:
        engine.close()
    nt = 0xFFFFF803_F2E00000
    places = [0x4DE014, 0x5442A0, 0x29FF1C, 0x373340, 0x207DE4]
    assert instructions(stack) == [(nt + at, Trust.SCAN if index else Trust.CONTEXT) for index, at in enumerate(places)]
    assert stack.frames[0].child_sp == 0xFFFFE00E_0E4BC4A0
    assert "frames from 1 on are guessed" in (stack.stop_reason or "")
