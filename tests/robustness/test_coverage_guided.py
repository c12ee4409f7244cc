"""Recipes: what they are made of, and that what goes wrong with one is kept."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

import pytest

from livedump.model.errors import DamagedDump
from tests.robustness import coverage_guided
from tests.robustness.coverage_guided import MAX_STEPS, STEP, Kitchen, cooked
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


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """One with a dump, a place for findings and a file that counts."""
    monkeypatch.setattr(coverage_guided, "dump_seeds", lambda: [SEED])
    monkeypatch.setattr(coverage_guided, "system_seeds", list)
    return Kitchen(tmp_path / "findings", tmp_path / "count")


def test_what_is_no_dump_error_is_kept_once(kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(data: bytes) -> None:
        raise DamagedDump("cut") if data == SEED.data else ZeroDivisionError

    monkeypatch.setattr(coverage_guided, "run_whole_report", fails)
    other = recipe((0, 0, 0, 0, 0))
    for each in (b"", other, other):
        kitchen(each)
    kitchen.say()
    (dump,) = (tmp_path / "findings").glob("ZeroDivisionError-*.dmp")
    assert dump.read_bytes() == cooked(other, [SEED])
    assert dump.with_suffix(".recipe").read_bytes() == other
    assert b"ZeroDivisionError" in dump.with_suffix(".trace").read_bytes()
    assert (tmp_path / "count").read_text().startswith("3 executions, 1 findings")
