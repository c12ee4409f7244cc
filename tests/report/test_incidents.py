"""Dumps of one incident: of one system, captured close together."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from livedump.model.bug_check import BugCheck
from livedump.model.report import Report
from livedump.report.dump_row import dump_row
from livedump.report.html import format_html
from livedump.report.incidents import incident_name, incidents
from tests.report.reports import failed, hostile_report

START = datetime(2026, 5, 12, 20, 38, 10, tzinfo=timezone.utc)


def captured(seconds: int, code: int = 0x1A8, build: int = 26100) -> Report:
    report = hostile_report(f"dump-{seconds}-{build}")
    assert report.dump is not None
    assert report.system is not None
    return report._replace(
        dump=report.dump._replace(captured_at=START + timedelta(seconds=seconds)),
        system=report.system._replace(build=build),
        bug_check=BugCheck(code, (1, 2, 3, 4)),
    )


def test_a_dump_and_that_of_the_vendor_s_driver_are_one_incident() -> None:
    rows = [dump_row(captured(5, 0x1B8)), dump_row(captured(0, 0x1A8)), dump_row(captured(600, 0x141))]
    assert incidents(rows) == [(1, 0), (2,)]
    assert incident_name([rows[1], rows[0]]) == "2026-05-12 20:38 UTC: 0x1a8 + 0x1b8"


def test_another_system_is_another_incident() -> None:
    rows = [dump_row(captured(0)), dump_row(captured(5, build=22621)), dump_row(captured(10))]
    assert sorted(incidents(rows)) == [(0, 2), (1,)]


def test_each_dump_is_in_one_incident_also_without_a_time() -> None:
    rows = [dump_row(failed()), dump_row(captured(0)), dump_row(failed())]
    assert sorted(place for places in incidents(rows) for place in places) == [0, 1, 2]


def test_a_page_tells_the_dumps_of_one_incident_together() -> None:
    page = format_html([captured(0, 0x1A8), captured(600, 0x141), captured(5, 0x1B8)])
    [section] = page.split('<section id="incidents"')[1:]
    told = section.partition("</section>")[0]
    assert "2026-05-12 20:38 UTC: 0x1a8 + 0x1b8" in told
    assert 'href="#d1"' in told
    assert 'href="#d3"' in told
    assert 'href="#d2"' not in told


def test_a_page_without_incidents_has_no_such_section() -> None:
    assert 'id="incidents"' not in format_html([captured(0), captured(600)])
