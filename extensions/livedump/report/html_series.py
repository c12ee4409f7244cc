"""Series of an HTML report: dumps of one boot, told together, each with a picture of what became of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from livedump.model.series import Series
from livedump.report.html_document import format_content
from livedump.report.markup import Markup, element, joined
from livedump.report.sections.series import document

MAX_SERIES = 50


def format_series(told: Sequence[Series], links: Mapping[str, str]) -> Markup:
    """Each series under its own title; ``links`` has the anchors of the dumps' sections by path."""
    shown = (_series(series, links) for series in told[:MAX_SERIES])
    rest = len(told) - MAX_SERIES
    remark = element("p", f"and {rest:,} more series", class_="remark") if rest > 0 else None
    return joined(*shown, remark)


def _series(series: Series, links: Mapping[str, str]) -> Markup:
    started = series.dumps[0].captured_at
    when = element("small", f" from {started:%Y-%m-%d %H:%M} UTC" if started else "", class_="number")
    content = format_content(document(series, links), series.summary)
    return element("article", element("h3", series.summary, when), *content, class_="series")
