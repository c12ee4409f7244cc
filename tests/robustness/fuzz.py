"""Damages files for as long as it is told, and counts what the parsers made of them.

``python -m tests.robustness.fuzz --seconds 600 [--target NAME] [--seed N] [--keep FOLDER]``

Each target runs in a process of its own that may take MEMORY beyond what it starts with. A file is judged within
YARDSTICKS (tests/effort.py), with an answer or a DumpError; whatever else happens is a failure. The file is kept, with
the command that makes it again: ``--target NAME --seed N --case M``. ``--replay FILE --target NAME`` reads a kept one.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.effort import in_yardsticks

ROOT = Path(__file__).parents[2]
YARDSTICKS = 100
"""Of processor time for one file."""
HANGS = 60.0
"""Seconds after which a file is given up."""
MEMORY = 256 << 20
PROGRESS = 1.0


class Outcome(NamedTuple):
    """What became of one damaged file."""

    kind: str
    """``answer``, the category of a DumpError, or ``FAILED`` and why."""
    seconds: float
    trace: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is none that is allowed."""
        return self.kind.startswith("FAILED")


class TooSlow(BaseException):
    """The file was given up."""


def judge(name: str, data: bytes) -> Outcome:
    """What becomes of one file."""
    from livedump.model.errors import DumpError
    from tests.robustness.targets import TARGETS

    kind, trace, start = "answer", "", time.process_time()
    try:
        TARGETS[name].run(data)
    except DumpError as error:
        kind = error.category
    except (Exception, TooSlow) as error:  # noqa: BLE001 - that any other one ends here is what is tested
        kind, trace = f"FAILED {type(error).__name__} {_place(error)}", traceback.format_exc(limit=-12)
    seconds = time.process_time() - start
    if not trace and in_yardsticks(seconds) > YARDSTICKS:
        kind = "FAILED slow"
    return Outcome(kind, seconds, trace)


def make_case(name: str, seed: int, number: int) -> bytes:
    """The damaged file that the numbers stand for."""
    from tests.robustness.targets import TARGETS

    return TARGETS[name].case(Random(f"{name}:{seed}:{number}"))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}livedump{os.sep}" in frame.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.name}"


# --- the child: judges, and prints a line of JSON now and then -------------------------------------------------------


def work(options: argparse.Namespace) -> int:
    """Judges files until the time is over. Line by line: counts so far, and each failure when it happens."""
    from tests.robustness.targets import TARGETS

    seeds = TARGETS[options.target].seeds()
    for seed in seeds:
        judge(options.target, seed.data)  # whatever is loaded once is loaded now
    limit_memory()
    signal.signal(signal.SIGALRM, _give_up)
    start = shown = time.monotonic()
    counts: collections.Counter[str] = collections.Counter()
    slowest, number = (0.0, 0), options.first
    while time.monotonic() - start < options.seconds:
        outcome = _timed(options.target, options.seed, number)
        counts[outcome.kind] += 1
        slowest = max(slowest, (outcome.seconds, number))
        if outcome.failed:
            _say(failure=outcome.kind, case=number, seconds=outcome.seconds, trace=outcome.trace)
        number += 1
        if time.monotonic() - shown > PROGRESS:
            shown = time.monotonic()
            _say(counts=counts, slowest=slowest, peak=peak_memory(), next=number)
    _say(counts=counts, slowest=slowest, peak=peak_memory(), next=number)
    return 0


def limit_memory() -> None:
    """From here on this process gets no more than MEMORY beyond what it has."""
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_memory() -> int:
    """Most bytes that this process ever had in memory."""
    # not ru_maxrss, which counts what the parent had before this program began
    with Path("/proc/self/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def _timed(name: str, seed: int, number: int) -> Outcome:
    data = make_case(name, seed, number)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        return judge(name, data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(*_: object) -> None:
    raise TooSlow


def _say(**words: object) -> None:
    print(json.dumps(words), flush=True)


# --- the parent: shares the time out, keeps what failed, prints the table --------------------------------------------


class Tally:
    """What one target came to."""

    def __init__(self, name: str, seed: int, keep: Path) -> None:
        self.name = name
        self.seed = seed
        self.counts: collections.Counter[str] = collections.Counter()
        self.slowest: tuple[float, int] = (0.0, 0)
        self.peak = 0
        self.failures: dict[str, int] = {}
        self._keep = keep

    def take(self, words: dict[str, Any]) -> None:
        """One line of the child."""
        if "failure" in words:
            self._failed(words["failure"], words["case"], words["trace"])
        else:
            self.counts = collections.Counter(words["counts"])
            self.slowest = (words["slowest"][0], words["slowest"][1])
            self.peak = words["peak"]

    def died(self, status: int, case: int) -> None:
        """The child ended by itself: one of the cases from ``case`` on killed it."""
        self._failed(f"FAILED process ended with {status}", case, "")

    def row(self) -> str:
        """One line of the table."""
        total = sum(self.counts.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.counts.most_common())
        slow = f"{self.slowest[0] * 1000:.0f} ms (case {self.slowest[1]})"
        return f"{self.name:<11}{total:>9}  {slow:<24}{self.peak >> 20:>5} MB  {kinds}"

    def _failed(self, kind: str, case: int, trace: str) -> None:
        if kind in self.failures:
            return
        self.failures[kind] = case
        self._keep.mkdir(parents=True, exist_ok=True)
        kept = self._keep / f"{self.name}-{self.seed}-{case}.bin"
        kept.write_bytes(make_case(self.name, self.seed, case))
        command = f"python -m tests.robustness.fuzz --target {self.name} --seed {self.seed} --case {case}"
        print(f"{kind}\n{trace}  kept as {kept}\n  {command}\n", flush=True)


def run_target(name: str, options: argparse.Namespace, seconds: float) -> Tally:
    """One target for so many seconds in a process of its own."""
    tally = Tally(name, options.seed, options.keep)
    with tempfile.TemporaryDirectory(prefix="livedump-fuzz-") as scratch:
        environment = {**os.environ, "XDG_CACHE_HOME": scratch, "TMPDIR": scratch}
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "extensions")))
        arguments = ["--work", "--target", name, "--seed", str(options.seed), "--seconds", str(seconds)]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.fuzz", *arguments, "--first", str(options.first)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        reached = options.first
        assert child.stdout is not None
        for line in child.stdout:
            words = json.loads(line)
            tally.take(words)
            reached = words.get("next", reached)
        if child.wait():
            tally.died(child.returncode, reached)
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the targets one after the other; 1 when something failed."""
    options = _parser().parse_args(arguments)
    if options.work:
        return work(options)
    if options.case is not None or options.replay:
        return _judge_one(options)
    from tests.robustness.targets import TARGETS

    names = options.target.split(",") if options.target else list(TARGETS)
    tallies = list(_run_all(names, options))
    print("\ntarget         files  slowest                    peak  outcomes")
    print("\n".join(tally.row() for tally in tallies))
    files, ways = sum(sum(tally.counts.values()) for tally in tallies), sum(len(tally.failures) for tally in tallies)
    print(f"{files} files, {ways} ways to fail")
    return int(any(tally.failures for tally in tallies))


def _run_all(names: Sequence[str], options: argparse.Namespace) -> Iterator[Tally]:
    for name in names:
        tally = run_target(name, options, options.seconds / len(names))
        print(tally.row(), flush=True)
        yield tally


def _judge_one(options: argparse.Namespace) -> int:
    data = options.replay.read_bytes() if options.replay else make_case(options.target, options.seed, options.case)
    outcome = judge(options.target, data)
    print(f"{outcome.kind} in {outcome.seconds:.3f} s, {peak_memory() >> 20} MB\n{outcome.trace}")
    return int(outcome.failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", help="one of them, or several with commas; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="judge this one only")
    parser.add_argument("--replay", type=Path, help="judge this file only")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "livedump-failures")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "extensions")]
    sys.exit(main())
