"""Whole reports on damaged dumps, led by coverage. By hand, with Python 3.12 or newer: ``pip install .[fuzz]``, then

``python -m tests.robustness.coverage_guided --findings FOLDER --count FILE [--systems] [libFuzzer's options]``

What atheris changes is no dump but a recipe: which sound dump to take, and what to write where a reader looks. So each
change lands in a structure, a recipe is short, and what it makes stays a dump long enough to be read. A recipe leads on
when a line of livedump ran for the first time, or the report says what none said before. Each report is shown in one of
the formats, which its recipe chooses. Whatever is neither an answer nor a DumpError, or costs more than MAX_SECONDS of
the processor, is kept as recipe, dump and trace, once for each place that raises it, and the run goes on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import livedump
from livedump.model.errors import DumpError
from livedump.model.report import Report
from tests.robustness.mutations import Seed
from tests.robustness.targets import dump_seeds, run_whole_report, run_whole_system, system_seeds

MAX_SECONDS = 5.0
SAY_AFTER = 200
"""Executions between two lines in the file that counts."""
STEP = struct.Struct("<BBHHQ")
"""what to do, with how many bytes, at which spot, how far into it, and a number for it."""
MAX_STEPS = 12
MAX_LINES, MAX_SAID = 1 << 16, 1 << 14
_NOT_WORDS = re.compile("[^A-Za-z ]|[^ ]*[0-9][^ ]*")
MAX_DUMP = 1 << 20
"""Larger dumps have more of the same, and take their time; but for made-up systems, of which there are a few."""
LIMITS = (
    0, 1, 0x7F, 0xFF, 0xFFF, 0x1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 47, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
WIDTHS = (1, 2, 4, 8)


class Step(NamedTuple):
    """One change."""

    what: int
    width: int
    spot: int
    offset: int
    value: int


def steps_of(recipe: bytes) -> Iterator[Step]:
    """The changes that a recipe is made of, those of an incomplete one left out."""
    usable = recipe[1 : 1 + MAX_STEPS * STEP.size]
    for fields in STEP.iter_unpack(usable[: len(usable) - len(usable) % STEP.size]):
        yield Step(*fields)


def cooked(recipe: bytes, seeds: Sequence[Seed]) -> bytes:
    """The dump that a recipe makes."""
    seed = seeds[recipe[0] % len(seeds)] if recipe else seeds[0]
    data = bytearray(seed.data)
    for step in steps_of(recipe):
        _change(data, seed, step)
    return bytes(data)


def _change(data: bytearray, seed: Seed, step: Step) -> None:
    spot = seed.spots[step.spot % len(seed.spots)]
    at = min(spot.offset + step.offset % max(spot.size, 1), max(len(data) - 8, 0))
    width = WIDTHS[step.width % len(WIDTHS)]
    what = step.what % 8
    if what == 0:
        _write(data, at, width, step.value)
    elif what == 1:
        _write(data, at, width, LIMITS[step.value % len(LIMITS)])
    elif what == 2:  # a number a little away from what stands there
        _write(data, at, width, int.from_bytes(data[at : at + width], "little") + (step.value % 0x2001) - 0x1000)
    elif what == 3:
        data[at] ^= 1 << step.value % 8
    elif what == 4:  # the number of another spot, or that spot's own address
        other = seed.spots[step.value % len(seed.spots)]
        copied = int.from_bytes(data[other.offset : other.offset + 8], "little")
        _write(data, at, 8, other.address if other.address is not None and step.value >> 40 & 1 else copied)
    elif what == 5:
        data[spot.offset : spot.offset + spot.size] = bytes([step.value & 0xFF]) * len(data[spot.offset :][: spot.size])
    elif what == 6:  # the page that another spot lies in
        other = seed.spots[step.value % len(seed.spots)]
        here, there = at & -0x1000, other.offset & -0x1000
        page = data[there : there + 0x1000].ljust(0x1000, b"\0")
        data[here : here + 0x1000] = page[: len(data) - here]
    else:
        del data[max(at, 0x1000) + step.value % 0x1000 :]


def _write(data: bytearray, at: int, width: int, value: int) -> None:
    data[at : at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")[: len(data) - at]


class Kitchen:
    """Makes dumps of recipes, reports on them and keeps what goes wrong."""

    def __init__(self, seeds: Sequence[Seed], ask: Callable[[bytes, int], Report], findings: Path, count: Path | None):
        findings.mkdir(parents=True, exist_ok=True)
        self._seeds = seeds
        self._ask = ask
        self._findings = findings
        self._count_file = count
        self._start = time.time()
        self.executions = 0
        self.found: set[str] = set()
        self.slowest = 0.0

    def __call__(self, recipe: bytes) -> Report | None:
        """One execution; the report where there is one."""
        dump, report = cooked(recipe, self._seeds), None
        start = time.process_time()
        try:
            report = self._ask(dump, zlib.crc32(recipe))
        except DumpError:
            pass
        except Exception:  # noqa: BLE001 - that any other one ends here is what is tested
            self._keep(recipe, dump, _innermost(), traceback.format_exc())
        seconds = time.process_time() - start
        self.slowest = max(self.slowest, seconds)
        if seconds > MAX_SECONDS:
            self._keep(recipe, dump, f"slow-{self._seeds[recipe[0] % len(self._seeds)].name}", f"{seconds:.1f} s\n")
        self.executions += 1
        if self.executions % SAY_AFTER == 0:
            self.say()
        return report

    def say(self) -> None:
        """How far it has come."""
        if self._count_file is not None:
            said = f"{self.executions} executions, {len(self.found)} findings, slowest {self.slowest:.2f} s"
            self._count_file.write_text(f"{said}, {time.time() - self._start:.0f} s\n")

    def _keep(self, recipe: bytes, dump: bytes, place: str, trace: str) -> None:
        if place in self.found:
            return
        self.found.add(place)
        for ending, data in (("recipe", recipe), ("dmp", dump), ("trace", trace.encode("utf-8", "replace"))):
            (self._findings / f"{place}.{ending}").write_bytes(data)


def _innermost() -> str:
    kind, _, trace = sys.exc_info()
    last = traceback.extract_tb(trace)[-1]
    return f"{kind.__name__ if kind else ''}-{Path(last.filename).stem}-{last.lineno}"


def main(arguments: list[str]) -> None:
    """Runs until libFuzzer's own limits are reached, or for ever."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--count", type=Path, metavar="FILE")
    parser.add_argument("--systems", action="store_true", help="made-up systems, with what was going on in them")
    options, rest = parser.parse_known_args(arguments)
    if not hasattr(sys, "monitoring"):
        parser.error("needs Python 3.12 or newer, which tells of each line once")
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update({"XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache})
        small = [seed for seed in dump_seeds() if len(seed.data) <= MAX_DUMP and seed.spots]
        seeds, ask = (system_seeds(), run_whole_system) if options.systems else (small, run_whole_report)
        kitchen = Kitchen(seeds, ask, options.findings, options.count)
        marks = [atheris._reserve_counter() for _ in range(MAX_LINES + MAX_SAID)]
        lead_by_lines(lambda number: atheris._trace_branch(marks[number]))

        def execute(recipe: bytes) -> None:
            for number in iter_said(kitchen(recipe)):
                atheris._trace_branch(marks[MAX_LINES + number])

        atheris.Setup([sys.argv[0], "-max_len=160", "-len_control=0", "-rss_limit_mb=0", *rest], execute)
        atheris.Fuzz()


def iter_said(report: Report | None) -> Iterator[int]:
    """A number for each kind of thing that a report says, whatever the figures in it: a problem's text quotes bytes."""
    if report is not None:
        origin = (f"{report.origin.kind} {report.origin.confidence}",) if report.origin else ()
        findings = (f"{each.what} {each.confidence}" for each in report.findings)
        for kind in (*origin, *findings, *(each.category for each in report.problems)):
            yield zlib.crc32(_NOT_WORDS.sub("", kind).encode()) % MAX_SAID


def lead_by_lines(mark: Callable[[int], object]) -> None:
    """From now on each line of livedump that runs for the first time is marked by a number of its own.

    The interpreter then forgets that line, so that what ran before runs at full speed: twice to three times as many
    executions as with instrumented code.
    """
    monitoring: Any = vars(sys)["monitoring"]
    numbers = itertools.count()
    root = str(Path(livedump.__file__).parent)

    def first_time(code: CodeType, _: int) -> object:
        if code.co_filename.startswith(root):
            mark(next(numbers) % MAX_LINES)
        return monitoring.DISABLE

    monitoring.use_tool_id(monitoring.COVERAGE_ID, "livedump")
    monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, first_time)
    monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)


if __name__ == "__main__":
    import atheris

    main(sys.argv[1:])
