"""The next frame out where unwind data is missing, guessed from what lies on the stack.

Two things tell: a return address lies behind a call in the code of a module, and what the processor pushes at an
interrupt or system call holds selectors that Windows gives to nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from livedump.images.module_images import ModuleImages
from livedump.model.addresses import MAX_U64, PAGE_SIZE, canonical, is_kernel_address
from livedump.model.errors import DumpError, MemoryGap
from livedump.unwind import c_x64 as c
from livedump.unwind.x64 import UNKNOWN_REGISTERS, Position

CALL_RELATIVE = 0xE8
CALL_RELATIVE_LENGTH = 5
LONGEST_CALL = 7
"""Bytes without prefixes: ff, ModRM, SIB and a displacement of four."""
GROUP_5 = 0xFF
GROUP_5_CALL = 0x10


class Guess(NamedTuple):
    """A frame that may be the next one out."""

    position: Position
    slot: int
    """Where on the stack the value lies that told."""


def find_caller(images: ModuleImages, start: int, end: int) -> Guess | None:
    """The frame that the first likely value from ``start`` (included) to ``end`` leads to; None without one.

    Raises:
        MemoryGap: a page of the stack is missing before one was found.
    """
    kernel = is_kernel_address(start)
    for slot, words in _iter_values(images, start, end):
        interrupted = parse_machine_frame(words)
        if interrupted is not None:
            return Guess(interrupted, slot)
        value = words[0]
        if not images.lowest < value < images.highest or is_kernel_address(value) != kernel:
            continue
        if looks_like_return_address(images, value):
            return Guess(Position(value, slot + 8, UNKNOWN_REGISTERS, exact=False), slot)
    return None


def parse_machine_frame(words: tuple[int, ...]) -> Position | None:
    """Where an interrupt, exception or system call came from, if ``words`` are what the processor pushed then."""
    if len(words) < c.MACHINE_FRAME_WORDS:
        return None
    rip, code, flags, rsp, stack = words
    kernel = is_kernel_address(rip)
    if (code, stack) not in (c.KERNEL_SELECTORS if kernel else c.USER_SELECTORS):
        return None
    sound = flags >> 32 == 0 and flags & c.FLAGS_ALWAYS_SET and is_kernel_address(rsp) == kernel
    if not sound or canonical(rip) != rip or canonical(rsp) != rsp:
        return None
    return Position(rip, rsp, UNKNOWN_REGISTERS, exact=True, machine_frame=True)


def looks_like_return_address(images: ModuleImages, address: int) -> bool:
    """Whether ``address`` lies in a module's code behind a call.

    Where the dump holds neither the headers nor the code, that the address lies in a module has to do.
    """
    module = images.find_module(address - 1)
    if module is None or address - LONGEST_CALL < module.base:
        return False
    try:
        if not images.image(module).is_code(address - 1):
            return False
    except DumpError:
        pass  # without sections, all of the module may be code
    try:
        return ends_in_call(images.read(address - LONGEST_CALL, LONGEST_CALL))
    except MemoryGap:
        return True


def ends_in_call(code: bytes) -> bool:
    """Whether the last bytes of ``code`` (7 suffice) are a call: relative, or through a register or memory."""
    if code[-CALL_RELATIVE_LENGTH] == CALL_RELATIVE:
        return True
    return any(
        code[-length] == GROUP_5 and _is_call_of(length, code[-length + 1], code[-length + 2 :])
        for length in (2, 3, 4, 6, 7)
    )


def _is_call_of(length: int, mod_rm: int, rest: bytes) -> bool:
    return mod_rm & 0x38 == GROUP_5_CALL and length == 2 + _operand_size(mod_rm >> 6, mod_rm & 7, rest)


def _operand_size(mod: int, rm: int, rest: bytes) -> int:
    # Bytes behind ModRM: a SIB for rm 4, and a displacement.
    if mod == 3:
        return 0
    sib = rm == 4
    no_base = rm == 5 or (sib and len(rest) > 0 and rest[0] & 7 == 5)
    displacement = (4 if no_base else 0, 1, 4)[mod]
    return sib + displacement


def _iter_values(images: ModuleImages, start: int, end: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    # Each aligned slot from ``start`` to ``end`` with the values of five slots from there on (fewer before a gap).
    address = start + 7 & ~7
    end = min(end, MAX_U64)
    while address + 8 <= end:
        size = min(end, (address | PAGE_SIZE - 1) + 1) - address & ~7
        words = _read_words(images, address, size + c.MACHINE_FRAME_SIZE - 8)
        size = min(size, len(words) * 8)
        for index in range(size // 8):
            yield address + 8 * index, words[index : index + c.MACHINE_FRAME_WORDS]
        address += size


def _read_words(images: ModuleImages, address: int, size: int) -> tuple[int, ...]:
    # The values of ``size`` bytes; of those before a gap, if there are any.
    try:
        data = images.read(address, size)
    except MemoryGap as gap:
        held = min(gap.address - address, size) & ~7
        if held <= 0:
            raise
        data = images.read(address, held)
    return struct.unpack(f"<{len(data) // 8}Q", data)
