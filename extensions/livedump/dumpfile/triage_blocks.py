"""Triage dumps (type 4): the parts of one, its drivers, and the pieces of virtual memory that it holds.

References: ``c_triage`` for the layout. Every offset and size is checked against the file before it is used; what
does not fit is left out and named in ``TriageBody.problems``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from struct import iter_unpack
from typing import NamedTuple

from livedump.dumpfile import c_triage
from livedump.dumpfile.c_dump import UNSET
from livedump.dumpfile.memory import check_read_size
from livedump.dumpfile.source import ByteSource, read_exactly
from livedump.model.addresses import MAX_U64
from livedump.model.errors import MemoryGap
from livedump.model.fields import Field
from livedump.model.images import Module, UnloadedModule, module_name, unnamed_module
from livedump.model.listing import Listing, joined_problems
from livedump.model.text import clean_text

MAX_DATA_BLOCKS = 1 << 16
MAX_DRIVERS = 1 << 12
MAX_UNLOADED = 1 << 10
MAX_STRING_POOL = 1 << 20
MAX_NAME = 255
"""Characters of a driver's name; of a longer text its end, where a path has the file's name. Many drivers may share
one text, and the pool alone does not bound what they cost together."""
DRIVERS, STRINGS, UNLOADED = "driver list", "string pool", "unloaded drivers"


class Part(NamedTuple):
    """Where a part of the dump stands in the file."""

    offset: int
    size: int


class Block(NamedTuple):
    """A piece of virtual memory and where it stands in the file."""

    address: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + self.size


class PartProblem(NamedTuple):
    """A part that is not all there."""

    part: str
    """Which: ``driver list``; empty for all of it."""
    message: str


class TriageBody(NamedTuple):
    """What TRIAGE_DUMP64 says, as far as the file bears it out. None, or empty: the dump does not have that part."""

    service_pack_build: int
    size: int
    """Where the triage part ends and secondary data begins, as the dump says; the file may be shorter."""
    complete: bool
    """Whether the mark that the writer leaves at the end is there."""
    overflowed: bool
    """Whether the writer noted that not everything fitted."""
    prcb_offset: int | None
    """File offset of a copy of the KPRCB; its size is the debugger data's business, as for the next two."""
    process_offset: int | None
    """File offset of a copy of the EPROCESS."""
    thread_offset: int | None
    """File offset of a copy of the ETHREAD."""
    stack: Block | None
    """The current thread's stack, from the stack pointer up."""
    debugger_data: Part | None
    """A copy of KDBG; the dump header tells its address."""
    data_page: Block | None
    data_blocks: tuple[Block, ...]
    drivers: Part | None
    strings: Part | None
    unloaded_drivers: Part | None
    problems: tuple[PartProblem, ...]
    """What does not fit into the file."""

    def problem_of(self, *parts: str) -> str | None:
        """Why one of these parts may not be whole; None when they are."""
        return joined_problems(*(found.message for found in self.problems if found.part in parts))


def read_triage_body(source: ByteSource, body_offset: int) -> TriageBody:
    """The parts of a triage dump of a 64-bit system.

    Raises:
        DamagedDump: the file ends inside TRIAGE_DUMP64 itself.
    """
    data = read_exactly(source, body_offset, c_triage.SIZE, "triage header")
    parts = _Parts(data, body_offset + c_triage.SIZE, source.size)
    return TriageBody(
        service_pack_build=c_triage.SERVICE_PACK_BUILD.read(data),
        size=c_triage.SIZE_OF_DUMP.read(data),
        complete=source.read_at(c_triage.VALID_OFFSET.read(data), 4) == c_triage.VALID_MARK,
        overflowed=_overflowed(c_triage.TRIAGE_OPTIONS.read(data)),
        prcb_offset=parts.find_start("KPRCB", c_triage.PRCB_OFFSET),
        process_offset=parts.find_start("EPROCESS", c_triage.PROCESS_OFFSET),
        thread_offset=parts.find_start("ETHREAD", c_triage.THREAD_OFFSET),
        stack=parts.find_block("call stack", c_triage.CALL_STACK, c_triage.TOP_OF_STACK),
        debugger_data=parts.find("debugger data", c_triage.DEBUGGER_DATA),
        data_page=parts.find_block("data page", c_triage.DATA_PAGE, c_triage.DATA_PAGE_ADDRESS),
        data_blocks=parts.data_blocks(source),
        drivers=parts.find(DRIVERS, c_triage.DRIVER_LIST, c_triage.DRIVER_SIZE, MAX_DRIVERS),
        strings=parts.find(STRINGS, c_triage.STRING_POOL, 1, MAX_STRING_POOL),
        unloaded_drivers=parts.find_rest(UNLOADED, c_triage.UNLOADED_DRIVERS_OFFSET),
        problems=tuple(parts.problems),
    )


def _overflowed(options: int) -> bool:
    return options != c_triage.OPTIONS_OF_A_DEBUGGER and bool(options & c_triage.OPTION_OVERFLOWED)


def loaded_drivers(source: ByteSource, body: TriageBody) -> Listing[Module]:
    """The drivers that a triage dump lists, in load order; empty when it has no list."""
    problem = body.problem_of(DRIVERS, STRINGS)
    if body.drivers is None:
        return Listing((), problem)
    strings = body.strings or Part(0, 0)
    pool = source.read_at(*strings)
    entries = source.read_at(*body.drivers)
    starts = range(0, len(entries) - c_triage.DRIVER_SIZE + 1, c_triage.DRIVER_SIZE)
    return Listing(tuple(_driver(entries, start, pool, strings.offset) for start in starts), problem)


def unloaded_drivers(source: ByteSource, body: TriageBody) -> Listing[UnloadedModule]:
    """The drivers that were unloaded, as the dump lists them; empty when it has no list."""
    problem = body.problem_of(UNLOADED)
    if body.unloaded_drivers is None:
        return Listing((), problem)
    wanted = c_triage.UNLOADED_FIRST + MAX_UNLOADED * c_triage.UNLOADED_SIZE
    data = source.read_at(body.unloaded_drivers.offset, min(body.unloaded_drivers.size, wanted))
    if len(data) < c_triage.UNLOADED_FIRST:
        return Listing((), problem or "the list ends before its count")
    listed = c_triage.UNLOADED_COUNT.read(data)
    there = (len(data) - c_triage.UNLOADED_FIRST) // c_triage.UNLOADED_SIZE
    starts = (c_triage.UNLOADED_FIRST + n * c_triage.UNLOADED_SIZE for n in range(min(listed, there)))
    cut = f"{listed} are promised, {there} are in the dump" if listed > there else None
    return Listing(tuple(_unloaded_driver(data, start) for start in starts), joined_problems(problem, cut))


class TriageMemory:
    """Bytes by virtual address, from the pieces that a triage dump holds.

    Where pieces overlap, ``copies`` win over ``blocks``, and the piece that begins first over the others: the copy of
    KDBG is decoded, which a block over the same addresses need not be.
    """

    def __init__(self, source: ByteSource, blocks: Iterable[Block], copies: Iterable[Block] = ()) -> None:
        first = _without_overlaps(copies)
        rest = (piece for block in blocks for piece in _iter_outside(block, first))
        self._source = source
        self._pieces = _without_overlaps([*first, *rest])
        self._addresses = [piece.address for piece in self._pieces]

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``, from as many pieces as it takes.

        Raises:
            DamagedDump: the size is absurd.
            MemoryGap: the first byte that the dump does not hold.
        """
        check_read_size(address, size)
        end, read = address + size, []
        while address < end:
            data = self._read_piece(address, end - address)
            if not data:
                raise MemoryGap(address, MemoryGap.NOT_CAPTURED)
            read.append(data)
            address += len(data)
        return b"".join(read)

    def _read_piece(self, address: int, size: int) -> bytes:
        piece = self._piece_at(address)
        if piece is None:
            return b""
        return self._source.read_at(piece.offset + address - piece.address, min(size, piece.end - address))

    def _piece_at(self, address: int) -> Block | None:
        index = bisect_right(self._addresses, address) - 1
        return self._pieces[index] if index >= 0 and address < self._pieces[index].end else None


def triage_memory(
    source: ByteSource, body: TriageBody, debugger_data_block: int, copies: Iterable[Block] = ()
) -> TriageMemory:
    """The virtual memory of a triage dump.

    Args:
        source: the file.
        body: its parts.
        debugger_data_block: address of KDBG as the dump header says.
        copies: further pieces whose address the caller found out: KPRCB, EPROCESS, ETHREAD.
    """
    known = [block for block in (body.stack, body.data_page) if block is not None]
    if body.debugger_data is not None:
        known.append(Block(debugger_data_block, *body.debugger_data))
    return TriageMemory(source, body.data_blocks, [*known, *copies])


class _Parts:
    # The parts of one dump, held against the file; collects what does not fit.

    def __init__(self, header: bytes, first: int, file_size: int) -> None:
        said = c_triage.SIZE_OF_DUMP.read(header)
        self.problems: list[PartProblem] = []
        self._header = header
        self._first = first
        self._end = min(said, file_size) if said >= first else file_size
        if said < first:
            self._note("", f"the triage part is said to end at {said:#x}, inside its own header")
        elif said > file_size:
            self._note("", f"the file ends at {file_size:#x}, its triage part is said to end at {said:#x}")

    def _note(self, part: str, message: str) -> None:
        self.problems.append(PartProblem(part, message))

    def find(self, name: str, field: Field, unit: int = 1, limit: int = 1 << 32) -> Part | None:
        # A part from its pair of file offset and number of units; shortened to what the file holds.
        offset, count = field.read_all(self._header)
        if count > limit:
            self._note(name, f"{count:#x} entries in its {name}; the first {limit:#x} are read")
        return self._placed(name, offset, min(count, limit) * unit)

    def find_block(self, name: str, field: Field, address: Field) -> Block | None:
        part = self.find(name, field)
        return Block(address.read(self._header), *part) if part else None

    def find_start(self, name: str, field: Field) -> int | None:
        part = self._placed(name, field.read(self._header), 1)
        return part.offset if part else None

    def find_rest(self, name: str, field: Field) -> Part | None:
        offset = field.read(self._header)
        return self._placed(name, offset, max(1, self._end - offset))

    def data_blocks(self, source: ByteSource) -> tuple[Block, ...]:
        table = self.find("data block list", c_triage.DATA_BLOCKS, c_triage.DATA_BLOCK_SIZE, MAX_DATA_BLOCKS)
        if table is None:
            return ()
        data = source.read_at(*table)
        whole = len(data) - len(data) % c_triage.DATA_BLOCK_SIZE
        listed = [Block(*fields) for fields in iter_unpack(c_triage.DATA_BLOCK, data[:whole])]
        kept = tuple(block for block in map(self._shortened, listed) if block.size)
        lost = sum(block.size for block in listed) - sum(block.size for block in kept)
        if lost:
            self._note("data blocks", f"{lost:#x} bytes of its data blocks lie outside of the file or of memory")
        return kept

    def _placed(self, name: str, offset: int, size: int) -> Part | None:
        if offset in (0, UNSET) or not size:
            return None
        there = self._held(offset, size)
        if there < size:
            self._note(name, f"its {name} ({offset:#x} to {offset + size:#x}) is not all inside the triage part")
        return Part(offset, there) if there else None

    def _held(self, offset: int, size: int) -> int:
        return max(0, min(size, self._end - offset)) if offset >= self._first else 0

    def _shortened(self, block: Block) -> Block:
        if block.end - 1 > MAX_U64:
            return block._replace(size=0)
        there = self._held(block.offset, block.size)
        return block if there == block.size else block._replace(size=there)


def _driver(entries: bytes, start: int, pool: bytes, pool_offset: int) -> Module:
    base = c_triage.DRIVER_BASE.read(entries, start)
    path = _string(pool, c_triage.DRIVER_NAME_OFFSET.read(entries, start) - pool_offset)
    image_name = path.rsplit("\\", 1)[-1] or unnamed_module(base)
    return Module(
        name=module_name(image_name),
        image_name=image_name,
        base=base,
        size=c_triage.DRIVER_IMAGE_SIZE.read(entries, start),
        # A debugger that saved the dump again leaves 0 where it did not find the image's header (seen in 10.0.15063).
        timestamp=c_triage.DRIVER_TIMESTAMP.read(entries, start) or None,
        checksum=c_triage.DRIVER_CHECKSUM.read(entries, start),
        path=path if "\\" in path else None,
    )


def _string(pool: bytes, start: int) -> str:
    if not 0 <= start <= len(pool) - c_triage.STRING_TEXT:
        return ""
    text = start + c_triage.STRING_TEXT
    length = min(c_triage.STRING_LENGTH.read(pool, start), (len(pool) - text) // 2)
    return _text(pool[text + 2 * max(length - MAX_NAME, 0) : text + 2 * length])


def _text(utf16: bytes) -> str:
    return clean_text(utf16.decode("utf-16-le", "replace").split("\0", 1)[0])


def _unloaded_driver(data: bytes, start: int) -> UnloadedModule:
    low, high = c_triage.UNLOADED_RANGE.read_all(data, start)
    name = data[start + c_triage.UNLOADED_NAME.offset : start + c_triage.UNLOADED_NAME.end]
    return UnloadedModule(_text(name[: c_triage.UNLOADED_NAME_BYTES.read(data, start)]), low, high)


def _without_overlaps(blocks: Iterable[Block]) -> list[Block]:
    kept: list[Block] = []
    covered = 0
    for block in sorted(blocks):
        rest = _from(block, covered)
        if rest.size > 0:
            kept.append(rest)
            covered = rest.end
    return kept


def _iter_outside(block: Block, taken: list[Block]) -> Iterator[Block]:
    # The parts of a block that none of ``taken``, which rise and do not overlap, covers.
    for other in taken:
        if other.address >= block.end:
            break
        if other.address > block.address:
            yield block._replace(size=other.address - block.address)
        block = _from(block, other.end)
        if block.size <= 0:
            return
    yield block


def _from(block: Block, address: int) -> Block:
    # What is left of a block from an address on; of size 0 or less when nothing is.
    skipped = address - block.address
    if skipped <= 0:
        return block
    return Block(block.address + skipped, block.offset + skipped, block.size - skipped)
