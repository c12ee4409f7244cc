"""Secondary data made by hand, and that of two real dumps."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

import pytest

from livedump.dumpfile.blobs import MAX_BLOBS, Blob, read_blobs
from livedump.dumpfile.source import FileSource
from tests.dumpfile.page_files import BytesSource, seeded
from tests.effort import at_most

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "dumps"
START = 0x40
TDR = "270A33FD-3DA6-460D-BA89-3C1BAE21E39B"
UNKNOWN = "01234567-89AB-CDEF-0123-456789ABCDEF"
FILE_HEADER = b"DumpBlob" + struct.pack("<II", 0x10, 0xF0004A61)


def blob(guid: str, data: bytes, before: int = 0, behind: int = 0) -> bytes:
    sizes = struct.pack("<III", len(data), before, behind)
    return struct.pack("<I", 0x20) + uuid.UUID(guid).bytes_le + sizes + b"<" * before + data + b">" * behind


def read(*parts: bytes):  # type: ignore[no-untyped-def]
    return read_blobs(BytesSource(bytes(START) + b"".join(parts)), START)


def test_blobs_are_listed_in_order_with_their_padding_left_out() -> None:
    found = read(FILE_HEADER, blob(TDR, b"graphics", 3, 5), blob(UNKNOWN, b""), blob(TDR, b"again"))
    first = START + 0x10 + 0x20 + 3
    second = first + 8 + 5 + 0x20
    assert found.blobs == (Blob(TDR, first, 8), Blob(UNKNOWN, second, 0), Blob(TDR, second + 0x20, 5))
    assert found.problem is None
    assert found.end_offset == second + 0x20 + 5


def test_the_contents_of_blobs_are_not_read() -> None:
    source = BytesSource(bytes(START) + FILE_HEADER + blob(TDR, bytes(100_000)))
    read_blobs(source, START)
    assert source.bytes_read == 0x10 + 0x20


def test_a_file_that_ends_there_or_goes_on_with_something_else_has_no_blobs() -> None:
    assert read() is None
    assert read(b"Dump") is None
    assert read(bytes(64)) is None
    assert read_blobs(BytesSource(b"x"), 1 << 63) is None


def test_a_container_without_blobs_is_empty() -> None:
    found = read(FILE_HEADER)
    assert (found.blobs, found.problem) == ((), None)


def test_zeros_behind_the_last_blob_end_the_list() -> None:
    found = read(FILE_HEADER, blob(TDR, b"x"), bytes(200))
    assert (len(found.blobs), found.problem) == (1, None)


def test_a_file_cut_inside_a_blob_lists_it_and_says_so() -> None:
    whole = blob(TDR, b"x" * 100)
    found = read(FILE_HEADER, whole[:-40])
    assert len(found.blobs) == 1
    assert "inside its last blob" in found.problem
    assert "inside the header of a blob" in read(FILE_HEADER, whole, whole[:0x10]).problem


def test_a_header_that_is_too_small_ends_the_walk() -> None:
    broken = struct.pack("<I", 4) + bytes(16) + struct.pack("<III", 1, 0, 0)
    found = read(FILE_HEADER, blob(TDR, b"x"), broken)
    assert len(found.blobs) == 1
    assert "0x4 bytes" in found.problem


def test_the_number_of_blobs_is_bounded() -> None:
    with at_most(100):
        found = read(FILE_HEADER, blob(UNKNOWN, b"") * (MAX_BLOBS + 1))
        assert len(found.blobs) == MAX_BLOBS
        assert "more than" in found.problem


def test_damage_gives_an_answer() -> None:
    rng = seeded(1)
    sound = FILE_HEADER + b"".join(blob(TDR, rng.randbytes(20), 4, 4) for _ in range(10))
    for _ in range(300):
        data = bytearray(sound[: rng.randrange(len(sound))])
        for _ in range(3):
            if data:
                data[rng.randrange(len(data))] = rng.choice((0, 0xFF, 0x20, rng.randrange(256)))
        read(bytes(data))


@pytest.mark.parametrize("name", ["083125-14875-01.dmp", "triage_x64.dmp"])
def test_real_dumps(name: str) -> None:
    if not (SAMPLES / name).is_file():
        pytest.skip(f"{name} is not here")
    data = (SAMPLES / name).read_bytes()
    start = struct.unpack_from("<I", data, 0x2004)[0]  # SizeOfDump
    found = read_blobs(FileSource(SAMPLES / name), start)
    places, at = [], start + 0x10  # the same list by its definition
    while at < len(data) and data[at] == 0x20:
        size, before, behind = struct.unpack_from("<III", data, at + 0x14)
        places.append((str(uuid.UUID(bytes_le=data[at + 4 : at + 20])).upper(), at + 0x20 + before, size))
        at += 0x20 + before + size + behind
    assert found is not None
    assert list(found.blobs) == places
    assert (found.end_offset, found.problem) == (at, None)
    assert TDR in {each.guid for each in found.blobs}


def test_a_real_dump_ends_with_its_last_blob() -> None:
    if not (SAMPLES / "triage_x64.dmp").is_file():
        pytest.skip("triage_x64.dmp is not here")
    source = FileSource(SAMPLES / "triage_x64.dmp")
    found = read_blobs(source, 0x13A28C)
    assert found is not None
    assert found.end_offset == source.size
