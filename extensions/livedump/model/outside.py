"""Dumps that no Windows wrote: a hypervisor's, of a guest that ran, and what a debugger made of such a one."""

from __future__ import annotations

from livedump.model.dump import DUMP_KINDS, DumpKind

LIVE_SYSTEM_DUMP = 0x161
OF_ALL_MEMORY = frozenset(
    {DumpKind.FULL, DumpKind.RANGE_KERNEL, DumpKind.RANGE_KERNEL_USER, DumpKind.RANGE_FULL},
)
"""Kinds that hypervisors write, and those that a debugger writes of a dump of all memory, and of nothing less."""


def is_from_outside(dump_type: int | None, code: int | None, attributes: int | None, saved_again: bool) -> bool:
    """Whether the header looks as a hypervisor leaves it, or as a debugger does that saved such a dump again.

    Windows takes no live dump of all memory; hypervisors write 0x161 into one, and mark nothing. In a triage dump a
    debugger keeps the mark of a live dump, also where the field was never written: without it there was none. In other
    kinds it keeps no attributes. Source: dump/win_dump.c of QEMU; files that dbgeng 10.0.15063 and 10.0.29507 wrote.
    """
    if code != LIVE_SYSTEM_DUMP:
        return False
    kind = DUMP_KINDS.get(dump_type) if dump_type is not None else None
    return kind in OF_ALL_MEMORY or (kind is DumpKind.TRIAGE and saved_again and attributes is None)
