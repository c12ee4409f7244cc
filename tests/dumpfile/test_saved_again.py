"""How it shows that a debugger wrote a file: headers made by hand, with the fields that real ones have."""

from __future__ import annotations

import struct

import pytest

from livedump.dumpfile.header import describe_container, read_header
from livedump.model.dump import Dump
from tests.dumpfile.page_files import BytesSource

UNWRITTEN = 0x45474150
TRIAGE, FULL, BITMAP_KERNEL, RANGE_FULL = 4, 1, 6, 0xA
SIZE = 0x40000


def described(  # one parameter for each field that tells
    dump_type: int,
    attributes: int = UNWRITTEN,
    *,
    writer_status: int = UNWRITTEN,
    boot_id: int = 0x2A,
    required: int = SIZE,
) -> Dump:
    header = bytearray(b"PAGE" * 0x800)
    header[4:8] = b"DU64"
    for offset, value in ((0x30, 0x8664), (0x38, 0xD1), (0xF98, dump_type)):
        struct.pack_into("<I", header, offset, value)
    struct.pack_into("<Q", header, 0xFA0, required)
    for offset, value in ((0x1048, writer_status), (0x1050, attributes), (0x1054, boot_id)):
        struct.pack_into("<I", header, offset, value)
    return describe_container(read_header(BytesSource(bytes(header))), "x.dmp", SIZE)


@pytest.mark.parametrize(
    "dump",
    [
        described(TRIAGE, 0x18),
        described(TRIAGE, 0x8),
        described(TRIAGE),
        described(FULL),
        described(BITMAP_KERNEL, 0x10),
    ],
    ids=["live triage", "crash triage", "old triage", "old full", "live"],
)
def test_what_windows_writes_is_not_saved_again(dump: Dump) -> None:
    assert dump.saved_again == ()


@pytest.mark.parametrize(
    ("dump", "signs"),
    [
        # samples/resaved/triage_x64-resaved.dmp: the bit of a live dump out of a field that nobody had written
        (
            described(TRIAGE, 0x10, writer_status=0, boot_id=0xFFFFFFFF, required=0x321A94),
            ("Writer", "BootId", "Required"),
        ),
        # samples/resaved/083125-14875-01-resaved.dmp
        (
            described(TRIAGE, writer_status=0, boot_id=0xFFFFFFFF, required=0x88CE8),
            ("Writer", "Attributes", "BootId", "Required"),
        ),
        # samples/resaved/live-range-full.dmp
        (
            described(RANGE_FULL, writer_status=0, boot_id=0),
            ("the kernel writes no dumps of type 0xa", "Writer", "Attributes"),
        ),
        (described(FULL, writer_status=0), ("Writer", "Attributes")),
    ],
    ids=["triage marked live", "triage", "range", "full"],
)
def test_what_a_debugger_writes_is_told_by_its_fields(dump: Dump, signs: tuple[str, ...]) -> None:
    assert dump.saved_again is not None
    assert [sign[: len(start)] for sign, start in zip(dump.saved_again, signs)] == list(signs)
    assert len(dump.saved_again) == len(signs)


def test_a_full_dump_with_a_header_of_zeros_is_some_other_programs() -> None:
    assert described(FULL, 0, writer_status=0).saved_again == ()


def test_the_size_that_a_debugger_notes_is_not_the_size_that_the_file_should_have() -> None:
    assert described(TRIAGE, 0x10, writer_status=0, required=0x321A94).expected_size is None
    assert described(TRIAGE, 0x18, required=0x321A94).expected_size == 0x321A94
