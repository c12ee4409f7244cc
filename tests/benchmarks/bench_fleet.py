"""How fast whole folders are judged, and how much memory that takes: one table.

    python -m tests.benchmarks.bench_fleet [COUNT ...]

The folders hold hard links to the made-up dumps, so that what is measured is the work for each name and not the disk.
Each row is the command line in a process of its own, the start of the program and of its workers included. ``warm`` is
the second run over the folder: symbol indexes are made, nothing is kept of the results. Peaks are those of the whole
process, and of the largest of its workers. For comparison, over a few of the same files: ``kdmp-parser``, which opens a
dump and tells no verdict, in a loop of one process where it is installed, and the lab's stand-in for cdb, one process
for each dump, where the lab is set up.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.synth import SCENARIOS, build

ROOT = Path(__file__).parents[2]
PER_FOLDER = 500

CHILD = """
import resource, sys
from livedump.frontends.command_line import main
status = main(sys.argv[1:])
with open("/proc/self/status") as file:
    own = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
workers = resource.getrusage(resource.RUSAGE_CHILDREN)
mine = resource.getrusage(resource.RUSAGE_SELF)
cpu = mine.ru_utime + mine.ru_stime + workers.ru_utime + workers.ru_stime
print(own, workers.ru_maxrss, cpu, file=sys.stderr)
sys.exit(status)
"""


KDMP_LOOP = """
import contextlib, pathlib, sys
from kdmp_parser import KernelDumpParser
for path in sys.argv[1:]:
    with contextlib.suppress(Exception):
        KernelDumpParser(pathlib.Path(path)).type
"""


class Measured(NamedTuple):
    """One run."""

    seconds: float
    rows: int
    own_kib: int
    worker_kib: int
    processor_seconds: float
    """Of the program and its workers; tells more than ``seconds`` where others use the machine too."""


def fill(folder: Path, count: int) -> Path:
    """Makes so many names, and answers the folder of all symbols."""
    built = [build(name) for name in SCENARIOS]
    sources = []
    for number, each in enumerate(built):
        source = folder / "originals" / f"{number}.bin"
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(Path(each.path).read_bytes())
        sources.append(source)
    for number in range(count):
        place = folder / "dumps" / f"{number // PER_FOLDER:03d}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(sources[number % len(sources)], place / f"{number:06d}.dmp")
    return folder / "dumps"


def measure(*arguments: str) -> Measured:
    """One run of the command line."""
    started = time.perf_counter()
    command = [sys.executable, "-c", CHILD, "triage", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "extensions", check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    own, worker, cpu = done.stderr.split()[-3:]
    return Measured(seconds, done.stdout.count("\n") - 1, int(own), int(worker), float(cpu))


def main(counts: list[int]) -> None:
    """Prints the table."""
    symbols = ";".join(str(build(name).symbols) for name in list(SCENARIOS)[:1])
    print(f"{'dumps':>6} {'pass':28} {'seconds':>8} {'dumps/s':>8} {'CPU s':>7} {'own MiB':>8} {'worker MiB':>10}")
    for count in counts:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
            dumps = str(fill(Path(name), count))
            saved = str(Path(name) / "results.db")
            passes = {
                "headers": ("--headers", "--format", "csv", dumps),
                "full, symbols, cold": ("-y", symbols, "--format", "csv", dumps),
                "full, symbols, warm": ("-y", symbols, "--format", "csv", dumps),
                "full, kept": ("-y", symbols, "--format", "csv", "--save", saved, dumps),
                "again, nothing new": ("-y", symbols, "--format", "csv", "--save", saved, dumps),
            }
            for title, arguments in passes.items():
                print(_row(count, title, measure(*arguments)), flush=True)
            if count == counts[0]:
                compare(sorted(Path(dumps).rglob("*.dmp")))


def compare(dumps: list[Path]) -> None:
    """Prints what others need for some of the same files."""
    for title, command, count in (("kdmp-parser in a loop", _kdmp_parser(), 500), ("cdb stand-in, a loop", _cdb(), 10)):
        if command is None:
            print(f"       {title:28} not here")
            continue
        started = time.perf_counter()
        for arguments in [dumps[:count]] if "kdmp" in title else [[path] for path in dumps[:count]]:
            subprocess.run([*command, *map(str, arguments)], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        seconds = time.perf_counter() - started
        print(f"{count:6} {title:28} {seconds:8.2f} {count / seconds:8.0f}", flush=True)


def _kdmp_parser() -> list[str] | None:
    if importlib.util.find_spec("kdmp_parser") is None:
        return None
    return [sys.executable, "-c", KDMP_LOOP]


def _cdb() -> list[str] | None:
    from tests.lab.lab import LabUnavailable, require

    try:
        return [str(require().cdb), "-c", ".bugcheck;k;q", "-z"]
    except LabUnavailable:
        return None


def _row(count: int, title: str, measured: Measured) -> str:
    rate = count / measured.seconds
    memory = f"{measured.own_kib / 1024:8.1f} {measured.worker_kib / 1024:10.1f}"
    return f"{count:6} {title:28} {measured.seconds:8.2f} {rate:8.0f} {measured.processor_seconds:7.2f} {memory}"


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [1000, 10_000])
