"""How code of each machine names a pool tag."""

from __future__ import annotations

import struct

import pytest

from livedump.machine import arm64, x64

TAG = b"Lab1"
# As clang encodes them: mov w1, #0x614c; movk w1, #0x3162, lsl #16; the same for w8.
MOVZ_1, MOVK_1, MOVZ_8, MOVK_8 = 0x528C2981, 0x72A62C41, 0x528C2988, 0x72A62C48
NOTHING = 0xD503201F


def code(*instructions: int) -> bytes:
    return struct.pack(f"<{len(instructions)}I", *instructions)


@pytest.mark.parametrize(
    "instructions",
    [
        (NOTHING, MOVZ_1, MOVK_1),
        (MOVZ_8, MOVK_8, NOTHING),
        (MOVZ_1, NOTHING, NOTHING, NOTHING, MOVK_1),
        (MOVZ_1, MOVZ_8, MOVK_8),
        (NOTHING, int.from_bytes(TAG, "little")),
    ],
)
def test_arm64_code_loads_a_tag_by_halves_or_keeps_it_beside_itself(instructions: tuple[int, ...]) -> None:
    assert arm64.holds_number(code(*instructions), TAG)


@pytest.mark.parametrize(
    "instructions",
    [
        (),
        (MOVZ_1, MOVK_8),
        (MOVK_1, MOVZ_1),
        (MOVZ_1, NOTHING, NOTHING, NOTHING, NOTHING, MOVK_1),
        (MOVZ_1,),
    ],
)
def test_arm64_code_that_loads_something_else_does_not_hold_the_tag(instructions: tuple[int, ...]) -> None:
    assert not arm64.holds_number(code(*instructions), TAG)


def test_what_stands_across_instructions_is_no_load() -> None:
    assert not arm64.holds_number(b"\0" + code(MOVZ_1, MOVK_1), TAG)


def test_x64_code_has_a_tag_as_an_operand() -> None:
    assert x64.holds_number(b"\x90\xba" + TAG + b"\xe8", TAG)
    assert not x64.holds_number(code(MOVZ_1, MOVK_1), TAG)
