"""Reports back from the JSON objects in which results are kept."""

from __future__ import annotations

import json

from livedump.fleet.errors import JournalError
from livedump.model.report import Report
from livedump.report.json_report import read_report


def parse_report(text: str) -> Report:
    """The report that was written as this JSON object; without modules and all else that it does not hold.

    Raises:
        JournalError: it is no such object.
    """
    try:
        return read_report(json.loads(text))
    except ValueError as error:
        raise JournalError(f"the results are damaged: a report is none ({error}); name another file") from error
