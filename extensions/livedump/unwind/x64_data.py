"""Which function an x64 address belongs to, and what its prologue did: the exception directory of an image, decoded."""

from typing import NamedTuple, Optional

from livedump.images.image import Image
from livedump.model.addresses import Memory, format_address
from livedump.model.errors import DamagedDump
from livedump.unwind import c_x64 as c

CHAIN_LIMIT = 32
"""Links from a part of a function to its primary entry; Windows follows as many."""
MASK_32 = 0xFFFFFFFF


class FunctionEntry(NamedTuple):
    """One RUNTIME_FUNCTION. Addresses are relative to the image's base."""

    begin: int
    end: int
    unwind_info: int


class UnwindCode(NamedTuple):
    """One effect of a prologue on the stack pointer or on a saved register."""

    behind: int
    """Offset in the function of the first instruction that sees the effect."""
    operation: int
    """One of the numbers in ``c_unwind``."""
    register: int
    """Which register was pushed or saved; else the code's information as stored."""
    amount: int
    """Bytes: size of the allocation, or distance of the saved register from the base of the frame."""


class UnwindInfo(NamedTuple):
    """One UNWIND_INFO."""

    version: int
    frame_register: int
    """0 for none."""
    frame_offset: int
    """Bytes that the frame register points above the stack pointer."""
    codes: tuple[UnwindCode, ...]
    """Last effect of the prologue first. Epilogue codes are left out."""
    epilogue_size: int
    """Of version 2: bytes of each epilogue; 0 when it lists none."""
    epilogues: tuple[int, ...]
    """Of version 2: where each epilogue starts, in bytes before the function's end."""
    parent: Optional[FunctionEntry]
    """Where the prologue goes on for a part that was split off; None for a primary entry."""


def find_function(memory: Memory, image: Image, offset: int) -> Optional[FunctionEntry]:
    """The entry that covers ``offset`` in the image; None for a leaf function or for what is no code.

    A binary search: twelve bytes are read for each probe.

    Raises:
        MemoryGap: the page of a probe is missing.
        DamagedDump: the entry refers to others without end.
    """
    if image.exceptions is None:
        return None
    table = image.base + image.exceptions.start
    low, high = 0, image.exceptions.size // c.RUNTIME_FUNCTION.size
    while low < high:
        middle = (low + high) // 2
        entry = read_function(memory, table + middle * c.RUNTIME_FUNCTION.size)
        if offset < entry.begin:
            high = middle
        elif offset >= entry.end:
            low = middle + 1
        else:
            return _direct(memory, image, entry)
    return None


def read_function(memory: Memory, address: int) -> FunctionEntry:
    """The RUNTIME_FUNCTION at a virtual address. Raises MemoryGap."""
    return FunctionEntry(*c.RUNTIME_FUNCTION.unpack(memory.read(address, c.RUNTIME_FUNCTION.size)))


def read_unwind_info(memory: Memory, image: Image, function: FunctionEntry) -> UnwindInfo:
    """What the prologue of ``function`` did.

    Raises:
        MemoryGap: a page of the unwind data is missing.
        DamagedDump: it lies outside of the image, is of a version other than 1 and 2, or ends inside a code.
    """
    address = image.base + function.unwind_info
    if function.unwind_info >= image.size:
        raise DamagedDump(f"unwind data at {format_address(address)} lies outside of its image")
    version_flags, _, count, frame = c.UNWIND_INFO.unpack(memory.read(address, c.UNWIND_INFO.size))
    version = version_flags & 7
    if version not in (1, 2):
        raise DamagedDump(f"unwind data at {format_address(address)} is of version {version}, expected 1 or 2")
    address += c.UNWIND_INFO.size
    slots = memory.read(address, count * c.UNWIND_CODE.size)
    codes, epilogues = _parse_codes(slots, version, address)
    parent = None
    if version_flags >> 3 & c.FLAG_CHAINED:
        parent = read_function(memory, address + (count + 1 & ~1) * c.UNWIND_CODE.size)
        parent = _direct(memory, image, parent)
    return UnwindInfo(
        version,
        frame & 0xF,
        (frame >> 4) * c.FRAME_OFFSET_UNIT,
        codes,
        slots[0] if epilogues else 0,
        epilogues,
        parent,
    )


def read_chain(memory: Memory, image: Image, function: FunctionEntry) -> list[tuple[FunctionEntry, UnwindInfo]]:
    """``function`` and its unwind data, then those of its parents, the primary entry last.

    Raises:
        MemoryGap: a page of the unwind data is missing.
        DamagedDump: the data is unsound, or there are more than CHAIN_LIMIT parents.
    """
    chain: list[tuple[FunctionEntry, UnwindInfo]] = []
    entry: FunctionEntry | None = function
    while entry is not None:
        if len(chain) > CHAIN_LIMIT:
            raise DamagedDump(f"unwind data of {format_address(image.base + function.begin)} is chained without end")
        info = read_unwind_info(memory, image, entry)
        chain.append((entry, info))
        entry = info.parent
    return chain


def _direct(memory: Memory, image: Image, entry: FunctionEntry) -> FunctionEntry:
    # An entry may stand for another one that several share.
    for _ in range(CHAIN_LIMIT):
        if not entry.unwind_info & c.INDIRECT:
            return entry
        entry = read_function(memory, image.base + entry.unwind_info - c.INDIRECT)
    raise DamagedDump(f"the function at {format_address(image.base + entry.begin)} refers to others without end")


def _parse_codes(slots: bytes, version: int, address: int) -> tuple[tuple[UnwindCode, ...], tuple[int, ...]]:
    codes = []
    at = 0
    while at < len(slots):
        behind, operation_info = c.UNWIND_CODE.unpack_from(slots, at)
        operation, info = operation_info & 0xF, operation_info >> 4
        if operation > c.PUSH_MACHINE_FRAME:
            raise DamagedDump(f"unwind code {operation} at {format_address(address + at)}, expected 0 to 10")
        extra = c.EXTRA_SLOTS.get(operation, 0) + (operation == c.ALLOCATE_LARGE and info != 0)
        operand = slots[at + 2 : at + 2 + extra * 2]
        if len(operand) < extra * 2:
            raise DamagedDump(f"unwind data at {format_address(address)} ends inside its last code")
        if operation not in (c.EPILOGUE, c.SPARE):
            codes.append(UnwindCode(behind, operation, info, _amount(operation, info, operand)))
        at += 2 + len(operand)
    return tuple(codes), _parse_epilogues(slots) if version == 2 else ()


def _amount(operation: int, info: int, operand: bytes) -> int:
    if operation == c.ALLOCATE_SMALL:
        return info * 8 + 8
    value = int.from_bytes(operand, "little")
    return value * 8 if len(operand) == 2 else value


def _parse_epilogues(slots: bytes) -> tuple[int, ...]:
    # The first code holds the size, and whether one ends the function; those behind it hold where the others start.
    # They come in pairs; a start of 0 fills the last pair.
    starts = []
    for at in range(0, len(slots), 2):
        low, operation_info = slots[at], slots[at + 1]
        if operation_info & 0xF != c.EPILOGUE:
            break
        high = operation_info >> 4
        if at:
            starts.append(low | high << 8)
        elif high & 1:
            starts.append(low)
    return tuple(start for start in starts if start)
