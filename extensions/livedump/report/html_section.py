"""The section of one dump: verdict, table, evidence, stack with roles, and what limits the answer."""

from __future__ import annotations

from collections.abc import Sequence

from livedump.model.findings import Report
from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.text import clean_text
from livedump.report.html_digest import Digest, file_name
from livedump.report.html_table import state_mark
from livedump.report.markup import Markup, element
from livedump.report.rows import EvidenceRow, Row, evidence_rows, table_rows, verdict
from livedump.report.stack_text import HEADER, format_end, format_frame

MAX_FRAMES = 256
"""Frames that a section shows; a stack is hardly ever longer."""
_ROLE_COLUMN = 110
"""Where the roles stand at most; a longer call site pushes its own role to the right."""


def format_section(report: Report, digest: Digest) -> Markup:
    """The section, folded. Its content carries the id that the table links to: following the link unfolds it."""
    content = element("div", *_content(report, digest), id=digest.anchor, class_="dump")
    return element("details", _summary(report, digest), content)


def _summary(report: Report, digest: Digest) -> Markup:
    moment = digest.captured_at
    heading = element("h3", digest.name)
    facts = [digest.origin or "not judged", digest.bug_check if report.bug_check else None]
    line = element("span", " · ".join(fact for fact in facts if fact), class_="what")
    when = element("span", f"{moment:%Y-%m-%d %H:%M}" if moment else "", class_="when number")
    return element("summary", heading, line, when)


def _content(report: Report, digest: Digest) -> list[Markup]:
    parts = [element("p", verdict(report), class_="verdict"), _signature(digest)]
    if report.dump is not None:
        parts.append(_facts(table_rows(report), file_name(report.path)))
    evidence = evidence_rows(report)
    if evidence:
        parts += [element("h4", "Evidence"), element("ul", *map(_evidence, evidence), class_="evidence")]
    if report.stack is not None and report.stack.frames:
        parts += [element("h4", "Stack"), _stack(report.stack, digest.name)]
    limits = [*report.notes, *(problem.message for problem in report.problems if report.dump is not None)]
    if limits:
        parts += [element("h4", "Limits"), element("ul", *(element("li", limit) for limit in limits), class_="limits")]
    return parts


def _signature(digest: Digest) -> Markup:
    label, text = element("span", "Signature", class_="label"), element("code", digest.signature)
    return element("p", label, " ", text, " ", state_mark(digest.state), class_="signature")


def _facts(rows: Sequence[Row], name: str) -> Markup:
    caption = element("caption", f"Facts about {name}, and the WinDbg command that shows each", class_="hidden")
    return element("table", caption, *map(_fact, rows), class_="facts")


def _fact(row: Row) -> Markup:
    check = element("td", row.check, class_="mono") if row.check else None
    return element("tr", element("th", row.label, scope="row"), element("td", row.value), check)


def _evidence(row: EvidenceRow) -> Markup:
    for_it = row.sign == "+"
    sign = element("span", "for" if for_it else "against", class_=f"sign {'good' if for_it else 'bad'}")
    return element("li", sign, element("span", row.fact), element("code", row.check))


def _stack(stack: Stack, name: str) -> Markup:
    shown = stack.frames[:MAX_FRAMES]
    width = min(_ROLE_COLUMN, max(len(format_frame(frame)) for frame in shown))
    lines = [element("span", HEADER, class_="head")]
    lines += [_frame(frame, width) for frame in shown]
    rest = [f"{len(stack.frames) - len(shown)} more frames"] if len(stack.frames) > len(shown) else []
    rest += [clean_text(format_end(stack).strip())] if stack.stop_reason else []
    lines += [element("span", line, class_="head") for line in rest if line]
    text = Markup("\n".join(lines))
    return element("pre", element("code", text), tabindex=0, role="region", aria_label=f"Stack of {name}")


def _frame(frame: Frame, width: int) -> Markup:
    role = frame.role or Role.OTHER
    remark = f"{role.value}, scan" if frame.trust is Trust.SCAN else role.value
    return element("span", f"{format_frame(frame):<{width}}  {remark}", class_=role.value)
