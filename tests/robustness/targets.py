"""The parsers under fire: for each the sound files to start from, and what is done with a damaged one."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from livedump.analysis.contents import inspect_contents
from livedump.analysis.symptoms.examining import judge
from livedump.analysis.symptoms.gathering import gather
from livedump.analysis.symptoms.reporting import report_dump
from livedump.analysis.triage import failed_report, triage
from livedump.companions.engine import RecordEngine
from livedump.companions.evtx import iter_evtx_records
from livedump.companions.merging import merge_records
from livedump.companions.reading import read_records
from livedump.dumpfile.blobs import read_blobs
from livedump.dumpfile.header import read_header
from livedump.dumpfile.page_runs import physical_memory
from livedump.dumpfile.triage_blocks import loaded_drivers, read_triage_body, triage_memory, unloaded_drivers
from livedump.engines.native import NativeEngine
from livedump.engines.text.encoding import decode_transcript
from livedump.engines.text.lines import split_lines
from livedump.engines.text.repair import repaired
from livedump.engines.text.said import read_symptoms
from livedump.engines.text.types import parse_evaluated, parse_layout
from livedump.engines.texts import engines_of
from livedump.engines.transcript import looks_like_transcript
from livedump.fleet.archives import ArchiveShelf
from livedump.fleet.discovery import FileFilter
from livedump.fleet.saved_report import parse_report
from livedump.images import image as dump_image
from livedump.images.exports import ExportTable
from livedump.images.image import find_pdb_identity
from livedump.images.version import find_file_version
from livedump.kernel.c_layouts import FIXED
from livedump.kernel.kdbg import read_kdbg
from livedump.kernel.structure_copies import find_own_address, process_from_copy
from livedump.kernel.typed_memory import ListedLayouts, TypedMemory
from livedump.machine.x64 import parse_context
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.layout import find_member
from livedump.model.report import Report
from livedump.model.threads import Census
from livedump.report.json_report import report_object
from livedump.symbols.files.cabinet import iter_first_file
from livedump.symbols.files.hostile_names import safe_file_name
from livedump.symbols.files.image_file import open_image
from livedump.symbols.files.path import parse_symbol_path, symbol_path
from livedump.symbols.index import SourceStamp, SymbolIndex, build_index
from livedump.symbols.names.undecorate import undecorate
from livedump.symbols.pdb.msf import MsfFile
from livedump.symbols.pdb.pdb_file import Pdb
from livedump.symbols.pdb.types import PdbTypes
from livedump.symbols.shelf import PdbShelf
from livedump.unwind import arm64
from livedump.unwind.unwinder import Position
from livedump.unwind.x64 import plan_undoing
from livedump.unwind.x64_data import find_function
from tests.engines.transcripts import transcript
from tests.robustness.mutations import Seed, Spot, mutated, mutated_text
from tests.robustness.questions import ask_everything, iter_questions, report_on, show_in_one
from tests.robustness.spots import BytesSource, watched
from tests.samples import SAMPLES, sample_dumps, sample_logs
from tests.symbols.msf_writer import PdbSpec, pdb_bytes, record
from tests.synth import SCENARIOS, build
from tests.synth.kernel.scenarios import build as build_system

X86 = ("x86-header",)
Answer = TypeVar("Answer")
ARCHITECTURES = ("arm64-header", "arm64-triage", *X86)


class Target(NamedTuple):
    """One parser."""

    seeds: Callable[[], Sequence[Seed]]
    run: Callable[[bytes], object]
    """Answers, or raises a DumpError; everything else that it raises is a failure."""
    text: bool = False
    """Whether what it reads is text, damaged by lines and words."""

    def case(self, random: Random) -> bytes:
        """One damaged file."""
        if not self.text:
            return mutated(self.seeds(), random)
        texts = [seed.data.decode("utf-8", "replace") for seed in self.seeds()]
        return mutated_text(texts, random).encode("utf-8", "surrogatepass")


def scenarios(*names: str) -> list[tuple[str, bytes, str]]:
    """Name, bytes and symbol folder of made-up dumps; of all when none is named."""
    found = [(name, build(name)) for name in names or SCENARIOS]
    return [(name, each.path.read_bytes(), str(each.symbols)) for name, each in found]


def _sample_dumps() -> list[tuple[str, bytes, str]]:
    return [(path.stem, path.read_bytes(), "") for path in sample_dumps()]


# --- whole dumps, and one question of them ---------------------------------------------------------------------------


def _everything(engine: NativeEngine) -> None:
    for question in iter_questions(engine):
        with contextlib.suppress(DumpError):
            question()
    inspect_contents(engine)


@cache
def dump_seeds() -> Sequence[Seed]:
    """All made-up dumps and samples, with the places that reports look at."""
    return [watched(name, data, _everything) for name, data, _ in [*scenarios(), *_sample_dumps()]]


@cache
def _symbol_folders() -> str:
    return ";".join(str(build(name).symbols) for name in ("taskmgr-full", "wer-141-full", "unwind-zoo"))


def _run_dump(data: bytes) -> None:
    symbols = _symbol_folders() if zlib.crc32(data[-64:]) & 3 == 0 else ""
    _on_engine(data, ask_everything, symbols)


def run_whole_report(data: bytes, form: int) -> Report:
    """The report on a dump, after it was shown in one of the formats. Raises as ``show_report`` does."""
    return _reported(data, triage, form, _symbol_folders())


def run_whole_system(data: bytes, form: int) -> Report:
    """The same of a made-up system, with what was going on in it."""
    return _reported(data, report_dump, form, _system_symbols())


def _reported(data: bytes, ask: Callable[[NativeEngine], Report], form: int, symbols: str) -> Report:
    # PDBs stay open for the next dump, as they do for a folder.
    report = _on_engine(data, ask, symbols, _shelf())
    _shelf().trim()
    show_in_one(report, form)
    return report


@cache
def _shelf() -> PdbShelf:
    return PdbShelf(1024)


@cache
def system_seeds() -> Sequence[Seed]:
    """Some made-up systems, with the places that reports look at."""
    return [
        watched(f"system-{name}", build_system(name).path.read_bytes(), report_dump, _system_symbols())
        for name in ("storage-stall", "resource-deadlock", "nonpaged-leak", "lock-chain")
    ]


def _run_report(data: bytes) -> None:
    _on_engine(data, report_on, _symbol_folders())


def _on_engine(
    data: bytes, ask: Callable[[NativeEngine], Answer], symbols: str = "", shelf: PdbShelf | None = None
) -> Answer:
    engine = NativeEngine("/nowhere/mutated.dmp", symbols, BytesSource(data), shelf)
    try:
        return ask(engine)
    finally:
        engine.close()


def _question(
    ask: Callable[[NativeEngine], object], *names: str, watch: Callable[[NativeEngine], object] | None = None
) -> Target:
    @cache
    def seeds() -> Sequence[Seed]:
        return [watched(name, data, watch or ask) for name, data, _ in scenarios(*names)]

    return Target(seeds, lambda data: _on_engine(data, ask))


def _read_pages(engine: NativeEngine) -> None:
    kernel = engine.system().kernel_base or 0
    for address in (kernel, kernel + 0x1FF000, 0xFFFFF78000000000, engine.header.debugger_data_block, 0x7FF600001000):
        with contextlib.suppress(MemoryGap):
            engine.read(address, 0x2008)
        engine.tally_pages(address & -0x1000, 1 << 14)


def _read_arm64_system(engine: NativeEngine) -> None:
    _read_pages(engine)
    engine.modules()
    for processor in (None, *range(4)):
        with contextlib.suppress(DumpError):
            engine.stack(processor)


def _read_and_count(engine: NativeEngine) -> None:
    _read_pages(engine)
    engine.tally_pages(0xFFFF800000000000, 1 << 47)
    engine.tally_pages(0, 1 << 36, physical=True)


# --- made-up systems, and one of the passes over the kernel ----------------------------------------------------------


def _take_census(engine: NativeEngine) -> Census:
    return engine.census(_without_limit)


def _walk_stacks(engine: NativeEngine) -> None:
    for thread in _take_census(engine).threads:
        with contextlib.suppress(DumpError):
            engine.thread_stack(thread)


def _without_limit() -> bool:
    # What ends a pass is not the time.
    return True


def _find_symptoms(engine: NativeEngine) -> None:
    judge(gather(engine, None, _without_limit))


@cache
def _system_symbols() -> str:
    return ";".join(str(build_system(name).symbols) for name in SYSTEMS)


def _pass(ask: Callable[[NativeEngine], object], *names: str) -> Target:
    # The places that it looks at beyond those that every question does.
    @cache
    def seeds() -> Sequence[Seed]:
        return [_beyond_opening(name, build_system(name).path.read_bytes(), ask) for name in names]

    return Target(seeds, lambda data: _on_engine(data, ask, _system_symbols()))


def _beyond_opening(name: str, data: bytes, ask: Callable[[NativeEngine], object]) -> Seed:
    opened = set(watched(name, data, lambda engine: engine.modules(), _system_symbols()).spots)
    seed = watched(name, data, ask, _system_symbols())
    return seed._replace(spots=tuple(spot for spot in seed.spots if spot not in opened))


# --- parts -----------------------------------------------------------------------------------------------------------


@cache
def _header_seeds() -> Sequence[Seed]:
    kept = (Spot(0, 0x100), Spot(0, 0x2000), Spot(0xF00, 0x158))
    return [Seed(name, data[:0x3000], kept) for name, data, _ in [*scenarios(), *_sample_dumps()]]


def _run_header(data: bytes) -> None:
    parse_context(read_header(BytesSource(data)).context)


@cache
def _page_seeds() -> Sequence[Seed]:
    names = ("taskmgr-full", "vbs", "full-type1", "summary-type2", "bitmap-full-type5", "rdmp-8", "rdmp-a", *X86)
    kept = (Spot(0x2000, 0x40), Spot(0x2000, 0x100), Spot(0x88, 0x80), Spot(0x2000, 0x2000), Spot(0xF98, 4))
    return [Seed(name, data, kept) for name, data, _ in scenarios(*names)]


def _run_pages(data: bytes) -> None:
    source = BytesSource(data)
    header = read_header(source)
    pages = physical_memory(source, header.dump_type, header.body_offset, header.runs)
    for number in (0, 1, 5, 0x100, 0x2EF, 0x300, 0x8000, 1 << 20, 1 << 31, (1 << 40) - 1, 1 << 52):
        if pages.holds_page(number):
            pages.read((number << 12) + 0xFFC, 4)
    read_blobs(source, pages.end_offset)
    assert 0 <= pages.pages_in_file <= max(pages.page_count, 0)


@cache
def _triage_seeds() -> Sequence[Seed]:
    found = [*scenarios("triage-live-141", "triage-old-141", "arm64-triage"), *_sample_dumps()]
    return [watched(name, data, _everything) for name, data, _ in found]


def _run_triage(data: bytes) -> None:
    source = BytesSource(data)
    header = read_header(source)
    body = read_triage_body(source, header.body_offset)
    loaded_drivers(source, body)
    unloaded_drivers(source, body)
    read_blobs(source, body.size)
    memory = triage_memory(source, body, header.debugger_data_block)
    for block in (body.stack, body.data_page, *body.data_blocks[:4]):
        if block:
            with contextlib.suppress(MemoryGap):
                memory.read(block.address, min(block.size, 0x4000))
    _copies(source, body.prcb_offset, body.process_offset, body.debugger_data)


def _copies(source: BytesSource, prcb: int | None, process: int | None, kdbg: object) -> None:
    offset, size = kdbg if isinstance(kdbg, tuple) else (0x2080, 0x3A0)
    layouts = read_kdbg(FlatMemory(source.read_at(offset, size)), 0).layouts()
    memory = TypedMemory(FlatMemory(b""), [layouts, ListedLayouts(FIXED)])
    if prcb is not None:
        find_own_address(source.read_at(prcb, 0x10000))
    if process is not None:
        process_from_copy(memory, source.read_at(process, 0x10000), source.read_at(process, 0x1000))


class FlatMemory:
    """Bytes as memory from address 0 on."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, address: int, size: int) -> bytes:
        """The bytes there. Raises MemoryGap."""
        if not 0 <= address <= len(self._data) - size:
            raise MemoryGap(max(address, len(self._data)), MemoryGap.NOT_CAPTURED)
        return self._data[address : address + size]


@cache
def _image_seeds() -> Sequence[Seed]:
    paths = sorted(build("unwind-zoo").images.iterdir()) + sorted(build("wer-141-full").images.iterdir())
    return [Seed(path.name, path.read_bytes()[:0x20000], (Spot(0, 0x400), Spot(0, 0x4000))) for path in paths[:12]]


def _run_image(data: bytes) -> None:
    with _scratch(data) as path:
        file = open_image(path)
        try:
            memory, size = file, min(file.header.size, 0x40000)
            find_pdb_identity(file, 0)
            _unwind_all(memory, size)
            table = ExportTable(file, file.header)
            [table.find(rva) for rva in range(0, size, 0x400)]
        finally:
            file.close()


def _run_unwind(data: bytes) -> None:
    # The file as if it were laid out as in memory: its exception directory is pointed at the noise inside of it.
    memory = FlatMemory(data)
    _unwind_all(memory, len(data))


def _unwind_all(memory: FlatMemory | object, size: int) -> None:
    image = dump_image.read_image(memory, 0)  # type: ignore[arg-type]
    for question in (dump_image.read_pdb_identity, find_file_version):
        with contextlib.suppress(DumpError):
            question(memory, image)  # type: ignore[arg-type]
    for offset in range(0x1000, size, 0x35):
        with contextlib.suppress(DumpError):
            function = find_function(memory, image, offset)  # type: ignore[arg-type]
            if function:
                position = Position(offset, 0x2000, (0x2000,) * 16, exact=bool(offset & 1))
                plan_undoing(memory, image, function, position.instruction, position.exact).caller(memory, position)  # type: ignore[arg-type]


def _run_arm64_unwind(data: bytes) -> None:
    memory = FlatMemory(data)
    image = dump_image.read_image(memory, 0)
    for offset in range(0x1000, len(data), 0x34):
        with contextlib.suppress(DumpError):
            position = Position(offset, 0x2000, (0x2000,) * 31, exact=bool(offset & 4))
            undoing = arm64.UNWINDER.plan(memory, image, position)
            if undoing:
                undoing.caller(memory, position)


@cache
def _laid_out_seeds() -> Sequence[Seed]:
    paths = sorted(path for name in ("unwind-zoo", "wer-141-full") for path in build(name).images.iterdir())
    return [seed for seed in (_laid_out(path, 12) for path in paths) if seed is not None]


@cache
def _laid_out_arm64_seeds() -> Sequence[Seed]:
    paths = sorted(build("arm64-wer-141-full").images.iterdir())
    return [seed for seed in (_laid_out(path, 8) for path in paths) if seed is not None]


def _laid_out(path: Path, entry_size: int) -> Seed | None:
    file = open_image(path)
    exceptions = file.header.exceptions
    if exceptions is None or file.header.size > 1 << 20:
        return None
    data = bytearray(file.header.size)
    data[:0x400] = path.read_bytes()[:0x400]
    for section in file.header.sections:
        start, size = section.span.start, min(section.file_span.size, len(data) - section.span.start)
        if size > 0:
            data[start : start + size] = file.read(start, size)
    file.close()
    entries = range(exceptions.start, exceptions.end - entry_size + 1, entry_size)
    unwind = [Spot(struct.unpack_from("<I", data, at + entry_size - 4)[0], 0x10) for at in entries]
    unwind = [spot for spot in unwind if spot.offset < len(data)]  # else it stands in the entry itself
    code = [Spot(section.span.start, min(section.file_span.size, 0x800)) for section in file.header.sections[:1]]
    return Seed(path.name, bytes(data), (Spot(0, 0x400), Spot(*exceptions), *unwind[:60], *code))


# --- symbols ---------------------------------------------------------------------------------------------------------


def _member(name: str, offset: int, kind: int = 0x150D) -> bytes:
    return struct.pack("<HHIH", kind, 3, 0x74, offset) + name.encode() + b"\0"


def _types() -> bytes:
    fields = record(0x1203, b"".join(_member(name, at) for at, name in enumerate(("One", "Two", "Three"))))
    structure = struct.pack("<HHIIIH", 3, 0, 0x1000, 0, 0, 24)
    more = record(0x1505, structure + b"_EPROCESS\0") + record(0x1001, struct.pack("<IHH", 0x1001, 1, 0))
    forward = record(0x1505, struct.pack("<HHIIIH", 0, 0x80, 0, 0, 0, 0) + b"_KTHREAD\0")
    return fields + more + forward + record(0x1203, struct.pack("<HHI", 0x1404, 0, 0x1004))


@cache
def _pdb_seeds() -> Sequence[Seed]:
    publics = [(1, 16 * at, f"?Function{at}@@YAXXZ") for at in range(40)]
    spec = PdbSpec(publics=publics, modules=[[(1, 0, 16, "main"), (1, 64, 8, "other")]], types=_types(), block_size=512)
    before = ((0x1000, 0x800),)
    moved = PdbSpec(publics=publics, omap=((0x1000, 0x2000), (0x1100, 0)), original_sections=before, shuffle=1)
    made = [Seed("made", pdb_bytes(spec)), Seed("moved", pdb_bytes(moved))]
    real = sorted(build("unwind-zoo").symbols.glob("*.pdb"))[:3]
    return [_pdb_spots(seed) for seed in [*made, *(Seed(path.name, path.read_bytes()) for path in real)]]


class _WatchedFile(io.BytesIO):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.seen: list[Spot] = []

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        data = super().read(size)
        if data:
            self.seen += [Spot(at, len(data)), Spot(at, min(len(data), 0x40))]
        return data


def _pdb_spots(seed: Seed) -> Seed:
    file = _WatchedFile(seed.data)
    _read_pdb(file)
    return seed._replace(spots=tuple(dict.fromkeys(file.seen)))


def _run_pdb(data: bytes) -> None:
    _read_pdb(io.BytesIO(data))


def _read_pdb(file: io.BytesIO) -> None:
    pdb = Pdb(MsfFile(file, "fuzz.pdb"))
    with contextlib.suppress(DumpError):
        types = PdbTypes(pdb.msf)
        for name in ("_EPROCESS", "_KTHREAD", "", "One"):
            with contextlib.suppress(DumpError):
                types.layout(name)
                types.layout(f"{name}.One.Two")
    pdb.find_rva("One")
    stamp = SourceStamp(pdb.guid, pdb.age, 1, 2)
    index = SymbolIndex(io.BytesIO(build_index(pdb, stamp)), stamp)
    for rva in (0, 1, 0x1000, 0x1015, 0x2000, 0xFFFFFFFF):
        found = index.find(rva)
        if found:
            undecorate(found.name.decode("utf-8", "replace"))


_STAMP = SourceStamp("0123456789ABCDEF0123456789ABCDEF", 1, 1, 2)


@cache
def _index_seeds() -> Sequence[Seed]:
    publics = [(1, 16 * at, f"Function{at}") for at in range(40)]
    pdb = Pdb(MsfFile(io.BytesIO(pdb_bytes(PdbSpec(publics=publics))), "fuzz.pdb"))
    data = build_index(pdb, _STAMP)
    return [Seed("index", data, (Spot(0, 0x54), Spot(0, len(data))))]


def _run_index(data: bytes) -> None:
    index = SymbolIndex(io.BytesIO(data), _STAMP)
    for rva in range(0, 0x2000, 8):
        index.find(rva)


@cache
def _path_seeds() -> Sequence[Seed]:
    paths = (
        r"srv*C:\Symbols*https://msdl.microsoft.com/download/symbols", "cache*/tmp/c;/tmp/a;srv*/tmp/b",
        "symsrv*symsrv.dll*/tmp/a*http://h/s", ";;;", "srv*", "cache*;srv*http://x", r"\\server\share;D:\x", "a" * 300,
        r"..\..\windows\system32\con.pdb", "nul", "?Function@@YAXXZ", "??$move@AEAV?$unique_ptr@UA@@@std@@@std@@YAXXZ",
        "??_C@_0BA@ABCDEFGH@text@", "?f@?1??g@@YAXXZ@4HA", "_f@8", "??0C@@QEAA@XZ",
        "?a@?$B@$0A@$1?c@@3HA@@QEAAP6AXH@ZXZ",
    )  # fmt: skip
    return [Seed("path", path.encode()) for path in paths]


def _run_path(data: bytes) -> None:
    text = data.decode("utf-8", "surrogatepass")
    parse_symbol_path(text, "/tmp/cache").offline()
    symbol_path(None, {"_NT_SYMBOL_PATH": text, "_NT_ALT_SYMBOL_PATH": text[:40]}, Path("/tmp/a.dmp"))
    name = safe_file_name(text)
    assert name is None or (Path("/a") / name).parent == Path("/a"), name
    undecorate(text)
    undecorate("?" + text)


@cache
def _cabinet_seeds() -> Sequence[Seed]:
    kept = (Spot(0, 0x24), Spot(0x24, 8), Spot(0x2C, 0x20), Spot(0, 0x100))
    return [Seed("stored", cabinet(0), kept), Seed("zip", cabinet(1), kept), Seed("reserve", cabinet(1, b"res"), kept)]


def cabinet(compression: int, reserve: bytes = b"") -> bytes:
    """A cabinet with one file of three blocks."""
    blocks = [(bytes((65 + number,)) * 20 + b"text") * 1300 for number in range(3)]
    packed, history = [], b""
    for block in blocks:
        squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history)
        packed.append(block if compression == 0 else b"CK" + squeezer.compress(block) + squeezer.flush())
        history = block
    head = struct.pack("<HBB", len(reserve), 0, 0) + reserve if reserve else b""
    files_at = 0x24 + len(head) + 8
    entry = struct.pack("<IIH6x", sum(map(len, blocks)), 0, 0) + b"a.pdb\0"
    data = b"".join(struct.pack("<IHH", 0, len(one), len(block)) + one for one, block in zip(packed, blocks))
    flags = 4 if reserve else 0
    start = struct.pack("<4s4xI4xI4xBBHHHHH", b"MSCF", 0, files_at, 3, 1, 1, 1, flags, 0, 0)
    return start + head + struct.pack("<IHH", files_at + len(entry), 3, compression) + entry + data


def _run_cabinet(data: bytes) -> None:
    total = 0
    for piece in iter_first_file(io.BytesIO(data), 1 << 20):
        total += len(piece)
    assert total <= 1 << 20


# --- text ------------------------------------------------------------------------------------------------------------


@cache
def _transcript_seeds() -> Sequence[Seed]:
    from tests.engines.test_transcript_engine import session

    logs = sample_logs()
    made = [session("one.dmp", 0x161).encode(), session("two.dmp", 0x141, stack=False).encode()]
    return [Seed("log", data) for data in [*made, *(path.read_bytes()[: 1 << 18] for path in logs)]]


def _run_transcript(data: bytes) -> None:
    looks_like_transcript(data)
    ask_everything(transcript(decode_transcript(data), "fuzz.log"))


@cache
def _text_seeds() -> Sequence[Seed]:
    from tests.engines.text.test_excerpts import CODES, STACKS
    from tests.engines.text.test_repair import DAMAGE, LOG, OTHER

    field = sorted((SAMPLES / "field").glob("*.[tw]*[tr]"))
    texts = [LOG + OTHER, *DAMAGE.values(), *(text for text, _ in CODES.values()), *STACKS.values()]
    return [Seed("text", data) for data in [*map(str.encode, texts), *(path.read_bytes() for path in field)]]


def _run_texts(data: bytes) -> None:
    for engine in engines_of(decode_transcript(data), None, "fuzz.txt"):
        with contextlib.suppress(DumpError):
            report_on(engine)


@cache
def _record_seeds() -> Sequence[Seed]:
    from tests.companions.test_records import TEXTS

    return [Seed("record", text.encode()) for text in TEXTS]


def _run_records(data: bytes) -> None:
    for found in read_records(repaired(decode_transcript(data)).lines):
        ask_everything(RecordEngine(found, "fuzz.xml"))


@cache
def _event_log_seeds() -> Sequence[Seed]:
    from tests.companions.evtx_file import evtx_bytes
    from tests.companions.test_records import CAPTURED, WER_EVENT, WRITTEN

    kept = (Spot(0, 0x80), Spot(0x1000, 0x200), Spot(0x1200, 0x1000))
    return [Seed("evtx", evtx_bytes([WER_EVENT, CAPTURED, WRITTEN]), kept)]


def _run_event_log(data: bytes) -> None:
    with _scratch(data) as path:
        for found in merge_records(iter_evtx_records(str(path), [])):
            report_on(RecordEngine(found, "fuzz.evtx"))


@cache
def _said_seeds() -> Sequence[Seed]:
    from tests.engines.text import test_said

    texts = [value for name, value in vars(test_said).items() if name.isupper() and isinstance(value, str)]
    return [Seed("said", text.encode()) for text in texts]


def _run_said(data: bytes) -> None:
    read_symptoms(repaired(decode_transcript(data)).lines)


@cache
def _saved_seeds() -> Sequence[Seed]:
    reports = [failed_report("native", "a.dmp", 5, DumpError("no dump")), _report_on("wer-141-full")]
    return [Seed("saved", json.dumps(report_object(report)).encode()) for report in reports]


def _report_on(name: str) -> Report:
    engine = NativeEngine(str(build(name).path), str(build(name).symbols))
    try:
        return triage(engine)
    finally:
        engine.close()


def _run_saved(data: bytes) -> None:
    report_object(parse_report(data.decode("utf-8", "replace")))


def _archive_target(ending: str, pack: Callable[[Path, dict[str, bytes]], None]) -> Target:
    @cache
    def seeds() -> Sequence[Seed]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a.{ending}"
            pack(path, {"one.dmp": b"PAGEDU64" + bytes(5000), "two.dmp": bytes(range(256)) * 40, "three.txt": b"x"})
            data = path.read_bytes()
        return [Seed(ending, data, (Spot(0, 0x80), Spot(max(len(data) - 0x140, 0), 0x140), Spot(0, len(data))))]

    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(ArchiveShelf(1 << 24)) as shelf:
            place = Path(folder) / f"a.{ending}"
            place.write_bytes(data)
            for member in shelf.list_contents(str(place), FileFilter()).dumps[:8]:
                with contextlib.suppress(DumpError):
                    shelf.open_beginning(str(place), member)
                    with shelf.extracted(str(place), member):
                        pass

    return Target(seeds, run)


def _pack_zip(path: Path, files: dict[str, bytes]) -> None:
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
    with zipfile.ZipFile(path, "w") as packed:
        for (name, data), method in zip(files.items(), methods):
            packed.writestr(name, data, method)


def _pack_gzip(path: Path, files: dict[str, bytes]) -> None:
    path.write_bytes(gzip.compress(files["two.dmp"]))


def _pack_cabinet(path: Path, files: dict[str, bytes]) -> None:
    from tests.fleet.test_archives import cabinet as cabinet_of

    path.write_bytes(cabinet_of(files, 1))


def _pack_seven_zip(path: Path, files: dict[str, bytes]) -> None:
    import py7zr

    with py7zr.SevenZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(data, name)


def _type_seeds() -> Sequence[Seed]:
    return [Seed("dt", (Path(__file__).parents[1] / "engines/text/dt_shapes.txt").read_bytes())]


def _run_types(data: bytes) -> None:
    lines = split_lines(data.decode("utf-8", "replace"))
    layouts = {name: parse_layout(lines, name) for name in ("_SHAPES", "_SHAPES.Named", "_SHAPES.Named.Tail.Inner")}
    parse_evaluated(lines)
    find_member(layouts.get, "_SHAPES", "Named.Tail.Inner.Overlay.Deeper")


@contextlib.contextmanager
def _scratch(data: bytes):  # type: ignore[no-untyped-def]
    handle, name = tempfile.mkstemp(prefix="livedump-fuzz-")
    try:
        os.write(handle, data)
        os.close(handle)
        yield Path(name)
    finally:
        Path(name).unlink()


ARM64 = (
    "arm64-several-processors", "arm64-powershell-user", "arm64-signed", "arm64-triage-live-141",
    "arm64-no-kdbg-symbols",
)  # fmt: skip
X64 = tuple(name for name in SCENARIOS if name not in (*ARCHITECTURES, "triage-live-141", "triage-old-141"))
MANY = (
    "taskmgr-full", "several-processors", "powershell-user", "partial", "vbs", "unwind-zoo", "rdmp-a", "encoded-kdbg",
)  # fmt: skip
LOCKED = ("resource-deadlock", "lock-chain", "alpc-chain", "orphaned-lock", "shared-owners", "locks-on-stacks")
OWING = ("storage-stall", "stuck-requests", "stuck-work-queue")
HUNGRY = ("nonpaged-leak", "handle-leak", "commit-exhaustion", "locked-pages")
SYSTEMS = ("quiet", "starvation", "dpc-pressure", "spin-lock-convoy", *LOCKED, *OWING, *HUNGRY)
TARGETS: dict[str, Target] = {
    "header": Target(_header_seeds, _run_header),
    "pages": Target(_page_seeds, _run_pages),
    "triage": Target(_triage_seeds, _run_triage),
    "paging": _question(_read_and_count, *MANY, watch=_read_pages),
    "kdbg": _question(lambda engine: (engine.system(), engine.regions()), *MANY),
    "modules": _question(lambda engine: (engine.modules(), engine.unloaded_modules()), *MANY, "crash-d1"),
    "processes": _question(
        lambda engine: (engine.processors(), engine.processes(), engine.requesting_process()), *MANY
    ),
    "stack": _question(lambda engine: engine.stack(), *X64),
    "census": _pass(_take_census, *SYSTEMS),
    "threads": _pass(_walk_stacks, *SYSTEMS),
    "waits": _pass(lambda engine: engine.waits(_take_census(engine), _without_limit), *LOCKED),
    "requests": _pass(lambda engine: engine.requests(_take_census(engine), _without_limit), *OWING),
    "memory": _pass(lambda engine: engine.memory_use(_take_census(engine), _without_limit), *HUNGRY),
    "symptoms": _pass(_find_symptoms, *SYSTEMS),
    "unwind": Target(_laid_out_seeds, _run_unwind),
    "unwind-arm64": Target(_laid_out_arm64_seeds, _run_arm64_unwind),
    "arm64": _question(_read_arm64_system, *ARM64),
    "image": Target(_image_seeds, _run_image),
    "pdb": Target(_pdb_seeds, _run_pdb),
    "index": Target(_index_seeds, _run_index),
    "path": Target(_path_seeds, _run_path, text=True),
    "cabinet": Target(_cabinet_seeds, _run_cabinet),
    "transcript": Target(_transcript_seeds, _run_transcript, text=True),
    "texts": Target(_text_seeds, _run_texts, text=True),
    "records": Target(_record_seeds, _run_records, text=True),
    "evtx": Target(_event_log_seeds, _run_event_log),
    "types": Target(_type_seeds, _run_types, text=True),
    "said": Target(_said_seeds, _run_said, text=True),
    "saved": Target(_saved_seeds, _run_saved, text=True),
    "zip": _archive_target("zip", _pack_zip),
    "gzip": _archive_target("gz", _pack_gzip),
    "report-cabinet": _archive_target("cab", _pack_cabinet),
    **({"7z": _archive_target("7z", _pack_seven_zip)} if find_spec("py7zr") else {}),
    "report": Target(dump_seeds, _run_report),
    "dump": Target(dump_seeds, _run_dump),
}
"""By the name that ``--target`` takes."""
