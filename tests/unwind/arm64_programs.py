"""ARM64 programs for tests of the unwinder: one function for each way in which a prologue can save and allocate.

A prologue is written down once, as instructions with the words by which the assembler makes their unwind data; its
epilogue is the same backwards. What the assembler has no words for has its unwind data written out.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unwind.arm64_emulator import BASE, RET, Arm64Emulator, is_call
from tests.unwind.x64_programs import load_image

TARGET = "--target=aarch64-pc-windows-msvc"
LINK = ("/machine:arm64", "/subsystem:native", "/driver", "/nodefaultlib", f"/base:{BASE:#x}", "/entry:start")
STOP = 0


@dataclass(frozen=True)
class Step:
    """One instruction of a prologue, and the words for its unwind code; bytes where the assembler has none."""

    instruction: str
    words: str = ""
    code: tuple[int, ...] = ()

    @property
    def undone(self) -> str:
        """What the epilogue has in its place."""
        return _undone(self.instruction)


def _undone(instruction: str) -> str:
    name, _, rest = instruction.partition(" ")
    if name == "pacibsp":
        return "autibsp"
    if instruction == "mov x29, sp":
        return "mov sp, x29"
    moved = re.fullmatch(r"add x29, sp, #(\d+)", instruction)
    if moved:
        return f"sub sp, x29, #{moved[1]}"
    if name == "sub":
        return "add " + rest
    name = name.replace("st", "ld")
    return f"{name} " + re.sub(r"\[sp, #-(\d+)\]!", r"[sp], #\1", rest)


def allocate(size: int) -> Step:
    """The stack pointer is lowered."""
    shift = ", lsl #12" if size > 4095 else ""
    return Step(f"sub sp, sp, #{size >> 12 if shift else size}{shift}", f".seh_stackalloc {size}")


FPLR = Step("stp x29, x30, [sp, #-32]!", ".seh_save_fplr_x 32")
SET_FP = Step("mov x29, sp", ".seh_set_fp")
LINK_ONLY = Step("str x30, [sp, #-16]!", ".seh_save_reg_x x30, 16")
SIGN = Step("pacibsp", code=(0xFC,))
FRAMES: dict[str, tuple[Step, ...]] = {
    "alloc_s": (allocate(496), FPLR),
    "alloc_m": (allocate(2032), FPLR),
    "alloc_l": (allocate(0x10000), FPLR),
    "save_fplr": (allocate(64), Step("stp x29, x30, [sp, #48]", ".seh_save_fplr 48")),
    "save_fplr_x": (FPLR,),
    "set_fp": (FPLR, SET_FP, allocate(128)),
    "add_fp": (
        allocate(96),
        Step("stp x29, x30, [sp, #64]", ".seh_save_fplr 64"),
        Step("add x29, sp, #64", ".seh_add_fp 64"),
    ),
    "save_r19r20_x": (Step("stp x19, x20, [sp, #-64]!", ".seh_save_r19r20_x 64"), FPLR, SET_FP),
    "save_regp": (allocate(80), Step("stp x27, x28, [sp, #24]", ".seh_save_regp x27, 24"), FPLR),
    "save_regp_x": (Step("stp x21, x22, [sp, #-496]!", ".seh_save_regp_x x21, 496"), LINK_ONLY),
    "save_reg": (allocate(512), Step("str x28, [sp, #504]", ".seh_save_reg x28, 504"), FPLR),
    "save_reg_x": (Step("str x23, [sp, #-240]!", ".seh_save_reg_x x23, 240"), LINK_ONLY),
    "save_lrpair": (allocate(48), Step("stp x25, x30, [sp, #16]", ".seh_save_lrpair x25, 16")),
    "save_fregp": (allocate(48), Step("stp d10, d11, [sp, #16]", ".seh_save_fregp d10, 16"), FPLR),
    "save_fregp_x": (Step("stp d8, d9, [sp, #-32]!", ".seh_save_fregp_x d8, 32"), FPLR),
    "save_freg": (allocate(48), Step("str d15, [sp, #40]", ".seh_save_freg d15, 40"), FPLR),
    "save_freg_x": (Step("str d8, [sp, #-16]!", ".seh_save_freg_x d8, 16"), FPLR),
    "nop": (FPLR, Step("mov x10, x11", ".seh_nop"), Step("mov x11, x12", ".seh_nop"), allocate(16)),
    "save_next": (
        Step("stp x19, x20, [sp, #-80]!", ".seh_save_regp_x x19, 80"),
        Step("stp x21, x22, [sp, #16]", ".seh_save_next"),
        Step("stp x23, x24, [sp, #32]", ".seh_save_next"),
        LINK_ONLY,
    ),
    "save_next_from_r19r20": (
        Step("stp x19, x20, [sp, #-48]!", ".seh_save_r19r20_x 48"),
        Step("stp x21, x22, [sp, #16]", ".seh_save_next"),
        FPLR,
        SET_FP,
    ),
    "save_next_of_vectors": (
        Step("stp d8, d9, [sp, #-48]!", ".seh_save_fregp_x d8, 48"),
        Step("stp d10, d11, [sp, #16]", ".seh_save_next"),
        LINK_ONLY,
    ),
    "signed": (SIGN, Step("stp x29, x30, [sp, #-48]!", code=(0x85,)), Step("mov x29, sp", code=(0xE1,))),
    "signed_regp": (
        SIGN,
        Step("stp x19, x20, [sp, #-32]!", code=(0xCC, 0x03)),
        Step("str x30, [sp, #16]", code=(0xD2, 0xC2)),
        Step("sub sp, sp, #64", code=(0x04,)),
    ),
    "save_any_x": (
        Step("str x30, [sp, #-16]!", code=(0xD5, 0x61)),
        Step("str x24, [sp, #-32]!", code=(0xE7, 0x38, 0x01)),
    ),
    "save_any_pair": (
        Step("stp x29, x30, [sp, #-48]!", code=(0x85,)),
        Step("stp x25, x26, [sp, #16]", code=(0xE7, 0x59, 0x01)),
        Step("stp x27, x28, [sp, #32]", code=(0xE6,)),
    ),
    "save_any_vectors": (
        Step("stp x29, x30, [sp, #-16]!", code=(0x81,)),
        Step("stp q8, q9, [sp, #-64]!", code=(0xE7, 0x68, 0x83)),
        Step("str d10, [sp, #40]", code=(0xE7, 0x0A, 0x45)),
        Step("str q11, [sp, #48]", code=(0xE7, 0x0B, 0x83)),
    ),
    "reserved": (
        Step("stp x29, x30, [sp, #-16]!", code=(0x81,)),
        Step("nop", code=(0xF8, 0)),
        Step("nop", code=(0xF9, 0, 0)),
        Step("nop", code=(0xFA, 0, 0, 0)),
        Step("nop", code=(0xFB, 0, 0, 0, 0)),
        Step("nop", code=(0xFD,)),
    ),
}
"""Each leaves nothing saved that its name does not speak of, but for what brings it back."""


@dataclass(frozen=True)
class Packed:
    """A function whose unwind data is packed: the fields, and the prologue that they stand for."""

    reg_f: int
    reg_i: int
    homes: int
    chain: int
    frame: int
    """Bytes."""
    prologue: tuple[str, ...]


_HOMES = tuple(f"stp x{n}, x{n + 1}, [sp, #{{at{n}}}]" for n in (0, 2, 4, 6))
PACKED: dict[str, Packed] = {
    "packed_saved": Packed(0, 2, 0, 1, 48, ("stp x19, x20, [sp, #-32]!", "str x30, [sp, #16]", "sub sp, sp, #16")),
    "packed_lrpair": Packed(0, 1, 0, 1, 32, ("sub sp, sp, #16", "stp x19, x30, [sp]", "sub sp, sp, #16")),
    "packed_odd": Packed(
        0, 3, 0, 1, 64, ("stp x19, x20, [sp, #-32]!", "stp x21, x30, [sp, #16]", "sub sp, sp, #32")
    ),
    "packed_link": Packed(0, 0, 0, 1, 48, ("str x30, [sp, #-16]!", "sub sp, sp, #32")),
    "packed_chained": Packed(
        0, 4, 0, 3, 64,
        ("stp x19, x20, [sp, #-32]!", "stp x21, x22, [sp, #16]", "stp x29, x30, [sp, #-32]!", "mov x29, sp"),
    ),
    "packed_signed": Packed(
        0, 3, 0, 2, 64,
        ("pacibsp", "stp x19, x20, [sp, #-32]!", "str x21, [sp, #16]", "stp x29, x30, [sp, #-32]!", "mov x29, sp"),
    ),
    "packed_one": Packed(0, 1, 0, 3, 48, ("str x19, [sp, #-16]!", "stp x29, x30, [sp, #-32]!", "mov x29, sp")),
    "packed_large": Packed(
        0, 2, 0, 3, 16 + 1024,
        ("stp x19, x20, [sp, #-16]!", "sub sp, sp, #1024", "stp x29, x30, [sp]", "mov x29, sp"),
    ),
    "packed_larger": Packed(
        0, 2, 0, 2, 16 + 6000 // 16 * 16,
        ("pacibsp", "stp x19, x20, [sp, #-16]!", "sub sp, sp, #4080", f"sub sp, sp, #{6000 // 16 * 16 - 4080}",
         "stp x29, x30, [sp]", "mov x29, sp"),
    ),
    "packed_vectors": Packed(
        2, 2, 0, 3, 80,
        ("stp x19, x20, [sp, #-48]!", "stp d8, d9, [sp, #16]", "str d10, [sp, #32]",
         "stp x29, x30, [sp, #-32]!", "mov x29, sp"),
    ),
    "packed_only_vectors": Packed(
        1, 0, 0, 3, 48, ("stp d8, d9, [sp, #-16]!", "stp x29, x30, [sp, #-32]!", "mov x29, sp"),
    ),
    "packed_homes": Packed(
        0, 2, 1, 3, 112,
        ("stp x19, x20, [sp, #-80]!", "stp x0, x1, [sp, #16]", "stp x2, x3, [sp, #32]", "stp x4, x5, [sp, #48]",
         "stp x6, x7, [sp, #64]", "stp x29, x30, [sp, #-32]!", "mov x29, sp"),
    ),
}  # fmt: skip
BODY = 4
"""Instructions of each body: two that change registers, a call, one more."""


def source() -> str:
    """Assembler text of the whole program."""
    lines = [".text"]
    for name, steps in FRAMES.items():
        lines += _function(name, steps)
    for name, packed in PACKED.items():
        lines += _packed(name, packed)
    lines += _fragments()
    calls = [f"bl {name}" for name in (*FRAMES, *PACKED, "fragmented")]
    lines += ["leaf:", "add x9, x9, #1", "eor x10, x10, x9", "ret"]
    lines += [".globl start", ".seh_proc start", "start:", *_described((FPLR, SET_FP)), ".seh_endprologue", *calls]
    lines += [
        ".seh_startepilogue",
        *_described((FPLR, SET_FP), epilogue=True),
        ".seh_endepilogue",
        "ret",
        ".seh_endproc",
    ]
    return "\n".join(lines) + "\n"


def _described(steps: Sequence[Step], epilogue: bool = False) -> Iterator[str]:
    for step in reversed(steps) if epilogue else steps:
        yield step.undone if epilogue else step.instruction
        yield step.words


def _saved(text: str) -> list[str]:
    return re.findall(r"\bx(?:19|2[0-8])\b", text)


def _body(text: str) -> list[str]:
    saved = _saved(text)
    first = f"eor {saved[0]}, {saved[0]}, #0xff00" if saved else "nop"
    last = f"add {saved[-1]}, {saved[-1]}, #77" if saved else "nop"
    return [first, last, "bl leaf", "nop"]


def _function(name: str, steps: tuple[Step, ...]) -> list[str]:
    body = _body(" ".join(step.instruction for step in steps))
    if not any(step.code for step in steps):
        return [
            f".seh_proc {name}", f"{name}:", *_described(steps), ".seh_endprologue", *body,
            ".seh_startepilogue", *_described(steps, epilogue=True), ".seh_endepilogue", "ret", ".seh_endproc",
        ]  # fmt: skip
    length = 2 * len(steps) + len(body) + 1
    codes = [byte for step in reversed(steps) for byte in step.code] + [0xE4]
    codes += [0xE3] * (-len(codes) % 4)
    header = length | 1 << 21 | 0 << 22 | len(codes) // 4 << 27
    return [
        f"{name}:", *(step.instruction for step in steps), *body, *(step.undone for step in reversed(steps)), "ret",
        *_record(name, header, codes),
    ]  # fmt: skip


def _record(name: str, header: int, codes: list[int]) -> list[str]:
    return [
        '.section .xdata,"dr"', ".p2align 2", f"xdata_{name}:", f".long {header:#x}",
        ".byte " + ", ".join(map(hex, codes)),
        '.section .pdata,"dr"', ".p2align 2", f".long {name}@IMGREL", f".long xdata_{name}@IMGREL", ".text",
    ]  # fmt: skip


def _packed(name: str, packed: Packed) -> list[str]:
    stores = [line for line in packed.prologue if re.match(r"stp x[0246],", line)]
    undone = [_undone(line) for line in reversed(packed.prologue) if line not in stores and line != "mov x29, sp"]
    body = _body(" ".join(packed.prologue))
    length = len(packed.prologue) + len(body) + len(undone) + 1
    data = 1 | length << 2 | packed.reg_f << 13 | packed.reg_i << 16 | packed.homes << 20
    data |= packed.chain << 21 | packed.frame // 16 << 23
    return [
        f"{name}:", *packed.prologue, *body, *undone, "ret",
        '.section .pdata,"dr"', ".p2align 2", f".long {name}@IMGREL", f".long {data:#x}", ".text",
    ]  # fmt: skip


def _fragments() -> list[str]:
    """A function in three parts: the first one, one that only goes on, one that saves more on its own."""
    first = ["stp x29, x30, [sp, #-32]!", "mov x29, sp", "bl leaf", "b fragmented_2"]
    second = ["bl leaf", "nop", "b fragmented_3"]
    third = ["str x19, [sp, #-16]!", "mov x19, #7", "bl leaf", "ldr x19, [sp], #16", "ldp x29, x30, [sp], #32", "ret"]
    lines = ["fragmented:", *first, *_record("fragmented", len(first) | 1 << 27, [0xE1, 0x83, 0xE4, 0xE3])]
    lines += ["fragmented_2:", *second]
    lines += _record("fragmented_2", len(second) | 1 << 27, [0xE5, 0xE1, 0x83, 0xE4])
    lines += ["fragmented_3:", *third]
    codes = [0xD4, 0x01, 0xE5, 0xE1, 0x83, 0xE4, 0xD4, 0x01, 0x83, 0xE4, 0xE3, 0xE3]
    scope = 3 | 6 << 22
    third_header = [len(third) | 1 << 22 | len(codes) // 4 << 27, scope]
    return [*lines, *_record_of_scopes("fragmented_3", third_header, codes)]


def _record_of_scopes(name: str, words: list[int], codes: list[int]) -> list[str]:
    lines = _record(name, words[0], codes)
    lines.insert(4, ".long " + ", ".join(map(hex, words[1:])))
    return lines


def build(folder: Path) -> tuple[bytes, dict[str, int]]:
    """The program as the loader lays it out, and the addresses of its functions."""
    (folder / "zoo.s").write_text(source())
    subprocess.run(["clang", TARGET, "-c", "zoo.s", "-o", "zoo.obj"], check=True, cwd=folder)
    command = ["lld-link", *LINK, "/out:zoo.exe", "/map:zoo.map", "/debug:symtab", "zoo.obj"]
    subprocess.run(command, check=True, cwd=folder)
    listing = (folder / "zoo.map").read_text()
    rows = re.findall(r"^ \d{4}:[0-9a-f]{8}\s+(\w+)\s+([0-9a-f]{16})", listing, re.MULTILINE)
    return load_image((folder / "zoo.exe").read_bytes()), {name: int(address, 16) for name, address in rows}


class Run:
    """Runs the program and knows, before each instruction, where every frame has to return to."""

    def __init__(self, image: bytes) -> None:
        self.emulator = Arm64Emulator(image)
        self.callers: list[tuple[int, int, tuple[int, ...]]] = []

    def instructions(self, start: int, limit: int = 5000) -> Iterator[tuple[int, tuple[int, tuple[int, ...]]]]:
        """Address, stack pointer and registers before each instruction, up to the return of the outermost function."""
        from unicorn import arm64_const as arm

        emulator = self.emulator
        entered = emulator.enter()
        emulator.machine.reg_write(emulator.registers[30], STOP)
        self.callers = [(STOP, entered.sp, entered.saved)]
        pc = start
        for _ in range(limit):
            sp, general = emulator.state()
            while len(self.callers) > 1 and (pc, sp) == self.callers[-1][:2]:
                self.callers.pop()
            yield pc, (sp, general)
            if is_call(emulator.instruction(pc)):
                self.callers.append((pc + 4, sp, general[19:30]))
            if emulator.instruction(pc) == RET and general[30] == STOP:
                return
            assert emulator.step(pc), hex(pc)
            pc = emulator.machine.reg_read(arm.UC_ARM64_REG_PC)
        raise AssertionError("the program does not end")

    def expected(self) -> list[Any]:
        """Return address, stack pointer and kept registers of every frame, innermost first."""
        return list(reversed(self.callers))
