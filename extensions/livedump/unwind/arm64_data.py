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
    last: Epilogue | None = None
    """The only epilogue, at the end of the function; None where it has none there, or lists them."""
    scopes: bytes = b""
    """Its list of epilogues as stored, by their starts. It may be long, and one entry at most is asked for."""
    raw: bytes = b""
    """The codes as stored, of which each epilogue begins somewhere."""

    @property
    def end(self) -> int:
        """First address behind it, relative to the image's base."""
        return self.begin + self.size

    def epilogue_at(self, instruction: int) -> Epilogue | None:
        """The epilogue in which an instruction lies, counted from the begin.

        Raises:
            DamagedDump: its codes are unsound.
        """
        found = self.last or self._listed(instruction)
        return found if found is not None and found.start <= instruction < found.end else None

    def _listed(self, instruction: int) -> Epilogue | None:
        # The last one that begins there or before.
        low, high = 0, len(self.scopes) // c.HEADER.size
        while low < high:
            middle = (low + high) // 2
            if c.bits(self._scope(middle), c.EPILOGUE_START) <= instruction:
                low = middle + 1
            else:
                high = middle
        return self._epilogue(low - 1) if low else None

    def _epilogue(self, number: int) -> Epilogue:
        scope = self._scope(number)
        return Epilogue(c.bits(scope, c.EPILOGUE_START), parse_codes(self.raw, c.bits(scope, c.EPILOGUE_INDEX)))

    def _scope(self, number: int) -> int:
        (scope,) = c.HEADER.unpack_from(self.scopes, number * c.HEADER.size)
        return int(scope)


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
        return Function(begin, size, inherited)
    undone = (*(code for code in frame if code is not _SET_FP), *saves, _END)
    return Function(begin, size, (*frame, *homes, *saves, _END), _last_epilogue(words, undone))


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


class _Header(NamedTuple):
    # The one or two words that begin a record.
    length: int
    one_epilogue: bool
    epilogues: int
    """How many are listed, or, of one, where its codes begin."""
    code_words: int
    size: int

    @property
    def listed(self) -> int:
        """Bytes of the list of epilogues."""
        return 0 if self.one_epilogue else self.epilogues * c.HEADER.size


def _read_record(memory: Memory, image: Image, begin: int, record: int) -> Function:
    header = _read_header(memory, image, record)
    start = image.base + record + header.size
    data = memory.read(start, header.listed + header.code_words * c.HEADER.size)
    scopes, raw = data[: header.listed], data[header.listed :]
    last = _last_epilogue(header.length, parse_codes(raw, header.epilogues)) if header.one_epilogue else None
    return Function(begin, header.length * c.INSTRUCTION_SIZE, parse_codes(raw, 0), last, scopes, raw)


def _read_header(memory: Memory, image: Image, record: int) -> _Header:
    address = image.base + record
    if record + c.HEADER.size > image.size:
        raise DamagedDump(f"unwind data at {format_address(address)} lies outside of its image")
    (word,) = c.HEADER.unpack(memory.read(address, c.HEADER.size))
    if version := c.bits(word, c.HEADER_VERSION):
        raise DamagedDump(f"unwind data at {format_address(address)} is of version {version}, expected 0")
    epilogues, code_words, size = c.bits(word, c.HEADER_EPILOGUES), c.bits(word, c.HEADER_CODE_WORDS), c.HEADER.size
    if not epilogues and not code_words:
        (second,) = c.HEADER.unpack(memory.read(address + size, c.HEADER.size))
        epilogues, code_words = c.bits(second, c.SECOND_EPILOGUES), c.bits(second, c.SECOND_CODE_WORDS)
        size += c.HEADER.size
    one = bool(c.bits(word, c.HEADER_ONE_EPILOGUE))
    return _Header(c.bits(word, c.HEADER_LENGTH), one, epilogues, code_words, size)


def _last_epilogue(length: int, codes: tuple[Code, ...]) -> Epilogue:
    # It ends the function, with an instruction that has no code.
    return Epilogue(length - instruction_count(codes) - 1, codes)
