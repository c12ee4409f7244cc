"""What it costs to hold two dumps of a server against each other, next to one report on it: one table.

    python -m tests.benchmarks.bench_diff [RUNS]

Two dumps five minutes apart, and their reports saved as JSON. Each row is a process of its own, and its processor time
is what counts: on a shared machine elapsed time tells of others' work. The works take turns, so that a busy minute
meets all of them.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from tests.synth.kernel.building import build_system
from tests.synth.kernel.evolving import Step, step
from tests.synth.kernel.scenario_server import big_server, full_server
from tests.synth.kernel.spec import System

ROOT = Path(__file__).parents[2]
BUILD = "22000"
SERVERS: Mapping[str, Callable[[str], System]] = {"server": big_server, "server-full": full_server}
RUNS = 7


def processor_seconds(*arguments: str) -> float:
    """What one call of the command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-P", "-m", "livedump", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT / "extensions")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(name: str, runs: int, folder: Path) -> None:
    """Prints the rows of one server."""
    first = SERVERS[name](BUILD)
    before, after = (build_system(each, f"{name}-pair") for each in (first, step(first, Step())))
    symbols = ("-y", str(before.symbols))
    saved = [str(folder / f"{name}-{number}.json") for number in (1, 2)]
    for built, path in zip((before, after), saved):
        processor_seconds("info", str(built.path), *symbols, "--format", "json", "-o", path)
    works = {
        "one report": ("info", str(before.path), *symbols),
        "diff of two dumps": ("diff", str(before.path), str(after.path), *symbols),
        "diff of two saved reports": ("diff", *saved),
    }
    taken: dict[str, list[float]] = {work: [] for work in works}
    for _ in range(runs):
        for work, arguments in works.items():
            taken[work].append(processor_seconds(*arguments))
    one = median(taken["one report"])
    for work, seconds in taken.items():
        print(f"| {name} | {work} | {median(seconds):.2f} s | {min(seconds):.2f} s | {median(seconds) / one:.2f} |")
    sizes = ", ".join(f"{Path(path).stat().st_size / 1e6:.1f} MB" for path in saved)
    print(f"| {name} | saved as JSON | {sizes} | | |")


def main() -> None:
    """Runs all of it."""
    runs = int(sys.argv[1]) if sys.argv[1:] else RUNS
    print("| dumps | work | median | best | in reports |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in SERVERS:
            measure(name, runs, Path(folder))


if __name__ == "__main__":
    main()
