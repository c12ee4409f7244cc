"""Physical memory of every kind of dump, against a model built beside the file."""

from __future__ import annotations

import random
import struct

import pytest

from livedump.dumpfile import c_pages
from livedump.dumpfile.page_bitmap import CHUNK, count_bits
from livedump.dumpfile.page_runs import PhysicalMemory, physical_memory
from livedump.model.errors import DamagedDump, DumpError, MemoryGap, Unsupported
from tests.dumpfile.page_files import (
    BODY,
    PAGE,
    BytesSource,
    bitmap_file,
    check_reads,
    model_of,
    page_bytes,
    range_file,
    run_file,
    runs_of,
    scattered_pages,
    seeded,
    summary_file,
)
from tests.effort import at_most

FULL, SUMMARY, BITMAP_FULL, BITMAP_KERNEL, RANGE_KERNEL, RANGE_USER, RANGE_FULL = 1, 2, 5, 6, 8, 9, 0xA


def opened(
    data: bytes, dump_type: int, runs: tuple[tuple[int, int], ...] = (), body: int = BODY
) -> tuple[PhysicalMemory, BytesSource]:
    source = BytesSource(data)
    return physical_memory(source, dump_type, body, runs), source


def every_kind(pfns: list[int], rng: random.Random) -> dict[str, PhysicalMemory]:
    """One dump of each kind with the same pages; runs and ranges in an order of their own."""
    shuffled = runs_of(pfns)
    rng.shuffle(shuffled)
    rising = runs_of(pfns)
    return {
        "full": opened(run_file(shuffled), FULL, tuple(shuffled))[0],
        "full-32": opened(run_file(rising, body=0x1000), FULL, tuple(rising), 0x1000)[0],
        "summary": opened(summary_file(pfns), SUMMARY)[0],
        "summary-32": opened(summary_file(pfns, body=0x1000), SUMMARY, body=0x1000)[0],
        "summary-wide": opened(bitmap_file(pfns), SUMMARY)[0],
        "bitmap-full": opened(bitmap_file(pfns, signature=b"FDMPDUMP"), BITMAP_FULL)[0],
        "bitmap-kernel": opened(bitmap_file(pfns), BITMAP_KERNEL)[0],
        "bitmap-32": opened(bitmap_file(pfns, body=0x1000), BITMAP_KERNEL, body=0x1000)[0],
        "bitmap-secure-kernel": opened(bitmap_file(pfns, bitmaps=3), BITMAP_KERNEL)[0],
        "range-kernel": opened(range_file(rising), RANGE_KERNEL)[0],
        "range-user-shuffled": opened(range_file(shuffled), RANGE_USER)[0],
        "range-full": opened(range_file(shuffled, spare=64, behind=b"\x77" * 64), RANGE_FULL)[0],
        "range-aligned": opened(range_file(rising, spare=-(0x30 + 16 * len(rising)) % PAGE), RANGE_FULL)[0],
    }


@pytest.mark.parametrize("seed", range(4))
def test_reads_agree_with_the_model_and_do_not_depend_on_how_they_are_cut(seed: int) -> None:
    rng = seeded(seed)
    pfns = scattered_pages(rng, 60, 400)
    for kind, memory in every_kind(pfns, rng).items():
        try:
            check_reads(memory.read, model_of(pfns), rng, 40)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from error


def test_each_kind_counts_its_pages_and_ends_where_the_last_one_ends() -> None:
    pfns = scattered_pages(seeded(1), 50, 300)
    for kind, memory in every_kind(pfns, seeded(2)).items():
        assert memory.page_count == memory.pages_in_file == len(pfns), kind
        assert memory.end_offset == memory.first_page_offset + len(pfns) * PAGE, kind


def test_secondary_data_behind_the_pages_is_no_page() -> None:
    memory, source = opened(bitmap_file([1, 5], tail=b"DumpBlob".ljust(2 * PAGE, b"x")), BITMAP_KERNEL)
    assert memory.pages_in_file == 2
    assert source.data[memory.end_offset :].startswith(b"DumpBlob")


def test_the_last_bits_of_a_bitmap_that_fills_no_byte_are_read() -> None:
    memory, _ = opened(bitmap_file([3, 10], bits=11), BITMAP_KERNEL)
    assert memory.read(10 * PAGE, PAGE) == page_bytes(10)
    assert memory.offset_of(11) is None


def test_bits_set_behind_the_stated_end_of_a_bitmap_are_not_pages() -> None:
    memory, _ = opened(bitmap_file([3, 10], stated_bits=10, stated_pages=1), BITMAP_KERNEL)
    assert memory.offset_of(10) is None


@pytest.mark.parametrize("pfn", [0, 1 << 40, (1 << 64) // PAGE - 1, 1 << 70])
def test_pages_outside_of_the_bitmap_are_gaps(pfn: int) -> None:
    memory, _ = opened(bitmap_file([3]), BITMAP_KERNEL)
    with pytest.raises(MemoryGap) as caught:
        memory.read(pfn * PAGE + 5, 8)
    assert (caught.value.address, caught.value.reason) == (pfn * PAGE + 5, MemoryGap.NOT_CAPTURED)


def test_a_gap_names_the_first_missing_byte_not_the_first_asked_for() -> None:
    memory, _ = opened(bitmap_file([3, 4, 6]), BITMAP_KERNEL)
    with pytest.raises(MemoryGap) as caught:
        memory.read(3 * PAGE + 100, 3 * PAGE)
    assert caught.value.address == 5 * PAGE


def test_a_file_cut_short_loses_its_last_pages_and_says_how_many() -> None:
    pfns = [1, 2, 9, 40]
    whole = bitmap_file(pfns)
    memory, _ = opened(whole[: -PAGE - 100], BITMAP_KERNEL)
    assert (memory.page_count, memory.pages_in_file) == (4, 2)
    assert memory.read(2 * PAGE, PAGE) == page_bytes(2)
    for lost in (9, 40):  # the third page is there in part only
        assert not memory.holds_page(lost)
        with pytest.raises(MemoryGap):
            memory.read(lost * PAGE, 1)


def test_a_file_cut_inside_its_bitmap_still_opens_without_pages() -> None:
    whole = bitmap_file([1, 400_000])
    memory, _ = opened(whole[: BODY + 0x38 + 100], BITMAP_KERNEL)
    assert (memory.page_count, memory.pages_in_file) == (2, 0)
    assert not memory.holds_page(1)


def test_far_pages_are_found_behind_full_and_empty_stretches_of_a_bitmap() -> None:
    chunk_pages = CHUNK * 8
    pfns = [*range(chunk_pages, 2 * chunk_pages), 5 * chunk_pages, 5 * chunk_pages + 70]
    data = bitmap_file([5], bits=6 * chunk_pages)[: BODY + 0x38]
    bitmap = bytearray(6 * CHUNK)
    for pfn in pfns:
        bitmap[pfn // 8] |= 1 << pfn % 8
    first = BODY + 7 * PAGE
    header = data[: BODY + 0x20] + struct.pack("<QQQ", first, len(pfns), 6 * chunk_pages)
    size = first + len(pfns) * PAGE
    source = BytesSource(header + bytes(bitmap))
    source.size = size  # the pages themselves are not needed to say where they stand
    memory = physical_memory(source, BITMAP_KERNEL, BODY, ())
    assert memory.offset_of(chunk_pages + 3) == first + 3 * PAGE
    assert memory.offset_of(5 * chunk_pages + 70) == first + (chunk_pages + 1) * PAGE
    assert memory.offset_of(5 * chunk_pages + 69) is None


def test_opening_reads_headers_only_and_a_low_page_only_the_start_of_the_bitmap() -> None:
    memory, source = opened(bitmap_file([2, 4_000_000]), BITMAP_KERNEL)
    assert source.bytes_read == 0x38
    memory.read(2 * PAGE, 8)
    assert source.bytes_read <= 0x38 + CHUNK + PAGE


def test_a_page_is_read_from_the_file_once() -> None:
    memory, source = opened(bitmap_file([2]), BITMAP_KERNEL)
    memory.read(2 * PAGE, 8)
    before = source.bytes_read
    assert memory.read(2 * PAGE + 100, 64) == page_bytes(2)[100:164]
    assert source.bytes_read == before


def test_bits_are_counted_as_in_their_text() -> None:
    rng = seeded(3)
    for data in (b"", b"\0" * CHUNK, b"\xff" * CHUNK, *(rng.randbytes(rng.randrange(1, CHUNK + 1)) for _ in range(50))):
        by_text = "".join(f"{byte:b}" for byte in data).count("1")
        assert count_bits(data) == by_text


def test_many_ranges_are_read_in_stretches() -> None:
    ranges = [(10 + 3 * n, 1) for n in range(10_000)]
    table = b"".join(struct.pack("<QQ", *pair) for pair in ranges)
    first = BODY + 0x30 + len(table)
    source = BytesSource(range_file(ranges)[:first])
    source.size = first + len(ranges) * PAGE
    memory = physical_memory(source, RANGE_KERNEL, BODY, ())
    assert memory.offset_of(10 + 3 * 5_000) == first + 5_000 * PAGE
    assert source.bytes_read == 0x30 + 2 * 65_536 + 65_536  # two stretches surveyed, the second one's runs kept
    assert memory.offset_of(11) is None
    assert memory.page_count == 10_000
    assert memory.offset_of(10 + 3 * 9_999) == first + 9_999 * PAGE


# What is wrong with a file is named, with what was expected and what was there.


def refused(data: bytes, dump_type: int, runs: tuple[tuple[int, int], ...] = ()) -> DumpError:
    with pytest.raises(DumpError) as caught:
        opened(data, dump_type, runs)
    return caught.value


def test_a_body_of_another_kind_is_refused() -> None:
    error = refused(range_file([(1, 1)]), BITMAP_KERNEL)
    assert isinstance(error, DamagedDump)
    assert "SDMPDUMP or FDMPDUMP" in str(error)
    assert "40 00 00 00 52 44 4d 50" in str(error)
    assert "RDMPDUMP" in str(refused(bitmap_file([1]), RANGE_FULL))


@pytest.mark.parametrize("dump_type", [0, 3, 4, 0xB, 0x45474150, 0xFFFFFFFF])
def test_kinds_without_pages_are_refused_and_never_read_as_raw_memory(dump_type: int) -> None:
    assert isinstance(refused(run_file([(1, 4)]), dump_type, ((1, 4),)), Unsupported)


def test_a_summary_dump_with_noise_before_its_first_page_has_the_wide_header() -> None:
    data = bytearray(bitmap_file([1, 9]))
    data[BODY + 0x0C : BODY + 0x10] = b"PAGE"
    memory, _ = opened(bytes(data), SUMMARY)
    assert memory.read(9 * PAGE, 8) == page_bytes(9)[:8]


@pytest.mark.parametrize("dump_type", [RANGE_KERNEL, RANGE_USER, RANGE_FULL])
def test_both_counts_of_the_header_end_the_ranges(dump_type: int) -> None:
    behind = struct.pack("<QQ", 7, 3)
    by_ranges, _ = opened(range_file([(5, 1)], total=4, spare=64, behind=behind), dump_type)
    by_pages, _ = opened(range_file([(5, 1)], count=2, spare=64, behind=behind), dump_type)
    for memory in (by_ranges, by_pages):
        assert memory.read(5 * PAGE, PAGE) == page_bytes(5)
        assert not memory.holds_page(7)


def test_a_range_may_begin_with_page_0() -> None:
    memory, _ = opened(range_file([(0, 2), (5, 1)]), RANGE_FULL)
    assert memory.read(5 * PAGE, PAGE) == page_bytes(5)
    assert memory.read(0, PAGE) == page_bytes(0)


def test_a_page_that_the_debugger_could_not_read_is_a_gap() -> None:
    # .dump /f of 10.0.29507: "Wrote 56 pages of 0xdeadfeed into this dump file for memory that could not be read".
    data = range_file([(5, 2)]).replace(page_bytes(6), struct.pack("<I", 0xDEADFEED) * 1024)
    memory, _ = opened(data, RANGE_FULL)
    assert memory.read(5 * PAGE, PAGE) == page_bytes(5)
    assert (memory.holds_page(5), memory.holds_page(6)) == (True, False)
    with pytest.raises(MemoryGap) as caught:
        memory.read(5 * PAGE + 100, PAGE)
    assert caught.value.address == 6 * PAGE


def test_more_ranges_than_there_is_room_for_are_refused() -> None:
    assert "before the end of its 0x3 ranges" in str(refused(range_file([(5, 1), (9, 1)], count=3), RANGE_KERNEL))
    assert "0xffffffff ranges" in str(refused(range_file([(5, 1)], count=0xFFFFFFFF), RANGE_KERNEL))


def test_a_first_page_that_cannot_be_is_refused() -> None:
    assert "multiple" in str(refused(bitmap_file([1], first_page=0x3008), BITMAP_KERNEL))
    assert "before the end" in str(refused(bitmap_file([1], first_page=0x2000), BITMAP_KERNEL))
    assert "before the end" in str(refused(bitmap_file([1], stated_bits=1 << 20), BITMAP_KERNEL))


def test_more_marked_pages_than_bits_are_refused() -> None:
    assert "0x9 pages" in str(refused(bitmap_file([1], bits=8, stated_pages=9), BITMAP_KERNEL))


def test_more_pages_in_the_bitmap_than_the_header_promises_are_noticed() -> None:
    memory, _ = opened(bitmap_file([1, 2, 3], stated_pages=2), BITMAP_KERNEL)
    assert memory.read(2 * PAGE, 8) == page_bytes(2)[:8]
    with pytest.raises(DamagedDump, match="number 3 of the 2"):
        memory.read(3 * PAGE, 8)


def test_overlapping_runs_are_refused() -> None:
    assert "overlap" in str(refused(run_file([(5, 4)]), FULL, ((5, 4), (8, 2))))


def test_a_table_of_ranges_whose_size_disagrees_with_the_first_page_is_refused() -> None:
    data = bytearray(range_file([(1, 2)]))
    data[BODY + 0x10] ^= 0x10
    assert "ranges should end" in str(refused(bytes(data), RANGE_KERNEL))


HUGE = (1 << 63) - 1
MALFORMED = {
    # The twelve small files that kill or confuse known readers; three are the dump header's to refuse.
    "bad signature": (bitmap_file([1], signature=b"XXMPDUMP"), BITMAP_KERNEL, ()),
    "bad type": (bitmap_file([1]), 0x63, ()),
    "header only": (bytes(BODY), BITMAP_KERNEL, ()),
    "empty": (b"", BITMAP_KERNEL, ()),
    "cut header": (bytes(BODY // 2), BITMAP_KERNEL, ()),
    "truncated bitmap": (bitmap_file([1, 90_000])[: BODY + 0x40], BITMAP_KERNEL, ()),
    "huge bitmap count": (bitmap_file([1], stated_bits=HUGE), BITMAP_KERNEL, ()),
    "huge bitmap count and page": (bitmap_file([1], stated_bits=HUGE, first_page=HUGE & -PAGE), BITMAP_KERNEL, ()),
    "truncated full dump": (run_file([(1, 4)])[: -3 * PAGE], FULL, ((1, 4),)),
    "huge first page": (bitmap_file([1], first_page=HUGE & -PAGE), BITMAP_KERNEL, ()),
    "truncated page data": (bitmap_file([1, 2, 3])[: -2 * PAGE - 7], BITMAP_KERNEL, ()),
    "huge run": (run_file([(1, 1)]), FULL, ((1, HUGE),)),
    "huge run that fits": (run_file([(1, 1)]), FULL, ((1, (1 << 40) - 1),)),
    "huge run count": (run_file([(1, 1)]), FULL, ()),  # the header's reader drops a count beyond its 42 runs
    "huge range": (range_file([(9, 1)]).replace(struct.pack("<QQ", 9, 1), struct.pack("<QQ", 9, HUGE)), RANGE_USER, ()),
    "huge total": (range_file([(1, 1)], total=HUGE), RANGE_FULL, ()),
    "no ranges": (range_file([]), RANGE_FULL, ()),
    "truncated ranges": (range_file([(n, 1) for n in range(1, 900)])[: BODY + 0x100], RANGE_KERNEL, ()),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_give_an_answer_or_a_dump_error(name: str) -> None:
    data, dump_type, runs = MALFORMED[name]
    with at_most(100):
        _use(data, dump_type, runs)


@pytest.mark.parametrize("seed", range(3))
def test_files_damaged_at_random_give_an_answer_or_a_dump_error(seed: int) -> None:
    rng = seeded(seed)
    sound = [
        (bitmap_file([1, 2, 70, 300]), BITMAP_KERNEL, ()),
        (summary_file([1, 2, 70, 300]), SUMMARY, ()),
        (range_file([(1, 2), (70, 1)]), RANGE_KERNEL, ()),
        (range_file([(1, 2), (70, 1)]), RANGE_FULL, ()),
    ]
    for _ in range(150):
        data, dump_type, runs = rng.choice(sound)
        broken = bytearray(data[: rng.choice((len(data), rng.randrange(len(data))))])
        for _ in range(rng.randrange(1, 4)):
            at = BODY + rng.randrange(0x60)
            broken[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
        _use(bytes(broken), dump_type, runs)


def _use(data: bytes, dump_type: int, runs: tuple[tuple[int, int], ...]) -> None:
    try:
        memory, _ = opened(data, dump_type, runs)
        assert 0 <= memory.pages_in_file <= len(data) // PAGE
        assert memory.page_count >= 0
    except DumpError:
        return
    for address in (0, PAGE, 2 * PAGE - 4, 70 * PAGE, HUGE):
        for size in (8, 1 << 16, HUGE, -1):
            try:
                memory.read(address, size)
            except DumpError:
                continue


def test_the_declared_places_are_those_of_the_format() -> None:
    # dump-file facts: bitmap header +0x20, +0x28, +0x30, bits from +0x38; old summary header +0xC, +0x10, +0x14.
    assert [field.offset for field in c_pages.BITMAP[:3]] == [0x20, 0x28, 0x30]
    assert c_pages.BITMAP.bitmap == 0x38
    assert [field.offset for field in c_pages.SUMMARY_64[:3]] == [0x0C, 0x14, 0x10]
    assert (c_pages.SUMMARY_64.bitmap, c_pages.SUMMARY_32.bitmap) == (0x28, 0x20)
    assert (c_pages.RANGE_METADATA_SIZE.offset, c_pages.RANGE_FIRST_PAGE.offset, c_pages.RANGES) == (0x10, 0x18, 0x30)
    assert (c_pages.RANGE_COUNT.offset, c_pages.RANGE_TOTAL_PAGES.offset) == (0x20, 0x28)


def test_ranges_that_lie_across_each_other_do_not_take_forever() -> None:
    # Each of 64 stretches reaches over nearly all pages, so that each might hold any page.
    count = 64 * 4096
    table = b"".join(struct.pack("<QQ", 1 + n * 7919 % count * 4, 1) for n in range(count))
    first = BODY + 0x30 + len(table)
    words = struct.pack("<QQIIQ", first - 0x2020, first, count, 0, count)
    header = range_file([(1, 1)])[: BODY + 0x10] + words
    memory = physical_memory(BytesSource((header + table).ljust(first + PAGE, b"\0")), RANGE_KERNEL, BODY, ())
    with at_most(100), pytest.raises(DamagedDump, match="lie across each other"):
        any(map(memory.holds_page, range(2, 4 * count, 4)))
