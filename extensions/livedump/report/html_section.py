"""The section of one dump in a page of many: folded, under the line that the table leads to."""

from __future__ import annotations

from livedump.model.report import Report
from livedump.report.html_digest import NOT_JUDGED, Digest
from livedump.report.html_document import format_content
from livedump.report.html_table import state_mark
from livedump.report.markup import Markup, element
from livedump.report.sections.info import document


def format_section(report: Report, digest: Digest) -> Markup:
    """The section, folded. Its content carries the id that the table links to: following the link unfolds it."""
    parts = format_content(document(report, report.path), digest.row.name, [_signature(digest)])
    content = element("div", *parts, id=digest.anchor, class_="dump")
    return element("details", _summary(report, digest), content)


def _summary(report: Report, digest: Digest) -> Markup:
    moment = digest.row.captured_at
    heading = element("h3", digest.name)
    facts = [digest.row.origin_title or NOT_JUDGED, digest.bug_check if report.bug_check else None]
    line = element("span", " · ".join(fact for fact in facts if fact), class_="what")
    when = element("span", f"{moment:%Y-%m-%d %H:%M}" if moment else "", class_="when number")
    return element("summary", heading, line, when)


def _signature(digest: Digest) -> Markup:
    label, text = element("span", "Signature", class_="label"), element("code", digest.signature)
    return element("p", label, " ", text, " ", state_mark(digest.state), class_="signature")
