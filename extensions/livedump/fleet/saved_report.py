"""Reports back from the JSON objects in which results are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from livedump.fleet.errors import JournalError
from livedump.model.bug_check import BugCheck
from livedump.model.dump import ATTRIBUTE_NAMES, Dump, Scope, System
from livedump.model.findings import Confidence, Evidence, Finding, Origin, OriginKind, Sign
from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.listing import ListProblem
from livedump.model.processors import Process
from livedump.model.report import Problem, Report
from livedump.model.told import Blame, Told

Json = Mapping[str, Any]


def parse_report(text: str) -> Report:
    """The report that was written as this JSON object; without modules and all else that it does not hold.

    Raises:
        JournalError: it is no such object.
    """
    try:
        return _report(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise JournalError(f"the results are damaged: a report is none ({error!r}); name another file") from error


def _report(saved: Json) -> Report:
    dump: Json | None = saved["dump"]
    report = Report(
        engine=saved["engine"],
        path=saved["file"]["path"],
        size=saved["file"]["size"],
        system=_system(saved["system"]) if saved["system"] else None,
        bug_check=_bug_check(saved["bug_check"]) if saved["bug_check"] else None,
        process=_process(saved["process"]) if saved["process"] else None,
        stack=_stack(saved) if saved["stack"] is not None else None,
        signature=saved["signature"],
        reporter=_frame(saved["reporter"]) if saved["reporter"] else None,
        origin=_origin(saved["origin"]) if saved["origin"] else None,
        findings=tuple(map(_finding, saved["findings"])),
        notes=tuple(saved["notes"]),
        incomplete=tuple(ListProblem(each["list"], each["message"]) for each in saved.get("problems", ())),
        problems=tuple(Problem(error["category"], error["message"]) for error in saved["errors"]),
    )
    if dump is None:
        return report
    return replace(report, dump=_dump(dump, report, saved.get("told")), live=dump["live"], scope=Scope(dump["scope"]))


def _dump(saved: Json, report: Report, told: Json | None) -> Dump:
    uptime = saved["uptime_seconds"]
    return Dump(
        path=report.path,
        size=report.size,
        type=saved["type"],
        machine=saved["machine"],
        attributes=None if saved["attributes"] is None else sum(map(_attribute, saved["attributes"])),
        captured_at=_time(saved["captured_at"]) if saved["captured_at"] else None,
        uptime=None if uptime is None else timedelta(seconds=uptime),
        directory_table_base=None,
        pages_present=saved["pages_present"],
        pages_promised=saved["pages_promised"],
        expected_size=saved["expected_size"],
        reported_truncated=saved["truncated"],
        problems=tuple(saved.get("problems", ())),
        missing=None if saved.get("missing", ()) is None else tuple(saved.get("missing", ())),
        saved_again=None if saved.get("saved_again") is None else tuple(saved["saved_again"]),
        told=_told(told) if told else None,
    )


def _told(saved: Json) -> Told:
    blame = Blame(**saved["blame"]) if saved["blame"] else None
    return Told(saved["source"], saved["live"], saved["live_words"], blame, tuple(saved["doubts"]), saved["registered"],
        saved["dump_path"], _time(saved["recorded_at"]) if saved["recorded_at"] else None,
    )  # fmt: skip


def _attribute(name: str) -> int:
    known = {text: int(bit) for bit, text in ATTRIBUTE_NAMES.items()}
    return known[name] if name in known else int(name, 16)


def _system(saved: Json) -> System:
    return System(
        build=saved["build"],
        build_lab=saved["build_lab"],
        processors=saved["processors"],
        product=saved["product"],
        kernel_base=_number(saved["kernel_base"]),
    )


def _bug_check(saved: Json) -> BugCheck:
    first, second, third, fourth = map(_number, saved["parameters"])
    return BugCheck(int(saved["code"], 16), (first, second, third, fourth))


def _process(saved: Json) -> Process:
    address, base = _number(saved["address"]), _number(saved["directory_table_base"])
    return Process(address, saved["name"], saved["id"], base)


def _stack(saved: Json) -> Stack:
    return Stack(tuple(map(_frame, saved["stack"])), saved["stack_end"])


def _frame(saved: Json) -> Frame:
    return Frame(
        index=saved["index"],
        child_sp=_number(saved["child_sp"]),
        return_address=_number(saved["return_address"]),
        instruction=_number(saved["instruction"]),
        module=saved["module"],
        symbol=saved["symbol"],
        offset=_number(saved["offset"]),
        trust=Trust(saved["trust"]),
        role=Role(saved["role"]) if saved["role"] else None,
    )


def _origin(saved: Json) -> Origin:
    return Origin(
        kind=OriginKind(saved["kind"]),
        title=saved["title"],
        confidence=Confidence(saved["confidence"]),
        evidence=_evidence(saved["evidence"]),
        contradictions=_evidence(saved["contradictions"], "-"),
        unasked=_evidence(saved.get("unasked", []), "-"),
    )


def _finding(saved: Json) -> Finding:
    return Finding(saved["what"], Confidence(saved["confidence"]), _evidence(saved["evidence"]))


def _evidence(saved: list[Json], sign: str = "+") -> tuple[Evidence, ...]:
    # A file of an earlier version holds no signs.
    return tuple(
        Evidence(each["rule"], each["fact"], each["check"], Sign(each.get("sign", sign))) for each in saved
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text, 16)
