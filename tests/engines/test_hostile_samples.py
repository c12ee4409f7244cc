"""Inputs that others made to mislead: what each must come out as stands in the README beside them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from livedump.analysis.triage import triage
from livedump.engines.native import NativeEngine
from livedump.model.findings import Confidence, OriginKind, Sign
from livedump.model.report import Report
from livedump.report.rows import evidence_rows, verdict

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "hostile"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the hostile samples are not part of the project")


def report_on(name: str, folder: Path) -> Report:
    data = (SAMPLES / name).read_bytes()
    path = folder / "hostile.dmp"
    path.write_bytes(gzip.decompress(data) if name.endswith(".gz") else data)
    engine = NativeEngine(str(path))
    try:
        return triage(engine)
    finally:
        engine.close()


def test_a_header_alone_is_neither_certain_nor_complete(tmp_path: Path) -> None:
    report = report_on("task-manager-header-alone.dmp", tmp_path)
    assert "certain" not in verdict(report)
    assert report.dump is not None
    assert report.dump.complete is False


def test_a_forged_dump_is_no_surer_for_what_it_lost(tmp_path: Path) -> None:
    origin = report_on("forged-task-manager-without-pages.dmp.gz", tmp_path).origin
    assert origin is not None
    assert origin.confidence.rank >= Confidence.LIKELY.rank


def test_a_crash_that_is_marked_live_is_no_live_dump_in_the_headline(tmp_path: Path) -> None:
    report = report_on("crash-marked-live.dmp.gz", tmp_path)
    assert verdict(report).startswith("Marked as a live dump, possibly a crash")
    against = [row.fact for row in evidence_rows(report) if row.sign == Sign.AGAINST.value]
    assert any("0xd1" in fact for fact in against)


def test_a_process_of_garbage_is_none_and_powershell_stays(tmp_path: Path) -> None:
    report = report_on("process-page-overwritten.dmp.gz", tmp_path)
    assert report.origin is not None
    assert report.origin.kind is OriginKind.POWERSHELL_STORAGE_DIAGNOSTICS
    assert report.process is not None
    assert (report.process.name, report.process.process_id) == (None, None)
    assert r"\xff" not in str(report)
