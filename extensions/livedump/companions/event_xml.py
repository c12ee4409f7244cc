"""Events as XML: of the Event Viewer, ``wevtutil /f:xml``, Get-WinEvent and .evtx files, whole or in parts.

Pasted XML is seldom whole, so that it is read by its marks and not by a parser; what could harm one, declarations and
entities of its own, means nothing here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from livedump.companions.values import find_dump_path, four, parse_hex, parse_number, parse_time
from livedump.companions.wer import make_record, with_bucket
from livedump.model.records import Record, RecordKind

MAX_EVENTS = 100_000
MAX_DATA = 200
"""Values of one event."""

_EVENT = re.compile(r"<Event[\s>]")
_PROVIDER = re.compile(r"<Provider\s[^<>]{0,400}?\bName\s?=\s?['\"]([^'\"<>]{1,200})")
_SOURCE = re.compile(r"EventSourceName\s?=\s?['\"]([^'\"<>]{1,100})")
_ID = re.compile(r"<EventID(?:\s[^<>]{0,100})?>(\d{1,6})")
_CREATED = re.compile(r"<TimeCreated\s[^<>]{0,100}?SystemTime\s?=\s?['\"]([^'\"<>]{1,60})")
_DATA = re.compile(r"<Data(?:\s+Name\s?=\s?['\"]([^'\"<>]{1,80})['\"])?\s*(?:/>|>([^<]{0,8000}))")
_PARAMETER = re.compile(r"<(param\d{1,2})>([^<]{0,2000})")
_BUG_CHECK = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{1,8})\s*\(([^)]{1,200})\)")

KERNEL_DUMP = "{17d2a329-4539-5f4d-3435-f510634ce3b9}"
"""Microsoft-Windows-Kernel-Dump, where only the identifier was copied. Source: libyal/winevt-kb."""
LIVE_FOLDER = "livekernelreports"

_NAMES_WER = ("EventName", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "AttachedFiles", "ReportId", "Bucket")
_ORDER_WER = {
    "Bucket": 0,
    "EventName": 2,
    **{f"P{n}": n + 4 for n in range(1, 11)},
    "AttachedFiles": 15,
    "ReportId": 19,
}
"""Places of the values in events whose values have no names."""


class Event(NamedTuple):
    """One event: who wrote it ("" where only its values were copied), its number, and its values by name or number."""

    provider: str
    number: int
    created: str | None
    values: Mapping[str, str]


def iter_events(text: str) -> Iterator[Event]:
    """The events in the text, in its order, at most MAX_EVENTS. A part of one without its beginning is one too."""
    starts = [found.start() for found, _ in zip(_EVENT.finditer(text), range(MAX_EVENTS))] or [0]
    for start, end in zip(starts, [*starts[1:], len(text)]):
        event = _parse_event(text[start:end])
        if event:
            yield event


def iter_records(text: str) -> Iterator[Record]:
    """The records among the events, in the text's order."""
    for event in iter_events(text):
        record = record_of(event)
        if record:
            yield replace(record, recorded_at=parse_time(event.created))


def record_of(event: Event) -> Record | None:
    """What the event says of a dump; None where it says nothing of one."""
    provider = event.provider.lower()
    if provider in ("windows error reporting", "application error") or "EventName" in event.values:
        return _registered(event.values)
    if event.number == 1001 and ("wer-systemerrorreporting" in provider or provider == "bugcheck"):
        return _restarted_after_bug_check(event.values)
    only_values = not provider and "BugcheckParameter1" in event.values
    if only_values or (event.number == 41 and "kernel-power" in provider):
        return _restarted(event.values)
    if "kernel-livedump" in provider:
        return _captured(event)
    return _written(event.values) if "kernel-dump" in provider or provider == KERNEL_DUMP else None


def _parse_event(text: str) -> Event | None:
    provider, number = _PROVIDER.search(text), _ID.search(text)
    source, created = _SOURCE.search(text), _CREATED.search(text)
    values: dict[str, str] = {}
    for (name, value), position in zip(_iter_values(text), range(MAX_DATA)):
        values.setdefault(name or str(position), html.unescape(value).strip())
    if not values:
        return None
    name = provider.group(1) if provider else ""
    shown = source.group(1) if source and name.startswith("{") else name
    return Event(shown, int(number.group(1)) if number else 0, created.group(1) if created else None, values)


def _iter_values(text: str) -> Iterator[tuple[str, str]]:
    # An array of texts is one value to some readers of event logs.
    for found in _DATA.finditer(text.replace("<string>", "<Data>") if "<string>" in text else text):
        yield found.group(1) or "", found.group(2) or ""
    for found in _PARAMETER.finditer(text):
        yield found.group(1), found.group(2)


def _registered(values: Mapping[str, str]) -> Record | None:
    named = {name: values.get(name) or values.get(str(_ORDER_WER.get(name, -1)), "") for name in _NAMES_WER}
    problem = [named[f"P{number}"] for number in range(1, 9)]
    record = make_record(RecordKind.WER_EVENT, named["EventName"], problem, named["AttachedFiles"])
    if record is None:
        return None
    return with_bucket(replace(record, report_id=named["ReportId"].lower() or None), named["Bucket"])


def _restarted_after_bug_check(values: Mapping[str, str]) -> Record | None:
    first = values.get("param1") or values.get("0", "")
    found = _BUG_CHECK.match(first)
    if not found:
        return None
    parameters = four([parse_hex(value) for value in found.group(2).split(",")])
    path = values.get("param2") or values.get("1")
    identity = values.get("param3") or values.get("2")
    return Record(
        RecordKind.BUG_CHECK_EVENT, False, int(found.group(1), 16), parameters, path or None, report_id=identity or None
    )


def _restarted(values: Mapping[str, str]) -> Record | None:
    # The code is decimal; 0 says that nobody stopped the system: it lost its power or hung.
    code = parse_number(values.get("BugcheckCode"))
    if code is None or code >> 32:
        return None
    parameters = four([parse_number(values.get(f"BugcheckParameter{number}")) for number in range(1, 5)])
    return Record(RecordKind.POWER_EVENT, False if code else None, code or None, parameters)


def _written(values: Mapping[str, str]) -> Record | None:
    # What the events of Kernel-Dump are called is documented nowhere: only what their values are called counts, and
    # one without a code is about how dumps are to be written, not about a dump.
    named = {name.lower(): value for name, value in values.items()}
    code = parse_number(named.get("bugcheckcode"))
    if not code or code >> 32:
        return None
    parameters = four([parse_number(named.get(f"bugcheckparameter{number}")) for number in range(1, 5)])
    path = find_dump_path(" ".join(values.values()))
    live = path is not None and LIVE_FOLDER in path.lower()
    return Record(
        RecordKind.KERNEL_DUMP_EVENT,
        live,
        code,
        parameters,
        path,
        status=parse_number(named.get("ntstatus") or named.get("status")),
        written_bytes=parse_number(named.get("totalbytes")),
    )


def _captured(event: Event) -> Record | None:
    values = event.values
    code = parse_number(values.get("BugcheckCode"))
    parameters = four([parse_number(values.get(f"BugCheckParameter{number}")) for number in range(1, 5)])
    capture, write = (parse_number(values.get(name)) for name in ("DumpCaptureDuration_ms", "DumpWriteDuration_ms"))
    return Record(
        RecordKind.LIVE_DUMP_EVENT,
        True,
        code,
        parameters,
        find_dump_path(" ".join(values.values())),
        status=parse_number(values.get("NTStatus") or values.get("NtStatus") or values.get("Status")),
        capture_seconds=None if capture is None else capture / 1000,
        write_seconds=None if write is None else write / 1000,
        written_bytes=parse_number(values.get("TotalBytes")),
    )
