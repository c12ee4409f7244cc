"""Dumps and symbol files as large as real ones, made from the made-up ones: what is added is never asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.symbols.msf_writer import container, public_record, record
from tests.synth import SCENARIOS, build_spec

PAGE, BODY = 0x1000, 0x2000
BITMAP, FIRST_PAGE, PAGE_COUNT, REQUIRED_SPACE = BODY + 0x38, BODY + 0x20, BODY + 0x28, 0xFA0
"""File offsets in a dump with a bitmap."""
MIB, GIB = 1 << 20, 1 << 30
RUN_OF_MEMORY = 0x40
MANY_RUNS = 0xFD
"""A byte of bitmap with a hole in it: one run of pages in each eight."""
PUBLICS, TYPES = 40_000, 10_000
BEHIND_THE_IMAGE = 0x1000000
NIL_STREAM_SIZE = 0xFFFFFFFF


class Case(NamedTuple):
    """A dump of a machine with so much memory, as large as that memory."""

    path: Path
    symbols: Path
    memory: int
    far_page: int
    """PFN of the last page of the made-up machine."""


def make_case(folder: Path, memory: int, dump_type: int = 6) -> Case:
    """The second listing on a machine of ``memory`` bytes, whose pages lie all over it."""
    spec = SCENARIOS["powershell-user"].spec()
    machine = replace(spec.machine, memory_runs=tuple(_scattered_runs(memory // PAGE)))
    signature = b"FDMP" if dump_type == 5 else b"SDMP"
    spec = replace(spec, machine=machine, dump_type=dump_type, bitmap_signature=signature)
    built = build_spec(spec, folder / "made", "benchmark")
    path = folder / f"{memory // MIB}-{dump_type}.dmp"
    far_page = _write_inflated(built.path, path)
    return Case(path, _large_symbols(built.symbols, folder / "symbols"), memory, far_page)


def _scattered_runs(page_count: int) -> Iterator[tuple[int, int]]:
    yield 1, RUN_OF_MEMORY - 1
    for eighth in range(1, 8):
        yield page_count // 8 * eighth, RUN_OF_MEMORY
    yield page_count - RUN_OF_MEMORY, RUN_OF_MEMORY


def _write_inflated(source: Path, target: Path) -> int:
    """Marks nearly every page as present and makes the file as long as that; the pages added are holes in the file.

    Gives the PFN of the last page that was there before.
    """
    data = source.read_bytes()
    first, count, bits = struct.unpack_from("<QQQ", data, FIRST_PAGE)
    old = data[BITMAP : BITMAP + (bits + 7) // 8]
    new = bytes(byte | MANY_RUNS for byte in old)
    present = list(_marked(old))
    total = sum(map(_BITS.__getitem__, new))
    with target.open("wb") as file:
        head = bytearray(data[:first])
        head[BITMAP : BITMAP + len(new)] = new
        struct.pack_into("<Q", head, PAGE_COUNT, total)
        struct.pack_into("<q", head, REQUIRED_SPACE, first + total * PAGE)
        file.write(head)
        file.truncate(first + total * PAGE)
        for number, position in enumerate(_positions(new, present)):
            file.seek(first + position * PAGE)
            file.write(data[first + number * PAGE : first + (number + 1) * PAGE])
    assert count == len(present)
    return present[-1]


_BITS = [bin(byte).count("1") for byte in range(256)]


def _marked(bitmap: bytes) -> Iterator[int]:
    for at, byte in enumerate(bitmap):
        if byte:
            yield from (8 * at + bit for bit in range(8) if byte >> bit & 1)


def _positions(bitmap: bytes, pages: Iterable[int]) -> Iterator[int]:
    """How many marked pages stand before each of these, which rise."""
    done = before = 0
    for pfn in pages:
        before += sum(map(_BITS.__getitem__, bitmap[done : pfn >> 3]))
        done = pfn >> 3
        yield before + _BITS[bitmap[done] & (1 << (pfn & 7)) - 1]


def _large_symbols(made: Path, folder: Path) -> Path:
    """The symbol files, the kernel's with as many names and types as Microsoft's have."""
    folder.mkdir(exist_ok=True)
    for file in made.iterdir():
        if not (folder / file.name).exists():
            small = file.read_bytes()
            (folder / file.name).write_bytes(_large_pdb(file) if file.name == "ntkrnlmp.pdb" else small)
    return folder


def _large_pdb(path: Path) -> bytes:
    streams = _streams(path.read_bytes())
    symbol_records = struct.unpack_from("<H", streams[3], 20)[0]
    streams[symbol_records] += b"".join(
        public_record(4, BEHIND_THE_IMAGE + 0x10 * number, f"KiAnotherRoutineOfTheKernel{number}")
        for number in range(PUBLICS)
    )
    streams[2] = _with_more_types(streams[2])
    return container(streams)


def _streams(data: bytes) -> list[bytes]:
    """The streams of an MSF 7.00 file."""
    block, _, _, size, _, block_list = struct.unpack_from("<IIIIII", data, 32)
    count = -(-size // block)
    directory = _joined(data, block, struct.unpack_from(f"<{count}I", data, block_list * block))
    numbers = iter(struct.unpack_from(f"<{size // 4}I", directory))
    sizes = [0 if length == NIL_STREAM_SIZE else length for length in islice(numbers, next(numbers))]
    return [_joined(data, block, islice(numbers, -(-length // block)))[:length] for length in sizes]


def _joined(data: bytes, block: int, numbers: Iterable[int]) -> bytes:
    return b"".join(data[number * block : (number + 1) * block] for number in numbers)


def _with_more_types(stream: bytes) -> bytes:
    header_size, _, end, size = struct.unpack_from("<IIII", stream, 4)
    members = b"".join(struct.pack("<HHIH", 0x150D, 3, 0x74, 8 * n) + b"Number%d\0\xf1" % n for n in range(8))
    added = b"".join(
        record(0x1203, members)
        + record(0x1505, struct.pack("<HHIIIH", 8, 0, end + 2 * n, 0, 0, 64) + b"_STRUCTURE_%d\0" % n)
        for n in range(TYPES // 2)
    )
    head = stream[:12] + struct.pack("<II", end + TYPES, size + len(added)) + stream[20:header_size]
    return head + stream[header_size : header_size + size] + added + stream[header_size + size :]
