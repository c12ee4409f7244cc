"""The next frame out where unwind data of an x64 system is missing, guessed from what lies on the stack.

Two things tell: a return address lies behind a call in the code of a module, and what the processor pushes at an
interrupt or system call holds selectors that Windows gives to nothing else.
"""

from __future__ import annotations

from livedump.images.module_images import ModuleImages
from livedump.machine.x64 import GENERAL_REGISTERS
from livedump.model.addresses import canonical, is_kernel_address
from livedump.model.errors import DumpError, MemoryGap
from livedump.unwind import c_x64 as c
from livedump.unwind.scan import iter_values
from livedump.unwind.unwinder import Guess, Position

UNKNOWN_REGISTERS: tuple[int | None, ...] = (None,) * len(GENERAL_REGISTERS)

CALL_RELATIVE = 0xE8
CALL_RELATIVE_LENGTH = 5
LONGEST_CALL = 7
"""Bytes without prefixes: ff, ModRM, SIB and a displacement of four."""
GROUP_5 = 0xFF
GROUP_5_CALL = 0x10


def find_caller(images: ModuleImages, position: Position, end: int) -> Guess | None:
    """The frame that the first likely value from the stack pointer (included) to ``end`` leads to; None without one.

    Raises:
        MemoryGap: a page of the stack is missing before one was found.
    """
    start = position.stack_pointer
    kernel = is_kernel_address(start)
    for slot, words in iter_values(images, start, end, c.MACHINE_FRAME_WORDS):
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
