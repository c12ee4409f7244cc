"""What blocks of secondary data hold."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

import pytest

from livedump.reference.entries import BadEntry
from livedump.reference.secondary_data import find_secondary_data, read_secondary_data, secondary_data_name

DUMPS = Path(__file__).parents[2].parent / "shared" / "samples" / "dumps"

TDR = "270A33FD-3DA6-460D-BA89-3C1BAE21E39B"  # Microsoft's page on 0x141


@pytest.mark.parametrize("guid", [TDR, TDR.lower(), f"{{{TDR}}}", TDR.replace("-", "")])
def test_a_tag_is_found_however_it_is_written(guid: str) -> None:
    known = find_secondary_data(guid)
    assert known is not None
    assert (known.guid, known.documented, known.private) == (TDR, True, False)
    assert secondary_data_name(guid) == known.name


@pytest.mark.parametrize("guid", ["", "00000000-0000-0000-0000-000000000000", "nonsense", "{}", "-" * 100_000])
def test_an_unknown_tag_has_no_name(guid: str) -> None:
    assert secondary_data_name(guid) is None


def test_smbios_tables_hold_serial_numbers() -> None:
    known = find_secondary_data("BC5C008F-1E3A-44D7-988D-86F6884C6758")
    assert known is not None
    assert (known.name, known.private, known.documented) == ("SMBIOS tables", True, False)


def blocks_of(dump: str) -> dict[str, bytes]:
    """The blocks of a triage dump by tag: they stand behind SizeOfDump, a u32 at 0x2004."""
    path = DUMPS / dump
    if not path.exists():
        pytest.skip(f"{path} is not here")
    data = path.read_bytes()
    position = struct.unpack_from("<I", data, 0x2004)[0] + 0x10
    blocks = {}
    while position < len(data) and data[position] == 0x20:
        size, before, after = struct.unpack_from("<III", data, position + 20)
        start = position + 0x20 + before
        blocks[str(uuid.UUID(bytes_le=data[position + 4 : position + 20]))] = data[start : start + size]
        position = start + size + after
    return blocks


@pytest.mark.parametrize(
    ("dump", "name", "start"),
    [
        ("triage_x64.dmp", "storport data", b"DSTP"),
        ("triage_x64.dmp", "ACPI tables", b"MCFG"),
        ("triage_x64.dmp", "PCI configuration space", b"PCfg"),
        ("triage_x64.dmp", "NVIDIA display driver data", b"NVCD"),
        ("triage_x64.dmp", "WPP recorder log, AmdPPM", b"AmdPPM\0"),
        ("083125-14875-01.dmp", "WPP recorder log, win32kfull", b"win32kfull\0"),
        ("083125-14875-01.dmp", "WPP recorder log, win32kbase", b"win32kbase\0"),
        ("083125-14875-01.dmp", "CPUID leaves of the hypervisor", b"DIVHD"),
        ("083125-14875-01.dmp", "processor name and speed from the registry", b"\x0a\0\0\0~\0M\0H\0z\0"),
    ],
)
def test_names_fit_the_bytes_of_real_dumps(dump: str, name: str, start: bytes) -> None:
    named = [data for guid, data in blocks_of(dump).items() if secondary_data_name(guid) == name]
    assert any(data.startswith(start) for data in named)


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (f"[known]\n{TDR} x\n", 1, "expected a section of documented, observed, got 'known'"),
        (f"[observed]\n{TDR}\n", 2, "expected what the block holds"),
        (f"[observed]\n{TDR} (private)\n", 2, "expected what the block holds"),
        (f"[observed]\n{TDR.lower()} x\n", 2, "expected a tag like"),
        (f"[observed]\n{TDR[:-1]} x\n", 2, "expected a tag like"),
        (f"[observed]\n{TDR.replace('3', 'G')} x\n", 2, "expected a tag like"),
        (f"[observed]\n{TDR} x\n[documented]\n{TDR} x\n", 4, f"{TDR} stands above already"),
    ],
)
def test_a_bad_tag_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, problem: str) -> None:
    path = tmp_path / "tags.txt"
    path.write_text(content, "utf-8")
    with pytest.raises(BadEntry) as caught:
        read_secondary_data(path)
    assert str(caught.value).startswith(f"tags.txt:{line}: {problem}")
