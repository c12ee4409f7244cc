"""Dumps made to hurt, one trap each: an answer or a DumpError, soon, whatever is in them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from livedump.analysis.contents import inspect_contents
from livedump.analysis.triage import triage
from livedump.dumpfile.header import read_header
from livedump.dumpfile.memory import virtual_memory
from livedump.dumpfile.page_runs import physical_memory
from livedump.engines.native import NativeEngine
from livedump.model.errors import DamagedDump, DumpError, MemoryGap, SymbolError
from livedump.model.report import Report
from livedump.report import dml, markdown, plain
from livedump.report.answer_texts import iter_text
from livedump.report.answers import Answer
from livedump.report.html import format_html
from livedump.report.json_report import report_object
from livedump.report.sections.info import document
from livedump.report.sections.stack import stack_block
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.msf import MsfFile
from tests.effort import at_most
from tests.engines.transcripts import transcript
from tests.robustness.fuzz import ROOT, judge
from tests.robustness.mutations import Seed
from tests.robustness.questions import ask_everything, show_report
from tests.robustness.spots import BytesSource
from tests.robustness.targets import TARGETS, FlatMemory
from tests.symbols.msf_writer import PdbSpec, pdb_bytes
from tests.synth import build

pytestmark = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="made-up dumps need clang and lld-link"
)
PAGE = 4096
BODY = 0x2000
FREE_PXE = 300
"""An entry of the topmost table that the made-up systems do not use."""
FREE = 0xFFFF << 48 | FREE_PXE << 39
FIRST_FREE_PFN = 0x400
PRESENT = 0x67
HEAD_OF_MODULES, HEAD_OF_PROCESSES = 0x20, 0x28
"""Offsets in DUMP_HEADER64."""
DLL_BASE, SIZE_OF_IMAGE, FULL_NAME = 0x30, 0x40, 0x48
"""Offsets in KLDR_DATA_TABLE_ENTRY."""


class Dump:
    """A made-up dump, to be changed by virtual or physical address."""

    def __init__(self, name: str = "taskmgr-full", data: bytes | None = None) -> None:
        self.data = bytearray(data or build(name).path.read_bytes())
        self._read_pages()

    def _read_pages(self) -> None:
        source = BytesSource(bytes(self.data))
        header = read_header(source)
        self.root = header.directory_table_base // PAGE
        self.physical = physical_memory(source, header.dump_type, header.body_offset, header.runs)
        self.virtual = virtual_memory(self.physical, header.directory_table_base, "x64", header.loaded_module_list)

    def number(self, address: int) -> int:
        return int.from_bytes(self.virtual.read(address, 8), "little")

    def head(self, offset: int) -> int:
        return int(struct.unpack_from("<Q", self.data, offset)[0])

    def write(self, address: int, *numbers: int) -> None:
        self.write_bytes(address, struct.pack(f"<{len(numbers)}Q", *numbers))

    def write_bytes(self, address: int, data: bytes) -> None:
        self._write_at(self.virtual.translate(address), data)

    def set_entry(self, table: int, index: int, value: int) -> None:
        self._write_at(table * PAGE + 8 * index, struct.pack("<Q", value))

    def entries(self, address: int) -> list[tuple[int, int]]:
        """Page and index of the four entries that map an address."""
        found, table = [], self.root
        for shift in (39, 30, 21, 12):
            found.append((table, address >> shift & 0x1FF))
            entry = self.physical.read(table * PAGE + 8 * found[-1][1], 8)
            table = int.from_bytes(entry, "little") >> 12 & (1 << 40) - 1
        return found

    @property
    def free_pfn(self) -> int:
        """The page behind all that a bitmap dump has bits for."""
        return max(int(struct.unpack_from("<Q", self.data, BODY + 0x30)[0]), FIRST_FREE_PFN)

    def add_pages(self, pages: list[bytes]) -> None:
        """Pages from ``free_pfn`` on, at the end of a bitmap dump."""
        first, count = struct.unpack_from("<QQ", self.data, BODY + 0x20)
        start, end = self.free_pfn, self.free_pfn + len(pages)
        room = -(-(BODY + 0x38 + -(-end // 8)) // PAGE) * PAGE
        self.data[first:first] = bytes(max(room - first, 0))
        struct.pack_into("<QQQ", self.data, BODY + 0x20, max(room, first), count + len(pages), end)
        for pfn in range(start, end):
            self.data[BODY + 0x38 + pfn // 8] |= 1 << pfn % 8
        self.data += b"".join(pages)
        self._read_pages()

    def map_free(self, content: bytes) -> None:
        """Content at the address FREE, in pages and tables of its own."""
        pages = [content[at : at + PAGE].ljust(PAGE, b"\0") for at in range(0, len(content), PAGE)]
        table_count = -(-len(pages) // 512)
        free = self.free_pfn
        first = free + 2 + table_count
        tables = [entries(range(first + at, first + min(at + 512, len(pages)))) for at in range(0, len(pages), 512)]
        directory = entries(range(free + 2, first))
        self.set_entry(self.root, FREE_PXE, free << 12 | PRESENT)
        self.add_pages([entries(range(free + 1, free + 2)), directory, *tables, *pages])

    def map_everywhere(self, page: bytes, entry: int = FREE_PXE) -> None:
        """One page at each address for a terabyte, from that of an entry of the topmost table on."""
        first = self.free_pfn
        tables = [entries(range(first + at, first + at + 1))[:8] * 512 for at in (1, 2, 3)]
        self.set_entry(self.root, entry, first << 12 | PRESENT)
        self.set_entry(self.root, entry + 1, first << 12 | PRESENT)
        self.add_pages([*tables, page])

    def engine(self, symbols: str = "") -> NativeEngine:
        return NativeEngine("/nowhere/hostile.dmp", symbols, BytesSource(bytes(self.data)))

    def _write_at(self, address: int, data: bytes) -> None:
        offset = self.physical.offset_of(address // PAGE)
        assert offset is not None
        offset += address % PAGE
        self.data[offset : offset + len(data)] = data


def entries(pfns: range) -> bytes:
    return struct.pack(f"<{len(pfns)}Q", *(pfn << 12 | PRESENT for pfn in pfns)).ljust(PAGE, b"\0")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def in_time(work: Callable[[], object]) -> object:
    with at_most(100):
        try:
            return work()
        except DumpError as error:
            return error


def survives(dump: Dump) -> Report:
    report = in_time(lambda: ask_everything(dump.engine()))
    assert isinstance(report, Report), report
    return report


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_module_list_in_a_circle_ends() -> None:
    dump = Dump()
    head = dump.head(HEAD_OF_MODULES)
    second = dump.number(dump.number(head))
    dump.write(second, second)
    dump.write(second + 8, second)
    modules = survives(dump).modules or ()
    assert len({module.base for module in modules}) == len(modules) > 1


def test_a_module_list_that_leaves_memory_goes_on_from_its_other_end() -> None:
    dump = Dump()
    sound = triage(dump.engine()).modules
    assert sound is not None
    first = dump.number(dump.head(HEAD_OF_MODULES))
    dump.write(first, 0xFFFFDEAD_BEEF0000)
    assert {each.base for each in survives(dump).modules or ()} == {each.base for each in sound}


@pytest.mark.parametrize("link", [0, 1, 7, 1 << 47, (1 << 63) - 1, (1 << 64) - 8, (1 << 64) - 1])
@pytest.mark.parametrize("head", [HEAD_OF_MODULES, HEAD_OF_PROCESSES])
def test_lists_that_lead_to_no_address(head: int, link: int) -> None:
    dump = Dump()
    dump.write(dump.head(head), link, link)
    survives(dump)


def test_a_process_list_in_a_circle_ends() -> None:
    dump = Dump()
    first = dump.number(dump.head(HEAD_OF_PROCESSES))
    dump.write(first, first, first)
    assert len(dump.engine().processes()) >= 1
    survives(dump)


@pytest.mark.parametrize("head", [HEAD_OF_MODULES, HEAD_OF_PROCESSES])
def test_a_hundred_thousand_overlapping_list_entries(head: int) -> None:
    dump = Dump()
    dump.write(dump.head(head), FREE, FREE)
    dump.map_free(struct.pack("<100000Q", *(FREE + 8 * (number + 1) for number in range(100_000))))
    engine = dump.engine()
    in_time(engine.processes)
    in_time(engine.modules)
    in_time(lambda: triage(engine))
    in_time(lambda: inspect_contents(engine))


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1 << 31, 1 << 63, (1 << 64) - 1])
def test_sizes_without_end_are_refused_or_counted(size: int) -> None:
    engine = Dump().engine()
    for address in (0, FREE, 0xFFFFF80177E00000, (1 << 64) - 1):
        with pytest.raises((DamagedDump, MemoryGap)):
            engine.read(address, size)
    assert in_time(lambda: engine.tally_pages(0xFFFFF80177E00000, size).total) == -(-size // PAGE)
    in_time(lambda: engine.tally_pages(0, size, physical=True))


@pytest.mark.parametrize("size", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_image_of_any_size(size: int) -> None:
    dump = Dump()
    dump.write_bytes(dump.number(dump.head(HEAD_OF_MODULES)) + SIZE_OF_IMAGE, struct.pack("<I", size))
    survives(dump)


@pytest.mark.parametrize("field", [0xFA0, 0x20, 0x28, 0x80, 0x10])
@pytest.mark.parametrize("value", [0, 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1])
def test_addresses_and_sizes_of_the_header_at_their_limits(field: int, value: int) -> None:
    dump = Dump()
    struct.pack_into("<Q", dump.data, field, value)
    survives(dump)


# --- page tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("flags", [PRESENT, PRESENT | 0x80, 0x800])
def test_an_entry_that_leads_to_its_own_table(level: int, flags: int) -> None:
    dump = Dump()
    table, index = dump.entries(dump.head(HEAD_OF_MODULES))[level]
    dump.set_entry(table, index, table << 12 | flags)
    survives(dump)


def test_one_page_that_is_every_table_and_every_page() -> None:
    dump = Dump()
    for index in range(FREE_PXE, FREE_PXE + 10):
        dump.set_entry(dump.root, index, FIRST_FREE_PFN << 12 | PRESENT)
    entry = dump.number(dump.head(HEAD_OF_MODULES))
    dump.write(entry + DLL_BASE, FREE)
    dump.write_bytes(entry + SIZE_OF_IMAGE, struct.pack("<I", 0xFFFFFFFF))
    dump.add_pages([entries(range(FIRST_FREE_PFN, FIRST_FREE_PFN + 1))[:8] * 512])
    engine = dump.engine()
    assert engine.read(FREE + (5 << 30), 8) == struct.pack("<Q", FIRST_FREE_PFN << 12 | PRESENT)
    in_time(lambda: engine.tally_pages(FREE, 1 << 42))
    survives(dump)


def test_a_root_that_is_filled_with_itself() -> None:
    dump = Dump()
    for index in range(512):
        dump.set_entry(dump.root, index, dump.root << 12 | PRESENT)
    survives(dump)


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1 << 20, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 1 << 40, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("place", [0, 0x3000, -PAGE])
def test_a_bitmap_with_more_bits_than_the_file_has_bytes(bits: int, place: int) -> None:
    dump = Dump()
    struct.pack_into("<QQQ", dump.data, BODY + 0x20, place & (1 << 64) - 1, bits, bits)
    report = in_time(lambda: ask_everything(dump.engine()))
    assert isinstance(report, (Report, DumpError))


def test_ten_thousand_ranges_of_garbage() -> None:
    for seed in range(4):
        firsts = ((n * 0x9E3779B97F4A7C15 + seed) >> 4 * seed & (1 << 64) - 1 | 1 for n in range(10_000))
        noise = b"".join(struct.pack("<QQ", first, n << 12 * seed) for n, first in enumerate(firsts))
        dump = Dump("rdmp-8")
        first = -(-(BODY + 0x30 + len(noise)) // PAGE) * PAGE
        head = dump.data[:BODY] + dump.data[BODY : BODY + 0x10] + struct.pack("<QQ", first - 0x2020, first) + bytes(16)
        dump.data = bytearray((head + noise).ljust(first + 4 * PAGE, b"\0"))
        engine = dump.engine()
        assert isinstance(in_time(partial(ask_everything, engine)), (Report, DumpError))


CHILD = """
import sys
from tests.effort import at_most
from livedump.analysis.triage import triage
from livedump.dumpfile.page_runs import physical_memory
from livedump.engines.transcript import TranscriptEngine
from livedump.engines.native import NativeEngine
from livedump.model.errors import DumpError
with at_most(100):
    engine = NativeEngine(sys.argv[1], "")
    report = triage(engine)
    assert report.dump.pages_promised == int(sys.argv[2]), report.dump
    assert engine.tally_pages(0, 1 << 63, physical=True).total
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read by Linux's own means")
def test_sixty_four_gigabytes_of_holes_open_in_little_time_and_memory(tmp_path: Path) -> None:
    count = 1 << 24
    data = Dump().data[:BODY]
    first = -(-(BODY + 0x38 + count // 8) // PAGE) * PAGE
    data += b"SDMPDUMP" + bytes(0x18) + struct.pack("<QQQ", first, count, count) + b"\xff" * (count // 8)
    path = tmp_path / "sparse.dmp"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(first + count * PAGE)
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(count)],
        env={"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "extensions")))},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    peak = float(run.stdout)
    assert peak < 64 << 10  # KiB, the interpreter and all modules included


# --- files that end early --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["triage", "pages", "pdb", "image", "index", "cabinet"])
def test_a_file_may_end_at_the_edge_of_any_structure(target: str) -> None:
    for seed in TARGETS[target].seeds()[:3]:
        for size in _edges(seed):
            outcome = judge(target, seed.data[:size])
            assert not outcome.failed, f"{seed.name} cut to {size}: {outcome}"


@pytest.mark.parametrize("name", ["taskmgr-full", "triage-live-141", "rdmp-a", "full-type1", "vbs"])
def test_a_dump_may_end_at_the_edge_of_any_structure(name: str) -> None:
    seed = next(each for each in TARGETS["report"].seeds() if each.name == name)
    for size in _edges(seed)[::5]:
        outcome = judge("report", seed.data[:size])
        assert not outcome.failed, f"{name} cut to {size}: {outcome}"


def _edges(seed: Seed) -> list[int]:
    edges = {0, BODY, len(seed.data)} | {edge for spot in seed.spots for edge in (spot.offset, spot.offset + spot.size)}
    near = {edge + step for edge in list(edges) for step in (-1, 0, 1)}
    chosen = sorted(size for size in near if 0 <= size <= len(seed.data))
    return chosen[:: max(1, len(chosen) // 250)]


# --- unwind data -----------------------------------------------------------------------------------------------------


UNWIND_AT = 0x3000
EXCEPTIONS_AT = 0x2000


def image_with(unwind: bytes) -> bytes:
    """An image of 0x8000 bytes whose only function, from 0x1000 to 0x2000, has that unwind data."""
    data = bytearray(0x8000)
    data[:0x40] = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    struct.pack_into("<4sHHIIIHH", data, 0x40, b"PE\0\0", 0x8664, 1, 0, 0, 0, 0xF0, 0x22)
    struct.pack_into("<H", data, 0x58, 0x20B)
    struct.pack_into("<I", data, 0x58 + 0x38, len(data))
    struct.pack_into("<I", data, 0x58 + 0x6C, 16)
    struct.pack_into("<II", data, 0x58 + 0x70 + 8 * 3, EXCEPTIONS_AT, 12)
    struct.pack_into("<8sIIIIIIHHI", data, 0x148, b".text", 0x8000, 0x1000, 0, 0, 0, 0, 0, 0, 0x20000020)
    struct.pack_into("<III", data, EXCEPTIONS_AT, 0x1000, 0x2000, UNWIND_AT)
    data[UNWIND_AT : UNWIND_AT + len(unwind)] = unwind
    return bytes(data)


def chained(count: int, last: int) -> bytes:
    """Unwind data that leads on ``count`` times, then to ``last``."""
    links = [*(UNWIND_AT + 0x10 * (number + 1) for number in range(count - 1)), last]
    return b"".join(struct.pack("<BBBBIII", 1 | 4 << 3, 0, 0, 0, 0x1000, 0x2000, link) for link in links)


@pytest.mark.parametrize(
    ("unwind", "words"),
    [
        (chained(1, UNWIND_AT), "without end"),
        (chained(7, UNWIND_AT), "without end"),
        (chained(200, UNWIND_AT + 0x10 * 200), "without end"),
        (chained(1, UNWIND_AT + 1), None),
        (chained(1, EXCEPTIONS_AT + 1), None),
        (chained(1, 0xFFFFFFFE), "outside of its image"),
        (b"\x01\x00\xff\x00" + b"\x00\x81" * 255, None),
        (b"\x02\x00\xff\x00" + b"\xff\xf6" * 255, None),
        (b"\x07\x00\x00\x00", "version"),
    ],
)
def test_unwind_data_without_end_or_sense(unwind: bytes, words: str | None) -> None:
    from livedump.images.image import read_image
    from livedump.unwind.unwinder import Position
    from livedump.unwind.x64 import plan_undoing
    from livedump.unwind.x64_data import find_function

    memory = FlatMemory(image_with(unwind))
    image = read_image(memory, 0)

    def walk() -> object:
        function = find_function(memory, image, 0x1800)
        assert function is not None
        where = Position(0x1800, 0x4000, (0x4000,) * 16, exact=True)
        return plan_undoing(memory, image, function, where.instruction, where.exact).caller(memory, where)

    found = in_time(walk)
    assert words is None or words in str(found)


def test_functions_that_refer_to_each_other_without_end() -> None:
    from livedump.images.image import read_image
    from livedump.unwind.x64_data import find_function

    data = bytearray(image_with(b""))
    struct.pack_into("<III", data, EXCEPTIONS_AT, 0x1000, 0x2000, EXCEPTIONS_AT | 1)
    memory = FlatMemory(bytes(data))
    with pytest.raises(DamagedDump, match="without end"):
        find_function(memory, read_image(memory, 0), 0x1800)


def test_a_stack_of_return_addresses_that_never_ends_is_cut() -> None:
    dump = Dump()
    stack = dump.engine().stack()
    inside = stack.frames[1].instruction or 0
    first = stack.frames[0].child_sp or 0
    for slot in range(first & -8, (first | 0xFFF) - 7, 8):
        dump.write(slot, inside)
    report = survives(dump)
    assert report.stack is None or len(report.stack.frames) <= 1024


# --- symbols ---------------------------------------------------------------------------------------------------------


def test_a_pdb_whose_directory_is_its_own_first_stream() -> None:
    data = bytearray(pdb_bytes(PdbSpec(block_size=512)))
    size, list_block = struct.unpack_from("<I", data, 44)[0], struct.unpack_from("<I", data, 52)[0]
    for target in (0, list_block, struct.unpack_from("<I", data, list_block * 512)[0], 0xFFFFFFFF):
        turned = bytearray(data)
        struct.pack_into("<I", turned, 52, target)
        assert not judge("pdb", bytes(turned)).failed
    struct.pack_into("<I", data, list_block * 512, list_block)
    assert not judge("pdb", bytes(data)).failed
    struct.pack_into("<I", data, 44, 0xFFFFFFFF)
    with pytest.raises(SymbolError, match="damaged"):
        MsfFile(io.BytesIO(bytes(data)))
    assert size


@pytest.mark.parametrize(
    "name",
    ["?" + "?$A@" * 1000, "?" * 4096, "??" + "$A@V" * 2000, "?a@" + "0" * 4000, "?f@@YAX" + "PEA" * 1300 + "H@Z",
     "??$a@" + "$0A@" * 1000 + "@@YAXXZ", "?x@@3" + "Y0A@" * 900 + "HA", "?" + "a@" * 2000 + "@3HA", "_" * 100_000],
)  # fmt: skip
def test_decorated_names_of_any_depth(name: str) -> None:
    assert isinstance(in_time(lambda: undecorate(name)), str)


# --- text that wants to be more --------------------------------------------------------------------------------------


ESCAPES = "\x1b[31m\x1b]0;owned\x07\u202e\u2066\u200b\r\n\t\0\ud800"
MARKUP = (
    '</b><exec cmd=".shell calc">x</exec><link cmd="q"><script>alert(1)</script><img src=x onerror=y>\'"&|`[a](b)=1+1'
)


def hostile_names() -> Dump:
    """A dump whose modules, build and processes are called by names that want to be more than names."""
    dump = Dump("wer-141-full")
    entry = head = dump.head(HEAD_OF_MODULES)
    names = "".join(f"\\{ESCAPES}{MARKUP}{number}.sys".ljust(300, "A") for number in range(64))
    dump.map_free(names.encode("utf-16-le", "surrogatepass"))
    for number in range(64):
        entry = dump.number(entry)
        if entry == head:
            break
        dump.write(entry + FULL_NAME, 520 << 16 | 520, FREE + 600 * number)
        dump.write(entry + FULL_NAME + 0x10, 520 << 16 | 520, FREE + 600 * number)
    engine = dump.engine()
    name = str(engine.requesting_process().name).encode().ljust(15, b"\0")
    dump.data = dump.data.replace(name, b"<b>[2J&\x9b\xe2\x80\xaey\0\0\0")
    lab = str(engine.system().build_lab).encode()
    dump.data = dump.data.replace(lab, (b'\x1b[31m<exec cmd="q">|=1' * 9)[: len(lab)])
    return dump


@pytest.fixture(scope="module")
def report() -> Report:
    return triage(hostile_names().engine())


def test_hostile_names_are_in_the_report(report: Report) -> None:
    assert report.stack is not None
    assert report.system is not None
    assert report.process is not None
    assert any("<img" in module.image_name and "<exec" in str(module.path) for module in report.modules or ())
    assert "<exec" in str(report.system.build_lab)
    assert "<b>" in str(report.process.name)


def test_no_format_lets_them_do_anything(report: Report) -> None:
    show_report(report)


def test_dml_has_no_command_but_ours(report: Report) -> None:
    shown = dml.format_document(document(report, report.path))
    assert "<exec" not in shown
    assert "<script" not in shown
    assert all(link.split('"')[0].strip()[0] in ".!|kdlvn" for link in shown.split('<link cmd="')[1:])


def test_html_has_no_element_but_ours(report: Report) -> None:
    page = format_html([report])
    assert "<exec" not in page
    assert "<img" not in page
    assert page.count("<script") == format_html([Report("native", "x", None)]).count("<script")


def test_markdown_has_neither_tag_nor_more_columns(report: Report) -> None:
    lines = markdown.format_document(document(report, report.path)).splitlines()
    code = lines.index("```") if "```" in lines else len(lines)
    assert not any("<exec" in line.replace("\\<", "") for line in lines[:code])
    assert {line.replace("\\|", "").count("|") for line in lines[:code] if line.startswith("|")} <= {3, 4}


def test_csv_and_json_keep_their_shape(report: Report) -> None:
    answer = Answer("info", "native", report.path, None, report)
    header, row = csv.reader(io.StringIO("".join(iter_text("csv", [answer], "info", {}))))
    assert len(header) == len(row)
    assert not any(cell[:1] in "=+-@\t\r" for cell in row if cell)
    assert report_object(report)["schema"] == "livedump/1"


def test_text_and_stack_have_one_line_for_each_frame(report: Report) -> None:
    assert report.stack is not None
    assert len(stack_block(report.stack, "").lines) == len(report.stack.frames) + 1
    assert "\x1b" not in plain.format_document(document(report, report.path))


@pytest.mark.parametrize("filler", ["\n", "A" * 50 + "\n", "fffff801`77e00000 fffff801`78e47000   nt\n", "Arg1: 1\n"])
def test_a_large_log_of_one_kind_of_line_is_judged_in_time(filler: str) -> None:
    log = f"0: kd> .bugcheck\nBugcheck code 00000161\nArguments 1 2 3 4\n{filler * ((6 << 20) // len(filler))}"
    engine = transcript(log, "hostile.log")
    report = in_time(lambda: triage(engine))
    assert isinstance(report, Report)
    assert report.bug_check is not None
    assert report.bug_check.code == 0x161
