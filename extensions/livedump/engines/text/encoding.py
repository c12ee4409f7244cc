"""Bytes of a saved text as characters: UTF-16 with or without its mark, UTF-8, or else Windows' Western one."""

from __future__ import annotations

import codecs

_SEEN = 4096
"""Bytes from which UTF-16 without a mark is told."""
_UNASSIGNED = bytes(0x3F if each in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else each for each in range(256))
"""Five values that code page 1252 leaves unassigned become question marks."""
_SHARE = 0.4
"""Of the bytes in every second place that are zero in UTF-16 of mostly Latin letters."""


def decode_transcript(data: bytes) -> str:
    """The text of a log as ``.logopen``, ``.logopen /u``, a shell or an editor wrote it; never raises."""
    encoding = _utf16(data[:_SEEN])
    if encoding:
        return data.decode(encoding, "replace").lstrip("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:  # a head that was cut inside of a letter
            return data[: error.start].decode("utf-8-sig")
        return data.translate(_UNASSIGNED).decode("cp1252")


def _utf16(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if pairs < 2 or min(even, odd) > pairs // 50:
        return None
    if odd > pairs * _SHARE:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * _SHARE else None


def is_text(head: bytes) -> bool:
    """Whether a file that begins with these bytes is text: no zeros but those of UTF-16, and hardly any controls."""
    text = decode_transcript(head)
    controls = sum(character < " " and character not in "\t\n\r\f\x1b\b" for character in text)
    return bool(text.strip()) and "\0" not in text and controls * 50 <= len(text)
