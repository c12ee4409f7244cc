"""The made-up dumps are what they claim to be, by other means than the generator's own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.synth import SCENARIOS, Built, build, build_spec, listings
from tests.synth.__main__ import EXAMPLES, write_examples
from tests.synth.execution import Frame
from tests.synth.plain_reader import PAGE, PlainDump
from tests.synth.spec import UNSET
from tests.synth.toolchain import toolchain_version

BuildNamed = Callable[[str], Built]
EXAMPLE_FOLDER = Path(__file__).parents[2] / "examples"
WIDE = [name for name in SCENARIOS if name != "x86-header"]
BITMAP = [name for name in SCENARIOS if SCENARIOS[name].spec().dump_type in (5, 6)]
READABLE = [name for name in BITMAP if name not in ("arm64-header", "truncated", "encoded-kdbg")]
VERIFIED_COMPILER = "14.0.6"


def listing(frames: tuple[Frame, ...]) -> str:
    """Frames as ``kn`` prints them."""
    return "".join(
        f"{index:02x} {ticked(frame.child_sp)} {ticked(frame.return_address)} {site_text(frame)}\n"
        for index, frame in enumerate(frames)
    )


def ticked(value: int) -> str:
    """An address as the debugger writes it."""
    return f"{value >> 32:08x}`{value & 0xFFFFFFFF:08x}"


def site_text(frame: Frame) -> str:
    """A call site as the debugger writes it."""
    return frame.site if "!" in frame.site else f"0x{ticked(frame.instruction)}"


def test_truths_of_the_first_two_are_the_papers_listings(built: BuildNamed) -> None:
    assert listing(built("taskmgr-full").truth.stack) == listings.FIRST
    assert listing(built("powershell-user").truth.stack) == listings.SECOND


@pytest.mark.parametrize("name", WIDE)
def test_header_holds_the_truth(built: BuildNamed, name: str) -> None:
    dump = built(name)
    data, truth = dump.path.read_bytes(), dump.truth
    assert data[:8] == b"PAGEDU64"
    assert struct.unpack_from("<I", data, 0x0C)[0] == truth.build
    assert struct.unpack_from("<I", data, 0x34)[0] == truth.processor_count
    assert struct.unpack_from("<I", data, 0x38)[0] == truth.code
    assert struct.unpack_from("<4Q", data, 0x40) == truth.parameters
    assert struct.unpack_from("<I", data, 0xF98)[0] == truth.dump_type
    assert struct.unpack_from("<I", data, 0x1050)[0] == truth.attributes
    assert struct.unpack_from("<Q", data, 0x10)[0] == truth.directory_base


@pytest.mark.parametrize("name", [name for name in WIDE if name != "elf2dmp"])
def test_header_times_are_the_truth(built: BuildNamed, name: str) -> None:
    dump = built(name)
    moment, uptime = struct.unpack_from("<Q", dump.path.read_bytes(), 0xFA8)[0], 0x1030
    assert datetime(1601, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=moment / 10) == dump.truth.captured_at
    assert struct.unpack_from("<Q", dump.path.read_bytes(), uptime)[0] / 1e7 == dump.truth.uptime_seconds


@pytest.mark.parametrize("name", [name for name in WIDE if name != "truncated"])
def test_required_space_is_the_file_size(built: BuildNamed, name: str) -> None:
    dump = built(name)
    size = dump.path.stat().st_size
    assert struct.unpack_from("<q", dump.path.read_bytes(), 0xFA0)[0] == size == dump.truth.file_size


def test_32_bit_header_has_its_fields_where_that_format_has_them(built: BuildNamed) -> None:
    data = built("x86-header").path.read_bytes()
    assert data[:8] == b"PAGEDUMP"
    assert struct.unpack_from("<III", data, 0x20) == (0x14C, 1, 0x193)
    assert struct.unpack_from("<I", data, 0xF88)[0] == 2
    assert struct.unpack_from("<I", data, 0x8A0)[0] == UNSET


@pytest.mark.parametrize("name", BITMAP)
def test_bitmap_counts_agree_with_the_pages(built: BuildNamed, name: str) -> None:
    dump = PlainDump(built(name).path)
    truth = built(name).truth
    assert len(dump.pfns) == dump.page_count == truth.pages_promised
    assert dump.first_page % PAGE == 0
    assert dump.first_page >= 0x2038 + (dump.bit_count + 7) // 8
    if name != "truncated":
        assert dump.first_page + PAGE * dump.page_count <= truth.file_size
        assert truth.pages_present == truth.pages_promised


@pytest.mark.parametrize("name", READABLE)
def test_return_addresses_stand_on_the_stack(built: BuildNamed, name: str) -> None:
    dump, truth = PlainDump(built(name).path), built(name).truth
    for frame, caller in zip(truth.stack, truth.stack[1:]):
        if caller.child_sp - 8 >= frame.child_sp and "+" in caller.site and frame.return_address >> 63:
            below = max(frame.child_sp, caller.child_sp - 0x38)
            window = dump.read(below, caller.child_sp - below)
            assert frame.return_address.to_bytes(8, "little") in window


@pytest.mark.parametrize("name", READABLE)
def test_module_list_leads_to_every_module(built: BuildNamed, name: str) -> None:
    dump, truth = PlainDump(built(name).path), built(name).truth
    entries = dump.ring(dump.u64(0x20))
    found = [(dump.pointer(entry + 0x30), dump.pointer(entry + 0x40) & 0xFFFFFFFF) for entry in entries]
    assert found == [(module.base, module.size) for module in truth.modules]
    assert dump.text(entries[0] + 0x58) == "ntoskrnl.exe"


@pytest.mark.parametrize("name", [name for name in READABLE if name != "partial"])
def test_time_stamps_of_the_list_are_those_of_the_images(built: BuildNamed, name: str) -> None:
    dump, truth = PlainDump(built(name).path), built(name).truth
    for module, entry in zip(truth.modules, dump.ring(dump.u64(0x20))):
        header = dump.read(module.base, 0x400)
        pe = struct.unpack_from("<I", header, 0x3C)[0]
        assert header[pe : pe + 4] == b"PE\0\0"
        assert struct.unpack_from("<I", header, pe + 8)[0] == module.timestamp
        assert struct.unpack_from("<I", dump.read(entry + 0x9C, 4))[0] == module.timestamp
        assert struct.unpack_from("<I", header, pe + 80)[0] == module.size


@pytest.mark.parametrize(
    ("name", "links", "image_name"), [("taskmgr-full", 0x1D8, 0x338), ("several-processors", 0x448, 0x5A8)]
)
def test_process_list_leads_to_every_process(built: BuildNamed, name: str, links: int, image_name: int) -> None:
    dump, truth = PlainDump(built(name).path), built(name).truth
    found = []
    for entry in dump.ring(dump.u64(0x28)):
        process = entry - links
        found.append((dump.pointer(entry - 8), dump.read(process + image_name, 15).rstrip(b"\0").decode()))
        if found[-1][0] == truth.process_id:
            assert dump.pointer(process + 0x28) == truth.directory_base
    assert found == [(pid, process_name[:14]) for pid, process_name in truth.processes]


def test_debugger_data_is_tagged_and_leads_to_the_processors(built: BuildNamed) -> None:
    dump, truth = PlainDump(built("several-processors").path), built("several-processors").truth
    block = dump.u64(0x80)
    assert dump.read(block + 0x10, 4) == b"KDBG"
    assert dump.pointer(block + 0x18) == truth.kernel_base
    blocks = dump.pointer(block + 0x218)
    threads = [dump.pointer(dump.pointer(blocks + 8 * number) + 8) for number in range(truth.processor_count)]
    assert threads == [processor.thread for processor in truth.processors]
    assert [dump.pointer(thread + 0xB8) for thread in threads] == [processor.process for processor in truth.processors]


def test_neighbours_in_memory_are_no_neighbours_in_the_file(built: BuildNamed) -> None:
    dump, truth = PlainDump(built("taskmgr-full").path), built("taskmgr-full").truth
    kernel = [dump.pfn_of(truth.kernel_base + offset) for offset in range(0x926000, 0x92B000, PAGE)]
    mapped = [pfn for pfn in kernel if pfn is not None]
    assert len(mapped) == 5
    assert all(abs(one - two) > 1 for one, two in zip(mapped, mapped[1:]))


def test_decoded_block_of_raw_memory_is_the_plain_one(built: BuildNamed) -> None:
    raw, plain = PlainDump(built("encoded-kdbg").path), PlainDump(built("taskmgr-full").path)
    block = raw.u64(0x80)
    data_section = block - 0x40
    always, never, flag = raw.pointer(data_section + 0x480), raw.pointer(data_section + 0x488), data_section + 0x490
    assert raw.read(flag, 1) == b"\1"
    words = []
    for (word,) in struct.iter_unpack("<Q", raw.read(block, 0x3A0)):
        mixed, count = word ^ never, never & 0x3F
        rotated = (mixed << count | mixed >> (64 - count)) & (1 << 64) - 1
        words.append(always ^ int.from_bytes((rotated ^ flag).to_bytes(8, "little"), "big"))
    assert struct.pack("<116Q", *words) == plain.read(block, 0x3A0)


def test_secure_kernel_leaves_room_for_three_bitmaps(built: BuildNamed) -> None:
    dump = PlainDump(built("vbs").path)
    assert dump.bit_count % 8 != 0
    assert dump.first_page > 0x2038 + 2 * (dump.bit_count // 8)
    assert max(dump.pfns) > dump.bit_count - 0x40, "the partial last byte matters only with pages near the end"


def test_kernel_of_the_secure_system_is_mapped_with_large_pages(built: BuildNamed) -> None:
    dump, truth = PlainDump(built("vbs").path), built("vbs").truth
    first, second = (dump.pfn_of(truth.kernel_base + offset) for offset in (0x926000, 0x927000))
    assert first is not None
    assert second == first + 1


@pytest.mark.parametrize("name", ["vbs", "triage-live-141"])
def test_blobs_end_where_the_file_ends(built: BuildNamed, name: str) -> None:
    data, truth = built(name).path.read_bytes(), built(name).truth
    position = data.index(b"DumpBlob")
    header_size, build_number = struct.unpack_from("<II", data, position + 8)
    assert (header_size, build_number & 0xFFFF) == (0x10, truth.build)
    position += header_size
    for blob in truth.blobs:
        size, data_size, before, after = (
            *struct.unpack_from("<I", data, position),
            *struct.unpack_from("<III", data, position + 20),
        )
        assert data[position + size + before : position + size + before + data_size] == blob.data
        position += size + before + data_size + after
    assert position == len(data)


def test_gaps_are_mapped_but_not_in_the_file(built: BuildNamed) -> None:
    dump, truth = PlainDump(built("partial").path), built("partial").truth
    kernel_gaps = [gap for gap in truth.gaps if gap.address >> 63]
    assert {gap.region.split(":")[0] for gap in kernel_gaps} == {"image", "prcb", "stack"}
    for gap in kernel_gaps:
        for address in range(gap.address, gap.address + PAGE * gap.page_count, PAGE):
            pfn = dump.pfn_of(address)
            assert pfn is not None
            assert pfn not in dump.pfns


def test_cut_file_ends_inside_a_page_and_promises_more(built: BuildNamed) -> None:
    cut, whole = built("truncated"), built("taskmgr-full")
    data = cut.path.read_bytes()
    assert whole.path.read_bytes().startswith(data)
    assert len(data) % PAGE != 0
    assert struct.unpack_from("<q", data, 0xFA0)[0] == whole.truth.file_size == cut.truth.required_dump_space
    assert cut.truth.pages_present < cut.truth.pages_promised


@pytest.mark.parametrize("name", ["rdmp-8", "rdmp-9", "rdmp-a"])
def test_range_dump_holds_the_pages_of_the_bitmap_dump(built: BuildNamed, name: str) -> None:
    data, bitmap = built(name).path.read_bytes(), PlainDump(built("bitmap-full-type5").path)
    assert struct.unpack_from("<I4s4s", data, 0x2000) == (0x40, b"RDMP", b"DUMP")
    metadata, position = struct.unpack_from("<QQ", data, 0x2010)
    count, _, total = struct.unpack_from("<IIQ", data, 0x2020)
    assert (metadata, position) == (0x10 + 16 * count, 0x2030 + 16 * count)
    pages = {}
    for first, length in struct.iter_unpack("<QQ", data[0x2030:position]):
        for pfn in range(first, first + length):
            pages[pfn] = data[position : position + PAGE]
            position += PAGE
    assert total == len(pages)
    assert position == len(data)
    assert pages == {pfn: bitmap.page(pfn) for pfn in bitmap.pfns}


def test_complete_dump_holds_every_page_of_its_runs(built: BuildNamed) -> None:
    data, bitmap = built("full-type1").path.read_bytes(), PlainDump(built("bitmap-full-type5").path)
    runs, _, total = struct.unpack_from("<IIQ", data, 0x88)
    pages = [
        pfn
        for run in range(runs)
        for first, count in [struct.unpack_from("<QQ", data, 0x98 + 16 * run)]
        for pfn in range(first, first + count)
    ]
    assert len(pages) == total == (len(data) - 0x2000) // PAGE
    for pfn in bitmap.pfns:
        offset = 0x2000 + PAGE * pages.index(pfn)
        assert data[offset : offset + PAGE] == bitmap.page(pfn)


def test_small_live_report_is_one_buffer_of_the_kernel(built: BuildNamed) -> None:
    data = built("triage-live-141").path.read_bytes()
    size, valid = struct.unpack_from("<II", data, 0x2004)
    assert (size, valid, data[valid : valid + 4]) == (0x40000, 0x3FFFC, b"TRGD")
    assert struct.unpack_from("<II", data, 0x2070) == (0x2080, 0x3A0)
    assert data[0x2090:0x2094] == b"KDBG"
    assert struct.unpack_from("<II", data, 0x201C)[0] == 0x2420


def test_bytes_do_not_depend_on_the_folder_or_the_run(built: BuildNamed, tmp_path: Path) -> None:
    again, before = build("taskmgr-full", tmp_path / "elsewhere"), built("taskmgr-full")
    assert again.path.read_bytes() == before.path.read_bytes()
    for symbol_file in before.symbols.iterdir():
        assert (again.symbols / symbol_file.name).read_bytes() == symbol_file.read_bytes()
    assert again.truth == before.truth


@pytest.mark.usefixtures("built")
def test_no_path_of_this_machine_gets_into_symbols(tmp_path: Path) -> None:
    symbols = build("taskmgr-full", tmp_path / "telltale").symbols
    for symbol_file in symbols.iterdir():
        assert b"telltale" not in symbol_file.read_bytes()


def test_a_variant_differs_in_what_was_asked(built: BuildNamed, tmp_path: Path) -> None:
    spec = SCENARIOS["taskmgr-full"].spec()
    variant = build_spec(replace(spec, code=0xE2), tmp_path)
    data, before = variant.path.read_bytes(), built("taskmgr-full").path.read_bytes()
    assert [offset for offset in range(len(data)) if data[offset] != before[offset]] == [0x38, 0x39]


@pytest.mark.parametrize("file_name", EXAMPLES)
def test_committed_examples_are_what_the_generator_writes(built: BuildNamed, tmp_path: Path, file_name: str) -> None:
    committed = (EXAMPLE_FOLDER / file_name).read_bytes()
    assert committed[0x2000:0x2008] == b"SDMPDUMP"
    assert len(committed) == struct.unpack_from("<q", committed, 0xFA0)[0]
    if VERIFIED_COMPILER in toolchain_version():
        built(EXAMPLES[file_name])
        write_examples(tmp_path)
        assert (tmp_path / file_name).read_bytes() == committed
        for symbol_file in (tmp_path / "symbols").iterdir():
            assert (EXAMPLE_FOLDER / "symbols" / symbol_file.name).read_bytes() == symbol_file.read_bytes()
