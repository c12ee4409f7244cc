"""ARM64 unwind data as LLVM's reader prints it: of a real driver, and of functions with every code."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from livedump.images.image import read_image
from livedump.machine.arm64 import FP, GENERAL_REGISTERS, LR
from livedump.unwind.arm64_codes import Code, Effect
from livedump.unwind.arm64_data import Function, find_function
from tests.unwind.arm64_driver import FUNCTIONS, find_driver, loaded_driver
from tests.unwind.arm64_programs import build
from tests.unwind.x64_programs import Bytes, missing_tool

READER = next(filter(None, map(shutil.which, ("llvm-readobj-19", "llvm-readobj-16", "llvm-readobj"))), None)
pytestmark = pytest.mark.skipif(READER is None, reason="llvm-readobj is not installed")
BASE = 0x140000000
NAMES = {FP: "x29", LR: "x30"}


class Shown(NamedTuple):
    """One function as the reader prints it."""

    begin: int
    size: int
    packed: bool
    prologue: list[str]
    epilogues: list[tuple[int | None, list[str]]]
    """Where each begins, None where that is not printed, and what it undoes."""


def shown_functions(image: Path) -> Iterator[Shown]:
    assert READER is not None
    text = subprocess.run([READER, "--unwind", image], check=True, capture_output=True, text=True).stdout
    for block in text.split("RuntimeFunction {")[1:]:
        begin = int(re.findall(r"Function: (0x[0-9A-F]+)", block)[0], 16)
        size = int(re.findall(r"FunctionLength: (\d+)", block)[0])
        prologue = re.findall(r"Prologue \[\n(.*?)\n +\]\n", block, re.DOTALL)
        scopes = re.findall(r"StartOffset: (\d+).*?Opcodes \[\n(.*?)\n +\]\n", block, re.DOTALL)
        epilogues: list[tuple[int | None, list[str]]] = [(int(start), _lines(codes)) for start, codes in scopes]
        epilogues += [(None, _lines(codes)) for codes in re.findall(r"Epilogue \[\n(.*?)\n +\]\n", block, re.DOTALL)]
        yield Shown(begin, size, "Fragment:" in block, _lines(prologue[0] if prologue else ""), epilogues)


def _lines(codes: str) -> list[str]:
    return [_normal(line.partition(";")[2] or line) for line in codes.strip().splitlines()]


def _normal(text: str) -> str:
    text = text.strip().replace("lr", "x30").replace("fp", "x29").replace("sub sp, sp,", "sub sp,")
    text = text.replace("add sp, sp,", "add sp,")
    return re.sub(r"^(ld|st)(p|r) ", r"\2 ", re.sub(r"\], #(\d+)$", r", #-\1]!", text))


def described(code: Code) -> str:
    """A code in the reader's words."""
    simple = {Effect.SIGN_LR: "pacibsp", Effect.END: "end", Effect.END_CHAINED: "end_c", Effect.SAVE_NEXT: "save next"}
    if code.effect in simple:
        return simple[code.effect]
    if code.effect is Effect.CLEAR_UNWOUND_TO_CALL:
        return "clear unwound to call"
    if code.effect is Effect.SET_FP:
        return f"add x29, sp, #{code.offset}" if code.offset else "mov x29, sp"
    if code.effect is Effect.MOVE and code.registers:
        names = ", ".join(NAMES.get(number, GENERAL_REGISTERS[number]) for number in code.registers)
        place = f"[sp, #-{code.amount}]!" if code.amount else f"[sp, #{code.offset}]"
        return f"{'p' if len(code.registers) == 2 else 'r'} {names}, {place}"
    return f"sub sp, #{code.amount}" if code.amount else "nop"


UNDONE = {"autibsp": "pacibsp", "mov sp, x29": "mov x29, sp"}


def agree(ours: str, theirs: str) -> bool:
    """Equal, where the reader knows the code and we keep what it says."""
    theirs = UNDONE.get(theirs, theirs).replace("add sp,", "sub sp,")
    moved = re.fullmatch(r"sub sp, x29, #(\d+)", theirs)
    theirs = f"add x29, sp, #{moved[1]}" if moved else theirs
    unknown = theirs == "Bad opcode!" or (ours == "pacibsp" and theirs.startswith("pac"))
    vector = re.match(r"[pr] [dq]\d+", theirs)
    if vector:
        size = re.search(r"#-(\d+)\]!", theirs)
        return ours == (f"sub sp, #{size[1]}" if size else "nop")
    return ours == theirs or unknown


def compare(function: Function, shown: Shown) -> list[str]:
    ours = [described(code) for code in function.codes]
    wrong = [] if len(ours) == len(shown.prologue) else [f"{shown.begin:#x}: {ours} {shown.prologue}"]
    wrong += [f"{shown.begin:#x}: {a} {b}" for a, b in zip(ours, shown.prologue) if not agree(a, b)]
    if function.size != shown.size:
        wrong.append(f"{shown.begin:#x}: {function.size} bytes, {shown.size}")
    at_each = map(function.epilogue_at, range(function.size // 4))
    epilogues = [*dict.fromkeys(found for found in at_each if found is not None)]
    if shown.epilogues and len(shown.epilogues) != len(epilogues):
        wrong.append(f"{shown.begin:#x}: {len(epilogues)} epilogues, {len(shown.epilogues)}")
    for epilogue, (start, codes) in zip(epilogues, shown.epilogues):
        texts = [described(code) for code in epilogue.codes]
        if start not in (None, epilogue.start) or len(texts) != len(codes) or not all(map(agree, texts, codes)):
            wrong.append(f"{shown.begin:#x}: epilogue at {epilogue.start}: {texts} {start} {codes}")
    return wrong


def test_every_function_of_a_real_driver_says_what_the_reader_prints() -> None:
    memory = Bytes({BASE: loaded_driver()})
    image = read_image(memory, BASE)
    wrong, kinds = [], Counter[str]()
    for shown in shown_functions(find_driver()):
        function = find_function(memory, image, shown.begin - BASE)
        assert function is not None
        wrong += compare(function, shown)
        kinds["packed" if shown.packed else "record"] += 1
        kinds["epilogues"] += len(shown.epilogues)
    assert wrong == []
    assert kinds["packed"] + kinds["record"] == FUNCTIONS
    assert (kinds["packed"], kinds["record"]) == (183, 203)
    assert kinds["epilogues"] > 50


@pytest.mark.skipif(missing_tool() is not None, reason=f"{missing_tool()} is not installed")
def test_every_code_says_what_the_reader_prints(tmp_path: Path) -> None:
    data, _ = build(tmp_path)
    memory = Bytes({BASE: data})
    image = read_image(memory, BASE)
    wrong, compared = [], 0
    for shown in shown_functions(tmp_path / "zoo.exe"):
        function = find_function(memory, image, shown.begin - BASE)
        assert function is not None
        # Of packed ones newer readers print what older ones do not know; none knows the reserved codes.
        if not shown.packed and "Bad opcode!" not in shown.prologue:
            wrong += compare(function, shown)
            compared += 1
    assert wrong == []
    assert compared > 20
