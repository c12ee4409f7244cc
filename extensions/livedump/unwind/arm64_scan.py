"""The next frame out where unwind data of an ARM64 system is missing, guessed from what lies on the stack.

Most functions store the return address with the frame pointer of their caller right in front of it, and point the frame
pointer there: from frame to frame these pairs are a chain. Where it is broken, the next return address is taken that
lies behind a call in the code of a module.
"""

from __future__ import annotations

import struct

from livedump.images.module_images import ModuleImages
from livedump.machine.arm64 import FP, GENERAL_REGISTERS, code_address
from livedump.model.addresses import MAX_U64, is_kernel_address
from livedump.model.errors import DumpError, MemoryGap
from livedump.unwind import c_arm64 as c
from livedump.unwind.scan import WORD, iter_values
from livedump.unwind.unwinder import Guess, Position


def find_caller(images: ModuleImages, position: Position, end: int) -> Guess | None:
    """The frame to which the chain, or else the first likely value up to ``end``, leads; None where nothing does.

    Raises:
        MemoryGap: a page of the stack is missing before one was found.
    """
    fp = position.general[FP]
    if fp == 0 and position.guessed:
        return None  # the chain is at its end
    linked = _linked(images, position.stack_pointer, fp, end) if fp is not None else None
    return linked or _first_likely(images, position.stack_pointer, end)


def _linked(images: ModuleImages, start: int, fp: int, end: int) -> Guess | None:
    if not start <= fp <= end - 2 * WORD or fp % WORD:
        return None
    try:
        before, stored = struct.unpack("<QQ", images.read(fp, 2 * WORD))
    except MemoryGap:
        return None
    address = code_address(stored)
    likely = is_kernel_address(address) == is_kernel_address(start) and looks_like_return_address(images, address)
    return Guess(_position(address, fp + WORD, before), fp + WORD) if likely else None


def _first_likely(images: ModuleImages, start: int, end: int) -> Guess | None:
    kernel = is_kernel_address(start)
    before = MAX_U64
    for slot, words in iter_values(images, start, end, 1):
        value = code_address(words[0])
        likely = images.lowest < value < images.highest and is_kernel_address(value) == kernel
        if likely and looks_like_return_address(images, value):
            return Guess(_position(value, slot, before), slot)
        before = words[0]
    return None


def looks_like_return_address(images: ModuleImages, address: int) -> bool:
    """Whether ``address`` lies in a module's code behind a call.

    Where the dump holds neither the headers nor the code, that the address lies in a module has to do.
    """
    at = address - c.INSTRUCTION_SIZE
    module = images.find_module(at)
    if module is None or address % c.INSTRUCTION_SIZE:
        return False
    try:
        if not images.image(module).is_code(at):
            return False
    except DumpError:
        pass  # without sections, all of the module may be code
    try:
        return is_call(int.from_bytes(images.read(at, c.INSTRUCTION_SIZE), "little"))
    except MemoryGap:
        return True


def is_call(instruction: int) -> bool:
    """Whether an instruction is a call: relative, or through a register."""
    return (
        instruction & c.BRANCH_LINK_MASK == c.BRANCH_LINK
        or instruction & c.BRANCH_LINK_REGISTER_MASK == c.BRANCH_LINK_REGISTER
        or instruction & c.BRANCH_LINK_SIGNED_MASK == c.BRANCH_LINK_SIGNED
    )


def _position(address: int, slot: int, before: int) -> Position:
    # How large the frame is that holds the slot is not known: the caller's stack pointer is above it.
    general: list[int | None] = [None] * len(GENERAL_REGISTERS)
    if before == 0 or (before > slot and before % WORD == 0 and is_kernel_address(before) == is_kernel_address(slot)):
        general[FP] = before
    return Position(address, slot + WORD, tuple(general), exact=False, guessed=True)
