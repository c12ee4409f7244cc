"""One function for each kind of dump file."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from tests.synth.headers import (
    HEADER_SIZE,
    HeaderFacts,
    header32,
    header64,
    header_facts,
    mark_as_saved_again,
    prepare_outside,
)
from tests.synth.machine import Machine
from tests.synth.memory import PAGE, AddressSpace, pages_of, present_pages
from tests.synth.spec import Blob, DumpSpec, Gap
from tests.synth.triage import triage_dump, unreadable_triage_dump


@dataclass(frozen=True)
class DumpFile:
    """A whole dump before anything is cut off."""

    data: bytes
    page_count: int
    """Pages of memory in it."""
    first_page: int
    """File offset of the first; 0 in a file without pages."""


def dump_file(machine: Machine, spec: DumpSpec) -> DumpFile:
    """The dump that ``spec`` asks for."""
    if not spec.readable:
        return _without_system(machine, spec)
    if spec.dump_type == 4:
        return DumpFile(triage_dump(machine, spec, secondary_data(spec)), 0, 0)
    pages = present_pages(machine.physical.pages, omitted_pfns(machine, spec))
    return WRITERS[spec.dump_type](spec, header_facts(machine, spec), pages)


def _space_of(machine: Machine, directory_base: int) -> AddressSpace:
    return next(space for space in machine.spaces.values() if space.directory_base == directory_base)


def omitted_pfns(machine: Machine, spec: DumpSpec) -> set[int]:
    """Pages of the regions that the dump leaves out."""
    pfns = set()
    for region in machine.regions:
        if any(fnmatchcase(region.name, pattern) for pattern in spec.omit):
            space = _space_of(machine, region.directory_base)
            pfns |= {pfn for pfn in map(space.find_pfn, pages_of(region.address, region.size)) if pfn is not None}
    return pfns


def gaps(machine: Machine, spec: DumpSpec) -> tuple[Gap, ...]:
    """Regions that the dump leaves out."""
    return tuple(
        Gap(region.name, region.address & -PAGE, len(pages_of(region.address, region.size)))
        for region in machine.regions
        if any(fnmatchcase(region.name, pattern) for pattern in spec.omit)
    )


def secondary_data(spec: DumpSpec) -> bytes:
    """The stream of blobs; empty when there are none."""
    if not spec.blobs:
        return b""
    head = struct.pack("<4s4sII", b"Dump", b"Blob", 0x10, 0xF0000000 | spec.machine.build)
    return head + b"".join(_blob_bytes(blob) for blob in spec.blobs)


def _blob_bytes(blob: Blob) -> bytes:
    head = struct.pack("<I16sIII", 0x20, uuid.UUID(blob.tag).bytes_le, len(blob.data), blob.pre_pad, blob.post_pad)
    return head + bytes(blob.pre_pad) + blob.data + bytes(blob.post_pad)


def _highest_pfn(spec: DumpSpec) -> int:
    first, count = spec.machine.memory_runs[-1]
    return first + count - 1


def _bitmap(pfns: Iterable[int], bit_count: int) -> bytes:
    bits = bytearray((bit_count + 7) // 8)
    for pfn in pfns:
        bits[pfn >> 3] |= 1 << (pfn & 7)
    return bytes(bits)


def _rounded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def bitmap_dump(spec: DumpSpec, facts: HeaderFacts, pages: Mapping[int, bytes]) -> DumpFile:
    """Types 5 and 6: bitmap of the pages present, then those pages."""
    bit_count = _highest_pfn(spec) + 1
    bitmap = _bitmap(pages, bit_count)
    room = _rounded(len(bitmap), 8) * spec.bitmap_copies
    first_page = _rounded(HEADER_SIZE + 0x38 + room, PAGE)
    head = struct.pack("<4s4sII16xQQQ", spec.bitmap_signature, b"DUMP", 0, 0, first_page, len(pages), bit_count)
    body = (head + bitmap).ljust(first_page - HEADER_SIZE, b"\0") + b"".join(pages.values()) + secondary_data(spec)
    return DumpFile(bytes(header64(spec, facts, HEADER_SIZE + len(body))) + body, len(pages), first_page)


def full_dump(spec: DumpSpec, facts: HeaderFacts, pages: Mapping[int, bytes]) -> DumpFile:
    """Type 1: every page of every run."""
    runs = spec.machine.memory_runs
    body = b"".join(pages.get(pfn, bytes(PAGE)) for first, count in runs for pfn in range(first, first + count))
    body_size = HEADER_SIZE + len(body) + len(secondary_data(spec))
    header = header64(spec, facts, body_size, runs)
    if spec.written_by != "windows":
        prepare_outside(header, spec.written_by, spec.machine.captured_at)
    return DumpFile(bytes(header) + body + secondary_data(spec), len(body) // PAGE, HEADER_SIZE)


def summary_dump(spec: DumpSpec, facts: HeaderFacts, pages: Mapping[int, bytes]) -> DumpFile:
    """Type 2: the narrower bitmap header of systems before Windows 8."""
    bit_count = _rounded(_highest_pfn(spec) + 1, 32)
    bitmap = _bitmap(pages, bit_count)
    first_page = _rounded(HEADER_SIZE + 0x28 + len(bitmap), PAGE)
    head = struct.pack("<4s4sIIIIIIQ", b"SDMP", b"DUMP", 1, first_page, bit_count, len(pages), bit_count, 0, 0)
    body = (head + bitmap).ljust(first_page - HEADER_SIZE, b"\0") + b"".join(pages.values())
    header = header64(spec, facts, HEADER_SIZE + len(body), spec.machine.memory_runs)
    return DumpFile(bytes(header) + body, len(pages), first_page)


def _ranges(pfns: Sequence[int]) -> list[tuple[int, int]]:
    grouped = groupby(enumerate(pfns), key=lambda pair: pair[1] - pair[0])
    members = [[pfn for _, pfn in group] for _, group in grouped]
    return [(group[0], len(group)) for group in members]


def range_dump(spec: DumpSpec, facts: HeaderFacts, pages: Mapping[int, bytes]) -> DumpFile:
    """Types 8, 9 and 10: ranges of pages, written by a debugger. The first page follows at once, on no page border."""
    ranges = _ranges(list(pages))
    listed = b"".join(struct.pack("<QQ", *each) for each in ranges)
    first_page = HEADER_SIZE + 0x30 + len(listed)
    head = struct.pack("<I4s4sIQQ", 0x40, b"RDMP", b"DUMP", 0, first_page - HEADER_SIZE - 0x20, first_page)
    counts = struct.pack("<IIQ", len(ranges), 0, len(pages))
    body = head + counts + listed + b"".join(pages.values())
    header = header64(spec, facts, HEADER_SIZE + len(body))
    mark_as_saved_again(header)
    return DumpFile(bytes(header) + body, len(pages), first_page)


WRITERS: Mapping[int, Callable[[DumpSpec, HeaderFacts, Mapping[int, bytes]], DumpFile]] = {
    1: full_dump,
    2: summary_dump,
    5: bitmap_dump,
    6: bitmap_dump,
    8: range_dump,
    9: range_dump,
    0xA: range_dump,
}


def foreign_facts(spec: DumpSpec) -> HeaderFacts:
    """Header of a machine whose memory this package does not lay out."""
    base = spec.machine.kernel_base
    return HeaderFacts(
        0x1AA000,
        base + 0xC2A2F0,
        base + 0xC1E9A0,
        base + 0xC00B20,
        len(spec.machine.processors),
        _arm64_context(base) if spec.architecture == "arm64" else b"",
        base + 0x214A80,
    )


def _arm64_context(kernel_base: int) -> bytes:
    context = bytearray(0x390)
    struct.pack_into("<II", context, 0, 0x400007, 0x60000004)
    for register in range(29):
        struct.pack_into("<Q", context, 8 + 8 * register, 0x1000 + register)
    struct.pack_into(
        "<QQQQ", context, 0xF0, 0xFFFFF8071BCF6A40, kernel_base + 0x3511F8, 0xFFFFF8071BCF69F0, kernel_base + 0x214A80
    )
    return bytes(context)


def _without_system(machine: Machine, spec: DumpSpec) -> DumpFile:
    """A header whose pages hold nothing: for readers that should say what the file is, and go no further."""
    facts = foreign_facts(spec)
    if spec.dump_type == 4:
        return DumpFile(unreadable_triage_dump(machine, spec, facts, secondary_data(spec)), 0, 0)
    pages = {pfn: bytes(PAGE) for pfn in (3, 5, 6, 9)}
    if spec.architecture == "arm64":
        return bitmap_dump(spec, facts, pages)
    head = struct.pack("<4s4sIIIIII", b"SDMP", b"DUMP", 1, 0x2000, 32, len(pages), 32, 0)
    body = (head + _bitmap(pages, 32)).ljust(PAGE, b"\0") + b"".join(pages.values())
    header = header32(spec, facts, PAGE + len(body), [(1, 31)])
    return DumpFile(bytes(header) + body, len(pages), 2 * PAGE)
