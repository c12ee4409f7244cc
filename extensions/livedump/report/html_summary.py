"""The top of an HTML report: what was found in numbers, and which groups are the largest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from livedump.model.amounts import count_text
from livedump.report.counts import Counts
from livedump.report.html_digest import Digest
from livedump.report.markup import Markup, element

MAX_BARS = 12


class Group(NamedTuple):
    """Dumps that have something in common."""

    label: str
    dumps: int


def headline(digests: Sequence[Digest]) -> str:
    """One line that says what was found; the file's name where there is only one."""
    if len(digests) == 1:
        return digests[0].name
    return Counts(digest.row for digest in digests).kinds or "no dumps"


def format_tiles(digests: Sequence[Digest]) -> Markup:
    """The numbers that matter, each with its word."""
    days = sorted(digest.row.captured_at for digest in digests if digest.row.captured_at)
    numbers = [
        ("dumps", len(digests)),
        ("live", sum(digest.row.live is True for digest in digests)),
        ("crashes", sum(digest.row.live is False for digest in digests)),
        ("not complete", sum(digest.state == "not complete" for digest in digests)),
        ("not judged", sum(digest.row.failed for digest in digests)),
        ("signatures", len({digest.signature for digest in digests})),
    ]
    tiles = [_tile(word, f"{number:,}") for word, number in numbers]
    if days:
        tiles.append(_tile("first capture, UTC", f"{days[0]:%Y-%m-%d}", "date"))
        tiles.append(_tile("last capture, UTC", f"{days[-1]:%Y-%m-%d}", "date"))
    return element("dl", *tiles, class_="tiles")


def grouped(labels: Iterable[str]) -> list[Group]:
    """Labels with how often each occurs, most frequent first, then by name."""
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return sorted(map(Group._make, counts.items()), key=lambda group: (-group.dumps, group.label))


def format_bars(title: str, groups: Sequence[Group]) -> Markup:
    """The largest groups as bars; each label leads to the table and, with scripts, filters it."""
    shown, rest = groups[:MAX_BARS], groups[MAX_BARS:]
    largest = max((group.dumps for group in shown), default=1)
    bars = [_bar(group, largest) for group in shown]
    more = f"and {count_text(len(rest), 'more group')} of {count_text(sum(group.dumps for group in rest), 'dump')}"
    remark = element("p", more, class_="remark") if rest else None
    return element("div", element("h3", title), element("ol", *bars, class_="bars"), remark, class_="chart")


def _bar(group: Group, largest: int) -> Markup:
    width = f"{100 * group.dumps / largest:.1f}%"
    rect = element("rect", width=width, height="100%", rx=2)
    drawn = element("svg", rect, aria_hidden="true", height=8)
    label = element("a", group.label, href="#dumps", data_find=group.label, class_="mono")
    return element("li", label, element("span", f"{group.dumps:,}", class_="number"), drawn)


def _tile(word: str, number: str, kind: str | None = None) -> Markup:
    return element("div", element("dt", word), element("dd", number), class_=kind)
