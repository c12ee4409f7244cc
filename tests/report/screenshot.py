"""Draws the pictures of the documents: ``PYTHONPATH=extensions python -m tests.report.screenshot``.

Arguments: ``report`` (all made-up dumps, examples/report.png) or ``series`` (a leak in six dumps, examples/series.png),
and light or dark.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from livedump.analysis.series import Member, tell_series
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.native import NativeEngine
from livedump.model.report import Report
from livedump.report.html import format_html
from tests.report.browser import Browser
from tests.report.showcase import showcase
from tests.synth.kernel.building import BuiltSystem
from tests.synth.kernel.scenarios import build_series

SIZES = {"report": (1440, 2480), "series": (1180, 1000)}
SHOWN = "#series .trends"


def main(name: str = "report", scheme: str = "light") -> None:
    """Writes the picture: summary, timeline, groups and the table; or what became of a machine."""
    with TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(format_html(showcase()) if name == "report" else leak(), encoding="utf-8")
        browser = Browser(Path(folder, "profile"), *SIZES[name])
        try:
            browser.set_scheme(scheme)
            browser.open(page)
            drawn = browser.screenshot() if name == "report" else browser.picture_of(SHOWN, scale=1.5)
            Path("examples", f"{name}.png").write_bytes(drawn)
        finally:
            browser.close()


def leak() -> str:
    """A page on six dumps of one machine in which a driver leaks."""
    reports = tuple(map(_report, build_series("long-leak")))
    series = tell_series([Member(lambda report=report: report) for report in reports])  # type: ignore[misc]
    return format_html(reports, series=[series])


def _report(built: BuiltSystem) -> Report:
    engine = NativeEngine(str(built.path), str(built.symbols))
    try:
        return report_dump(engine, time=3_600)
    finally:
        engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
