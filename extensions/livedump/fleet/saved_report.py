"""Reports back from the JSON objects in which results are kept."""

from __future__ import annotations

import json

from livedump.fleet.errors import JournalError
from livedump.fleet.journal import Known
from livedump.model.report import Report
from livedump.report.json_report import read_report, report_object
from livedump.report.redaction import Redactor


def parse_report(text: str) -> Report:
    """The report that was written as this JSON object; without modules and all else that it does not hold.

    Raises:
        JournalError: it is no such object.
    """
    try:
        return read_report(json.loads(text))
    except ValueError as error:
        raise JournalError(f"the results are damaged: a report is none ({error}); name another file") from error


def redacted(known: Known, redactor: Redactor) -> Known:
    """The same result without names. Its report, where there is one, tells which words of its row are modules.

    Raises:
        JournalError: the report is none.
    """
    if known.report is None:
        return known._replace(row=redactor.record(known.row))
    report = redactor.record(parse_report(known.report))
    row = redactor.record(known.row)
    return known._replace(row=row, report=json.dumps(report_object(report), ensure_ascii=True))
