"""Functions of a made-up image: where they stand, what their prologue does, and the assembler text for both.

The assembler makes the unwind data from ``.seh_`` lines, so neither this package nor a reader under test encodes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

TEXT_RVA = 0x1000
"""Where the linker puts the first section."""

DATA_SIZE = 0x2000
ONE_BYTE_PUSH = ("rbx", "rbp", "rsi", "rdi")


@dataclass(frozen=True)
class Push:
    """``push register``: a saved register and eight bytes of stack."""

    register: str


@dataclass(frozen=True)
class Alloc:
    """``sub rsp, size``."""

    size: int


@dataclass(frozen=True)
class SetFrame:
    """``lea register, [rsp + offset]``: the unwinder takes the stack pointer from the register from here on."""

    register: str
    offset: int


@dataclass(frozen=True)
class Save:
    """``mov [rsp + offset], register``: saved without moving the stack pointer."""

    register: str
    offset: int


@dataclass(frozen=True)
class SaveXmm:
    """``movaps [rsp + offset], register``."""

    register: str
    offset: int


@dataclass(frozen=True)
class MachineFrame:
    """The processor pushed SS, RSP, RFLAGS, CS, RIP and maybe an error code: interrupt, fault or system call."""

    error_code: bool = False


Step = Union[Push, Alloc, SetFrame, Save, SaveXmm, MachineFrame]


@dataclass(frozen=True)
class Function:
    """One function of an image. ``sites`` are the return addresses of its calls, as offsets from its name."""

    symbol: str
    """Name as a debugger prints it."""
    rva: int
    sites: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    """Its prologue, in order of execution; empty for a leaf."""
    dynamic: int = 0
    """Bytes that the body takes off the stack pointer after the prologue (alloca); needs a frame register."""
    partial: Mapping[int, int] = field(default_factory=dict)
    """Offset of an instruction inside the prologue or epilogue -> how many steps are in effect there."""
    decorated: str | None = None
    """Linker's name, where it differs."""
    fragment: int | None = None
    """Offset of a second piece of the function, with unwind data chained to the first; sites beyond it lie there."""
    described: bool = True
    """False for a leaf without an entry in the exception directory."""
    immediates: tuple[int, ...] = ()
    """Numbers of 32 bits that its body loads, as a driver's code holds the pool tags that it asks with."""

    @property
    def linker_name(self) -> str:
        """Name that the object file holds."""
        return self.decorated or self.symbol

    def steps_at(self, offset: int) -> tuple[Step, ...]:
        """Steps whose effect is on the stack when the instruction pointer stands at ``offset``."""
        return self.steps[: self.partial[offset]] if offset in self.partial else self.steps


def stack_bytes(steps: Sequence[Step]) -> int:
    """Bytes between the stack pointer after ``steps`` and the return address or machine frame."""
    pushed = 8 * sum(isinstance(step, Push) for step in steps)
    return pushed + sum(step.size for step in steps if isinstance(step, Alloc))


def machine_frame(steps: Sequence[Step]) -> MachineFrame | None:
    """The machine frame that begins ``steps``, or None for a function that was called."""
    return steps[0] if steps and isinstance(steps[0], MachineFrame) else None


def assembler_text(functions: Iterable[Function], data: Mapping[str, int], data_size: int = DATA_SIZE) -> str:
    """Assembler source of a whole image; ``data`` gives the offsets of named data from the start of ``.data``."""
    lines = [".intel_syntax noprefix", ".text"]
    for function in sorted(functions, key=lambda each: each.rva):
        lines += _function_lines(function)
    lines += ['.section .rdata,"dr"', '.asciz "made up for tests of livedump"', ".data"]
    for name, offset in sorted(data.items(), key=lambda item: item[1]):
        lines += [f".org {offset:#x}", f'.globl "{name}"', f'"{name}":']
    lines += [f".org {data_size:#x}"] if data else []
    return "\n".join(lines) + "\n"


def _function_lines(function: Function) -> list[str]:
    name = f'"{function.linker_name}"'
    start = function.rva - TEXT_RVA
    head = [".text", f".org {start:#x}, 0xcc", f".def {name}; .scl 2; .type 32; .endef", f".globl {name}", f"{name}:"]
    if function.fragment is not None:
        return head + _fragmented_lines(function, start)
    body = _body_lines(function, start, function.sites)
    if not function.described:
        return [*head, *body, "ret"]
    prologue = [line for step in function.steps for line in _step_lines(step)]
    epilogue = _epilogue_lines(function)
    return [*head, f".seh_proc {name}", *prologue, ".seh_endprologue", *body, *epilogue, ".seh_endproc"]


def _body_lines(function: Function, start: int, sites: Sequence[int]) -> list[str]:
    """Calls whose return addresses are ``sites``; the padding and the instruction after each are one-byte ``nop``."""
    lines = [f"sub rsp, {function.dynamic:#x}"] if function.dynamic else []
    lines += [f"mov edx, {value:#x}" for value in function.immediates]
    for site in sorted(set(sites) - set(function.partial)):
        lines += [f".org {start + site - 5:#x}, 0x90", ".byte 0xe8, 0, 0, 0, 0"]
    return [*lines, "nop"]


def _step_lines(step: Step) -> list[str]:
    if isinstance(step, Push):
        return [f"push {step.register}", f".seh_pushreg {step.register}"]
    if isinstance(step, Alloc):
        return [f"sub rsp, {step.size:#x}", f".seh_stackalloc {step.size:#x}"]
    if isinstance(step, SetFrame):
        return [f"lea {step.register}, [rsp + {step.offset:#x}]", f".seh_setframe {step.register}, {step.offset:#x}"]
    if isinstance(step, Save):
        return [f"mov [rsp + {step.offset:#x}], {step.register}", f".seh_savereg {step.register}, {step.offset:#x}"]
    if isinstance(step, SaveXmm):
        return [f"movaps [rsp + {step.offset:#x}], {step.register}", f".seh_savexmm {step.register}, {step.offset:#x}"]
    return [".seh_pushframe @code" if step.error_code else ".seh_pushframe"]


def _epilogue_lines(function: Function) -> list[str]:
    """Gives the stack back; registers saved by a move are not reloaded, which nothing looks at."""
    lines: list[str] = []
    for position in range(len(function.steps) - 1, -1, -1):
        step = function.steps[position]
        if isinstance(step, Push):
            lines.append(f"pop {step.register}")
        elif isinstance(step, Alloc):
            lines.append(_release(function.steps[position + 1 :], step))
    return [*lines, "iretq" if machine_frame(function.steps) else "ret"]


def _release(later: Sequence[Step], step: Alloc) -> str:
    frame = next((each for each in later if isinstance(each, SetFrame)), None)
    if frame is None:
        return f"add rsp, {step.size:#x}"
    return f"lea rsp, [{frame.register} + {step.size - frame.offset:#x}]"


def _fragmented_lines(function: Function, start: int) -> list[str]:
    """A function in two pieces. The assembler has no words for that, so its unwind data is written out."""
    assert function.fragment is not None
    (allocation,) = function.steps
    assert isinstance(allocation, Alloc)
    assert allocation.size >= 0x88, "a fragmented function has one large allocation"
    label = "fragmented_" + function.linker_name
    near = [site for site in function.sites if site < function.fragment]
    far = [site for site in function.sites if site >= function.fragment]
    release = [f"add rsp, {allocation.size:#x}", "ret"]
    lines = [f".byte 0x48, 0x81, 0xec; .long {allocation.size:#x}", *_body_lines(function, start, near), *release]
    lines += [f"{label}_end:", f".org {start + function.fragment:#x}, 0xcc", f"{label}_cold:"]
    lines += _body_lines(function, start, far) + release + [f"{label}_cold_end:"]
    lines += ['.section .xdata,"dr"', ".p2align 2", f"{label}_info:", ".byte 1, 7, 2, 0"]
    lines += [f".byte 7, 0x01; .short {allocation.size // 8:#x}"]
    lines += [f"{label}_cold_info:", ".byte 0x21, 0, 0, 0"]
    parent = [f'.long "{function.linker_name}"@IMGREL', f".long {label}_end@IMGREL", f".long {label}_info@IMGREL"]
    piece = [f".long {label}_cold@IMGREL", f".long {label}_cold_end@IMGREL", f".long {label}_cold_info@IMGREL"]
    return [*lines, *parent, '.section .pdata,"dr"', ".p2align 2", *parent, *piece]
