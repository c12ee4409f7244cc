"""Runs functions of ARM64 images in an emulator and remembers what they were entered with.

Nothing here uses the package under test but for the words of its model. The emulator takes ``pacibsp`` for nothing, so
that addresses are signed here: with bits of noise where the processor puts its code.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from livedump.model.errors import MemoryGap

BASE = 0x140000000
STACK, STACK_SIZE = 0x7F0000000000, 0x800000
SCRATCH, SCRATCH_SIZE = 0x2000000, 0x100000
"""What arguments point to."""
PAGE = 0x1000
CALLER = 0x1_5555_5554
"""Where the functions return to."""
PAC_BITS = 0xFF7F << 48 & ~(1 << 47) | 0x007F << 48
RET, PACIBSP, AUTIBSP = 0xD65F03C0, 0xD503237F, 0xD50323FF


class Entered(NamedTuple):
    """What a function was called with, and has to leave behind."""

    pc: int
    sp: int
    saved: tuple[int, ...]
    """x19 to x28, fp."""


def signed(address: int, modifier: int) -> int:
    """An address of user mode with a code of noise in the bits that authentication uses, of which 55 is none."""
    noise = (address * 0x9E3779B97F4A7C15 ^ modifier * 0xC2B2AE3D27D4EB4F) & 0xFFFFFFFFFFFFFFFF
    mask = 0xFF7F800000000000
    return address & ~mask | noise & mask


class Arm64Emulator:
    """One image in memory."""

    def __init__(self, image: bytes, signs: bool = True) -> None:
        """``signs``: its processor has keys for pointer authentication."""
        import unicorn
        from unicorn import arm64_const as arm

        self._errors = unicorn.UcError
        self._arm = arm
        self.machine: Any = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.machine.reg_write(arm.UC_ARM64_REG_CPACR_EL1, 3 << 20)  # vector registers may be used
        self.machine.mem_map(BASE, len(image) + PAGE - 1 & -PAGE)
        self.machine.mem_write(BASE, image)
        self.machine.mem_map(STACK, STACK_SIZE)
        self.machine.mem_map(SCRATCH, SCRATCH_SIZE)
        self.registers = [getattr(arm, f"UC_ARM64_REG_X{number}") for number in range(31)]
        self.image = image
        self.signs = signs

    def read(self, address: int, size: int) -> bytes:
        """Memory as the model has it."""
        try:
            return bytes(self.machine.mem_read(address, size))
        except self._errors:
            raise MemoryGap(address, MemoryGap.NOT_PRESENT) from None

    def enter(self) -> Entered:
        """Fills the registers as a caller might, and answers what of it has to come back."""
        sp = STACK + STACK_SIZE - 0x10000
        for number, register in enumerate(self.registers):
            self.machine.reg_write(register, SCRATCH + 0x1000 * number)
        saved = tuple(0x1111_0000_0000 + 0x10101 * number for number in range(11))
        for register, value in zip(self.registers[19:30], saved):
            self.machine.reg_write(register, value)
        self.machine.reg_write(self.registers[30], CALLER)
        self.machine.reg_write(self._arm.UC_ARM64_REG_SP, sp)
        return Entered(CALLER, sp, saved)

    def state(self) -> tuple[int, tuple[int, ...]]:
        """The stack pointer and x0 to x30."""
        general = tuple(self.machine.reg_read(register) for register in self.registers)
        return self.machine.reg_read(self._arm.UC_ARM64_REG_SP), general

    def step(self, pc: int) -> bool:
        """Runs one instruction, signs and strips as the processor does; whether that could be done."""
        instruction = self.instruction(pc)
        try:
            self.machine.emu_start(pc, pc + 4, count=1)
        except self._errors:
            return False
        link = self.machine.reg_read(self.registers[30])
        if instruction == PACIBSP and self.signs:
            self.machine.reg_write(self.registers[30], signed(link, self.state()[0]))
        elif instruction == AUTIBSP:
            self.machine.reg_write(self.registers[30], link & 0x00007FFFFFFFFFFF)
        return True

    def instruction(self, pc: int) -> int:
        """The instruction at an address of the image."""
        found: int = struct.unpack_from("<I", self.image, pc - BASE)[0]
        return found

    def straight(self, start: int, end: int) -> Iterator[int]:
        """Runs from ``start`` up to the first branch, or to an instruction that cannot be run; each before it runs.

        What prologues call is run as one instruction; that which probes the stack is taken for nothing.
        """
        pc = start
        while pc < end:
            yield pc
            probes = is_call(self.instruction(pc)) and is_stack_allocation(self.instruction(pc + 4))
            if not probes and not self.step_over(pc):
                return
            pc += 4

    def step_over(self, pc: int) -> bool:
        """Runs one instruction that is no branch, or a call of what moves the stack; whether that could be done."""
        if self.moves_stack(pc):
            self.machine.emu_start(pc, pc + 4, count=32)
            return True
        return not is_branch(self.instruction(pc)) and self.step(pc)

    def moves_stack(self, pc: int) -> bool:
        """Whether a call leads to a short function that returns with another stack pointer: a part of prologues."""
        instruction = self.instruction(pc)
        if not is_call(instruction):
            return False
        return self.moves_stack_itself(pc + 4 * ((instruction & 0x3FFFFFF) - (instruction >> 25 & 1) * (1 << 26)))

    def moves_stack_itself(self, target: int) -> bool:
        """Whether a function is one that such calls lead to."""
        total = 0
        for at in range(target, target + 4 * 16, 4):
            code = self.instruction(at)
            if code == RET or code >> 26 == 0x05 or code & 0xFFFFFC1F == 0xD61F0000:  # ret, b, br
                return total != 0 and code == RET
            if code >> 24 in (0xD1, 0x91) and code & 0x3FF == 0x3FF:  # sub, add sp, sp, n
                total += (code >> 10 & 0xFFF) * (1 if code >> 24 == 0xD1 else -1)
        return False


def is_call(instruction: int) -> bool:
    """bl."""
    return instruction >> 26 == 0x25


def is_stack_allocation(instruction: int) -> bool:
    """sub sp, sp, x15, uxtx #4."""
    return instruction == 0xCB2F73FF


def is_branch(instruction: int) -> bool:
    """Whether an instruction may lead elsewhere than to the next."""
    top = instruction >> 24
    return (
        instruction >> 26 in (0x05, 0x25)
        or top == 0x54
        or top & 0x7E in (0x34, 0x36)
        or instruction >> 25 == 0x6B
        or top == 0xD4
    )


def is_of_epilogue(instruction: int) -> bool:
    """Whether an instruction gives back stack or registers: add sp, mov sp, loads from the stack, autibsp."""
    base = instruction >> 5 & 0x1F
    pair = instruction >> 22 & 0x3FF in (0x2A5, 0x2A3, 0x1B5, 0x1B3)  # ldp of x or d registers, offset or post-indexed
    post = instruction >> 21 & 0x7FF in (0x7C2, 0x7E2) and instruction >> 10 & 3 == 1  # ldr, post-indexed
    offset = instruction >> 22 & 0x3FF in (0x3E5, 0x3F5)  # ldr, unsigned offset
    add = instruction >> 24 == 0x91 and instruction & 0x1F == 31
    if instruction == AUTIBSP or (add and base in (29, 31)):
        return True
    return base == 31 and (pair or ((post or offset) and instruction & 0x1F in (*range(19, 31), *range(8, 16))))
