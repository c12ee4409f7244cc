"""Saved reports that somebody has edited: whatever stands in them, there is an answer or one line that says why not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from livedump.analysis.difference.comparing import compare
from livedump.model.errors import DumpError
from livedump.report.codec import encode
from livedump.report.json_report import read_report, report_object
from livedump.report.plain import format_document
from livedump.report.sections import diff
from tests.analysis.difference.series import Case, reports

INSTEAD: tuple[Any, ...] = (
    None, 0, -1, 1 << 63, 1 << 70, True, 1e308, float("nan"), "", "x", [], {}, "0xffffffffffffffff",
    "0001-01-01T00:00:00.000000Z", "certain",
)  # fmt: skip
EDITED = ("symptoms", "system", "dump")
RUNS = 60


def places(written: Any) -> Iterator[tuple[Any, Any]]:
    """Every key and the first items of every list, each with what holds it."""
    keys = written if isinstance(written, dict) else range(min(len(written), 20)) if isinstance(written, list) else ()
    for key in keys:
        yield written, key
        yield from places(written[key])


def edit(written: Any, random: Random) -> None:
    holder, key = random.choice(list(places({name: written[name] for name in EDITED})))
    if random.random() < 0.2 and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = copy.deepcopy(random.choice(INSTEAD))


@pytest.mark.parametrize("case", [Case("leak", "19041"), Case("hang", "20348")], ids=str)
def test_edited_reports_are_compared_or_refused_and_nothing_else(case: Case) -> None:
    random = Random(13)
    written = [json.dumps(report_object(report)) for report in reports(case)[:2]]
    compared = 0
    for _ in range(RUNS):
        sides = [json.loads(each) for each in written]
        edit(random.choice(sides), random)
        try:
            read = [read_report(each) for each in sides]
        except ValueError:  # one line says so
            continue
        snapshots = [each.symptoms.snapshot if each.symptoms else None for each in read]
        if any(snapshot is not None and not snapshot.whole for snapshot in snapshots):
            continue
        try:
            difference = compare(*read, anyway=True)
        except DumpError:
            continue
        compared += 1
        format_document(diff.document(difference, "x"))
        json.dumps(encode(difference), allow_nan=False)
    assert compared > RUNS // 10
