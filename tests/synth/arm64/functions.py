"""The functions of an image as ARM64 has them: made from those of x64, with prologues of many shapes.

A function keeps its name and its place; return addresses move up to the next multiple of four. Which shape a prologue
has follows from the name. The assembler makes the unwind data where it has words for all of it; where a prologue signs
its return address it has none, and the data is written out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.synth import functions as x64
from tests.synth.functions import DATA_SIZE, TEXT_RVA, Function

TRAP_FRAME_SIZE = 0x150
"""KTRAP_FRAME. Source: kxarm64.h of the Windows SDK."""
NOP, CALL_NEXT = ".inst 0xd503201f", ".inst 0x94000001"
LONGEST_PUSH = 496
LARGEST_LOCALS = 4000
TIGHT = frozenset({"IopLiveDumpCollectPages"})
"""Functions with the next one right behind: the last call is followed by the epilogue."""


@dataclass(frozen=True)
class Step:
    """One instruction of a prologue, what it does, and how its unwind data is asked for."""

    instruction: str
    words: str = ""
    code: tuple[int, ...] = ()
    """The unwind code in bytes, where a function needs it written out."""
    size: int = 0
    """Bytes that it takes off the stack pointer."""
    saves: tuple[str, ...] = ()
    offset: int = 0
    """Where they are saved, from the stack pointer after the instruction."""
    frame: int | None = None
    """How far above the stack pointer fp points from here on."""
    signs: bool = False
    trap: bool = False
    """No instruction: a KTRAP_FRAME lies at the stack pointer when the function begins."""

    @property
    def undone(self) -> str:
        """What the epilogue has in its place."""
        if self.signs:
            return "autibsp"
        if self.frame is not None:
            return f"sub sp, x29, #{self.frame:#x}" if self.frame else "mov sp, x29"
        name = "ldp" if len(self.saves) == 2 else "ldr"
        registers = ", ".join(map(assembler_name, self.saves))
        if self.saves:
            return (
                f"{name} {registers}, [sp], #{self.size}" if self.size else f"{name} {registers}, [sp, #{self.offset}]"
            )
        return f"add sp, sp, #{self.size}"


def assembler_name(register: str) -> str:
    """The register as this assembler knows it."""
    return {"fp": "x29", "lr": "x30"}.get(register, register)


SIGN = Step("pacibsp", code=(0xFC,), signs=True)
SET_FP = Step("mov x29, sp", ".seh_set_fp", (0xE1,), frame=0)
TRAP = Step("", ".seh_trap_frame", trap=True)


def add_fp(offset: int) -> Step:
    """fp points above the stack pointer."""
    return Step(f"add x29, sp, #{offset}", f".seh_add_fp {offset}", (0xE2, offset // 8), frame=offset)


def allocate(size: int) -> Step:
    """Stack for locals."""
    code = (size // 16,) if size < 512 else (0xC0 | size // 16 >> 8, size // 16 & 0xFF)
    return Step(f"sub sp, sp, #{size}", f".seh_stackalloc {size}", code, size)


def push_fplr(size: int) -> Step:
    """The frame chain, and stack for locals above it."""
    return Step(
        f"stp x29, x30, [sp, #-{size}]!", f".seh_save_fplr_x {size}", (0x80 | size // 8 - 1,), size, ("fp", "lr")
    )


def save_fplr(offset: int) -> Step:
    """The frame chain somewhere in the frame."""
    words = f".seh_save_fplr {offset}"
    return Step(f"stp x29, x30, [sp, #{offset}]", words, (0x40 | offset // 8,), saves=("fp", "lr"), offset=offset)


def _pair_code(first: int, number: int, slot: int) -> tuple[int, int]:
    return first | number >> 2, (number & 3) << 6 | slot


def push_pair(number: int, size: int) -> Step:
    """A pair of kept registers, counted from x19, and stack for more."""
    names = (f"x{19 + number}", f"x{20 + number}")
    code = _pair_code(0xCC, number, size // 8 - 1)
    return Step(
        f"stp {names[0]}, {names[1]}, [sp, #-{size}]!", f".seh_save_regp_x {names[0]}, {size}", code, size, names
    )


def save_pair(number: int, offset: int, following: bool = False) -> Step:
    """Another pair; ``following`` the one before, which the unwind data can say in a byte."""
    names = (f"x{19 + number}", f"x{20 + number}")
    words = ".seh_save_next" if following else f".seh_save_regp {names[0]}, {offset}"
    code = (0xE6,) if following else _pair_code(0xC8, number, offset // 8)
    return Step(f"stp {names[0]}, {names[1]}, [sp, #{offset}]", words, code, saves=names, offset=offset)


def save_one(number: int, offset: int) -> Step:
    """One kept register."""
    name = f"x{19 + number}"
    code = _pair_code(0xD0, number, offset // 8)
    return Step(f"str {name}, [sp, #{offset}]", f".seh_save_reg {name}, {offset}", code, saves=(name,), offset=offset)


def save_with_link(number: int, offset: int) -> Step:
    """One kept register together with the return address."""
    name = f"x{19 + number}"
    words = f".seh_save_lrpair {name}, {offset}"
    return Step(f"stp {name}, x30, [sp, #{offset}]", words, saves=(name, "lr"), offset=offset)


KEPT_IN_SWITCH = (
    SIGN,
    push_pair(0, 96),
    *(save_pair(number, 8 * number, following=True) for number in (2, 4, 6, 8)),
    save_fplr(80),
    add_fp(80),
)
"""The frame of KiSwapContext: KEXCEPTION_FRAME of kxarm64.h, x19 to x28, Fp at 50, Return at 58, 60 bytes. What
SwapContext keeps lies in the thread itself, and nothing of it on the stack."""


@dataclass(frozen=True)
class Arm64Function:
    """One function of an ARM64 image."""

    source: Function
    sites: tuple[int, ...]
    steps: tuple[Step, ...]
    dynamic: int

    @property
    def locals(self) -> int:
        """Bytes between the stack pointer in the body and what the function was entered with."""
        return self.dynamic + sum(step.size for step in self.steps)


def arm64_function(function: Function) -> Arm64Function:
    """The function as ARM64 has it."""
    sites = tuple(sorted({site + 3 & ~3 for site in function.sites if site not in function.partial}))
    if not is_described(function):
        return Arm64Function(function, sites, (), 0)
    room = (sites[0] - 4) // 4 if sites else 8
    steps = _trap_steps() if x64.machine_frame(function.steps) else _steps(function, room)
    assert sum(bool(step.instruction) for step in steps) <= room, function.symbol
    chained = any(step.frame is not None for step in steps)
    return Arm64Function(function, sites, steps, function.dynamic + 15 & ~15 if chained else 0)


def is_described(function: Function) -> bool:
    """Whether it has an entry in the exception directory."""
    return function.described and function.symbol != "SwapContext"


def _trap_steps() -> tuple[Step, ...]:
    # What the kernel's own entries look like is not known but for the KTRAP_FRAME.
    return (TRAP, push_pair(0, 96), save_pair(2, 16, following=True), push_fplr(32), SET_FP)


def _steps(function: Function, room: int) -> tuple[Step, ...]:
    space = sum(step.size for step in function.steps if isinstance(step, x64.Alloc)) + 15 & ~15
    space = max(16, min(space, LARGEST_LOCALS))
    push = push_fplr(min(space + 16, LONGEST_PUSH))
    shapes: tuple[tuple[Step, ...], ...] = (
        (SIGN, push, SET_FP),
        (push_pair(0, 32), save_pair(2, 16), push, SET_FP),
        (allocate(space + 64), save_pair(4, 16), save_fplr(32), add_fp(32)),
        (allocate(32), save_with_link(0, 16), allocate(space)),
        (SIGN, push_pair(2, 32), save_one(0, 16), push, SET_FP),
        (push_pair(0, 48), save_pair(2, 16, following=True), push, SET_FP, allocate(space)),
        (SIGN, push_pair(0, 48), save_pair(2, 16, following=True), save_pair(4, 32, following=True), push, SET_FP),
    )
    if function.symbol in TIGHT:
        return push, SET_FP
    if function.symbol == "KiSwapContext":
        return KEPT_IN_SWITCH
    first = zlib.crc32(function.symbol.encode()) % len(shapes)
    if function.dynamic or function.fragment is not None:
        first = 0
    ordered = shapes[first:] + shapes[:first]
    return next(shape for shape in ordered if len(shape) <= room)


def assembler_text(functions: Iterable[Function], data: Mapping[str, int], data_size: int = DATA_SIZE) -> str:
    """Assembler source of a whole image; ``data`` gives the offsets of named data from the start of ``.data``."""
    lines = [".text"]
    for function in sorted(functions, key=lambda each: each.rva):
        lines += _function_lines(arm64_function(function))
    lines += ['.section .rdata,"dr"', '.asciz "made up for tests of livedump"', ".data"]
    for name, offset in sorted(data.items(), key=lambda item: item[1]):
        lines += [f".org {offset:#x}", f'.globl "{name}"', f'"{name}":']
    lines += [f".org {data_size:#x}"] if data else []
    return "\n".join(lines) + "\n"


def _function_lines(function: Arm64Function) -> list[str]:
    source = function.source
    name = f'"{source.linker_name}"'
    head = [".text", f".org {source.rva - TEXT_RVA:#x}, 0"]
    head += [f".def {name}; .scl 2; .type 32; .endef", f".globl {name}", f"{name}:"]
    if source.fragment is not None:
        return head + _fragmented_lines(function)
    prologue = [step.instruction for step in function.steps if step.instruction]
    body = _body(function, len(prologue), function.sites)
    trap = any(step.trap for step in function.steps)
    epilogue = [] if trap else [step.undone for step in reversed(function.steps)]
    if not is_described(source):
        return [*head, *body, "ret"]
    if any(step.signs for step in function.steps):
        length = len(prologue) + len(body) + len(epilogue) + 1
        record = _record(name, length, function.steps)
        return [*head, *prologue, *body, *epilogue, "ret", *record]
    described = [line for step in function.steps for line in (step.instruction, step.words)]
    undone = [line for step in reversed(function.steps) for line in (step.undone, step.words)]
    leave = ["eret"] if trap else [".seh_startepilogue", *undone, ".seh_endepilogue", "ret"]
    return [*head, f".seh_proc {name}", *described, ".seh_endprologue", *body, *leave, ".seh_endproc"]


def _body(function: Arm64Function, position: int, sites: Sequence[int], start: int = 0) -> list[str]:
    """Calls whose return addresses are ``sites``, counted from ``start``; ``position`` instructions stand before it."""
    lines = [f"sub sp, sp, #{function.dynamic}"] if function.dynamic else []
    for value in function.source.immediates:
        lines += [f"mov w1, #{value & 0xFFFF:#x}", "mov x2, x1", f"movk w1, #{value >> 16:#x}, lsl #16"]
    for site in sites:
        lines += [NOP] * ((site - start) // 4 - 1 - position - len(lines))
        lines.append(CALL_NEXT)
    return lines if function.source.symbol in TIGHT else [*lines, NOP]


def _codes(steps: Sequence[Step], chained: bool = False) -> str:
    codes = [0xE5] * chained + [byte for step in reversed(steps) for byte in step.code] + [0xE4]
    codes += [0xE3] * (-len(codes) % 4)
    return ", ".join(f"{code:#x}" for code in codes)


def _record(name: str, length: int, steps: Sequence[Step], fragment: str | None = None) -> list[str]:
    """An entry of the exception directory, with its record: one epilogue at the end that undoes what was done."""
    codes = _codes(steps, fragment is not None)
    words = (codes.count(",") + 1) // 4
    header = length | (0 if fragment else 1 << 21) | words << 27
    label = f'"xdata_{(fragment or name).strip(chr(34))}"'
    return [
        '.section .xdata,"dr"', ".p2align 2", f"{label}:", f".long {header:#x}", f".byte {codes}",
        '.section .pdata,"dr"', ".p2align 2", f".long {fragment or name}@IMGREL", f".long {label}@IMGREL",
    ]  # fmt: skip


def _fragmented_lines(function: Arm64Function) -> list[str]:
    """A function in two parts, the second of which has no prologue of its own."""
    source = function.source
    assert source.fragment is not None
    name, cold = f'"{source.linker_name}"', f'"cold_{source.linker_name}"'
    near = [site for site in function.sites if site < source.fragment]
    far = [site for site in function.sites if site >= source.fragment]
    prologue = [step.instruction for step in function.steps]
    undone = [*(step.undone for step in reversed(function.steps)), "ret"]
    first = [*prologue, *_body(function, len(prologue), near), *undone]
    second = [*_body(function, 0, far, source.fragment), f"b {name}"]
    return [
        *first, f".org {source.rva - TEXT_RVA + source.fragment:#x}, 0", f"{cold}:", *second,
        *_record(name, len(first), function.steps), *_record(name, len(second), function.steps, cold),
    ]  # fmt: skip
