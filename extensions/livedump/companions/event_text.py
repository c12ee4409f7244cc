"""Records as text: the Event Viewer's copy, ``wevtutil /f:text``, Get-WinEvent, Reliability Monitor, BlueScreenView.

Labels are in the language of the system; what is not is enough: the names of events, ``P1``, numbers and their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from livedump.companions.values import find_build, find_dump_path, four, parse_hex, parse_number, parse_time
from livedump.companions.wer import EVENTS, make_record, with_bucket
from livedump.model.records import Record, RecordKind

MAX_BLOCK = 400
"""Lines of one record that are looked at."""
SIGNATURE_REACH = 14
"""Lines behind the name of an event among which its code and parameters stand."""

_START = re.compile(r"\s*(?:Event\[\d{1,6}\]|TimeCreated\s*:|Index\s+: \d|Source\s*$|={20,}\s*$|Dump File\s+: )")
_HEAD = re.compile(r"\s*(?:Log Name|Protokollname|Fault bucket|Fehlerbucket)\b")
"""Begins a record where the one before has its name already."""
_FIRST = frozenset("ETISD=LPF")
"""Letters with which a record begins."""
_LABEL = re.compile(r"\s*([^:=\t]{1,60}?)\s*[:=\t]\s*(.*?)\s*$")
_EVENT_NAME = re.compile(rf"(?:^|[\s:=])({'|'.join(EVENTS)})\s*$")
_CODE_LABEL = re.compile(r"(?:P1|Code|BCCode)$", re.IGNORECASE)
_PARAMETER_LABEL = re.compile(r"(?:P([2-5])|BCP([1-4])|Param\S{0,12}\s?([1-4]))$", re.IGNORECASE)
_HEX_VALUE = re.compile(r"(?:0x)?[0-9a-fA-F`]{1,18}$")
_MESSAGE = re.compile(r"\b0x([0-9a-fA-F]{8})\s*\(((?:0x[0-9a-fA-F]{1,16}(?:,\s?)?){1,4})\)")
_SHOUTED = re.compile(r"Fatal System Error|\bSTOP\b|BugCheck [0-9A-F]")
"""The words of a debugger or of a blue screen; an event says it in a sentence."""
_BUCKET = re.compile(r"(?:\bFault bucket\s+|\bFehlerbucket\s+|(?=\bLKD_0x))(\S{1,300}?),")
_GUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_REPORT_ID = re.compile(r"\s*(?:Report Id|ReportId|Berichts-ID)\b[^:]{0,20}:\s*(\S{4,60})")


def iter_text_records(lines: Sequence[str]) -> Iterator[Record]:
    """The records in the text, in its order."""
    for block in _blocks(lines):
        record = _registered(block) or _restarted(block) or _power(block) or _listed_dump(block)
        if record:
            yield record


def _blocks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    start, named = 0, False
    for at, line in enumerate(lines):
        first = line.lstrip()[:1]
        if at > start and first in _FIRST and (_START.match(line) or (named and _HEAD.match(line))):
            yield lines[start : min(at, start + MAX_BLOCK)]
            start, named = at, False
        named = named or _names_event(line)
    yield lines[start : start + MAX_BLOCK]


def _names_event(line: str) -> bool:
    told = "LiveKernelEvent" in line or "BlueScreen" in line
    return bool(told and _EVENT_NAME.search(line)) or ("(0x" in line and bool(_MESSAGE.search(line)))


def _registered(block: Sequence[str]) -> Record | None:
    at = next((at for at, line in enumerate(block) if _EVENT_NAME.search(line)), None)
    if at is None:
        return None
    event = _EVENT_NAME.search(block[at])
    problem = _problem(block[at + 1 : at + 1 + SIGNATURE_REACH])
    rest = "\n".join(block[at + 1 :])
    kind = RecordKind.RELIABILITY if _is_reliability(block) else RecordKind.WER_EVENT
    record = make_record(kind, event.group(1) if event else "", problem, rest)
    if record is None:
        return None
    bucket = next(filter(None, map(_BUCKET.search, block)), None)
    identity = next(filter(None, map(_REPORT_ID.match, block)), None)
    return replace(
        with_bucket(record, bucket.group(1) if bucket else None),
        recorded_at=_time(block),
        report_id=identity.group(1).lower() if identity else None,
        build=find_build(rest),
    )


def _is_reliability(block: Sequence[str]) -> bool:
    # It calls the signature by words where an event calls it P1.
    return not any(line.lstrip().startswith(("P1:", "P1 :")) for line in block)


def _problem(lines: Sequence[str]) -> list[str]:
    """The code and the parameters: by their labels, else the first five values that are numbers."""
    named: dict[int, str] = {}
    plain: list[str] = []
    for line in lines:
        found = _LABEL.match(line)
        label, value = found.groups() if found else ("", "")
        number = _parameter_number(label)
        if number is not None and value:
            named.setdefault(number, value)
        elif _HEX_VALUE.match(value):
            plain.append(value)
    if 0 not in named and not named:
        return plain[:5]
    return [named.get(number, "") for number in range(5)]


def _parameter_number(label: str) -> int | None:
    # 0 is the code. P2 is the first parameter, as is BCP1.
    if _CODE_LABEL.match(label):
        return 0
    found = _PARAMETER_LABEL.match(label)
    if not found:
        return None
    shifted, plain, worded = found.groups()
    return int(shifted) - 1 if shifted else int(plain or worded)


def _restarted(block: Sequence[str]) -> Record | None:
    for line, below in zip(block, [*block[1:], ""]):
        whole = f"{line} {below.lstrip()}" if line.rstrip()[-10:].startswith("0x") else line
        found = _MESSAGE.search(whole)
        if found and not _SHOUTED.search(whole):
            behind = whole[found.end() :]
            identity = _GUID.search(behind) or _REPORT_ID.match(behind.rpartition(". ")[2])
            parameters = four([parse_hex(value) for value in found.group(2).split(",")])
            return Record(
                RecordKind.BUG_CHECK_EVENT,
                False,
                int(found.group(1), 16),
                parameters,
                find_dump_path(behind),
                _time(block),
                identity.group().lower() if identity else None,
            )
    return None


def _power(block: Sequence[str]) -> Record | None:
    values = _labelled(block)
    code = parse_number(values.get("BugcheckCode"))
    if code is None or code >> 32:
        return None
    parameters = four([parse_number(values.get(f"BugcheckParameter{number}")) for number in range(1, 5)])
    return Record(RecordKind.POWER_EVENT, False if code else None, code or None, parameters, recorded_at=_time(block))


def _listed_dump(block: Sequence[str]) -> Record | None:
    values = _labelled(block)
    code = parse_hex(values.get("Bug Check Code"))
    if code is None or code >> 32 or "Dump File" not in values:
        return None
    return Record(
        RecordKind.BLUE_SCREEN_VIEW,
        False,
        code,
        four([parse_hex(values.get(f"Parameter {number}")) for number in range(1, 5)]),
        values.get("Full Path") or values["Dump File"],
        build=parse_number(values.get("Minor Version")),
        driver=values.get("Caused By Driver") or None,
    )


def _labelled(block: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in block:
        parts = _LABEL.match(line) or re.match(r"\s*(Bugcheck\w{1,20})\s+(\S+)\s*$", line)
        if parts:
            found.setdefault(parts.group(1), parts.group(2))
    return found


def _time(block: Sequence[str]) -> datetime | None:
    return next(filter(None, (parse_time(line) for line in block if "Date" in line or "Time" in line)), None)
