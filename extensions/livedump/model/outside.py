"""Dumps that no Windows wrote: a hypervisor's, of a guest that ran, and what a debugger made of such a one."""

from __future__ import annotations

from livedump.model.dump import DUMP_KINDS, DumpKind

LIVE_SYSTEM_DUMP = 0x161


def is_from_outside(dump_type: int | None, code: int | None, attributes: int | None, saved_again: bool) -> bool:
    """Whether a hypervisor wrote the dump, or what is left of it after a debugger saved it again.

    Windows writes live dumps as bitmaps and marks them; hypervisors write 0x161 into a full dump and mark nothing. A
    debugger changes the kind and keeps the mark, also where the field was never written: without one in a file of its
    own there was none. Source: dump/win_dump.c of QEMU; files that dbgeng 10.0.29507 wrote.
    """
    if code != LIVE_SYSTEM_DUMP:
        return False
    kind = DUMP_KINDS.get(dump_type) if dump_type is not None else None
    return kind is DumpKind.FULL or (saved_again and attributes is None)
