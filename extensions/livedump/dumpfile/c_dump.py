"""DUMP_HEADER64 and DUMP_HEADER32: where each field stands.

Source: mindumpdef.h of the Windows SDK and the DUMP_HEADER64 page of its Rust binding (windows-sys);
offsets checked on x64 and ARM64 triage dumps.
"""

from typing import NamedTuple

from livedump.model.fields import I64, U32, U64, Field

SIGNATURE = b"PAGE"
VALID_DUMP_64 = b"DU64"
VALID_DUMP_32 = b"DUMP"
HEADER_SIZE_64 = 0x2000
HEADER_SIZE_32 = 0x1000

UNSET = 0x45474150
"""The pattern ``PAGE`` that fills the header before Windows writes its fields: such a field was never written."""
UNSET_64 = UNSET << 32 | UNSET


class HeaderLayout(NamedTuple):
    """One of the two headers. Fields of the same name mean the same in both."""

    size: int
    major_version: Field
    build: Field
    directory_table_base: Field
    loaded_module_list: Field
    active_process_head: Field
    machine: Field
    processors: Field
    bug_check_code: Field
    bug_check_parameters: Field
    debugger_data_block: Field
    run_count: Field
    run_page_count: Field
    runs: Field
    """Pairs of first page and page count; a format for one pair."""
    runs_end: int
    context: int
    context_size: int
    exception_address: Field
    dump_type: Field
    required_dump_space: Field
    system_time: Field
    comment: Field
    system_uptime: Field
    product_type: Field
    writer_status: Field
    """Written by debuggers alone: how well they could save the dump."""
    attributes: Field
    boot_id: Field


HEADER_64 = HeaderLayout(
    size=HEADER_SIZE_64,
    major_version=Field(0x008, U32),
    build=Field(0x00C, U32),
    directory_table_base=Field(0x010, U64),
    loaded_module_list=Field(0x020, U64),
    active_process_head=Field(0x028, U64),
    machine=Field(0x030, U32),
    processors=Field(0x034, U32),
    bug_check_code=Field(0x038, U32),
    bug_check_parameters=Field(0x040, "<4Q"),
    debugger_data_block=Field(0x080, U64),
    run_count=Field(0x088, U32),
    run_page_count=Field(0x090, U64),
    runs=Field(0x098, "<2Q"),
    runs_end=0x088 + 700,
    context=0x348,
    context_size=3000,
    exception_address=Field(0xF10, U64),
    dump_type=Field(0xF98, U32),
    required_dump_space=Field(0xFA0, I64),
    system_time=Field(0xFA8, U64),
    comment=Field(0xFB0, "<128s"),
    system_uptime=Field(0x1030, U64),
    product_type=Field(0x1040, U32),
    writer_status=Field(0x1048, U32),
    attributes=Field(0x1050, U32),
    boot_id=Field(0x1054, U32),
)

HEADER_32 = HeaderLayout(
    size=HEADER_SIZE_32,
    major_version=Field(0x008, U32),
    build=Field(0x00C, U32),
    directory_table_base=Field(0x010, U32),
    loaded_module_list=Field(0x018, U32),
    active_process_head=Field(0x01C, U32),
    machine=Field(0x020, U32),
    processors=Field(0x024, U32),
    bug_check_code=Field(0x028, U32),
    bug_check_parameters=Field(0x02C, "<4I"),
    debugger_data_block=Field(0x060, U32),
    run_count=Field(0x064, U32),
    run_page_count=Field(0x068, U32),
    runs=Field(0x06C, "<2I"),
    runs_end=0x064 + 700,
    context=0x320,
    context_size=1200,
    exception_address=Field(0x7DC, U32),
    dump_type=Field(0xF88, U32),
    required_dump_space=Field(0xFA0, I64),
    system_time=Field(0xFC0, U64),
    comment=Field(0x820, "<128s"),
    system_uptime=Field(0xFB8, U64),
    product_type=Field(0xF94, U32),
    writer_status=Field(0xF9C, U32),
    attributes=Field(0x8A0, U32),
    boot_id=Field(0x8A4, U32),
)

PRODUCTS = {1: "workstation", 2: "domain-controller", 3: "server"}
"""VER_NT_*."""

FREE_BUILD = 0xF
"""MajorVersion of a free build; 0xC is a checked one."""

OTHER_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"MDMP", "a user-mode minidump; open it with WinDbg, livedump reads kernel dumps"),
    (b"USERDU64", "an old full user-mode dump; open it with WinDbg, livedump reads kernel dumps"),
    (b"USERDUMP", "an old full user-mode dump; open it with WinDbg, livedump reads kernel dumps"),
    (b"hibr", "a hibernation file"),
    (b"HIBR", "a hibernation file"),
    (b"wake", "a hibernation file of a system that has resumed"),
    (b"WAKE", "a hibernation file of a system that has resumed"),
    (b"RSTR", "a hibernation file that was being restored"),
    (b"regf", "a registry hive"),
    (b"MZ", "a Windows program or driver"),
    (b"\x7fELF", "an ELF file; a Linux program or core dump"),
    (b"Microsoft C/C++ MSF", "a PDB symbol file; give its folder with -y"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"MSCF", "a cabinet archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it first"),
    (b"KDMP", "a compressed dump of another system"),
    (b"EVF", "an EnCase disk image"),
)
"""What a file that is no kernel dump may begin with, and what to tell the user."""

SECURE_DUMP_SEARCH = 0x10000
"""How far into a file to look for a header behind the one of an encrypted dump, in steps of 4 KiB."""
