"""Triage dumps made by hand, and two real ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from livedump.dumpfile import c_triage
from livedump.dumpfile.source import FileSource
from livedump.dumpfile.triage_blocks import (
    Block,
    Part,
    TriageMemory,
    loaded_drivers,
    read_triage_body,
    triage_memory,
    unloaded_drivers,
)
from livedump.model.errors import DamagedDump, DumpError, MemoryGap
from livedump.model.images import UnloadedModule
from livedump.model.listing import Listing
from tests.dumpfile.page_files import BytesSource, outcome, seeded
from tests.effort import at_most

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "dumps"
BODY = 0x2000
WORDS = ("service_pack", "size", "valid", "context", "exception", "mm", "unloaded", "prcb", "process", "thread",
         "stack", "stack_size", "drivers", "driver_count", "strings", "strings_size", "broken", "options")  # fmt: skip


class TriageFile:
    """A triage dump under construction: parts are appended, then the header is written over the start."""

    def __init__(self) -> None:
        self.data = bytearray(BODY + 0x80)
        self.words = dict.fromkeys(WORDS, 0)
        self.top_of_stack = 0
        self.data_page = (0, 0, 0)
        self.debugger_data = (0, 0)
        self.blocks: list[tuple[int, int, int]] = []

    def add(self, data: bytes) -> int:
        self.data += data
        return len(self.data) - len(data)

    def add_block(self, address: int, data: bytes) -> None:
        self.blocks.append((address, self.add(data), len(data)))

    def add_stack(self, address: int, data: bytes) -> None:
        self.words["stack"], self.words["stack_size"] = self.add(data), len(data)
        self.top_of_stack = address

    def add_drivers(self, drivers: list[tuple[str, int, int, int, int]]) -> None:
        pool, places = bytearray(), []
        for name, *_ in drivers:
            places.append(len(pool))
            pool += struct.pack("<I", len(name)) + name.encode("utf-16-le") + b"\0\0"
            pool += bytes(-len(pool) % 8)
        self.words["strings"], self.words["strings_size"] = self.add(bytes(pool)), len(pool)
        entries = b"".join(
            struct.pack("<I", self.words["strings"] + place).ljust(0x38, b"\0")
            + struct.pack("<Q", base).ljust(0x10, b"\0")
            + struct.pack("<I", size).ljust(0x38, b"\0")
            + struct.pack("<II", checksum, 0)
            + struct.pack("<II", stamp, 0)
            for place, (_, base, size, stamp, checksum) in zip(places, drivers)
        )
        self.words["drivers"], self.words["driver_count"] = self.add(entries), len(drivers)

    def add_unloaded(self, modules: list[tuple[str, int, int]]) -> None:
        data = struct.pack("<Q", len(modules))
        for name, start, end in modules:
            text = name.encode("utf-16-le")[:24]
            data += struct.pack("<HHIQ", len(text), len(text), 0, 0xFFFF800012345678) + text.ljust(24, b"\xcc")
            data += struct.pack("<QQ", start, end)
        self.words["unloaded"] = self.add(data)

    def finish(self, tail: bytes = b"") -> bytes:
        table = self.add(b"".join(struct.pack("<QII", *block) for block in self.blocks))
        self.words["valid"] = self.add(b"TRGD")
        self.words["size"] = len(self.data)
        header = struct.pack("<18I", *(self.words[name] for name in WORDS))
        header += struct.pack("<QQQQ", self.top_of_stack, 0, 0, self.data_page[0])
        header += struct.pack("<6I", *self.data_page[1:], *self.debugger_data, table, len(self.blocks))
        self.data[BODY : BODY + 0x80] = header
        return bytes(self.data) + tail


def body_of(data: bytes):  # type: ignore[no-untyped-def]
    source = BytesSource(data)
    return source, read_triage_body(source, BODY)


def sound_file() -> TriageFile:
    made = TriageFile()
    made.words["prcb"] = made.add(b"P" * 0x100)
    made.words["process"] = made.add(b"E" * 0x80)
    made.words["thread"] = made.add(b"T" * 0x90)
    made.add_stack(0xFFFF8000_00001000, bytes(range(256)) * 2)
    made.debugger_data = (made.add(b"decoded KDBG".ljust(0x40)), 0x40)
    made.add_drivers(
        [
            ("\\SystemRoot\\system32\\ntoskrnl.exe", 0xFFFFF804_00000000, 0x1046000, 0xD8333E6, 0xA5938C),
            ("dxgkrnl.sys", 0xFFFFF804_10000000, 0x3A0000, 0x5F000000, 0x1234),
        ]
    )
    made.add_unloaded([("dump_storport.sys", 0xFFFFF804_20000000, 0xFFFFF804_20010000)])
    made.add_block(0xFFFFF804_00100000, b"code" * 64)
    made.add_block(0xFFFF8000_00009F00, b"pool" * 32)
    return made


def test_every_part_is_found() -> None:
    made = sound_file()
    source, body = body_of(made.finish(tail=b"DumpBlob"))
    assert body.problems == ()
    assert (body.complete, body.overflowed, body.size) == (True, False, source.size - 8)
    assert source.data[body.prcb_offset : body.prcb_offset + 2] == b"PP"
    assert source.data[body.process_offset : body.process_offset + 2] == b"EE"
    assert source.data[body.thread_offset : body.thread_offset + 2] == b"TT"
    assert body.stack == Block(0xFFFF8000_00001000, made.words["stack"], 512)
    assert len(body.data_blocks) == 2
    assert body.data_page is None


def test_loaded_drivers_have_the_debuggers_names() -> None:
    nt, dxgkrnl = loaded_drivers(*body_of(sound_file().finish()))
    assert (nt.name, nt.image_name, nt.path) == ("nt", "ntoskrnl.exe", "\\SystemRoot\\system32\\ntoskrnl.exe")
    assert (nt.base, nt.size, nt.timestamp, nt.checksum) == (0xFFFFF804_00000000, 0x1046000, 0xD8333E6, 0xA5938C)
    assert (dxgkrnl.name, dxgkrnl.image_name, dxgkrnl.path) == ("dxgkrnl", "dxgkrnl.sys", None)


def test_a_drivers_name_has_255_characters_at_most_and_keeps_its_end() -> None:
    made = sound_file()
    made.add_drivers([("\\long" * 4000 + "\\tail.sys", 0xFFFFF804_00000000, 0x1000, 0, 0)] * 3)
    drivers = loaded_drivers(*body_of(made.finish()))
    assert [driver.image_name for driver in drivers] == ["tail.sys"] * 3
    assert all(driver.path is not None and len(driver.path) == 255 for driver in drivers)


def test_a_text_that_claims_more_than_the_pool_has_ends_with_it() -> None:
    made = sound_file()
    made.add_drivers([("dxgkrnl.sys", 0xFFFFF804_00000000, 0x1000, 0, 0)])
    made.data[made.words["strings"] : made.words["strings"] + 4] = b"\xff\xff\xff\xff"
    (driver,) = loaded_drivers(*body_of(made.finish()))
    assert driver.image_name == "dxgkrnl.sys"


def test_unloaded_drivers_have_names_of_twelve_characters_at_most() -> None:
    listed = unloaded_drivers(*body_of(sound_file().finish()))
    assert listed == Listing((UnloadedModule("dump_storpor", 0xFFFFF804_20000000, 0xFFFFF804_20010000),))


def test_an_overflow_of_the_writers_buffer_is_told() -> None:
    made = sound_file()
    made.words["options"] = 0x141
    assert body_of(made.finish())[1].overflowed
    made.words["options"] = 0x41
    assert not body_of(made.finish())[1].overflowed


def test_absent_parts_are_none_and_no_problem() -> None:
    source, body = body_of(TriageFile().finish())
    parts = (body.prcb_offset, body.process_offset, body.thread_offset, body.stack, body.debugger_data, body.drivers)
    assert set(parts) == {None}
    assert (body.data_blocks, body.problems) == ((), ())
    assert loaded_drivers(source, body) == Listing(())
    assert unloaded_drivers(source, body) == Listing(())


def test_fields_that_were_never_written_are_absent() -> None:
    made = sound_file()
    made.words["process"] = made.words["unloaded"] = 0x45474150
    _, body = body_of(made.finish())
    assert (body.process_offset, body.unloaded_drivers, body.problems) == (None, None, ())


def test_the_decoded_copy_of_kdbg_wins_over_a_block_of_the_same_addresses() -> None:
    made = sound_file()
    made.add_block(0xFFFFF804_00C00000, b"encoded!" * 32)
    source, body = body_of(made.finish())
    memory = triage_memory(source, body, 0xFFFFF804_00C00010)
    assert memory.read(0xFFFFF804_00C00008, 24) == b"encoded!decoded KDBG".ljust(24)
    assert memory.read(0xFFFFF804_00C00050, 8) == b"encoded!"


def test_copies_with_a_known_address_are_memory_too() -> None:
    source, body = body_of(sound_file().finish())
    prcb = Block(0xFFFFF804_0F000180, body.prcb_offset, 0x100)
    memory = triage_memory(source, body, 0xFFFFF804_00C00010, [prcb])
    assert memory.read(prcb.address + 0xF0, 16) == b"P" * 16
    with pytest.raises(MemoryGap):
        memory.read(prcb.address + 0xF0, 17)


def test_the_stack_begins_at_the_stack_pointer() -> None:
    source, body = body_of(sound_file().finish())
    memory = triage_memory(source, body, 0)
    assert memory.read(0xFFFF8000_00001008, 4) == bytes([8, 9, 10, 11])
    with pytest.raises(MemoryGap) as caught:
        memory.read(0xFFFF8000_00000FF8, 16)
    assert (caught.value.address, caught.value.reason) == (0xFFFF8000_00000FF8, MemoryGap.NOT_CAPTURED)


@pytest.mark.parametrize("seed", range(4))
def test_reads_agree_with_the_model_and_do_not_depend_on_how_they_are_cut(seed: int) -> None:
    rng = seeded(seed)
    blocks, copies, data = _overlapping_pieces(rng)
    memory = TriageMemory(BytesSource(data), blocks, copies)
    model = _bytes_by_address(blocks, copies, data)
    edges = [edge for block in [*blocks, *copies] for edge in (block.address, block.end)]
    for _ in range(1500):
        start, cut, end = sorted(rng.choice(edges) + rng.choice((-1, 0, 1, rng.randrange(-40, 40))) for _ in range(3))
        end = min(end, start + 600)
        cut = min(cut, end)
        whole = outcome(memory.read, start, end - start)
        missing = next((at for at in range(start, end) if at not in model), None)
        assert whole == (bytes(model[at] for at in range(start, end)) if missing is None else ("gap", missing))
        first, second = outcome(memory.read, start, cut - start), outcome(memory.read, cut, end - cut)
        both = first + second if isinstance(first, bytes) and isinstance(second, bytes) else None
        assert whole == (both if both is not None else second if isinstance(first, bytes) else first)


def _overlapping_pieces(rng: random.Random) -> tuple[list[Block], list[Block], bytes]:
    data = rng.randbytes(20_000)
    sizes = [rng.randrange(1, 200) for _ in range(40)]
    pieces = [Block(0x1000 + rng.randrange(4000), rng.randrange(19_000), size) for size in sizes]
    return pieces[3:], pieces[:3], data


def _bytes_by_address(blocks: list[Block], copies: list[Block], data: bytes) -> dict[int, int]:
    # The rule restated for single addresses: copies before blocks, then the piece that begins first. Written in the
    # opposite order, so that what wins comes last.
    model: dict[int, int] = {}
    for block in sorted(blocks, reverse=True) + sorted(copies, reverse=True):
        for n in range(block.size):
            model[block.address + n] = data[block.offset + n]
    return model


def test_a_file_cut_short_keeps_what_is_there_and_says_so() -> None:
    made = sound_file()
    data = made.finish()
    cut = made.words["stack"] + 100
    source, body = body_of(data[:cut])
    assert not body.complete
    assert body.stack == Block(0xFFFF8000_00001000, made.words["stack"], 100)
    assert (body.drivers, body.data_blocks) == (None, ())
    assert "the file ends at" in body.problems[0].message
    memory = triage_memory(source, body, 0)
    with pytest.raises(MemoryGap) as caught:
        memory.read(0xFFFF8000_00001000, 512)
    assert caught.value.address == 0xFFFF8000_00001000 + 100


def test_blocks_outside_of_the_file_are_left_out_and_counted() -> None:
    made = sound_file()
    made.blocks += [(0xFFFF8000_12340000, 0xFFFFFFF0, 0x100), (0xFFFF8000_12350000, 0x10, 0x100)]
    made.blocks += [((1 << 64) - 8, 0x2100, 0x100)]
    _, body = body_of(made.finish())
    assert len(body.data_blocks) == 2
    assert "0x300 bytes of its data blocks" in body.problems[0].message


def test_a_header_that_is_cut_is_damage() -> None:
    with pytest.raises(DamagedDump):
        body_of(bytes(BODY + 0x40))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("value", [1, BODY, 0x7FFFFFFF, 0xFFFFFFFF])
def test_absurd_words_give_an_answer_or_a_dump_error(word: str, value: int) -> None:
    made = sound_file()
    data = bytearray(made.finish())
    struct.pack_into("<I", data, BODY + 4 * WORDS.index(word), value)
    _use(bytes(data))


@pytest.mark.parametrize("seed", range(3))
def test_files_damaged_at_random_give_an_answer_or_a_dump_error(seed: int) -> None:
    rng = seeded(seed)
    sound = sound_file().finish()
    for _ in range(150):
        data = bytearray(sound[: rng.choice((len(sound), rng.randrange(len(sound))))])
        for _ in range(4):
            at = rng.choice((BODY + rng.randrange(0x80), rng.randrange(BODY, len(sound))))
            data[at : at + 1] = bytes([rng.choice((0, 0x7F, 0xFF, rng.randrange(256)))])
        _use(bytes(data))


def test_the_largest_counts_are_bounded() -> None:
    made = sound_file()
    made.blocks = [(0x1000 + n, 0x2100, 0x1000) for n in range(70_000)]  # all of them overlap
    with at_most(100):
        source, body = body_of(made.finish())
        memory = triage_memory(source, body, 0)
        assert len(memory.read(0x1000, 0x1000)) == 0x1000
        assert "the first 0x10000 are read" in body.problems[0].message


def _use(data: bytes) -> None:
    with at_most(100):
        try:
            source, body = body_of(data)
        except DumpError:
            return
        loaded_drivers(source, body)
        unloaded_drivers(source, body)
        memory = triage_memory(source, body, 0xFFFFF804_00C00010)
        for address in (0, 0xFFFF8000_00001000, 0xFFFFF804_00C00010, (1 << 64) - 1):
            for size in (8, 1 << 63):
                try:
                    memory.read(address, size)
                except DumpError:
                    continue


# Real dumps.


def sample(name: str) -> FileSource:
    if not (SAMPLES / name).is_file():
        pytest.skip(f"{name} is not here")
    return FileSource(SAMPLES / name)


def test_a_real_crash_dump_of_build_19041() -> None:
    source = sample("083125-14875-01.dmp")
    body = read_triage_body(source, BODY)
    assert (body.complete, body.problems) == (True, ())
    # lm: "fffff807`5bc0e000 fffff807`5cc54000   nt       ntkrnlmp.exe 5DEE2B07"
    nt = loaded_drivers(source, body)[0]
    assert (nt.name, nt.base, nt.end, nt.timestamp) == ("nt", 0xFFFFF807_5BC0E000, 0xFFFFF807_5CC54000, 0x5DEE2B07)
    # "Unloaded modules: fffff807`60960000 fffff807`60970000   dump_storpor"
    first = unloaded_drivers(source, body)[0]
    assert first == UnloadedModule("dump_storpor", 0xFFFFF807_60960000, 0xFFFFF807_60970000)
    # DUMP_HEADER64 +0x80 is fffff807`5c80eb20; OwnerTag stands at KDBG +0x10
    assert triage_memory(source, body, 0xFFFFF807_5C80EB20).read(0xFFFFF807_5C80EB30, 4) == b"KDBG"


def test_a_real_dump_written_by_a_debugger() -> None:
    source = sample("triage_x64.dmp")
    with at_most(100):
        body = read_triage_body(source, BODY)
        memory = triage_memory(source, body, 0xFFFFF804_7C600B20)
    # A debugger leaves all options set, that of a dump into which not everything fitted among them.
    assert (body.complete, body.overflowed, body.size) == (True, False, 0x13A28C)
    assert (len(body.data_blocks), len(loaded_drivers(source, body)), body.problems) == (1831, 151, ())
    assert memory.read(0xFFFFF804_7C600B30, 4) == b"KDBG"
    names = [module.name for module in unloaded_drivers(source, body)]
    assert names == ["dam.sys", "WdBoot.sys", "hwpolicy.sys", "mcupdate.dll"]


def test_parts_are_values() -> None:
    _, body = body_of(sound_file().finish())
    assert isinstance(body.strings, Part)
    assert body._replace() == body


def test_the_declared_places_are_those_of_the_format() -> None:
    # TRIAGE_DUMP64 as the Singularity header declares it, KLDR_DATA_TABLE_ENTRY as `dt` prints it, plus 8.
    assert c_triage.DATA_BLOCKS.end == c_triage.SIZE
    places = (c_triage.CALL_STACK, c_triage.DRIVER_LIST, c_triage.TOP_OF_STACK, c_triage.DATA_PAGE_ADDRESS)
    assert [field.offset for field in places] == [0x28, 0x30, 0x48, 0x60]
    kldr = (c_triage.DRIVER_BASE, c_triage.DRIVER_IMAGE_SIZE, c_triage.DRIVER_CHECKSUM, c_triage.DRIVER_TIMESTAMP)
    assert [field.offset - 8 for field in kldr] == [0x30, 0x40, 0x78, 0x80]
