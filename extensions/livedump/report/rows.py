"""The rows of the triage table, as every format for people shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from livedump.model.addresses import format_address
from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, attribute_names
from livedump.model.findings import Confidence, Evidence, Origin, OriginKind
from livedump.model.images import Module
from livedump.model.report import Report
from livedump.reference.codes import bug_check_name, find_live_code
from livedump.reference.formats import describe_parameter
from livedump.report.document import EvidenceRow

NOT_KNOWN = "not known"


class Row(NamedTuple):
    """One row of the table."""

    label: str
    value: str
    check: str
    """The WinDbg command that shows it; empty where there is none."""


def verdict(report: Report) -> str:
    """One line that says it all."""
    if report.dump is None or report.origin is None:
        return f"Could not be judged: {report.problems[0].message}" if report.problems else "Could not be judged"
    known = (bug_check_text(report), _completeness_word(report.dump))
    return f"{_who(report.origin, report)}: {', '.join(filter(None, known))}."


def table_rows(report: Report) -> list[Row]:
    """The triage table, top to bottom. Only the file is known of a file that could not be judged."""
    size = f" ({report.size:,} bytes)" if report.size is not None else ""
    rows = [Row("File", f"{report.path}{size}", "")]
    if report.dump is not None:
        rows += _judged_rows(report, report.dump)
    return rows


def evidence_rows(report: Report) -> list[EvidenceRow]:
    """The facts for the origin, then those against it, then the other findings that carry evidence."""
    if report.origin is None:
        return []
    origin = report.origin
    rows = [_evidence(each) for each in (*origin.evidence, *origin.contradictions, *origin.unasked)]
    seen = {row.fact for row in rows}
    for finding in report.findings:
        rows += [_evidence(evidence) for evidence in finding.evidence if evidence.fact not in seen]
    return rows


def evidence_title(report: Report) -> str:
    """What the signs mean: for or against the origin or, where a crash is the better reading, a live dump."""
    if report.origin is not None and report.origin.kind is OriginKind.CRASH:
        return "Evidence (+ for a live dump, - against it)"
    return "Evidence (+ for, - against)"


def bug_check_text(report: Report) -> str:
    """``0x161 LIVE_SYSTEM_DUMP``; the code alone where it has no name."""
    if report.bug_check is None:
        return f"bug check {NOT_KNOWN}"
    name = code_name(report.bug_check.code)
    return f"{report.bug_check.code:#x} {name}" if name else f"{report.bug_check.code:#x}"


def code_name(code: int) -> str | None:
    """The name of a live dump code or bug check."""
    known = find_live_code(code)
    return known.name if known else bug_check_name(code)


def completeness_text(dump: Dump) -> str:
    """Whether all is there, then the counts that tell."""
    counts = []
    if dump.pages_promised is not None and dump.pages_present is not None:
        counts.append(f"{dump.pages_present:,} of {dump.pages_promised:,} pages")
    if dump.expected_size is not None and dump.size is not None:
        counts.append(_bytes_text(dump.size, dump.expected_size))
    state = {True: "complete", False: "not complete", None: f"completeness {NOT_KNOWN}"}[dump.complete]
    state = "truncated" if dump.truncated else state
    return f"{state}: {', '.join(counts)}" if counts else state


def _completeness_word(dump: Dump) -> str | None:
    # A text is not asked whether it is complete.
    return None if dump.told and dump.truncated is None else completeness_text(dump).partition(":")[0]


def _bytes_text(size: int, expected: int) -> str:
    return f"{size:,} of {expected:,} bytes" if size <= expected else f"{size:,} bytes, {expected:,} needed"


def _judged_rows(report: Report, dump: Dump) -> list[Row]:
    return [
        Row("Kind", _kind_text(report, dump), "||"),
        Row("Scope", report.scope.title, ".dumpdebug"),
        Row("Captured at", _when_text(report, _time_text(dump.captured_at)), ".time"),
        Row("Uptime", _when_text(report, _uptime_text(dump.uptime)), ".time"),
        Row("System", _system_text(report, dump), "vertarget"),
        Row("Bug check", bug_check_text(report), ".bugcheck"),
        *_parameter_rows(report),
        Row("Process", "none of its own asked" if _from_outside(report) else _process_text(report), "!process -1 0"),
        Row("Origin", _origin_text(report.origin), ""),
        *_driver_rows(report.driver),
        *_blame_rows(dump),
        *([Row("Complete", completeness_text(dump), ".dumpdebug")] if _completeness_word(dump) else []),
        *_saved_again_rows(dump),
    ]


def _driver_rows(driver: Module | None) -> list[Row]:
    if driver is None:
        return []
    version = driver.version or "version not known"
    return [Row("Driver", f"{driver.image_name or driver.name} {version}", f"lmvm {driver.name}")]


def _saved_again_rows(dump: Dump) -> list[Row]:
    if not dump.saved_again:
        return []
    return [Row("Saved again", "by a debugger; the attributes are weak evidence", ".dumpdebug")]


def _who(origin: Origin, report: Report) -> str:
    if origin.kind is OriginKind.CRASH:
        # The mark that a debugger put there is none of the dump's own.
        return _crash_text(origin, report.live, own_mark=not (report.dump and report.dump.saved_again))
    kind = "Live dump" if report.live else "Dump (live or crash is not known)"
    if origin.confidence is Confidence.NONE:
        return f"{kind} of unknown origin"
    return f"{kind}, taken by {_sentence_name(origin)} ({origin.confidence.value})"


def _crash_text(origin: Origin, live: bool | None, own_mark: bool) -> str:
    sure = {Confidence.CERTAIN: "certainly", Confidence.LIKELY: "likely"}.get(origin.confidence, "possibly")
    marked = own_mark and any(each.rule == "attributes" for each in origin.contradictions)
    if live is None:
        return f"{'Marked as a live dump' if marked else 'Live dump or crash'}, {sure} a crash"
    if marked:
        return f"Marked as a live dump, but {sure} a crash"
    doubt = "" if origin.confidence is Confidence.CERTAIN else f" ({origin.confidence.value})"
    return f"Crash, not a live dump{doubt}"


def _sentence_name(origin: Origin) -> str:
    taken = {
        OriginKind.POWER_BUTTON: "holding the power button",
        OriginKind.BLACK_SCREEN_HOTKEY: "the black-screen hotkey (Win+Ctrl+Shift+B)",
    }
    return taken.get(origin.kind, origin.title)


def _kind_text(report: Report, dump: Dump) -> str:
    live = {True: "live", False: "not live", None: "live or crash not known"}[report.live]
    number = f" (type {dump.type:#x})" if dump.type is not None else ""
    names = "" if dump.attributes is None else f"; {', '.join(attribute_names(dump.attributes)) or 'no attributes'}"
    return f"{dump.kind.value}{number}, {live}{names}"


def _from_outside(report: Report) -> bool:
    return report.origin is not None and report.origin.kind in {OriginKind.QEMU_GUEST_DUMP, OriginKind.ELF2DMP}


def _when_text(report: Report, text: str) -> str:
    return "not recorded" if text == NOT_KNOWN and _from_outside(report) else text


def _time_text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC" if moment else NOT_KNOWN


def _uptime_text(uptime: timedelta | None) -> str:
    if uptime is None:
        return NOT_KNOWN
    hours, rest = divmod(uptime.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{uptime.days} days {hours}:{minutes:02d}:{seconds:02d}.{uptime.microseconds // 1000:03d}"


def _system_text(report: Report, dump: Dump) -> str:
    system = report.system
    parts = [dump.machine or f"machine {NOT_KNOWN}"]
    if system is not None:
        parts.append(f"build {system.build}" if system.build is not None else f"build {NOT_KNOWN}")
        parts += [part for part in (system.product, system.build_lab) if part]
        if system.processors:
            parts.append(f"{system.processors} processor{'s' if system.processors > 1 else ''}")
    return ", ".join(parts)


def _parameter_rows(report: Report) -> list[Row]:
    check = report.bug_check
    if check is None:
        return []
    if check.all_zero:
        return [Row("Arg1-4", "all null", ".bugcheck")]
    if all(value is None for value in check.parameters):
        return [Row("Arg1-4", NOT_KNOWN, ".bugcheck")]
    shown = [number for number in range(1, 5) if check.parameters[number - 1] != 0 or number == 1]
    return [_parameter_row(report, check, number) for number in shown]


def four_parameter_rows(report: Report) -> list[Row]:
    """Each of the four parameters with its meaning, those that are null too."""
    check = report.bug_check
    return [_parameter_row(report, check, number) for number in range(1, 5)] if check else []


def _parameter_row(report: Report, check: BugCheck, number: int) -> Row:
    code, value = check.code, check.parameters[number - 1]
    if value is None:
        return Row(f"Arg{number}", NOT_KNOWN, ".bugcheck")
    described = describe_parameter(code, number, value)
    forms = described.formats
    said = [f"the text {forms.text!r}" if forms.text else None, forms.ntstatus, described.meaning]
    if forms.text:
        said = said[:2]
    words = ", ".join(word for word in said if word)
    text = f"{format_address(value)}{f'  {words}' if words else ''}"
    return Row(f"Arg{number}", text, f"{_looks_at(report, value)} {format_address(value)}")


def _looks_at(report: Report, value: int) -> str:
    # The debugger's command for such a value: ln where it is code or data of a module.
    inside = any(module.base <= value < module.end for module in report.modules or ())
    return "ln" if inside else ".formats"


def _blame_rows(dump: Dump) -> list[Row]:
    # The debugger's guess stands apart from our findings, in its own words.
    blame = dump.told.blame if dump.told else None
    if dump.told is None or blame is None:
        return []
    names = dict.fromkeys(filter(None, (blame.image_name, blame.symbol_name, blame.image_version, blame.bucket)))
    return [Row(f"Blamed by {dump.told.source}", ", ".join(names), "!analyze -v")]


def _process_text(report: Report) -> str:
    if report.process is None or report.process.name is None:
        return NOT_KNOWN
    number = report.process.process_id
    return f"{report.process.name} (id {number})" if number is not None else report.process.name


def _origin_text(origin: Origin | None) -> str:
    if origin is None:
        return NOT_KNOWN
    doubt = "; contradicted, see below" if origin.contradictions else ""
    doubt = doubt or ("; not all could be asked, see below" if origin.unasked else "")
    return f"{origin.title} ({origin.confidence.value}{doubt})"


def _evidence(evidence: Evidence) -> EvidenceRow:
    return EvidenceRow(evidence.sign.value, evidence.fact, evidence.check)
