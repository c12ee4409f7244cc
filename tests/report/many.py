"""Reports of a folder of thousands: made-up systems, each time with other addresses, names, times and places."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from livedump.analysis.signature import signed
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.report import Report
from livedump.report.json_report import read_report, report_object
from tests.synth.kernel.scenarios import build

SYSTEMS = ("storage-stall", "resource-deadlock", "nonpaged-leak", "handle-leak", "starvation", "quiet")
_ADDRESS = re.compile(r"(?<=[0-9a-f]{4})[0-9a-f]{4}`?[0-9a-f]{7}(?=[0-9a-f])")


def many_reports(count: int) -> Iterator[Report]:
    """So many reports, the same at every call, on made-up systems in turn."""
    texts = [json.dumps(report_object(_report(name))) for name in SYSTEMS]
    order = random.Random(7)
    for number in range(count):
        report = read_report(json.loads(_with_other_addresses(texts[number % len(texts)], order)))
        yield _placed(report, number, order)


def _report(name: str) -> Report:
    made = build(name)
    engine = NativeEngine(str(made.path), str(made.symbols))
    try:
        return signed(report_dump(engine))
    finally:
        engine.close()


def _with_other_addresses(text: str, order: random.Random) -> str:
    # Each address becomes another one, the same wherever it stands.
    others: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        digits = found[0].replace("`", "")
        if digits not in others:
            others[digits] = f"{order.getrandbits(4 * len(digits)):0{len(digits)}x}"
        return f"{others[digits][:4]}`{others[digits][4:]}" if "`" in found[0] else others[digits]

    return _ADDRESS.sub(other, text)


def _placed(report: Report, number: int, order: random.Random) -> Report:
    path = f"\\\\dumps{number % 7}\\2026\\PC-{order.randrange(400):04}\\{number:05}-{order.randrange(1 << 30)}.dmp"
    assert report.dump is not None
    moment = datetime(2026, 5, 1, tzinfo=timezone.utc) + timedelta(seconds=order.randrange(60 * 86400))
    return report._replace(path=path, dump=report.dump._replace(path=path, captured_at=moment))
