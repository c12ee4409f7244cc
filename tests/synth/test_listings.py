"""The listings of the repository are those of the paper, taken from its text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.synth import listings

PAPER = Path(__file__).parents[3] / "shared" / "seed" / "LP2142-kernel-live-dump.txt"
FRAME = re.compile(r"[0-9a-f]{2}(?: [0-9a-f]{8}`[0-9a-f]{8}){2} \S+")


def listings_of_the_paper() -> list[tuple[str, str]]:
    """The bug check and the frames of each listing, in order."""
    lines = PAPER.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Bugcheck code ")]
    ends = [*starts[1:], len(lines)]
    return [
        (
            "\n".join(lines[start : start + 2]) + "\n",
            "".join(f"{line}\n" for line in lines[start:end] if FRAME.fullmatch(line)),
        )
        for start, end in zip(starts, ends)
    ]


@pytest.mark.skipif(not PAPER.exists(), reason="the paper is not part of the project")
def test_they_are_copied_letter_for_letter() -> None:
    assert listings_of_the_paper() == [
        (listings.FIRST_BUG_CHECK, listings.FIRST),
        (listings.SECOND_BUG_CHECK, listings.SECOND),
    ]
