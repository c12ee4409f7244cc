"""Recipes: what they are made of, and that what goes wrong with one is kept."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from livedump.analysis.triage import failed_report
from livedump.model.errors import DamagedDump
from livedump.model.findings import Confidence, Finding
from livedump.model.report import Report
from tests.robustness.coverage_guided import MAX_STEPS, STEP, Kitchen, cooked, iter_said
from tests.robustness.mutations import Seed, Spot

SEED = Seed("made-up", bytes(range(256)) * 64, (Spot(0x10, 8, address=0xFFFFF80000001000), Spot(0x1020, 0x20)))


def recipe(*steps: tuple[int, int, int, int, int]) -> bytes:
    """A recipe for the first dump."""
    return b"\0" + b"".join(STEP.pack(*step) for step in steps)


def test_an_empty_recipe_is_the_sound_dump() -> None:
    assert cooked(b"", [SEED]) == cooked(b"\0", [SEED]) == SEED.data


@pytest.mark.parametrize(("width", "size"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_a_number_is_written_where_a_reader_looks(width: int, size: int) -> None:
    expected = bytearray(SEED.data)
    expected[0x1024 : 0x1024 + size] = struct.pack("<Q", 0x1122334455667788)[:size]
    assert cooked(recipe((0, width, 1, 4, 0x1122334455667788)), [SEED]) == bytes(expected)


def test_an_address_that_was_read_is_written_elsewhere() -> None:
    made = cooked(recipe((4, 0, 1, 0, 1 << 40)), [SEED])
    assert made[0x1020:0x1028] == struct.pack("<Q", 0xFFFFF80000001000)


def test_any_bytes_are_a_recipe_and_none_makes_a_dump_longer() -> None:
    chance = Random(1)
    for size in range(0, 1 + MAX_STEPS * STEP.size + 20, 3):
        assert len(cooked(chance.randbytes(size), [SEED])) <= len(SEED.data)


def test_what_is_no_dump_error_is_kept_once(tmp_path: Path) -> None:
    def fails(data: bytes, _: int) -> Report:
        raise DamagedDump("cut") if data == SEED.data else ZeroDivisionError

    kitchen = Kitchen([SEED], fails, tmp_path / "findings", tmp_path / "count")
    other = recipe((0, 0, 0, 0, 0))
    for each in (b"", other, other):
        assert kitchen(each) is None
    kitchen.say()
    (dump,) = (tmp_path / "findings").glob("ZeroDivisionError-*.dmp")
    assert dump.read_bytes() == cooked(other, [SEED])
    assert dump.with_suffix(".recipe").read_bytes() == other
    assert b"ZeroDivisionError" in dump.with_suffix(".trace").read_bytes()
    assert (tmp_path / "count").read_text().startswith("3 executions, 1 findings")


def test_reports_that_differ_in_figures_alone_say_the_same() -> None:
    report = failed_report("native", "a.dmp", 5, DamagedDump("no dump"))
    said = [Finding(text, Confidence.LIKELY, ()) for text in ("3 of 5 pages", "24 of 0x10 pages", "no pages")]
    near, far, other = ([*iter_said(report._replace(findings=(each,)))] for each in said)
    assert near == far != other
    assert [*iter_said(None)] == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no sys.monitoring")
def test_a_line_is_marked_when_it_runs_for_the_first_time() -> None:
    # In a Python of its own: what is set there stays.
    program = (
        "from tests.robustness.coverage_guided import lead_by_lines\n"
        "from livedump.model.text import clean_text\n"
        "seen = []; lead_by_lines(seen.append); clean_text('a'); first = len(seen); clean_text('a')\n"
        "print(first > 0, len(seen) == first)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
