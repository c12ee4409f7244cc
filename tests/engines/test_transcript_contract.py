"""The row of what a window of either debugger showed is the row of the dump, but for what the text cannot hold."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.analysis.signature import signed
from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.findings import Confidence
from livedump.report.dump_row import DumpRow, dump_row
from tests.engines.test_contract import built_or_skip, opens, symbols_of
from tests.engines.transcripts import saved_transcript
from tests.synth import SCENARIOS

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

TYPED = ("vertarget", ".bugcheck", ".reload /user", "kn", "lm t n", ".dumpdebug", "||")
OF_THE_FILE = frozenset({"folder", "name", "size", "complete", "verdict"})
"""The text stands in a file of its own, and the verdict's line repeats other columns."""
BY_THE_PROCESS = frozenset({"process", "origin", "origin_title", "confidence", "signature"})
"""What hangs on the requesting process, which only the extension ``!process`` would print."""
NO_FRAMES = "the debugger shows one frame or none, see the contract's differences"
ALSO = {
    "no-kdbg-symbols": {"reporter": NO_FRAMES},
    "arm64-triage": {"reporter": NO_FRAMES},
    "qemu-guest": {"reporter": "the debugger shows processor 0, we the one that did something"},
    "elf2dmp": {"reporter": "the debugger shows processor 0, we the one that did something"},
}
"""Other columns that differ, and why."""


def columns(ours: DumpRow, theirs: DumpRow) -> set[str]:
    """The columns in which two rows differ."""
    return {name for name in ours._fields if getattr(ours, name) != getattr(theirs, name)} - OF_THE_FILE


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_row_of_a_transcript_is_that_of_the_dump(lab: Lab, tmp_path: Path, name: str) -> None:
    if not opens(lab, name):
        pytest.skip("the engine of 2017 knows no range dumps")
    built = built_or_skip(name)
    log = tmp_path / "log.txt"
    log.write_text(lab.transcript(built.path, TYPED, symbols_of(built)))
    theirs = dump_row(signed(triage(saved_transcript(log))))
    with closing(NativeEngine(str(built.path), symbols=symbols_of(built))) as engine:
        ours = dump_row(signed(triage(engine)))
    assert columns(ours, theirs) - BY_THE_PROCESS == set(ALSO.get(name, {}))
    assert theirs.complete is None or theirs.complete == ours.complete
    # That dump of ARM64 carries images of x64, in which the engine of 2017 names the two addresses that it finds.
    assert rank(theirs) >= rank(ours) or name == "arm64-triage"


def rank(row: DumpRow) -> int:
    """How unsure a row is of who asked for the dump."""
    assert row.confidence is not None
    return Confidence(row.confidence).rank
