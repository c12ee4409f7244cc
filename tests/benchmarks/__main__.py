"""All figures of one run on this machine, as one table in Markdown.

    python -m tests.benchmarks

Dumps and symbol files are made anew in a temporary folder: a made-up system whose pages lie all over a machine of the
size named, in a sparse file as long as that, seven pages of eight present, a million runs and more. The kernel's PDB
has 40,000 publics and 10,000 type records besides its own. The peers come with ``pip install -e .[bench]``.

Median and best of seven runs, fifteen of the command itself, each a process of its own; a bar is held against the best,
since on a shared machine the others tell of its other work. What takes more than some seconds runs once.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from tests.benchmarks.bench_pdb import linked_pdb
from tests.benchmarks.big_dumps import GIB, MIB, PUBLICS, Case, make_case
from tests.benchmarks.measure import Bench, Cell, Failed, Figures, cell, is_installed, repeated_jobs
from tests.lab import lab, setup_lab
from tests.synth import build
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import build as build_system

ALL_STACKS_IN_THE_MODEL = (
    "dx @$cursession.Processes.SelectMany(p => p.Threads).GroupBy(t => t.Stack.Frames.Count())"
    ".Select(g => g.First().Stack.Frames.First().ToDisplayString())"
)
"""Walks every stack, and prints little."""
MEMORIES = (64 * MIB, 8 * GIB, 64 * GIB, 256 * GIB)
FLAT = 1.5
BYTES_READ = 2 * MIB
SOME_ADDRESS = 0x1000
RATE_RUNS = 3
VOLATILITY = "import sys; from volatility3.cli import main; sys.argv[0] = 'vol'; main()"
WHOLE_VERDICT = "verdict with symbols, whole process"
HEADINGS = ("work", "dump", "by", "median", "best", "peak memory", "read", "bar")


class Row(NamedTuple):
    """One line of the table."""

    work: str
    dump: str
    tool: str
    median: str
    best: str = ""
    peak: str = ""
    read: str = ""
    bar: str = ""


class Peer(NamedTuple):
    """A program that can do the same work."""

    name: str
    module: str
    job: str = ""


LIVEDUMP = Peer("livedump", "livedump")
OPENERS = (
    LIVEDUMP._replace(job="own_open"),
    Peer("kdmp-parser", "kdmp_parser", "kdmp_open"),
    Peer("LeechCore", "leechcorepyc", "leechcore_open"),
)
MEMPROCFS = Peer("MemProcFS", "memprocfs", "memprocfs_open")


SYMBOLIC = Peer("symbolic", "symbolic")
NOT_INSTALLED = "not installed"


def main() -> None:
    """Prints the machine and the table."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        print(f"{machine()}\n")
        print_row(HEADINGS)
        print_row(["---"] * len(HEADINGS))
        for row in rows(bench):
            print_row(row)


def print_row(row: Sequence[str]) -> None:
    """One line of Markdown."""
    print(f"| {' | '.join(row)} |", flush=True)


def machine() -> str:
    """Processor, system and Python."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), model)
    return f"{os.cpu_count()} x {model}, {platform.system()}, Python {platform.python_version()}"


def rows(bench: Bench) -> Iterator[Row]:
    """All rows, each measured when it is asked for."""
    cases = [make_case(bench.folder, memory) for memory in MEMORIES]
    bitmap_full = make_case(bench.folder, MEMORIES[0], 5)
    small = build("powershell-user").path
    yield from whole_verdicts(bench, cases)
    yield from cold_verdict(bench, cases[0])
    yield from engine_verdicts((cases[0], cases[-1]))
    yield from all_stacks(bench)
    yield from volatility(bench, bitmap_full)
    yield from verdicts_in_process(bench, cases)
    yield from openings(bench, cases)
    yield from rates(bench, small)
    yield from stacks(bench, cases[0])
    yield from pdbs(bench, linked_pdb(bench.folder, PUBLICS))


def whole_verdicts(bench: Bench, cases: Sequence[Case]) -> Iterator[Row]:
    """The command, by size of the dump."""
    nothing, *found = bench.whole_in_turn([[sys.executable, "-c", "pass"], *map(command, cases)])
    peaks = [bench.job("own_command", case.path, case.symbols)["peak"] for case in cases]
    yield Row("nothing, whole process", "", "Python alone", *times(nothing))
    for case, time, peak in zip(cases, found, peaks):
        bar = f"200 ms: {verdict(time.best < 0.2)}"
        if case is cases[-1]:
            flat = time.best <= FLAT * found[0].best and peak <= FLAT * peaks[0]
            bar += f"; at most {FLAT} x 64 MiB: {verdict(flat)}"
        yield Row(WHOLE_VERDICT, size(case.memory), "livedump", *times(time), mib(peak), "", bar)


def cold_verdict(bench: Bench, case: Case) -> Iterator[Row]:
    """The command when nothing is kept: no index of the PDBs, no file in the system's memory."""
    files = (case.path, *case.symbols.iterdir())
    time = bench.whole(command(case), lambda: bench.cold(*files))
    yield Row(f"{WHOLE_VERDICT}, nothing kept", size(case.memory), "livedump", *times(time))


def engine_verdicts(cases: Sequence[Case]) -> Iterator[Row]:
    """Bug check and stack, which is less than a verdict, from each of Microsoft's engines."""
    for case, engine in product(cases, setup_lab.ENGINES):
        row = Row("`.bugcheck; kn`, whole process", size(case.memory), f"dbgeng of {engine} under Wine", "")
        try:
            found = lab.require(engine)
        except lab.LabUnavailable as why:
            yield row._replace(median=str(why))
            continue
        median, best = times(cell(repeated_jobs(partial(ask_engine, found, case))))
        yield row._replace(median=median, best=best)


def ask_engine(found: lab.Lab, case: Case) -> dict[str, float]:
    """Seconds until the engine has answered and is gone."""
    started = perf_counter()
    result = found.debugger(case.path, [".bugcheck", "kn"], symbol_path=lab.to_windows(case.symbols))
    assert "CaptureLiveDump+0x1b3" in result.text
    return {"seconds": perf_counter() - started}


def all_stacks(bench: Bench) -> Iterator[Row]:
    """The stacks of all threads of a server; from the engines with and without their object model."""
    server = build_system("server")
    work, dump = "all stacks, 5,000 threads", size(server.path.stat().st_size)
    yield Row(work, dump, "livedump", *times(cell(repeated_jobs(lambda: bench.job("own_threads", *files_of(server))))))
    each = [f".thread {thread.address:x};kn 40" for thread in server.truth.threads]
    ways = {"`.thread; kn`": each, "`dx`": [ALL_STACKS_IN_THE_MODEL]}
    for way, engine in (("`.thread; kn`", "2017"), ("`.thread; kn`", "today"), ("`dx`", "today")):
        row = Row(f"{work}, {way}", dump, f"dbgeng of {engine} under Wine", "")
        try:
            found = lab.require(engine)
        except lab.LabUnavailable as why:
            yield row._replace(median=str(why))
            continue
        median, best = times(cell(repeated_jobs(partial(ask_for_stacks, found, server, ways[way]))))
        yield row._replace(median=median, best=best)


def files_of(system: BuiltSystem) -> tuple[Path, Path]:
    """The dump and its symbols."""
    return system.path, system.symbols


def ask_for_stacks(found: lab.Lab, system: BuiltSystem, commands: Sequence[str]) -> dict[str, float]:
    """Seconds until the engine has printed the stacks and is gone."""
    started = perf_counter()
    result = found.debugger(system.path, commands, symbol_path=lab.to_windows(system.symbols), timeout=300)
    assert len(result.outputs) == len(commands)
    assert "nt!KiSwapContext" in result.text
    return {"seconds": perf_counter() - started}


def volatility(bench: Bench, case: Case) -> Iterator[Row]:
    """Header fields of a complete dump with a bitmap (type 5), the nearest that volatility3 reads."""
    dump = f"{size(case.memory)}, type 5"
    start = [sys.executable, "-c", VOLATILITY, "-q", "--offline", "-f", str(case.path)]
    for plugin in ("windows.crashinfo.Crashinfo", "windows.info.Info"):
        measure = partial(bench.whole, [*start, plugin])
        yield peer_row(f"`{plugin}`, whole process", dump, Peer("volatility3", "volatility3"), measure)
    yield Row(WHOLE_VERDICT, dump, "livedump", *times(bench.whole(command(case))))


def verdicts_in_process(bench: Bench, cases: Sequence[Case]) -> Iterator[Row]:
    """The verdict without the start of the interpreter, and what it reads."""
    for case in cases:
        runs = repeated_jobs(lambda: bench.job("own_verdict", case.path, case.symbols))  # noqa: B023 - called at once
        bitmap = case.memory // 4096 // 8
        beside = runs[0]["read"] - bitmap
        read = f"{mib(runs[0]['read'])}, {mib(bitmap)} of it bitmap"
        first, later = cell(runs, "first"), cell(runs)
        yield Row("first verdict of a process", size(case.memory), "livedump", *times(first), "", read,
                  f"2 MiB besides the bitmap: {verdict(beside <= BYTES_READ)}")  # fmt: skip
        yield Row("verdict in process", size(case.memory), "livedump", *times(later), "", "",
                  f"20 ms: {verdict(later.best < 0.02)}")  # fmt: skip


def openings(bench: Bench, cases: Sequence[Case]) -> Iterator[Row]:
    """A dump opened and its farthest page read."""
    for case in cases:
        for peer in OPENERS:
            yield opening(bench, case, peer, "open, read the farthest page")
    yield opening(bench, cases[0], MEMPROCFS, "open, list processes")


def opening(bench: Bench, case: Case, peer: Peer, work: str) -> Row:
    """One of them."""
    runs: list[Figures] = []

    def measure() -> Cell:
        runs.extend(repeated_jobs(lambda: bench.job(peer.job, case.path, case.far_page)))
        return cell(runs)

    row = peer_row(work, size(case.memory), peer, measure)
    if not runs:
        return row
    return row._replace(peak=mib(runs[0]["peak"]), read=mib(runs[0]["read"]) if "read" in runs[0] else "")


def rates(bench: Bench, small: Path) -> Iterator[Row]:
    """How many small dumps in a second, one process."""
    found = rate(bench, small, "header-only verdicts", LIVEDUMP._replace(job="own_header"))
    yield found._replace(bar=f"5,000/s: {verdict(float(found.best[:-2].replace(',', '')) >= 5000)}")
    for peer in (LIVEDUMP._replace(job="own_values"), Peer("kdmp-parser", "kdmp_parser", "kdmp_values")):
        yield rate(bench, small, "open, read type, code and parameters", peer)


def rate(bench: Bench, small: Path, work: str, peer: Peer) -> Row:
    """One of them: the best of some runs is beside the median."""
    dump = f"{small.stat().st_size // 1024} KiB"
    if not is_installed(peer.module):
        return Row(work, dump, peer.name, NOT_INSTALLED)
    found = [bench.job(peer.job, small)["rate"] for _ in range(RATE_RUNS)]
    return Row(work, dump, peer.name, f"{median(found):,.0f}/s", f"{max(found):,.0f}/s")


def stacks(bench: Bench, case: Case) -> Iterator[Row]:
    """Unwinding, for each frame."""
    runs = repeated_jobs(lambda: bench.job("own_stack", case.path, case.symbols))
    yield Row("a frame unwound and named, first stack", size(case.memory), "livedump", *times(cell(runs, "first")))
    yield Row("a frame unwound and named, again", size(case.memory), "livedump", *times(cell(runs)))


def pdbs(bench: Bench, pdb: Path) -> Iterator[Row]:
    """One name out of a PDB: nothing kept, then with what each keeps."""
    work = "one name, PDB of 40,000 publics"
    cold = cell(repeated_jobs(lambda: bench.job("own_pdb", pdb, SOME_ADDRESS, cold=[pdb])))
    yield Row(work, "", "livedump", *times(cold), bar=f"300 ms: {verdict(cold.best < 0.3)}")
    yield peer_row(work, "", SYMBOLIC, lambda: named(bench, "symbolic_pdb", pdb))
    kept = f"{work}, index or table kept"
    yield Row(kept, "", "livedump", *times(named(bench, "own_pdb", pdb)))
    yield peer_row(kept, "", SYMBOLIC, lambda: named(bench, "symbolic_table", pdb))


def named(bench: Bench, job: str, pdb: Path) -> Cell:
    """Times of one job on a PDB."""
    return cell(repeated_jobs(lambda: bench.job(job, pdb, SOME_ADDRESS)))


def peer_row(work: str, dump: str, peer: Peer, measure: Callable[[], Cell]) -> Row:
    """The row of a peer, or why there is none."""
    if not is_installed(peer.module):
        return Row(work, dump, peer.name, NOT_INSTALLED)
    try:
        return Row(work, dump, peer.name, *times(measure()))
    except Failed as error:
        return Row(work, dump, peer.name, str(error))


def command(case: Case) -> list[str]:
    """What a user types."""
    return [sys.executable, "-m", "livedump", "info", str(case.path), "-y", str(case.symbols)]


def times(found: Cell) -> tuple[str, str]:
    """Median and best as text."""
    return seconds(found.median), seconds(found.best)


def seconds(value: float) -> str:
    """With a unit that suits."""
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.0095 else f"{value * 1000:.2f} ms"


def size(value: int) -> str:
    """Of memory."""
    return f"{value // GIB} GiB" if value >= GIB else f"{value // MIB} MiB"


def mib(value: float) -> str:
    """Bytes in MiB, or in KiB where that is less than one."""
    if value < MIB:
        return f"{value / 1024:.0f} KiB"
    return f"{value / MIB:.1f} MiB" if value < 100 * MIB else f"{value / MIB:,.0f} MiB"


def verdict(holds: bool) -> str:
    """On a bar."""
    return "met" if holds else "missed"


if __name__ == "__main__":
    main()
