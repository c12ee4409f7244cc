"""The debugger data block (KDBG): where the kernel's own structures lie, and the offsets of fields in them.

References: KDDEBUGGER_DATA64 in wdbgexts.h of the Windows SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Optional

from livedump.kernel import c_kernel as c
from livedump.kernel.c_layouts import FIXED, inner
from livedump.kernel.copies import StructureCopy
from livedump.kernel.structure import Structure, converted, member
from livedump.kernel.typed_memory import ListedLayouts, TypedMemory
from livedump.kernel.values import find_ascii, read_bytes, read_prefix
from livedump.model.addresses import Memory, format_address
from livedump.model.errors import NotKnown
from livedump.model.layout import POINTER_BYTES, Layout, Member, MemberType, TypeKind, integer

if TYPE_CHECKING:
    from livedump.kernel.kdbg_decoding import Decoder

FindSymbol = Callable[[str], Optional[int]]
"""The address of a kernel symbol by its name without module; None where it is not known."""

MAX_BUILD_LAB = 0x100


class KnownValues(NamedTuple):
    """Values that the dump header and the debugger data block share. None where the header's field was not written."""

    loaded_module_list: int | None = None
    active_process_head: int | None = None


NOTHING_KNOWN = KnownValues()


def _told(number: int) -> int:
    if not number:
        raise NotKnown("the kernel left it 0")
    return number


told = converted(_told)
"""An address, a size or an offset; not known where the kernel left 0."""


class Kdbg(Structure):
    """KDDEBUGGER_DATA64 in clear.

    Each member is an address, or the size of a structure or the offset of a field in it; None where this build's block
    ends before it, where its page is missing, and where the kernel has nothing to say.
    """

    __slots__ = ("block_size", "data", "decoded")

    type_name = "_KDDEBUGGER_DATA64"

    kernel_base = member("KernBase", told)
    loaded_module_list = member("PsLoadedModuleList", told)
    active_process_head = member("PsActiveProcessHead", told)
    build_lab = member("NtBuildLab", told)
    """Address of the text."""
    processor_block = member("KiProcessorBlock", told)
    unloaded_drivers = member("MmUnloadedDrivers", told)
    """Address of the variable that holds the array's address."""
    last_unloaded_driver = member("MmLastUnloadedDriver", told)
    """Address of the count."""

    size_eprocess = member("SizeEProcess", told)
    eprocess_peb = member("OffsetEprocessPeb", told)
    eprocess_directory_table_base = member("OffsetEprocessDirectoryTableBase", told)
    kthread_apc_process = member("OffsetKThreadApcProcess", told)
    kthread_stack_limit = member("OffsetKThreadStackLimit", told)
    kthread_stack_base = member("OffsetKThreadStackBase", told)
    size_prcb = member("SizePrcb", told)
    prcb_current_thread = member("OffsetPrcbCurrentThread", told)
    prcb_idle_thread = member("OffsetPrcbIdleThread", told)
    prcb_context = member("OffsetPrcbContext", told)
    """Of the pointer to the CONTEXT."""
    prcb_embedded_context = member("OffsetPrcbProcStateContext", told)
    """Of the CONTEXT inside of ProcessorState."""

    def __init__(self, address: int, block_size: int, data: bytes, decoded: str | None) -> None:
        super().__init__(TypedMemory(StructureCopy(address, data), [ListedLayouts(FIXED)]), address)
        self.block_size = block_size
        """Bytes as the block says; ``data`` may be shorter."""
        self.data = data
        self.decoded = decoded
        """How it was decoded: ``symbols`` or ``known values``; None when it was in clear."""

    def layouts(self) -> ListedLayouts:
        """What the block tells of where members stand in other structures."""
        told_here = ((name, path, getattr(self, attribute), kind) for name, path, attribute, kind in _TOLD)
        members = [(name, Member(path, offset, kind)) for name, path, offset, kind in told_here if offset is not None]
        sizes = {"_EPROCESS": self.size_eprocess, "_KPRCB": self.size_prcb}
        return ListedLayouts(
            Layout(name, sizes.get(name), (*begin, *(member for of, member in members if of == name)))
            for name, begin in _BEGINNINGS.items()
        )


_ADDRESS = integer(POINTER_BYTES)
_CONTEXT = MemberType(TypeKind.STRUCTURE, None, "_CONTEXT")
_BEGINNINGS = {
    "_KTHREAD": (),
    "_KPROCESS": (),
    "_KPRCB": (),
    "_ETHREAD": (inner("Tcb", 0, "_KTHREAD"),),
    "_EPROCESS": (inner("Pcb", 0, "_KPROCESS"),),
}
"""The structures of which the block tells something, and the part that is the kernel's of those of the executive."""
_TOLD = (
    ("_KTHREAD", "ApcState.Process", "kthread_apc_process", _ADDRESS),
    ("_KTHREAD", "StackLimit", "kthread_stack_limit", _ADDRESS),
    ("_KTHREAD", "StackBase", "kthread_stack_base", _ADDRESS),
    ("_KPROCESS", "DirectoryTableBase", "eprocess_directory_table_base", _ADDRESS),
    ("_EPROCESS", "Peb", "eprocess_peb", _ADDRESS),
    ("_KPRCB", "CurrentThread", "prcb_current_thread", _ADDRESS),
    ("_KPRCB", "IdleThread", "prcb_idle_thread", _ADDRESS),
    ("_KPRCB", "Context", "prcb_context", _ADDRESS),
    ("_KPRCB", "ProcessorState.ContextFrame", "prcb_embedded_context", _CONTEXT),
)
"""Structure, member, attribute of the block that tells its offset, type."""


def read_kdbg(
    memory: Memory, address: int, known: KnownValues = NOTHING_KNOWN, find_symbol: FindSymbol | None = None
) -> Kdbg:
    """The debugger data block at ``address``, decoded where the kernel left it encoded.

    ``known`` are values of the dump header that the block must repeat.

    Raises:
        MemoryGap: the start of the block is missing.
        NotKnown: there is no block, or one that cannot be decoded.
    """
    start = read_bytes(memory, address, c.KDBG_HEADER_SIZE)
    if _is_clear(start):
        return _sized(memory, address, start, None, None)
    for how, decoder in _decoders(memory, address, known, find_symbol):
        clear = decoder.decode(start)
        if _is_clear(clear):
            return _sized(memory, address, clear, decoder, how)
    raise NotKnown(
        f"no debugger data block at {format_address(address)}: it has no KDBG tag, and is no encoded block "
        "that holds what the dump's header says of it"
    )


def find_build_lab(memory: Memory, kdbg: Kdbg) -> str | None:
    """``26100.1.amd64fre.ge_release.240331-1435``: build, flavour, branch and date; None when its page is missing."""
    return find_ascii(memory, kdbg.build_lab, MAX_BUILD_LAB)


def _is_clear(start: bytes) -> bool:
    tag = c.KDBG_OWNER_TAG
    return start[tag.offset : tag.end] == c.KDBG_TAG


def _sized(memory: Memory, address: int, start: bytes, decoder: Decoder | None, how: str | None) -> Kdbg:
    size = c.KDBG_SIZE.read(start)
    data = read_prefix(memory, address, min(size & ~7, c.KDBG_LARGEST_SIZE))
    return Kdbg(address, size, decoder.decode(data) if decoder else data, how)


def _decoders(
    memory: Memory, address: int, known: KnownValues, find_symbol: FindSymbol | None
) -> Iterator[tuple[str, Decoder]]:
    # Of a dump that Windows wrote the block is in clear.
    from livedump.kernel.kdbg_decoding import decoder_from_known_values, decoder_from_symbols  # noqa: PLC0415

    by_symbols = decoder_from_symbols(memory, find_symbol) if find_symbol else None
    if by_symbols:
        yield "symbols", by_symbols
    encoded = read_prefix(memory, address, c.KDBG_MM_PAGE_SIZE.end)
    by_values = decoder_from_known_values(encoded, known)
    if by_values:
        yield "known values", by_values
