"""How it shows that a debugger wrote a dump from another one that was open (``.dump``)."""

from __future__ import annotations

from collections.abc import Iterator

from livedump.model.dump import DUMP_KINDS, DumpKind

NO_BOOT_ID = 0xFFFFFFFF
"""BootId as a debugger writes it when the dump that it saves again does not hold it."""
_DEBUGGERS_ONLY = frozenset({DumpKind.RANGE_KERNEL, DumpKind.RANGE_KERNEL_USER, DumpKind.RANGE_FULL})
_UNWRITTEN = "Attributes is left unwritten (PAGE)"


def signs_of_a_debugger(
    dump_type: int | None, writer_status: int | None, attributes: int | None, boot_id: int | None = None
) -> Iterator[str]:
    """The signs, for people; none where Windows wrote the file.

    Fields of the header are None where they were never written, or are not known. Source: files that dbgeng 10.0.29507
    wrote, beside those that Windows wrote.
    """
    kind = DUMP_KINDS.get(dump_type) if dump_type is not None else None
    if kind in _DEBUGGERS_ONLY:
        yield f"the kernel writes no dumps of type {dump_type:#x}, debuggers do"
    # Programs that make a full dump of a machine's memory leave a header of zeros; a debugger leaves PAGE.
    elif writer_status is None or not (kind is DumpKind.TRIAGE or (kind is DumpKind.FULL and attributes is None)):
        return
    if writer_status is not None:
        yield f"WriterStatus is {writer_status:#x}; the kernel leaves that field unwritten (PAGE)"
    if attributes is None:
        yield _UNWRITTEN
    if boot_id == NO_BOOT_ID:
        yield "BootId is all ones: the dump that was open did not hold it"
