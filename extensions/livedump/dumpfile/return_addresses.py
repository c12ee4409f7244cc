"""Values on a stack that look like return addresses: they lie behind a call instruction in the code of a module."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from livedump.dumpfile.module_images import ModuleImages
from livedump.model.addresses import MAX_U64, PAGE_SIZE
from livedump.model.errors import DumpError, MemoryGap

CALL_RELATIVE = 0xE8
CALL_RELATIVE_LENGTH = 5
LONGEST_CALL = 7
"""Bytes without prefixes: ff, ModRM, SIB and a displacement of four."""
GROUP_5 = 0xFF
GROUP_5_CALL = 0x10


class Candidate(NamedTuple):
    """One value on the stack."""

    slot: int
    """Where it lies."""
    value: int


def find_return_address(images: ModuleImages, start: int, end: int) -> Candidate | None:
    """The first value from ``start`` (included) to ``end`` that looks like a return address; None without one.

    Raises:
        MemoryGap: a page of the stack is missing before one was found.
    """
    for slot, value in _iter_values(images, start, end):
        if images.lowest < value < images.highest and looks_like_return_address(images, value):
            return Candidate(slot, value)
    return None


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


def _iter_values(images: ModuleImages, start: int, end: int) -> Iterator[tuple[int, int]]:
    # The aligned 64-bit values from ``start`` to ``end`` with their addresses, read a page at a time.
    address = start + 7 & ~7
    end = min(end, MAX_U64 + 1)
    while address + 8 <= end:
        size = min(end, (address | PAGE_SIZE - 1) + 1) - address & ~7
        for index, value in enumerate(struct.unpack(f"<{size // 8}Q", images.read(address, size))):
            yield address + 8 * index, value
        address += size
