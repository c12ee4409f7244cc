"""Values beside what the real engine's .formats prints of them."""

from __future__ import annotations

import random
import re
from datetime import datetime
from pathlib import Path

import pytest

from livedump.reference.formats import decode_value
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

DUMP = Path(__file__).parents[2].parent / "shared" / "samples" / "dumps" / "triage_x64.dmp"
SEED = 161


def values() -> list[int]:
    source = random.Random(SEED)
    edges = [0, 0x20, 0x7E, 0x80, 0xFF, 1 << 63, (1 << 64) - 1, 0x005461736B6D6772, 0xFFFFFFFFC000009A]
    text = [int.from_bytes(bytes(source.choices(range(0x20, 0x7F), k=8)), "big") for _ in range(20)]
    times = [source.randrange(0x01B41E2A18D64000, 0x02309034F02AC000) for _ in range(10)]
    return edges + text + times + [source.getrandbits(64) for _ in range(20)]


def shown(printed: str, label: str) -> str:
    found = re.search(rf"^  {label + ':':<9}(.*)$", printed, re.MULTILINE)
    assert found, printed
    return found.group(1)


def time_text(time: datetime) -> str:
    """``Mon Apr  6 15:17:19.516 1676 (UTC + 0:00)``."""
    return f"{time:%a %b} {time.day:2} {time:%H:%M:%S}.{time.microsecond // 1000:03} {time:%Y} (UTC + 0:00)"


def test_hex_decimal_chars_and_time_are_those_of_the_engine(lab: Lab) -> None:
    if not DUMP.exists():
        pytest.skip(f"{DUMP} is not here")
    tried = values()
    result = lab.debugger(DUMP, [f".formats {value:x}" for value in tried])
    for value, printed in zip(tried, result.outputs):
        ours = decode_value(value)
        assert (shown(printed, "Hex"), shown(printed, "Decimal")) == (ours.hex, str(ours.decimal))
        assert shown(printed, "Chars").replace("\x7f", ".") == ours.chars
        assert ours.time is None or shown(printed, "Time") == time_text(ours.time)
    assert len(result.outputs) == len(tried)
