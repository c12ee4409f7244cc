"""Reports come back from the JSON objects that are kept as they were written."""

from __future__ import annotations

import json

import pytest

from livedump.fleet.judge import HowToRead, Judge, Judged, report_text
from livedump.fleet.saved_report import parse_report
from livedump.fleet.target import Depth, Target
from livedump.report.json_report import report_object
from tests.report.reports import hostile_report
from tests.synth import SCENARIOS, build


@pytest.mark.parametrize("depth", [Depth.HEADERS, Depth.FULL])
def test_every_made_up_dumps_report_comes_back(depth: Depth) -> None:
    judge = Judge(HowToRead(header_reports=True))
    for name in SCENARIOS:
        path = str(build(name).path)
        outcome = judge(Target(path, path), depth)
        assert isinstance(outcome, Judged)
        assert outcome.report is not None
        saved = json.loads(outcome.report)
        assert report_object(parse_report(outcome.report)) == saved
        assert saved["signature"] == outcome.row.signature


def test_hostile_text_comes_back() -> None:
    text = report_text(hostile_report("\ud800\u202e</script>\x00"))
    assert report_object(parse_report(text)) == json.loads(text)
