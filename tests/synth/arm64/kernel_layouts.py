"""Layouts of an ARM64 kernel, made from the real ones of x64: what the processor has a say in is replaced.

No public layout of an ARM64 kernel is at hand, so that all else stands where x64 has it; a dump and its own symbols
agree, which is what a reader goes by.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from tests.synth.arm64 import structures
from tests.synth.kernel.layout import Layout, layout_of
from tests.synth.small_layouts import Struct

SHADOW_STACK = "KernelShadowStack"
"""The first of four members, 32 bytes in all, that an ARM64 thread has no use for. Builds before 22000 lack them."""
NUMBERS = {1: "u8", 2: "u16", 4: "u32", 8: "u64"}


@cache
def arm64_layout(build: str) -> Layout:
    """The layout of that build, on ARM64."""
    of_x64 = layout_of(build)
    types = deepcopy(of_x64.types)
    types["_CONTEXT"] = _struct(structures.CONTEXT)
    types["_KSWITCH_FRAME"] = _struct(structures.KSWITCH_FRAME)
    state = types["_KPROCESSOR_STATE"]["fields"]
    state["ContextFrame"] = [state["ContextFrame"][0], "_CONTEXT", structures.CONTEXT.size]
    thread = types["_KTHREAD"]["fields"]
    at = thread[SHADOW_STACK][0]
    for name in [name for name in thread if name.startswith(SHADOW_STACK)]:
        del thread[name]
    thread["SwitchFrame"] = [at, "_KSWITCH_FRAME", structures.KSWITCH_FRAME.size]
    return Layout(build, of_x64.globals, of_x64.functions, of_x64.enums, types)


def _struct(struct: Struct) -> dict[str, Any]:
    fields = {
        each.name: [each.offset, NUMBERS.get(each.size, f"u64[{each.size // 8}]"), each.size] for each in struct.fields
    }
    return {"kind": "struct", "size": struct.size, "fields": fields}
