"""Lines of CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from livedump.report.escape import csv_cell


def csv_line(texts: Iterable[str]) -> str:
    """One line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(texts)
    return line.getvalue()


def csv_text(value: Any) -> str:
    """What stands in JSON, as a cell; harmless in a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, str):
        return csv_cell(value)
    return "; ".join(map(csv_text, value)) if isinstance(value, list) else str(value).lower()
