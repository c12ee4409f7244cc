"""Dumps of an HTML report that belong to one incident, told together."""

from __future__ import annotations

from collections.abc import Sequence

from livedump.report.html_digest import Digest
from livedump.report.incidents import incident_name, incidents
from livedump.report.markup import Markup, element

MAX_INCIDENTS = 100
MAX_LINKS = 20
"""Dumps of one incident that are named."""


def format_incidents(digests: Sequence[Digest]) -> Markup | None:
    """The incidents of several dumps, in the order of time, with a link to each dump; None where there are none."""
    found = [places for places in incidents([digest.row for digest in digests]) if len(places) > 1]
    if not found:
        return None
    told = [_incident([digests[at] for at in places]) for places in found[:MAX_INCIDENTS]]
    rest = len(found) - MAX_INCIDENTS
    remark = element("p", f"and {rest:,} more", class_="remark") if rest > 0 else None
    return element("div", element("ol", *told, class_="incidents"), remark)


def _incident(members: Sequence[Digest]) -> Markup:
    links: list[Markup | str] = []
    for digest in members[:MAX_LINKS]:
        links += [", " if links else ": ", element("a", digest.name, href=f"#{digest.anchor}", class_="mono")]
    rest = len(members) - MAX_LINKS
    more = f" and {rest:,} more" if rest > 0 else ""
    return element("li", incident_name(digest.row for digest in members), f", {len(members)} dumps", *links, more)
