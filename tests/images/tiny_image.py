"""Images of a few pages, written byte by byte: for what no linker would produce, and where no linker is."""

from __future__ import annotations

import struct
from typing import NamedTuple

BASE = 0xFFFFF80000000000
TEXT, PDATA, XDATA, SIZE = 0x1000, 0x2000, 0x3000, 0x4000
TIMESTAMP, CHECKSUM = 0x12345678, 0x9ABC

PUSH_RBX = bytes([1, 1, 1, 0, 1, 0x30, 0, 0])
"""UNWIND_INFO of ``push rbx``."""
ALLOCATE_0X28 = bytes([1, 4, 1, 0, 4, 0x42, 0, 0])
"""UNWIND_INFO of ``sub rsp, 0x28``."""


class Function(NamedTuple):
    """Where a function lies, relative to the image, and its unwind data as bytes."""

    begin: int
    end: int
    unwind_info: bytes


def tiny_image(*functions: Function, code: bytes = b"\xcc" * 0x1000) -> bytes:
    """An image of four pages: headers, code, the table of functions, unwind data (in order, eight bytes aligned)."""
    table, data = b"", b""
    for function in functions:
        table += struct.pack("<III", function.begin, function.end, XDATA + len(data))
        data += function.unwind_info + bytes(-len(function.unwind_info) % 8)
    return assemble(table, data, code)


def assemble(table: bytes, data: bytes, code: bytes = b"\xcc" * 0x1000) -> bytes:
    """The image with its table of functions and its unwind data given as bytes."""
    pages = (headers(len(table)), code, table, data)
    assert all(len(page) <= 0x1000 for page in pages)
    return b"".join(page.ljust(0x1000, b"\0") for page in pages)


def headers(table_size: int, resources: tuple[int, int] = (0, 0), debug: tuple[int, int] = (0, 0)) -> bytes:
    """The page of headers: DOS header, PE32+ headers, three sections."""
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    file_header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 3, TIMESTAMP, 0, 0, 0xF0, 0x22)
    optional = bytearray(0xF0)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<Q", optional, 24, BASE)
    struct.pack_into("<II", optional, 56, SIZE, 0x400)
    struct.pack_into("<I", optional, 64, CHECKSUM)
    struct.pack_into("<I", optional, 108, 16)
    for number, span in ((2, resources), (3, (PDATA, table_size) if table_size else (0, 0)), (6, debug)):
        struct.pack_into("<II", optional, 112 + 8 * number, *span)
    sections = b"".join(
        struct.pack("<8sIIII12xI", name, 0x1000, at, 0x1000, at, flags)
        for name, at, flags in (
            (b".text", TEXT, 0x60000020),
            (b".pdata", PDATA, 0x40000040),
            (b".xdata", XDATA, 0x40000040),
        )
    )
    return dos + file_header + bytes(optional) + sections
