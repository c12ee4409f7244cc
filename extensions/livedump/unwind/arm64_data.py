"""Which function an ARM64 address belongs to, and what its prologue and epilogues do: exception directories decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from livedump.images.image import Image
from livedump.machine.arm64 import FP, LR
from livedump.model.addresses import Memory, format_address
from livedump.model.errors import DamagedDump
from livedump.unwind import c_arm64 as c
from livedump.unwind.arm64_codes import Code, Effect, allocate, instruction_count, parse_codes, push, save

_SET_FP = Code(Effect.SET_FP)
_END = Code(Effect.END, instructions=0)


class Epilogue(NamedTuple):
    """One epilogue."""

    start: int
    """Instructions from the function's begin."""
    codes: tuple[Code, ...]
    """In the order in which it takes effects back."""

    @property
    def end(self) -> int:
        """Behind its last instruction, which returns and has no code."""
        return self.start + instruction_count(self.codes) + 1


class Function(NamedTuple):
    """One function, or one part of a function."""

    begin: int
    """Relative to the image's base."""
    size: int
    """Bytes."""
    codes: tuple[Code, ...]
    """What undoes its whole prologue; last effect first."""
    epilogues: tuple[Epilogue, ...]

    @property
    def end(self) -> int:
        """First address behind it, relative to the image's base."""
        return self.begin + self.size


def find_function(memory: Memory, image: Image, offset: int) -> Function | None:
    """The function that covers ``offset`` in the image; None for a leaf function or for what is no code.

    A binary search: eight bytes are read for each probe.

    Raises:
        MemoryGap: the page of a probe, or of the function's record, is missing.
        DamagedDump: the record is unsound.
    """
    if image.exceptions is None:
        return None
    table = image.base + image.exceptions.start
    low, high = 0, image.exceptions.size // c.RUNTIME_FUNCTION.size
    begin = data = 0
    while low < high:
        middle = (low + high) // 2
        entry = c.RUNTIME_FUNCTION.unpack(
            memory.read(table + middle * c.RUNTIME_FUNCTION.size, c.RUNTIME_FUNCTION.size)
        )
        if offset < entry[0]:
            high = middle
        else:
            low = middle + 1
            begin, data = entry
    if not low or not begin:
        return None
    function = read_function(memory, image, begin, data)
    return function if offset < function.end else None


def read_function(memory: Memory, image: Image, begin: int, data: int) -> Function:
    """The function of one entry: where it begins, and its unwind data as the entry has it.

    Raises:
        MemoryGap: a page of the record is missing.
        DamagedDump: it is unsound.
    """
    flag = data & c.FLAG_MASK
    if flag == c.FLAG_RECORD:
        return _read_record(memory, image, begin, data)
    if flag in (c.FLAG_PACKED, c.FLAG_PACKED_FRAGMENT):
        return parse_packed(begin, data)
    raise DamagedDump(f"the function at {format_address(image.base + begin)} has unwind data of a reserved kind")


def parse_packed(begin: int, data: int) -> Function:
    """A function whose unwind data stands in its entry: prologue and epilogue are of the usual form."""
    words = c.bits(data, c.PACKED_LENGTH)
    size = words * c.INSTRUCTION_SIZE
    saves, homes, frame = _packed_parts(data)
    if data & c.FLAG_MASK == c.FLAG_PACKED_FRAGMENT:
        inherited = (Code(Effect.END_CHAINED, instructions=0), *frame, *homes, *saves, _END)
        return Function(begin, size, inherited, ())
    undone = (*(code for code in frame if code is not _SET_FP), *saves, _END)
    epilogue = Epilogue(words - instruction_count(undone) - 1, undone)
    return Function(begin, size, (*frame, *homes, *saves, _END), (epilogue,))


def _packed_parts(data: int) -> tuple[tuple[Code, ...], tuple[Code, ...], tuple[Code, ...]]:
    # What undoes the saves, the stores of parameters, and the rest of the frame; last effect first.
    chain = c.bits(data, c.PACKED_CR)
    general = c.bits(data, c.PACKED_REG_I)
    vectors = c.bits(data, c.PACKED_REG_F)
    vectors += vectors > 0
    homes = c.bits(data, c.PACKED_HOMES)
    slots = general + (chain == c.CR_SAVED) + vectors
    area = (slots + 8 * homes if slots else 0) + 1 & ~1
    saves = [*_packed_saves(general, chain == c.CR_SAVED, vectors, area * 8)]
    if chain == c.CR_CHAINED_SIGNED:
        saves.insert(0, Code(Effect.SIGN_LR))
    left = c.bits(data, c.PACKED_FRAME_SIZE) * 16 - area * 8
    stores = (Code(Effect.NOTHING),) * (c.HOMES if homes and slots else 0)
    return tuple(reversed(saves)), stores, tuple(reversed([*_packed_frame(left, chain)]))


def _packed_saves(general: int, link: bool, vectors: int, area: int) -> Iterator[Code]:
    # In the order of the prologue: the first one also takes the whole area off the stack pointer.
    if general == 1 and link:  # no instruction does both for x19 and lr
        yield allocate(area)
        area = 0
    slot = 0
    for registers, size in _packed_groups(general, link, vectors):
        yield push(registers, area) if area else save(registers, slot * 8)
        area = 0
        slot += size


def _packed_groups(general: int, link: bool, vectors: int) -> Iterator[tuple[tuple[int, ...], int]]:
    # What each instruction saves, and how many slots that takes; of vector registers nothing is kept.
    registers = tuple(range(c.FIRST_SAVED, c.FIRST_SAVED + general)) + ((LR,) if link else ())
    for at in range(0, len(registers), 2):
        yield registers[at : at + 2], len(registers[at : at + 2])
    for at in range(0, vectors, 2):
        yield (), min(2, vectors - at)


def _packed_frame(size: int, chain: int) -> Iterator[Code]:
    chained = chain in (c.CR_CHAINED, c.CR_CHAINED_SIGNED)
    if size <= 0:
        return
    if chained and size <= c.LARGEST_PRE_INDEXED:
        yield push((FP, LR), size)
    else:
        yield from (allocate(part) for part in (min(size, c.LARGEST_STEP), size - c.LARGEST_STEP) if part > 0)
        if chained:
            yield save((FP, LR), 0)
    if chained:
        yield _SET_FP


def _read_record(memory: Memory, image: Image, begin: int, record: int) -> Function:
    address = image.base + record
    if record + c.HEADER.size > image.size:
        raise DamagedDump(f"unwind data at {format_address(address)} lies outside of its image")
    (header,) = c.HEADER.unpack(memory.read(address, c.HEADER.size))
    if version := c.bits(header, c.HEADER_VERSION):
        raise DamagedDump(f"unwind data at {format_address(address)} is of version {version}, expected 0")
    address += c.HEADER.size
    epilogues, words = c.bits(header, c.HEADER_EPILOGUES), c.bits(header, c.HEADER_CODE_WORDS)
    if not epilogues and not words:
        (second,) = c.HEADER.unpack(memory.read(address, c.HEADER.size))
        epilogues, words = c.bits(second, c.SECOND_EPILOGUES), c.bits(second, c.SECOND_CODE_WORDS)
        address += c.HEADER.size
    length = c.bits(header, c.HEADER_LENGTH)
    scopes, last = (0, epilogues) if c.bits(header, c.HEADER_ONE_EPILOGUE) else (epilogues, None)
    data = memory.read(address, (scopes + words) * c.HEADER.size)
    codes = data[scopes * c.HEADER.size :]
    starts = [*_scopes(data[: scopes * c.HEADER.size])]
    found = [Epilogue(start, parse_codes(codes, index)) for start, index in starts]
    if last is not None:
        undone = parse_codes(codes, last)
        found = [Epilogue(length - instruction_count(undone) - 1, undone)]
    return Function(begin, length * c.INSTRUCTION_SIZE, parse_codes(codes, 0), tuple(found))


def _scopes(data: bytes) -> Iterator[tuple[int, int]]:
    for (scope,) in c.HEADER.iter_unpack(data):
        yield c.bits(scope, c.EPILOGUE_START), c.bits(scope, c.EPILOGUE_INDEX)
