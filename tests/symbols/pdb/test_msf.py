"""The container: streams out of blocks in any order, and files that lie about themselves."""

from __future__ import annotations

import io
import random
import struct

import pytest

from livedump.model.errors import SymbolError
from livedump.symbols.pdb.msf import MsfFile
from tests.symbols.msf_writer import container

DATA = bytes(random.Random(7).choices(range(256), k=20_000))


def opened(data: bytes) -> MsfFile:
    """The container in memory."""
    return MsfFile(io.BytesIO(data), "made.pdb")


@pytest.mark.parametrize("block_size", [512, 1024, 2048, 4096, 8192])
@pytest.mark.parametrize("shuffle", [None, 1])
def test_a_stream_is_its_blocks_in_order(block_size: int, shuffle: int | None) -> None:
    msf = opened(container([b"", DATA, b"short"], block_size, shuffle))
    assert msf.read(1) == DATA
    assert msf.read(2) == b"short"
    assert msf.read(0) == b""
    assert msf.stream_size(1) == len(DATA)
    assert msf.stream_size(9) == 0


@pytest.mark.parametrize("shuffle", [None, 5])
def test_a_read_is_the_sum_of_its_parts(shuffle: int | None) -> None:
    msf = opened(container([b"", DATA], 512, shuffle))
    draw = random.Random(3)
    for _ in range(200):
        at, size = draw.randrange(len(DATA)), draw.randrange(3000)
        cut = draw.choice([draw.randrange(size + 1), (-at) % 512])
        assert msf.read(1, at, size) == DATA[at : at + size]
        assert msf.read(1, at, min(cut, size)) + msf.read(1, at + cut, size - min(cut, size)) == DATA[at : at + size]


def test_a_read_behind_the_end_is_empty() -> None:
    msf = opened(container([b"", b"abc"]))
    assert msf.read(1, 3, 10) == b""
    assert msf.read(1, 1 << 62, 10) == b""


def changed(data: bytes, offset: int, value: int) -> bytes:
    """The file with another 32-bit number in it."""
    return data[:offset] + struct.pack("<I", value) + data[offset + 4 :]


def directory_offset(data: bytes, block_size: int) -> int:
    """Where the directory's first block lies."""
    block_list = struct.unpack_from("<I", data, 52)[0]
    return int(struct.unpack_from("<I", data, block_list * block_size)[0]) * block_size


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0, 0x41414141),
        (32, 3),
        (32, 0),
        (32, 0x80000000),
        (44, 0xFFFFFFFF),
        (44, 0x7FFFFFFF),
        (52, 0xFFFFFFFF),
        (52, 0x00FFFFFF),
    ],
)
def test_a_lying_super_block_is_refused(offset: int, value: int) -> None:
    with pytest.raises(SymbolError):
        opened(changed(container([b"", DATA], 512), offset, value))


@pytest.mark.parametrize(
    ("field", "value"), [(0, 0xFFFFFFF0), (0, 5000), (2, 0xFFFFFFFE), (2, 0x7FFFFFFF), (1, 20_000)]
)
def test_a_lying_directory_is_refused(field: int, value: int) -> None:
    data = container([b"", DATA], 512)
    with pytest.raises(SymbolError):
        opened(changed(data, directory_offset(data, 512) + 4 * field, value))


def test_a_block_outside_of_the_file_is_found_when_it_is_read() -> None:
    data = container([b"", DATA], 512)
    msf = opened(changed(data, directory_offset(data, 512) + 12, 0xFFFFFF))
    assert msf.read(1, 512, 512) == DATA[512:1024]
    with pytest.raises(SymbolError, match="cut short"):
        msf.read(1)


def test_streams_that_share_their_blocks_cannot_outgrow_the_file() -> None:
    # 200 streams of the same 40 blocks: 4 MB of streams in a file of 60 KB.
    sizes, blocks = [20_480] * 200, list(range(3, 43)) * 200
    directory = struct.pack(f"<{1 + len(sizes) + len(blocks)}I", len(sizes), *sizes, *blocks)
    plain = container([directory, DATA], 512)
    listed = struct.unpack_from("<I", plain, 52)[0] * 512
    first_blocks = range(3, 3 + -(-len(directory) // 512))
    data = plain[:listed] + struct.pack(f"<{len(first_blocks)}I", *first_blocks)
    with pytest.raises(SymbolError, match="more than the file can hold"):
        opened(changed(data.ljust(70_000, b"\0"), 44, len(directory)))


def test_every_truncation_is_an_answer_or_a_symbol_error() -> None:
    data = container([b"", DATA[:3000], b"short"], 512, shuffle=2)
    for size in range(0, len(data), 97):
        try:
            msf = opened(data[:size])
            assert msf.read(1) in (DATA[:3000], b"")
        except SymbolError:
            continue
