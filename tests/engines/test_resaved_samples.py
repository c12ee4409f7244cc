"""Real dumps that Microsoft's debugger saved again: what their README says must come out."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.analysis.triage import triage
from livedump.engines.cdb import CdbEngine
from livedump.engines.native import NativeEngine
from livedump.model.report import Report
from livedump.report.rows import verdict
from tests.engines.transcripts import saved_transcript

if TYPE_CHECKING:
    from tests.lab.lab import Lab

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def report_on(path: Path) -> Report:
    with closing(NativeEngine(str(path), symbols="")) as engine:
        return triage(engine)


@pytest.fixture
def resaved(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    packed = SAMPLES / "resaved" / f"{request.param}.dmp.gz"
    if not packed.is_file():
        pytest.skip(f"no sample {packed}")
    path = tmp_path / f"{request.param}.dmp"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.mark.parametrize("resaved", ["live-range-full"], indirect=True)
def test_the_range_dump_holds_task_managers_live_dump(resaved: Path) -> None:
    report = report_on(resaved)
    dump = report.dump
    assert dump is not None
    assert (dump.kind.value, dump.pages_present, dump.pages_promised, dump.truncated) == ("range-full", 49, 49, False)
    assert report.bug_check == (0x161, (0x005461736B6D6772, 0, 0, 0))
    assert report.stack is not None
    assert len(report.stack.frames) == 10
    assert dump.saved_again


@pytest.mark.parametrize("resaved", ["triage_x64-resaved", "083125-14875-01-resaved"], indirect=True)
def test_a_crash_that_was_saved_again_stays_a_crash_and_complete(resaved: Path) -> None:
    source = report_on(SAMPLES / "dumps" / resaved.name.replace("-resaved", ""))
    report = report_on(resaved)
    assert (report.live, source.live) == (False, False)
    assert report.dump is not None
    assert report.dump.truncated is False
    assert report.dump.saved_again
    assert report.bug_check == source.bug_check
    assert report.dump.complete
    assert verdict(report).startswith("Crash, not a live dump")


@pytest.mark.lab
@pytest.mark.parametrize("resaved", ["triage_x64-resaved", "083125-14875-01-resaved"], indirect=True)
def test_a_debugger_and_its_text_tell_it_too(lab: Lab, resaved: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(lab.transcript(resaved, ["vertarget", ".bugcheck", "k", "lm t n", ".dumpdebug"]))
    for engine in (CdbEngine(str(resaved), cdb=str(lab.cdb), symbol_path=""), saved_transcript(log)):
        report = triage(engine)
        assert report.live is False
        assert report.dump is not None
        assert report.dump.saved_again
        assert report.dump.truncated is not True


@pytest.mark.lab
def test_pykd_tells_it_too(lab: Lab) -> None:
    from tests.engines.test_contract import ROOT
    from tests.lab.lab import to_windows

    path = SAMPLES / "dumps" / "triage_x64.dmp"
    if not path.is_file():
        pytest.skip(f"no sample {path}")
    script = ROOT / "extensions" / "livedumpinfo.py"
    said = lab.debugger(path, f"!py {to_windows(script)}", load_pykd=True).outputs[0]
    assert "\nSaved again  by a debugger" in said
