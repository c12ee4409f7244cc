"""What Windows Error Reporting calls its reports, and the record that one of them makes.

The same report is a file (Report.wer), an event (1001 of the application log) and a line of the Reliability Monitor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from livedump.companions.values import find_build, find_dump_path, four, parse_filetime, parse_hex
from livedump.model.records import Record, RecordKind

LIVE_EVENT, CRASH_EVENT = "LiveKernelEvent", "BlueScreen"
EVENTS = {LIVE_EVENT: True, CRASH_EVENT: False}
"""Names of events that are about the kernel, and whether Windows kept running."""

_SIGNATURE = re.compile(r"Sig\[(\d{1,2})\]\.Value$")
_FILES = re.compile(r"File\[\d{1,3}\]\.(?:Original\.Path|Path|CabName|OriginalPath)$", re.IGNORECASE)
_DYNAMIC = re.compile(r"(?:DynamicSig\[\d{1,2}\]\.Value|Sig\[\d{1,2}\]\.Value)$")
_IMAGE = re.compile(r"IMAGE_([\w.+-]{1,60}\.(?:sys|dll|exe))", re.IGNORECASE)


def make_record(kind: RecordKind, event: str, problem: Sequence[str], rest: str = "") -> Record | None:
    """The record of a report of that event: ``problem`` holds the code and the parameters, ``rest`` all other text.

    None where the event is not about the kernel or has no code.
    """
    live = EVENTS.get(event.strip())
    code = parse_hex(problem[0]) if problem else None
    if live is None or code is None or code >> 32:
        return None
    record = Record(kind, live, code, four([parse_hex(value) for value in problem[1:5]]))
    path, build = find_dump_path(rest), find_build(" ".join((*problem[5:], rest)))
    return replace(record, dump_path=path, build=build)


def with_bucket(record: Record, bucket: str | None) -> Record:
    """The record with the bucket that the report was sorted into, and the image that it blames."""
    name = (bucket or "").strip()
    if not name or name.isdigit() or ("!" not in name and "_" not in name):
        return record
    image = _IMAGE.search(name)
    return replace(record, bucket=name, driver=image.group(1) if image else record.driver)


def parse_report(lines: Sequence[str]) -> Record | None:
    """The record of a file Report.wer, whose lines are ``key=value``; None: it is none, or not about the kernel."""
    values = dict(line.partition("=")[::2] for line in lines if "=" in line)
    if "EventType" not in values:
        return None
    numbered = {int(found.group(1)): value for key, value in values.items() if (found := _SIGNATURE.match(key))}
    problem = [numbered.get(number, "") for number in range(max(numbered, default=-1) + 1)]
    files = [value for key, value in values.items() if _FILES.match(key)]
    systems = [value for key, value in values.items() if _DYNAMIC.match(key) and "[0]" not in key]
    record = make_record(RecordKind.WER_REPORT, values["EventType"], problem, "\n".join(_longest_first(files)))
    if record is None:
        return None
    return replace(
        with_bucket(record, values.get("Response.BucketTable") and values.get("Response.BucketId")),
        build=find_build(" ".join(systems)),
        recorded_at=parse_filetime(values.get("EventTime")),
        report_id=_identity(values),
    )


def _longest_first(files: Sequence[str]) -> list[str]:
    # A whole path says more than a name.
    return sorted(files, key=lambda name: "\\" not in name)


def _identity(values: Mapping[str, str]) -> str | None:
    return (values.get("ReportIdentifier") or values.get("IntegratorReportIdentifier") or "").strip().lower() or None
