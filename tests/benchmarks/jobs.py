"""One piece of work in a process of its own: ``python -m tests.benchmarks.jobs NAME ARGUMENT ...``.

Prints lines of name and number. ``seconds`` is the work alone, without the start of the interpreter and the imports;
nothing is imported here that the work does not need, so that the peak of memory is the tool's own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

ENOUGH_SECONDS = 1.0
FAST_ROUNDS = 50

Figures = dict[str, float]


def own_open(path: str, far_page: str) -> Figures:
    """Open a dump, and read the page that is farthest in it."""
    from livedump.dumpfile.header import read_header
    from livedump.dumpfile.page_runs import physical_memory
    from livedump.dumpfile.source import FileSource

    started = time.perf_counter()
    source = FileSource(path)
    header = read_header(source)
    memory = physical_memory(source, header.dump_type, header.body_offset, header.runs)
    opened = time.perf_counter()
    memory.read(int(far_page) * 4096, 4096)
    return {"open": opened - started, "seconds": time.perf_counter() - started, "read": source.bytes_read}


def kdmp_open(path: str, far_page: str) -> Figures:
    """The same with kdmp-parser."""
    from kdmp_parser import KernelDumpParser

    started = time.perf_counter()
    dump = KernelDumpParser(path)
    opened = time.perf_counter()
    dump.read_physical_page(int(far_page) * 4096)
    return {"open": opened - started, "seconds": time.perf_counter() - started}


def leechcore_open(path: str, far_page: str) -> Figures:
    """The same with LeechCore."""
    from leechcorepyc import LeechCore

    started = time.perf_counter()
    dump = LeechCore(f"file://{path}")
    opened = time.perf_counter()
    dump.read(int(far_page) * 4096, 4096)
    return {"open": opened - started, "seconds": time.perf_counter() - started}


def memprocfs_open(path: str, _far_page: str) -> Figures:
    """Open a dump and list its processes with MemProcFS."""
    from memprocfs import Vmm

    started = time.perf_counter()
    list(Vmm(["-device", path, "-disable-symbolserver"]).process_list())
    return {"seconds": time.perf_counter() - started}


def own_command(path: str, symbols: str) -> Figures:
    """The whole command, for its peak of memory."""
    import os

    from livedump.frontends.command_line import main

    kept = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = main(["info", path, "-y", symbols])
    os.dup2(kept, 1)
    return {"status": status}


def own_verdict(path: str, symbols: str) -> Figures:
    """A full verdict with symbols as text: the first in a process, then the median of more, each opened anew."""
    from statistics import median

    from livedump.analysis.triage import triage
    from livedump.dumpfile.source import FileSource
    from livedump.engines.native import NativeEngine
    from livedump.report.plain import format_document
    from livedump.report.sections.info import document

    times = []
    for _ in range(FAST_ROUNDS):
        started = time.perf_counter()
        source = FileSource(path)
        engine = NativeEngine(path, symbols, source)
        format_document(document(triage(engine), path))
        engine.close()
        times.append(time.perf_counter() - started)
    return {"first": times[0], "seconds": median(times[1:]), "read": source.bytes_read}


def own_stack(path: str, symbols: str) -> Figures:
    """Seconds for each frame of a stack, unwound and named; lists of modules and processors are known before."""
    from livedump.engines.native import NativeEngine

    engine = NativeEngine(path, symbols)
    engine.modules()
    engine.processors()
    started = time.perf_counter()
    frames = len(engine.stack().frames)
    first = time.perf_counter()
    for _ in range(FAST_ROUNDS):
        engine.stack()
    done = time.perf_counter()
    return {"first": (first - started) / frames, "seconds": (done - first) / frames / FAST_ROUNDS, "frames": frames}


def own_threads(path: str, symbols: str) -> Figures:
    """Seconds until every thread of the system is known, with its stack unwound and named."""
    from livedump.engines.native import NativeEngine
    from livedump.model.errors import DumpError

    started = time.perf_counter()
    engine = NativeEngine(path, symbols)
    threads = engine.census(lambda: True).threads
    frames = 0
    for thread in threads:
        try:
            frames += len(engine.thread_stack(thread).frames)
        except DumpError:  # one that runs on another processor, or whose stack is not in memory
            continue
    return {"seconds": time.perf_counter() - started, "threads": len(threads), "frames": frames}


def own_header(path: str) -> Figures:
    """Verdicts from headers alone, all rules asked, as rows of ``livedump triage --headers``, for each second."""
    from livedump.fleet.judge import HowToRead, Judge
    from livedump.fleet.target import Depth, Target

    target, judge = Target(path, path), Judge(HowToRead())
    return _rate(lambda: judge(target, Depth.HEADERS))


def own_values(path: str) -> Figures:
    """Headers read, with type, code and parameters, for each second."""
    from livedump.dumpfile.header import read_header
    from livedump.dumpfile.source import FileSource

    def read() -> None:
        source = FileSource(path)
        header = read_header(source)
        assert header.bug_check is not None
        assert header.bug_check.parameters
        assert header.dump_type
        source.close()

    return _rate(read)


def kdmp_values(path: str) -> Figures:
    """The same with kdmp-parser."""
    from kdmp_parser import KernelDumpParser

    def read() -> None:
        dump = KernelDumpParser(path)
        header = dump.header
        assert header.BugCheckCode
        assert header.BugCheckCodeParameter is not None
        assert dump.type

    return _rate(read)


def _rate(work: Callable[[], object]) -> Figures:
    work()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < ENOUGH_SECONDS:
        for _ in range(FAST_ROUNDS):
            work()
        count += FAST_ROUNDS
    return {"rate": count / (time.perf_counter() - started)}


def own_pdb(path: str, rva: str) -> Figures:
    """Open a PDB and name one address. The first time an index is made, which the next process finds."""
    from pathlib import Path

    from livedump.model.images import PdbIdentity
    from livedump.symbols.files.path import parse_symbol_path
    from livedump.symbols.files.search import FileSearch
    from livedump.symbols.pdb.pdb_file import open_pdb
    from livedump.symbols.shelf import load_pdb

    pdb = open_pdb(Path(path))
    identity = PdbIdentity(Path(path).name, pdb.guid, pdb.age)
    pdb.close()
    started = time.perf_counter()
    loaded = load_pdb(identity, FileSearch(parse_symbol_path(str(Path(path).parent))))
    assert loaded.find(int(rva)) is not None
    return {"seconds": time.perf_counter() - started}


def symbolic_pdb(path: str, rva: str) -> Figures:
    """The same with symbolic: the look-up table is made anew."""
    from symbolic.debuginfo import Archive

    started = time.perf_counter()
    cache = Archive.open(path).get_object(arch="x86_64").make_symcache()
    assert cache.lookup(int(rva))
    return {"seconds": time.perf_counter() - started}


def symbolic_table(path: str, rva: str) -> Figures:
    """The same with symbolic, from a table that was kept."""
    from pathlib import Path

    from symbolic.debuginfo import Archive
    from symbolic.symcache import SymCache

    table = Path(f"{path}.symcache")
    if not table.exists():
        with table.open("wb") as file:
            Archive.open(path).get_object(arch="x86_64").make_symcache().dump_into(file)
    started = time.perf_counter()
    assert SymCache.open(str(table)).lookup(int(rva))
    return {"seconds": time.perf_counter() - started}


def _peak() -> float:
    """The most memory that this process ever used, in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be part of the peak
            return next(1024.0 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return 0.0


if __name__ == "__main__":
    figures = globals()[sys.argv[1]](*sys.argv[2:])
    for name, value in {**figures, "peak": _peak()}.items():
        print(name, value)
