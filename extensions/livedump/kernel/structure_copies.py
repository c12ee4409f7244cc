"""Copies of kernel structures outside of dump memory, such as a triage dump holds of EPROCESS and ETHREAD.

Nothing in the file says where a structure stood. But each holds list heads, and the head of an empty list points at
itself: every such pair of links gives the same answer, and nothing else does.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from livedump.kernel import c_kernel as c
from livedump.kernel.copies import StructureCopy
from livedump.kernel.processes import read_process
from livedump.kernel.tasks import EProcess, EThread
from livedump.kernel.typed_memory import TypedMemory
from livedump.kernel.values import is_client_id, is_image_file_name, text_of_bytes
from livedump.model.addresses import is_kernel_address
from livedump.model.processors import Process

MAX_COPY = 0x10000
"""Sizes of structures are 16 bits wide in the debugger data block."""
SOMEWHERE = 0xFFFF800000000000
"""Where a copy is read that does not tell where it stood."""
SHORTEST_NAME = 4
"""Shorter text is more often a number that happens to look like it."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
"""Where several texts may be the name, most numbers that look like text are out by this."""

Value = TypeVar("Value")


def find_own_address(data: bytes) -> int | None:
    """Where the structure stood of which ``data`` is a copy, by its empty lists; None where none or few agree."""
    words = _words(data[:MAX_COPY])
    votes = Counter(
        flink - 8 * index
        for index, (flink, blink) in enumerate(zip(words, words[1:]))
        if flink == blink and is_kernel_address(flink)
    )
    (address, count), *rest = votes.most_common(2) or [(0, 0)]
    return address if count > 1 and not (rest and rest[0][1] == count) else None


def process_from_copy(memory: TypedMemory, eprocess: bytes, ethread: bytes = b"") -> Process:
    """The process that ``eprocess`` is a copy of; ``ethread``, a copy of one of its threads, helps without symbols.

    ``memory`` is where its layout is known from.
    """
    eprocess, ethread = eprocess[:MAX_COPY], ethread[:MAX_COPY]
    thread = EThread(memory.over(StructureCopy(SOMEWHERE, ethread)), SOMEWHERE)
    address = find_own_address(eprocess) or thread.attached_process or None
    at = address or SOMEWHERE
    process = read_process(memory.over(StructureCopy(at, eprocess)), at)._replace(address=address)
    if memory.find(EProcess.type_name, "UniqueProcessId") is None:
        process = process._replace(process_id=_only(_process_ids(eprocess, ethread)))
    if memory.find(EProcess.type_name, "ImageFileName") is None:
        names = set(_iter_names(eprocess))
        process = process._replace(name=_only(names) or _only(filter(_PLAIN_NAME.fullmatch, names)))
    return process


def _iter_names(eprocess: bytes) -> Iterator[str]:
    size = c.IMAGE_FILE_NAME_SIZE + 1
    for offset in range(0, len(eprocess) - size + 1, c.POINTER_SIZE):
        field = eprocess[offset : offset + size]
        if is_image_file_name(field) and len(name := text_of_bytes(field)) >= SHORTEST_NAME:
            yield name


def _process_ids(eprocess: bytes, ethread: bytes) -> set[int]:
    # UniqueProcessId stands in front of a list link, and once more in each thread's CLIENT_ID beside the thread's id.
    words = _words(eprocess)
    links = zip(words, words[1:], words[2:])
    before_links = {value for value, flink, blink in links if is_client_id(value) and _may_link(flink, blink)}
    return before_links & _owners(ethread) if before_links and ethread else before_links


def _may_link(flink: int, blink: int) -> bool:
    return is_kernel_address(flink) and is_kernel_address(blink) and not (flink | blink) % c.POINTER_SIZE


def _owners(ethread: bytes) -> set[int]:
    words = _words(ethread)
    return {owner for owner, thread in zip(words, words[1:]) if is_client_id(owner) and is_client_id(thread)}


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{len(data) // 8}Q", data)


def _only(values: Iterable[Value]) -> Value | None:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
