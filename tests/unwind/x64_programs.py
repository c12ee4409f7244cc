"""Windows programs for tests of the unwinder: built by clang and lld, loaded by hand, and emulated.

Nothing here uses the package under test but for the words of its model.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from livedump.model.errors import MemoryGap

BASE = 0x140000000
STACK, STACK_SIZE = 0x7F0000000000, 0x800000
OTHER_STACK, OTHER_STACK_SIZE = 0x1000000, 0x10000
"""Lies below the first stack, as an interrupt's stack may."""
PAGE = 0x1000
TARGET = "--target=x86_64-pc-windows-msvc"
LINK = ("/subsystem:native", "/driver", "/nodefaultlib", "/fixed", f"/base:{BASE:#x}", "/entry:start")

IRETQ = b"\x48\xcf"
NONVOLATILE = (3, 5, 6, 7, 12, 13, 14, 15)
"""rbx, rbp, rsi, rdi, r12 to r15 in the order of their encoding."""


def missing_tool() -> str | None:
    """The first program that is needed to build an image and is not installed."""
    return next((tool for tool in ("clang", "lld-link") if shutil.which(tool) is None), None)


class Program(NamedTuple):
    """A linked image: its file, its bytes as loaded at BASE, and its public symbols by address."""

    file: Path
    memory: bytes
    symbols: dict[str, int]

    def symbol_at(self, address: int) -> str:
        """The nearest symbol at or below ``address``."""
        return max(((at, name) for name, at in self.symbols.items() if at <= address), default=(0, "?"))[1]


def build_program(source: Path, folder: Path, *options: str, link: tuple[str, ...] = ()) -> Program:
    """``source`` compiled and linked in ``folder``."""
    unit, image, listing = (folder / f"{source.stem}.{suffix}" for suffix in ("obj", "exe", "map"))
    subprocess.run(["clang", TARGET, "-c", source, "-o", unit, *options], check=True)
    subprocess.run(["lld-link", *LINK, *link, f"/out:{image}", f"/map:{listing}", unit], check=True, cwd=folder)
    return Program(image, load_image(image.read_bytes()), dict(_read_map(listing)))


def load_image(data: bytes) -> bytes:
    """An image's file laid out as the loader does."""
    headers = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional_size = struct.unpack_from("<H12xH", data, headers + 6)
    size, headers_size = struct.unpack_from("<II", data, headers + 0x50)
    memory = bytearray(size)
    memory[:headers_size] = data[:headers_size]
    for index in range(count):
        header = headers + 0x18 + optional_size + 40 * index
        virtual_size, address, raw_size, raw = struct.unpack_from("<IIII", data, header + 8)
        held = min(virtual_size or raw_size, raw_size)
        memory[address : address + held] = data[raw : raw + held]
    return bytes(memory)


def _read_map(listing: Path) -> Iterator[tuple[str, int]]:
    for line in listing.read_text().split("Static symbols")[0].splitlines():
        words = line.split()
        if len(words) >= 3 and len(words[2]) == 16 and words[0][4:5] == ":":
            yield words[1], int(words[2], 16)


class Bytes:
    """Memory made of ranges; what they do not cover is a gap."""

    def __init__(self, ranges: dict[int, bytes]) -> None:
        self.ranges = ranges
        self.reads: list[tuple[int, int]] = []

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address`` from one range."""
        self.reads.append((address, size))
        for start, data in self.ranges.items():
            if start <= address < start + len(data):
                found = data[address - start : address - start + size]
                if len(found) == size:
                    return found
                raise MemoryGap(start + len(data), MemoryGap.NOT_CAPTURED)
        raise MemoryGap(address, MemoryGap.NOT_CAPTURED)


class Caller(NamedTuple):
    """One frame further out, as the emulator saw it when the call was made."""

    rip: int
    rsp: int
    saved: tuple[int, ...]
    """The registers of NONVOLATILE."""


class Emulator:
    """Runs a program and remembers, at each call, where it should return to and with which registers.

    ``machine_frames`` maps the entry of a handler to how far above the stack pointer its machine frame lies then.
    """

    def __init__(self, program: Program, machine_frames: dict[int, int]) -> None:
        import unicorn
        from unicorn import x86_const as x86

        self._machine_frames = machine_frames
        self._registers = [getattr(x86, f"UC_X86_REG_{name}") for name in _REGISTER_NAMES]
        engine: Any = unicorn
        self._errors = engine.UcError
        self.machine: Any = engine.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.machine.mem_map(BASE, _round_up(len(program.memory)))
        self.machine.mem_write(BASE, program.memory)
        self.machine.mem_map(STACK, STACK_SIZE)
        self.machine.mem_map(OTHER_STACK, OTHER_STACK_SIZE)
        self.top = STACK + STACK_SIZE - 0x1000
        self.callers: list[Caller] = []
        self._expected: Caller | None = None
        self._visit: Any = None

    def read(self, address: int, size: int) -> bytes:
        """Memory as the model has it."""
        try:
            return bytes(self.machine.mem_read(address, size))
        except self._errors:
            raise MemoryGap(address, MemoryGap.NOT_PRESENT) from None

    def run(self, start: int, visit: Any, until: int = 0) -> None:
        """Runs from ``start`` to ``until`` (0: its return), calling ``visit(rip, general)`` before each instruction."""
        import unicorn
        from unicorn import x86_const as x86

        self._visit = visit
        self.machine.reg_write(x86.UC_X86_REG_RSP, self.top)
        for register in NONVOLATILE:
            self.machine.reg_write(self._registers[register], 0x1111 * register)
        hook = self.machine.hook_add(unicorn.UC_HOOK_CODE, self._step)
        self.callers = [Caller(0, self.top + 8, self._saved(self._general()))]
        try:
            self.machine.emu_start(start, until)
        finally:
            self.machine.hook_del(hook)

    def _general(self) -> tuple[int, ...]:
        return tuple(self.machine.reg_read(register) for register in self._registers)

    @staticmethod
    def _saved(general: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(general[register] for register in NONVOLATILE)

    def _step(self, _machine: Any, address: int, size: int, _data: Any) -> None:
        general = self._general()
        self._follow_last(address, general)
        self._visit(address, general)
        code = bytes(self.machine.mem_read(address, size))
        self._expected = Caller(address + size, general[4], self._saved(general)) if is_call(code) else None
        if code == IRETQ:  # the emulator has no descriptor tables that a real one would need
            self._return_from_interrupt(general[4])

    def _return_from_interrupt(self, frame: int) -> None:
        from unicorn import x86_const as x86

        rip, rsp = struct.unpack("<Q16xQ", self.machine.mem_read(frame, 32))
        self.machine.reg_write(x86.UC_X86_REG_RSP, rsp)
        self.machine.reg_write(x86.UC_X86_REG_RIP, rip)

    def _follow_last(self, address: int, general: tuple[int, ...]) -> None:
        # A call was the last instruction; or a frame has been left; or a handler begins.
        if self._expected is not None and general[4] == self._expected.rsp - 8:
            self.callers.append(self._expected)
        for depth in range(len(self.callers) - 1, 0, -1):
            if self.callers[depth][:2] == (address, general[4]):
                del self.callers[depth:]
        if address in self._machine_frames:
            frame = general[4] + self._machine_frames[address]
            rip, rsp = struct.unpack("<Q16xQ", self.machine.mem_read(frame, 32))
            self.callers.append(Caller(rip, rsp, self._saved(general)))


_REGISTER_NAMES = (
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
)  # fmt: skip


def is_call(code: bytes) -> bool:
    """Whether one whole instruction is a call."""
    code = code[1:] if code[:1] and code[0] & 0xF0 == 0x40 else code
    return code[:1] == b"\xe8" or (code[:1] == b"\xff" and code[1] & 0x38 == 0x10)


def _round_up(size: int) -> int:
    return size + PAGE - 1 & -PAGE
