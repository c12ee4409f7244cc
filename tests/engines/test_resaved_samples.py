"""Real dumps that Microsoft's debugger saved again: what their README says must come out."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.report import Report

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
