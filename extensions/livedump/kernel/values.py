"""Values and strings in dump memory.

An address that is computed from hostile numbers may not fit 64 bits; here it is a gap like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from livedump.kernel import c_kernel as c
from livedump.model.addresses import MAX_U64, Memory
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.listing import Listing
from livedump.model.text import clean_text

Item = TypeVar("Item")

MAX_STRING_BYTES = 0x400
"""As much of a UNICODE_STRING as is read: paths of images are far shorter, and thousands of strings may claim more."""


def read_bytes(memory: Memory, address: int, size: int) -> bytes:
    """``size`` bytes at any address.

    Raises:
        MemoryGap: some are missing, or lie outside of 64 bits.
    """
    if not 0 <= address <= MAX_U64 + 1 - size:
        raise MemoryGap(address & MAX_U64, MemoryGap.NOT_PRESENT)
    return memory.read(address, size)


def read_prefix(memory: Memory, address: int, size: int) -> bytes:
    """The bytes at ``address`` up to the first that is missing, ``size`` at most."""
    try:
        return read_bytes(memory, address, size)
    except MemoryGap as gap:
        held = gap.address - address
    if not 0 < held < size:
        return b""
    try:
        return read_bytes(memory, address, held)
    except MemoryGap:
        return b""


def read_u64(memory: Memory, address: int) -> int:
    """The u64 at ``address``.

    Raises:
        MemoryGap: it is missing.
    """
    return int.from_bytes(read_bytes(memory, address, 8), "little")


def find_u64(memory: Memory, address: int | None) -> int | None:
    """The u64 at ``address``; None where it is missing or the address is not known."""
    return _find_number(memory, address, 8)


def find_u32(memory: Memory, address: int | None) -> int | None:
    """The u32 at ``address``; None where it is missing or the address is not known."""
    return _find_number(memory, address, 4)


def find_ascii(memory: Memory, address: int | None, limit: int) -> str | None:
    """The NUL-terminated text at ``address``, cleaned; at most ``limit`` bytes. None where it is empty or missing."""
    if address is None:
        return None
    return text_of_bytes(read_prefix(memory, address, limit)) or None


def text_of_bytes(data: bytes) -> str:
    """The text up to the first NUL, cleaned. Bytes above ASCII are written out, for their code page is not known."""
    return clean_text(data.split(b"\0", 1)[0].decode("ascii", "backslashreplace"))


def find_unicode_string(memory: Memory, unicode_string: bytes) -> str | None:
    """The text of a UNICODE_STRING as it is, not cleaned; its first 512 units. None where it is empty or missing."""
    size = min(c.STRING_LENGTH.read(unicode_string) & ~1, MAX_STRING_BYTES)
    try:
        data = read_bytes(memory, c.STRING_BUFFER.read(unicode_string), size)
    except MemoryGap:
        return None
    return data.decode("utf-16-le", "surrogatepass") or None


def is_image_file_name(field: bytes) -> bool:
    """Whether sixteen bytes look like ImageFileName in plain ASCII and the PriorityClass behind it."""
    text = field[: c.IMAGE_FILE_NAME_SIZE].partition(b"\0")[0]
    return may_be_image_file_name(field) and text.isascii() and text.decode("ascii").isprintable()


def may_be_image_file_name(field: bytes) -> bool:
    """Whether sixteen bytes may be ImageFileName, in any code page, and the PriorityClass behind it.

    A page of garbage hardly ever passes: no file name holds control characters, behind the name there are zeros, and a
    small number behind those.
    """
    if len(field) <= c.IMAGE_FILE_NAME_SIZE:
        return False
    text, _, rest = field[: c.IMAGE_FILE_NAME_SIZE].partition(b"\0")
    named = bool(text) and min(text) >= ord(" ") and not any(rest)
    return named and field[c.IMAGE_FILE_NAME_SIZE] <= c.PRIORITY_CLASS_LARGEST


def is_client_id(value: int) -> bool:
    """Whether a number may be the id of a process or thread: positive, 32 bits, a multiple of four."""
    return 0 < value <= 0xFFFFFFFF and value % c.CLIENT_ID_STEP == 0


def _find_number(memory: Memory, address: int | None, size: int) -> int | None:
    if address is None:
        return None
    try:
        return int.from_bytes(read_bytes(memory, address, size), "little")
    except MemoryGap:
        return None


def listed(read: Callable[[], Listing[Item]]) -> Listing[Item]:
    """What ``read`` lists; where it cannot, an empty list that says why."""
    try:
        return read()
    except DumpError as error:
        return Listing((), str(error))
