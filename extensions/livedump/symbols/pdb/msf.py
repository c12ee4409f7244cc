"""MSF 7.0: a file cut into blocks, and streams made of blocks in any order.

Every size is held against the size of the file before it is used: all streams together are no longer than it. Only
the first, an old directory, may lie on blocks that others use by now.
"""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import BinaryIO

from livedump.model.errors import SymbolError
from livedump.model.fields import u32_array
from livedump.symbols.pdb.c_pdb import BLOCK_SIZES, MSF_MAGIC, NIL_STREAM_SIZE, SUPER_BLOCK

MAX_STREAMS = 0x10000
"""Stream numbers are 16 bits wide."""
MAX_STREAM_BYTES = 128 << 20


class MsfFile:
    """The streams of one open file, by number."""

    def __init__(self, file: BinaryIO, path: str = "?") -> None:
        self.path = path
        """For messages."""
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        """Bytes of the file."""
        self._block_size, directory_size, block_list = self._super_block()
        self._read_directory(directory_size, block_list)

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def stream_size(self, number: int) -> int:
        """Bytes of a stream; 0 when there is none of that number."""
        return self._sizes[number] if 0 <= number < len(self._sizes) else 0

    def read(self, number: int, offset: int = 0, size: int | None = None) -> bytes:
        """The bytes of a stream from ``offset``: all that follow, or up to ``size`` of them.

        Raises:
            SymbolError: a block lies outside of the file, or the file cannot be read.
        """
        end = self.stream_size(number)
        end = end if size is None else min(end, offset + size)
        if end - offset > MAX_STREAM_BYTES:
            raise SymbolError(f"{self.path}: stream {number} has {end - offset} bytes, more than is ever read")
        return b"".join(self._pieces(number, offset, end)) if offset < end else b""

    def _pieces(self, number: int, offset: int, end: int) -> list[bytes]:
        block_size, first_index = self._block_size, self._first_blocks[number]
        pieces = []
        while offset < end:
            index = first_index + offset // block_size
            run = self._run_length(index, first_index + (end - 1) // block_size)
            within = offset % block_size
            wanted = min(end - offset, run * block_size - within)
            pieces.append(self._read_at(self._blocks[index] * block_size + within, wanted))
            offset += wanted
        return pieces

    def _run_length(self, index: int, last: int) -> int:
        """How many blocks from ``index`` on stand one behind the other in the file."""
        blocks, run = self._blocks, 1
        while index + run <= last and blocks[index + run] == blocks[index] + run:
            run += 1
        return run

    def _read_at(self, offset: int, size: int) -> bytes:
        try:
            self._file.seek(offset)
            data = self._file.read(size)
        except OSError as error:
            raise SymbolError(f"cannot read {self.path}: {error.strerror}") from error
        if len(data) < size:
            raise SymbolError(f"{self.path} is cut short: {offset + size:#x} bytes needed, {self.size:#x} there")
        return data

    def _super_block(self) -> tuple[int, int, int]:
        if self.size < SUPER_BLOCK.size:
            raise SymbolError(f"{self.path} is not a PDB: it has {self.size} bytes")
        fields = SUPER_BLOCK.unpack(self._read_at(0, SUPER_BLOCK.size))
        magic, block_size, _, _, directory_size, _, block_list = fields
        if magic != MSF_MAGIC:
            raise SymbolError(f"{self.path} is not a PDB of format 7.00")
        if block_size not in BLOCK_SIZES or directory_size > self.size:
            raise SymbolError(f"{self.path} is damaged: block size {block_size}, directory of {directory_size} bytes")
        return block_size, directory_size, block_list

    def _read_directory(self, size: int, block_list: int) -> None:
        count = -(-size // self._block_size)
        self._sizes = [size]
        self._first_blocks = [0]
        self._blocks = u32_array(self._read_at(block_list * self._block_size, count * 4))
        numbers = u32_array(self.read(0)[: size & ~3])
        stream_count = numbers[0] if numbers else 0
        if stream_count > min(MAX_STREAMS, len(numbers) - 1):
            raise SymbolError(f"{self.path} is damaged: its directory promises {stream_count} streams")
        self._lay_out_streams(numbers, stream_count)

    def _lay_out_streams(self, numbers: array[int], stream_count: int) -> None:
        sizes = [0 if size == NIL_STREAM_SIZE else size for size in numbers[1 : 1 + stream_count]]
        firsts, next_block = [], 0
        for size in sizes:
            firsts.append(next_block)
            next_block += -(-size // self._block_size)
        blocks = numbers[1 + stream_count :]
        if next_block > len(blocks) or sum(sizes[1:]) > self.size or max(sizes, default=0) > self.size:
            raise SymbolError(f"{self.path} is damaged: its directory promises more than the file can hold")
        self._sizes, self._first_blocks, self._blocks = sizes, firsts, blocks


def open_msf(path: Path) -> MsfFile:
    """The container at ``path``; the caller closes it.

    Raises:
        SymbolError: it cannot be opened or is not an MSF 7.00 file.
    """
    try:
        if not path.is_file():  # a pipe would keep us waiting
            raise SymbolError(f"{path} is not a file")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise SymbolError(f"cannot open {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return MsfFile(file, str(path))
    except SymbolError:
        file.close()
        raise
