"""All made-up dumps as reports with signatures, spread over some weeks so that a timeline has something to show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from livedump.analysis.signature import signed
from livedump.analysis.triage import triage
from livedump.engines.choose import open_engine
from livedump.model.report import Report
from tests.report.reports import failed
from tests.synth import SCENARIOS, build


def showcase() -> Iterator[Report]:
    """Reports on every scenario and on a file that is no dump; the same at every call."""
    for index, name in enumerate(SCENARIOS):
        report = _spread(_report(name), index)
        yield signed(report)
    yield failed()


def _report(name: str) -> Report:
    made = build(name)
    engine = open_engine(str(made.path), symbols=str(made.symbols))
    try:
        return triage(engine)._replace(path=f"D:\\dumps\\{name}.dmp")
    finally:
        engine.close()


def _spread(report: Report, index: int) -> Report:
    if report.dump is None or report.dump.captured_at is None:
        return report
    back = timedelta(days=index * index * 37 % 61, hours=index * 11 % 24, minutes=index * 29 % 60)
    return report._replace(dump=report.dump._replace(captured_at=report.dump.captured_at - back))
