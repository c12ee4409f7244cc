"""The debugger data block (KDBG): where the kernel's own structures lie, and the offsets of fields in them.

References: KDDEBUGGER_DATA64 in wdbgexts.h of the Windows SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Optional

from livedump.kernel import c_kernel as c
from livedump.kernel.kdbg_decoding import Decoder, KnownValues, decoder_from_known_values, decoder_from_symbols
from livedump.kernel.values import find_ascii, read_bytes, read_prefix
from livedump.model.addresses import Memory, format_address
from livedump.model.errors import DamagedDump, NotKnown
from livedump.model.fields import Field

FindSymbol = Callable[[str], Optional[int]]
"""The address of a kernel symbol by its name without module; None where it is not known."""

MAX_BUILD_LAB = 0x100
NOTHING_KNOWN = KnownValues()


class _Value:
    # A field as an attribute: None beyond the block's size and where the kernel left 0.
    def __init__(self, field: Field) -> None:
        self._field = field

    def __get__(self, kdbg: Kdbg, owner: type[Kdbg]) -> int | None:
        if self._field.end > len(kdbg.data):
            return None
        return self._field.read(kdbg.data) or None


@dataclass(frozen=True)
class Kdbg:
    """KDDEBUGGER_DATA64 in clear.

    Each attribute but the first four is an address, or the size of a structure or the offset of a field in it; None
    where this build's block ends before it, where its page is missing, and where the kernel has nothing to say.
    """

    address: int
    size: int
    """As the block says; ``data`` may be shorter."""
    data: bytes
    decoded: str | None
    """How it was decoded: ``symbols`` or ``known values``; None when it was in clear."""

    kernel_base = _Value(c.KDBG_KERN_BASE)
    loaded_module_list = _Value(c.KDBG_PS_LOADED_MODULE_LIST)
    active_process_head = _Value(c.KDBG_PS_ACTIVE_PROCESS_HEAD)
    build_lab = _Value(c.KDBG_NT_BUILD_LAB)
    """Address of the text."""
    processor_block = _Value(c.KDBG_KI_PROCESSOR_BLOCK)
    unloaded_drivers = _Value(c.KDBG_MM_UNLOADED_DRIVERS)
    """Address of the variable that holds the array's address."""
    last_unloaded_driver = _Value(c.KDBG_MM_LAST_UNLOADED_DRIVER)
    """Address of the count."""

    size_eprocess = _Value(c.KDBG_SIZE_EPROCESS)
    eprocess_peb = _Value(c.KDBG_OFFSET_EPROCESS_PEB)
    eprocess_directory_table_base = _Value(c.KDBG_OFFSET_EPROCESS_DIRECTORY_TABLE_BASE)
    kthread_apc_process = _Value(c.KDBG_OFFSET_KTHREAD_APC_PROCESS)
    kthread_stack_limit = _Value(c.KDBG_OFFSET_KTHREAD_STACK_LIMIT)
    kthread_stack_base = _Value(c.KDBG_OFFSET_KTHREAD_STACK_BASE)
    size_prcb = _Value(c.KDBG_SIZE_PRCB)
    prcb_current_thread = _Value(c.KDBG_OFFSET_PRCB_CURRENT_THREAD)
    prcb_idle_thread = _Value(c.KDBG_OFFSET_PRCB_IDLE_THREAD)
    prcb_context = _Value(c.KDBG_OFFSET_PRCB_CONTEXT)
    """Of the pointer to the CONTEXT."""
    prcb_embedded_context = _Value(c.KDBG_OFFSET_PRCB_PROC_STATE_CONTEXT)
    """Of the CONTEXT inside of ProcessorState."""
    prcb_special_registers = _Value(c.KDBG_OFFSET_PRCB_PROC_STATE_SPECIAL_REG)


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


def parse_kdbg(data: bytes, address: int) -> Kdbg:
    """The block in ``data``, a copy in clear such as a triage dump holds.

    Raises:
        DamagedDump: it does not begin as a debugger data block does.
    """
    if len(data) < c.KDBG_HEADER_SIZE or not _is_clear(data):
        raise DamagedDump(f"no KDBG tag in the copy of the debugger data block of {format_address(address)}")
    size = c.KDBG_SIZE.read(data)
    return Kdbg(address, size, bytes(data[: min(size, c.KDBG_LARGEST_SIZE)]), None)


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
    by_symbols = decoder_from_symbols(memory, find_symbol) if find_symbol else None
    if by_symbols:
        yield "symbols", by_symbols
    encoded = read_prefix(memory, address, c.KDBG_MM_PAGE_SIZE.end)
    by_values = decoder_from_known_values(encoded, known)
    if by_values:
        yield "known values", by_values
