"""Writes small PDBs byte by byte, for what no linker here writes: OMAP, odd block sizes, forty thousand publics.

Independent of the reader: it knows the format from the documentation of the LLVM project alone.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
NO_STREAM = 0xFFFF


@dataclass
class PdbSpec:
    """What the PDB says."""

    guid: str = "0123456789ABCDEF0123456789ABCDEF"
    age: int = 1
    publics: Sequence[tuple[int, int, str]] = ()
    """section, offset, name"""
    modules: Sequence[Sequence[tuple[int, int, int, str]]] = ()
    """For each object file: section, offset, size, name of its procedures."""
    sections: Sequence[tuple[int, int]] = ((0x1000, 0x1000),)
    """start, size"""
    original_sections: Sequence[tuple[int, int]] = ()
    omap: Sequence[tuple[int, int]] = ()
    """source, target"""
    types: bytes = b""
    """Type records, first index 0x1000."""
    info_age: int | None = None
    """Age in the info stream when it is another than that of the DBI stream."""
    machine: int = 0x8664
    block_size: int = 4096
    shuffle: int | None = None
    """Seed for blocks in disorder."""
    extra_streams: Sequence[bytes] = field(default=())


def pdb_bytes(spec: PdbSpec) -> bytes:
    """The whole file."""
    return container(streams_of(spec), spec.block_size, spec.shuffle)


def streams_of(spec: PdbSpec) -> list[bytes]:
    """The streams in order: old directory, info, types, DBI, ids, symbol records, sections, OMAP, then modules."""
    records = b"".join(public_record(*public) for public in spec.publics)
    streams = [b"", info_stream(spec), type_stream(spec.types), b"", b"", records]
    debug = [NO_STREAM] * 11
    for index, data in ((5, sections(spec.sections)), (10, sections(spec.original_sections)), (4, omap(spec.omap))):
        if data:
            debug[index] = len(streams)
            streams.append(data)
    modules = b""
    for number, procedures in enumerate(spec.modules):
        data = struct.pack("<I", 4) + b"".join(procedure_records(procedures))
        modules += module_info(len(streams), len(data), f"module{number}.obj")
        streams.append(data)
    streams[3] = dbi_stream(spec, modules, struct.pack("<11H", *debug))
    return [*streams, *spec.extra_streams]


def info_stream(spec: PdbSpec) -> bytes:
    """Version, signature, age, GUID."""
    age = spec.age if spec.info_age is None else spec.info_age
    return struct.pack("<III", 20000404, 0, age) + guid_bytes(spec.guid) + bytes(12)


def guid_bytes(digits: str) -> bytes:
    """A GUID in its memory order."""
    first, second, third = int(digits[:8], 16), int(digits[8:12], 16), int(digits[12:16], 16)
    return struct.pack("<IHH", first, second, third) + bytes.fromhex(digits[16:])


def type_stream(records: bytes) -> bytes:
    """A header of 56 bytes, then the records."""
    return struct.pack("<IIIII36x", 20040203, 56, 0x1000, 0x1000 + records.count(b"\0"), len(records)) + records


def dbi_stream(spec: PdbSpec, modules: bytes, debug: bytes) -> bytes:
    """Header, list of modules, optional debug header."""
    return (
        struct.pack("<iII", -1, 19990903, spec.age)
        + struct.pack("<HHHHHH", NO_STREAM, 0x8E00, NO_STREAM, 0, 5, 0)
        + struct.pack("<iiiiiIii", len(modules), 0, 0, 0, 0, 0, len(debug), 0)
        + struct.pack("<HHI", 0, spec.machine, 0)
        + modules
        + debug
    )


def module_info(stream: int, size: int, name: str) -> bytes:
    """One object file's entry."""
    text = name.encode() + b"\0"
    entry = struct.pack("<I28xHHIIIHHIII", 0, 0, stream, size, 0, 0, 0, 0, 0, 0, 0) + text + text
    return entry + bytes(-len(entry) % 4)


def public_record(section: int, offset: int, name: str) -> bytes:
    """S_PUB32."""
    return record(0x110E, struct.pack("<IIH", 2, offset, section) + name.encode() + b"\0")


def procedure_records(procedures: Sequence[tuple[int, int, int, str]]) -> list[bytes]:
    """S_GPROC32 and S_END for each."""
    found, at = [], 4
    for section, offset, size, name in procedures:
        text = name.encode() + b"\0"
        length = (4 + 35 + len(text) + 3) & ~3
        body = struct.pack("<IIIIIIIIHB", 0, at + length, 0, size, 0, size, 0, offset, section, 0) + text
        found += [record(0x1110, body), record(0x0006, b"")]
        at += sum(map(len, found[-2:]))
    return found


def record(kind: int, body: bytes) -> bytes:
    """Length, kind, body, padding to four bytes."""
    body += bytes(-len(body) % 4)
    return struct.pack("<HH", len(body) + 2, kind) + body


def sections(table: Sequence[tuple[int, int]]) -> bytes:
    """IMAGE_SECTION_HEADERs."""
    return b"".join(struct.pack("<8sIIIIIIHHI", b".s", size, start, size, 0, 0, 0, 0, 0, 0) for start, size in table)


def omap(pairs: Sequence[tuple[int, int]]) -> bytes:
    """OMAP entries."""
    return b"".join(struct.pack("<II", *pair) for pair in pairs)


def container(streams: Sequence[bytes], block_size: int = 4096, shuffle: int | None = None) -> bytes:
    """An MSF 7.00 file with these streams."""
    pieces = [stream[at : at + block_size] for stream in streams for at in range(0, len(stream), block_size)]
    numbers = list(range(3, 3 + len(pieces)))
    if shuffle is not None:
        random.Random(shuffle).shuffle(numbers)
    sizes = [len(streams), *map(len, streams)]
    directory = struct.pack(f"<{len(sizes)}I", *sizes) + struct.pack(f"<{len(numbers)}I", *numbers)
    directory_blocks = [directory[at : at + block_size] for at in range(0, len(directory), block_size)]
    first = 3 + len(pieces)
    list_block = first + len(directory_blocks)
    blocks = dict(zip(numbers, pieces))
    blocks.update(enumerate(directory_blocks, first))
    blocks[list_block] = struct.pack(f"<{len(directory_blocks)}I", *range(first, list_block))
    count = list_block + 1 + len(blocks[list_block]) // block_size
    head = MAGIC + struct.pack("<IIIIII", block_size, 1, count, len(directory), 0, list_block)
    body = b"".join(blocks.get(number, b"").ljust(block_size, b"\0") for number in range(1, list_block))
    return head.ljust(block_size, b"\0") + body + blocks[list_block].ljust(block_size, b"\0")
