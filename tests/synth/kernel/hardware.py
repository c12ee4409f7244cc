"""What a made-up system on a real layout has from its processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.synth import structures
from tests.synth.arm64 import kernel_stacks as arm64
from tests.synth.arm64.kernel_layouts import arm64_layout
from tests.synth.arm64.memory import Arm64AddressSpace
from tests.synth.kernel import stacks as x64
from tests.synth.kernel.layout import Layout, layout_of
from tests.synth.kernel.stacks import Code, Placed, Room, Run
from tests.synth.memory import AddressSpace


@dataclass(frozen=True)
class Hardware:
    """One kind of processor."""

    layout: Callable[[str], Layout]
    """Of a build."""
    space: type[AddressSpace]
    place: Callable[[Sequence[str], Room, Code], tuple[Placed, ...]]
    run: Callable[[tuple[Placed, ...], Mapping[tuple[str, str], int]], Run]
    instruction_size: int
    """Of what call sites are multiples."""
    stacked_switch: bool
    """Whether what the context switch keeps lies on the stack of a thread, below its innermost frame."""
    selectors: Mapping[int, int]
    """Of the debugger data block."""


HARDWARE: Mapping[str, Hardware] = {
    "x64": Hardware(layout_of, AddressSpace, x64.place, x64.run, 1, True, structures.KDBG_SELECTORS),
    "arm64": Hardware(arm64_layout, Arm64AddressSpace, arm64.place, arm64.run, 4, False, {}),
}
