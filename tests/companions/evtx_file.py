"""A small .evtx file, written by the published layout: a file header, one chunk, records of plain binary XML.

Source: libyal/libevtx, documentation of the Windows XML Event Log format.
"""

from __future__ import annotations

import struct
import zlib
from xml.etree import ElementTree

CHUNK_SIZE, FILE_HEADER, CHUNK_HEADER = 0x10000, 0x1000, 0x200
FILETIME = 0x01D9_0000_0000_0000


def evtx_bytes(events: list[str]) -> bytes:
    """A file with one record for each event's XML."""
    chunk = bytearray(CHUNK_HEADER)
    last = 0
    for number, event in enumerate(events, 1):
        last = len(chunk)
        chunk += _record(number, ElementTree.fromstring(event), last)  # noqa: S314 - our own
    records = bytes(chunk[CHUNK_HEADER:])
    struct.pack_into(
        "<8sQQQQIIII",
        chunk,
        0,
        b"ElfChnk\0",
        1,
        len(events),
        1,
        len(events),
        0x80,
        last,
        len(chunk),
        zlib.crc32(records),
    )
    checked = bytes(chunk[:0x78]) + bytes(chunk[0x80:0x200])
    struct.pack_into("<I", chunk, 0x7C, zlib.crc32(checked))
    return _file_header(len(events)) + bytes(chunk).ljust(CHUNK_SIZE, b"\0")


def _file_header(count: int) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, count + 1, 0x80, 1, 3, FILE_HEADER, 1).ljust(0x78, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(FILE_HEADER, b"\0")


def _record(number: int, event: ElementTree.Element, at: int) -> bytes:
    body = b"\x0f\x01\x01\x00" + _element(event, at + 24 + 4) + b"\x00"
    size = 24 + len(body) + 4
    return struct.pack("<4sIQQ", b"\x2a\x2a\0\0", size, number, FILETIME) + body + struct.pack("<I", size)


def _name(text: str) -> bytes:
    hashed = 0
    for character in text:
        hashed = (hashed * 65599 + ord(character)) & 0xFFFFFFFF
    return struct.pack("<IHH", 0, hashed & 0xFFFF, len(text)) + text.encode("utf-16-le") + b"\0\0"


def _value(text: str) -> bytes:
    return struct.pack("<BBH", 0x05, 0x01, len(text)) + text.encode("utf-16-le")


def _element(element: ElementTree.Element, at: int) -> bytes:
    # Each name stands right behind the place that refers to it. Outside of templates no element has a dependency id.
    tag = element.tag.rpartition("}")[2]
    start = struct.pack("<BI", 0x41 if element.attrib else 0x01, 0)
    named = start + struct.pack("<I", at + len(start) + 4) + _name(tag)
    attributes = b""
    if element.attrib:
        offset = at + len(named) + 4
        for position, (name, value) in enumerate(element.attrib.items()):
            token = 0x46 if position < len(element.attrib) - 1 else 0x06
            here = offset + len(attributes)
            attributes += struct.pack("<BI", token, here + 5) + _name(name) + _value(value)
        named += struct.pack("<I", len(attributes)) + attributes
    inner = b"\x02"
    if element.text and element.text.strip():
        inner += _value(element.text.strip())
    for child in element:
        inner += _element(child, at + len(named) + len(inner))
    whole = named + inner + b"\x04"
    return whole[:1] + struct.pack("<I", len(whole) - 5) + whole[5:]
