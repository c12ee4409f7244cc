"""What it costs to look at what was going on in the machine: one table.

    python -m tests.benchmarks.bench_symptoms [RUNS [COPIES]]

The whole command in a process of its own, as somebody types it, indexes of symbols kept: the median of RUNS (11) for
the report on one dump, with symptoms and without; then ``triage`` of COPIES (1,000) hard links to one dump, once each.
Processor time is that of the program and its workers, the peak that of the largest of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.bench_fleet import CHILD, ROOT, Measured
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import build

SYSTEMS = ("quiet", "storage-stall", "server", "server-full")
COPIED = "storage-stall"
WAYS = {"all of it": (), "--no-symptoms": ("--no-symptoms",)}


def measure(folder: Path, *arguments: str) -> Measured:
    """One run of the command line."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT / "extensions")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    own, worker, cpu = done.stderr.split()[-3:]
    return Measured(time.perf_counter() - started, done.stdout.count("\n") - 1, int(own), int(worker), float(cpu))


def one_dump(folder: Path, made: BuiltSystem, runs: int) -> None:
    """Prints the rows of one dump."""
    command = ("info", str(made.path), "-y", str(made.symbols))
    measure(folder, *command)  # makes the indexes
    for title, more in WAYS.items():
        found = [measure(folder, *command, *more) for _ in range(runs)]
        seconds = median(each.processor_seconds for each in found)
        print_row(f"info {made.path.name}, {title}", seconds, median(each.seconds for each in found), found[0])


def many_copies(folder: Path, made: BuiltSystem, copies: int) -> None:
    """Prints the rows of a folder."""
    dumps = folder / "dumps"
    dumps.mkdir()
    source = folder / "source"
    source.write_bytes(made.path.read_bytes())
    for number in range(copies):
        os.link(source, dumps / f"{number:06d}.dmp")
    for title, more in WAYS.items():
        found = measure(folder, "triage", str(dumps), "-y", str(made.symbols), "--format", "csv", *more)
        assert found.rows == copies, found
        print_row(f"triage of {copies:,} {made.path.name}, {title}", found.processor_seconds, found.seconds, found)


def print_row(work: str, processor_seconds: float, seconds: float, measured: Measured) -> None:
    """One line of Markdown."""
    peak = max(measured.own_kib, measured.worker_kib) / 1024
    print(f"| {work} | {processor_seconds:.2f} s | {seconds:.2f} s | {peak:.0f} MiB |", flush=True)


def main(runs: int = 11, copies: int = 1000) -> None:
    """Prints the table."""
    print("| work | processor time | elapsed | peak memory |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for system in SYSTEMS:
            one_dump(Path(name), build(system), runs)
        many_copies(Path(name), build(COPIED), copies)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
