"""What a made-up system has from its processor: how code, stacks, registers and page tables look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.synth import small_layouts, structures
from tests.synth.arm64 import structures as arm64
from tests.synth.arm64.execution import execution_of
from tests.synth.arm64.memory import Arm64AddressSpace
from tests.synth.execution import Execution, LoadedImage, Stack, execute
from tests.synth.memory import AddressSpace
from tests.synth.small_layouts import Layouts
from tests.synth.spec import MachineSpec
from tests.synth.structures import ProcessorParts


@dataclass(frozen=True)
class Hardware:
    """One kind of processor."""

    space: type[AddressSpace]
    layouts: Callable[[int], Layouts]
    """Of a build."""
    execute: Callable[[Stack, Mapping[str, LoadedImage]], Execution]
    context_record: Callable[[Execution], bytes]
    processor_region: Callable[[ProcessorParts], bytes]
    """KPCR with its KPRCB."""
    selectors: Mapping[int, int]
    """Of the debugger data block, by their places there."""
    descriptor_tables: bytes
    switched: Callable[[Execution], Mapping[str, bytes]]
    """What the context switch leaves in a KTHREAD, by the names of members."""


def _nothing(_: Execution) -> dict[str, bytes]:
    return {}


X64 = Hardware(
    AddressSpace,
    small_layouts.layouts,
    execute,
    structures.context_record,
    structures.processor_control_region,
    structures.KDBG_SELECTORS,
    structures.descriptor_tables(),
    _nothing,
)


def hardware_of(spec: MachineSpec) -> Hardware:
    """The processors of a system."""
    if spec.processor == "x64":
        return X64
    return Hardware(
        Arm64AddressSpace,
        arm64.layouts,
        execution_of(spec.signs_addresses),
        arm64.context_record,
        arm64.processor_control_region,
        {},
        b"",
        arm64.switched,
    )
