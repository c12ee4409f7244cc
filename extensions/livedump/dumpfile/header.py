"""The dump header: bytes to model values.

References: ``c_dump`` for the layouts. A field that still holds the fill pattern ``PAGE`` was never written: it is
None here, not a number.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, Optional, Union

from livedump.dumpfile import c_dump
from livedump.dumpfile.source import ByteSource
from livedump.model.bug_check import BugCheck
from livedump.model.dump import DUMP_KINDS, Dump, DumpKind
from livedump.model.errors import DamagedDump, InterruptedDump, NotAKernelDump, NotKnown, Unsupported
from livedump.model.fields import Field
from livedump.model.machines import machine_name
from livedump.model.outside import is_from_outside
from livedump.model.saved_again import signs_of_a_debugger
from livedump.model.text import clean_text
from livedump.model.times import find_moment, find_span


class Header(NamedTuple):
    """What DUMP_HEADER64 or DUMP_HEADER32 says. None where the field was never written."""

    bits: int
    """64 or 32."""
    body_offset: int
    """File offset of what follows the header."""
    free_build: Optional[bool]
    build: Optional[int]
    directory_table_base: int
    loaded_module_list: int
    active_process_head: int
    machine: str
    processors: Optional[int]
    bug_check: Optional[BugCheck]
    debugger_data_block: int
    runs: tuple[tuple[int, int], ...]
    """First page and page count of each run of physical memory; empty where the header has none."""
    context: bytes
    """CONTEXT of the machine's own layout."""
    exception_address: int
    dump_type: int
    required_dump_space: Optional[int]
    captured_at: Optional[datetime]
    uptime: Optional[timedelta]
    product: Optional[str]
    writer_status: Optional[int]
    attributes: Optional[int]
    boot_id: Optional[int]
    comment: Optional[str]
    """Cleaned."""


def read_header(source: ByteSource) -> Header:
    """The header of a kernel dump.

    Raises:
        NotAKernelDump: the file begins with something else.
        InterruptedDump: the file begins with zeros where the header should be.
        Unsupported: the dump is encrypted.
        DamagedDump: the file ends inside the header.
    """
    data = source.read_at(0, c_dump.HEADER_SIZE_64)
    layout = _layout_of(data, source)
    if len(data) < layout.size:
        raise DamagedDump(
            f"the file ends at {len(data):#x}, inside its {layout.size:#x}-byte header; copy it again from its source"
        )
    return _parse(data, layout)


def describe_container(header: Header, path: str, size: Optional[int]) -> Dump:
    """The file as a container, as far as its header tells: without counts of pages.

    The size that a file should have is known of live dumps only: Windows fills RequiredDumpSpace with it in those. What
    a debugger writes there is another number.
    """
    dump = Dump(
        path=path,
        size=size,
        type=header.dump_type,
        machine=header.machine,
        attributes=header.attributes,
        captured_at=header.captured_at,
        uptime=header.uptime,
        directory_table_base=header.directory_table_base,
        comment=header.comment,
        saved_again=tuple(_signs_of_a_debugger(header, size)),
    )
    size_is_told = dump.marked_live and not dump.saved_again
    return dump._replace(expected_size=header.required_dump_space) if size_is_told else dump


def _signs_of_a_debugger(header: Header, size: Optional[int]) -> Iterator[str]:
    signs = tuple(signs_of_a_debugger(header.dump_type, header.writer_status, header.attributes, header.boot_id))
    yield from signs
    is_triage = DUMP_KINDS.get(header.dump_type) is DumpKind.TRIAGE
    if signs and is_triage and size is not None and header.required_dump_space not in (None, size):
        yield f"RequiredDumpSpace is {header.required_dump_space:#x}, the file has {size:#x} bytes"


def captured_context(header: Header) -> bytes:
    """CONTEXT of the processor that wrote the dump; empty where none of the system's own did.

    What hypervisors write has a header that was prepared before: nobody's registers are in it. A debugger that saves
    such a dump again puts those of processor 0 there; in a triage dump they belong to the stack that it keeps.
    """
    kind, code = DUMP_KINDS.get(header.dump_type), header.bug_check.code if header.bug_check else None
    again = any(signs_of_a_debugger(header.dump_type, header.writer_status, header.attributes))
    outside = is_from_outside(header.dump_type, code, header.attributes, again)
    return b"" if outside and kind is not DumpKind.TRIAGE else header.context


def bug_check_of(header: Header) -> BugCheck:
    """Code and parameters as stored.

    Raises:
        NotKnown: they were never written.
    """
    if header.bug_check is None:
        raise NotKnown("the bug check code of the header was never written")
    return header.bug_check


def _layout_of(data: bytes, source: ByteSource) -> c_dump.HeaderLayout:
    if not data:
        raise NotAKernelDump("the file is empty (0 bytes); the dump was not written or not copied")
    if data[:4] == c_dump.SIGNATURE and data[4:8] == c_dump.VALID_DUMP_64:
        return c_dump.HEADER_64
    if data[:4] == c_dump.SIGNATURE and data[4:8] == c_dump.VALID_DUMP_32:
        return c_dump.HEADER_32
    if not any(data):
        raise _zero_start(source)
    _refuse_encrypted(source)
    for magic, meaning in c_dump.OTHER_MAGICS:
        if data.startswith(magic):
            raise NotAKernelDump(f"this is not a kernel dump: it is {meaning}")
    raise NotAKernelDump(f"this is not a kernel dump: it begins with {_shown(data[:8])}, not with PAGEDU64 or PAGEDUMP")


def _zero_start(source: ByteSource) -> Union[InterruptedDump, NotAKernelDump]:
    if source.size < c_dump.HEADER_SIZE_64:
        return NotAKernelDump(f"the file holds {source.size} bytes of zeros and no dump header")
    return InterruptedDump(
        "the file begins with zeros: a live dump that was interrupted before its header was written "
        "(Windows writes the header last), or a file that was never filled; take the dump again"
    )


def _refuse_encrypted(source: ByteSource) -> None:
    for offset in range(0x1000, min(c_dump.SECURE_DUMP_SEARCH, source.size) + 1, 0x1000):
        if source.read_at(offset, 8) == c_dump.SIGNATURE + c_dump.VALID_DUMP_64:
            raise Unsupported(
                f"an encrypted dump: its header stands behind a {offset:#x}-byte secure header; "
                "decrypt it with the private key of the machine's dump encryption certificate first"
            )


def _shown(data: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return f"{data.hex(' ')} '{text}'"


def _parse(data: bytes, layout: c_dump.HeaderLayout) -> Header:
    major = _written(layout.major_version, data)
    machine = layout.machine.read(data)
    return Header(
        bits=64 if layout is c_dump.HEADER_64 else 32,
        body_offset=layout.size,
        free_build=None if major is None else major == c_dump.FREE_BUILD,
        build=_written(layout.build, data),
        directory_table_base=layout.directory_table_base.read(data),
        loaded_module_list=layout.loaded_module_list.read(data),
        active_process_head=layout.active_process_head.read(data),
        machine=machine_name(machine),
        processors=_written(layout.processors, data),
        bug_check=_bug_check(layout, data),
        debugger_data_block=layout.debugger_data_block.read(data),
        runs=_runs(data, layout),
        context=data[layout.context : layout.context + layout.context_size],
        exception_address=layout.exception_address.read(data),
        dump_type=layout.dump_type.read(data),
        required_dump_space=_positive(_written_64(layout.required_dump_space, data)),
        captured_at=find_moment(_written_64(layout.system_time, data)),
        uptime=find_span(_positive(_written_64(layout.system_uptime, data))),
        product=c_dump.PRODUCTS.get(layout.product_type.read(data)),
        writer_status=_written(layout.writer_status, data),
        attributes=_written(layout.attributes, data),
        boot_id=_written(layout.boot_id, data),
        comment=_comment(data[layout.comment.offset : layout.comment.end]),
    )


def _bug_check(layout: c_dump.HeaderLayout, data: bytes) -> Optional[BugCheck]:
    code = _written(layout.bug_check_code, data)
    if code is None:
        return None
    unset = c_dump.UNSET_64 if layout is c_dump.HEADER_64 else c_dump.UNSET
    values = layout.bug_check_parameters.read_all(data)
    p1, p2, p3, p4 = (None if value == unset else value for value in values)
    return BugCheck(code, (p1, p2, p3, p4))


def _comment(data: bytes) -> Optional[str]:
    text = data.partition(b"\0")[0]
    return None if text.startswith(c_dump.SIGNATURE) else clean_text(text.decode("ascii", "backslashreplace")) or None


def _written(field: Field, data: bytes) -> Optional[int]:
    value = field.read(data)
    return None if value == c_dump.UNSET else value


def _written_64(field: Field, data: bytes) -> Optional[int]:
    value = field.read(data)
    return None if value == c_dump.UNSET_64 else value


def _positive(value: Optional[int]) -> Optional[int]:
    return value if value is not None and value > 0 else None


def _runs(data: bytes, layout: c_dump.HeaderLayout) -> tuple[tuple[int, int], ...]:
    count = _written(layout.run_count, data) or 0
    size = layout.runs.end - layout.runs.offset
    if count > (layout.runs_end - layout.runs.offset) // size:
        return ()
    pairs = (layout.runs.read_all(data, index * size) for index in range(count))
    return tuple((first, pages) for first, pages in pairs)
