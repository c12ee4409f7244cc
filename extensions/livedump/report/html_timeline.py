"""When dumps were captured, one lane for each origin, as inline SVG. Its size does not grow with the dumps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from math import sqrt
from typing import NamedTuple

from livedump.report.dump_table import cut_text
from livedump.report.html_digest import NOT_JUDGED, Digest
from livedump.report.html_summary import grouped
from livedump.report.markup import Markup, element, joined

_WIDTH, _LEFT, _RIGHT, _LANE, _TOP = 1000, 290, 20, 36, 8
_SLOTS = 90
_LETTERS = 29
"""Of a lane's name."""
_SMALLEST, _LARGEST = 4.5, 13.0
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY,
)  # fmt: skip
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 600, 1200, 12000)
_MAX_TICKS = 8


class _Scale(NamedTuple):
    """From seconds since 1970 to places in the picture."""

    first: float
    last: float

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (seconds - self.first) / (self.last - self.first)

    def slot(self, seconds: float) -> int:
        return min(_SLOTS - 1, int(_SLOTS * (seconds - self.first) / (self.last - self.first)))

    def start(self, slot: float) -> float:
        return self.first + (self.last - self.first) * slot / _SLOTS


def format_timeline(digests: Sequence[Digest]) -> Markup | None:
    """The picture and a line on the dumps that it leaves out; None where there are no two moments to put in order."""
    names = _lane_names(digests)
    moments = [(names[_kind(each)], _seconds(each.row.captured_at)) for each in digests if each.row.captured_at]
    if len({seconds for _, seconds in moments}) < 2:
        return None
    scale = _scale([seconds for _, seconds in moments])
    lanes = [group.label for group in grouped(origin for origin, _ in moments)]
    height = _TOP + _LANE * len(lanes) + 28
    drawn = [*_axis(scale, len(lanes)), *_lanes(scale, lanes, moments)]
    picture = element(
        "svg", *drawn, viewBox=f"0 0 {_WIDTH} {height}", role="group", aria_label="Captures by origin over time"
    )
    left_out = len(digests) - len(moments)
    remark = element("p", f"Without a known time: {left_out:,}.", class_="remark") if left_out else None
    box = element("div", picture, class_="wide timeline", tabindex=0, role="region", aria_label="Timeline")
    return joined(box, remark)


def _lane_names(digests: Sequence[Digest]) -> dict[str, str]:
    """What each kind of origin is called: with its title, or with what its titles have in common.

    Titles name processes, of which there may be any number; kinds are few.
    """
    titles: dict[str, set[str]] = {}
    for digest in digests:
        titles.setdefault(_kind(digest), set()).add(digest.row.origin_title or NOT_JUDGED)
    return {kind: _in_common(sorted(each)) or kind for kind, each in titles.items()}


def _kind(digest: Digest) -> str:
    return digest.row.origin or NOT_JUDGED


def _in_common(titles: Sequence[str]) -> str:
    """The title, or the words with which all titles begin or end: ``through NtSystemDebugControl``."""
    if len(titles) == 1:
        return titles[0]
    words = [title.split(" ") for title in titles]
    begin, end = _same_words(words), _same_words([each[::-1] for each in words])[::-1]
    begin = begin[:-1] if begin[-1:] == ["for"] else begin
    return " ".join(begin if len(begin) >= len(end) else end)


def _same_words(texts: Sequence[Sequence[str]]) -> list[str]:
    return [each[0] for each in takewhile(lambda words: len(set(words)) == 1, zip(*texts))]


def _scale(moments: Sequence[float]) -> _Scale:
    first, last = min(moments), max(moments)
    margin = (last - first) * 0.02
    return _Scale(first - margin, last + margin)


def _lanes(scale: _Scale, lanes: Sequence[str], moments: Sequence[tuple[str, float]]) -> Iterator[Markup]:
    counts = Counter((origin, scale.slot(seconds)) for origin, seconds in moments)
    largest = max(counts.values())
    for index, lane in enumerate(lanes):
        y = _TOP + _LANE * index + _LANE // 2
        mine = sorted((slot, count) for (origin, slot), count in counts.items() if origin == lane)
        total = sum(count for _, count in mine)
        text = element("text", cut_text(lane, _LETTERS), x=0, y=y + 5)
        yield element("a", text, href="#dumps", data_find=lane, aria_label=f"{lane}: {total:,} captures")
        number = {"class_": "number", "text_anchor": "end", "aria_hidden": "true"}
        yield element("text", f"{total:,}", x=_LEFT - 30, y=y + 5, **number)
        for slot, count in mine:
            begin, end = (_moment_text(scale.start(edge)) for edge in (slot, slot + 1))
            title = element("title", f"{lane}: {count:,} from {begin} to {end} UTC")
            radius = _SMALLEST + (_LARGEST - _SMALLEST) * sqrt((count - 1) / max(1, largest - 1))
            yield element("circle", title, cx=f"{scale.x(scale.start(slot + 0.5)):.1f}", cy=y, r=f"{radius:.1f}")


def _axis(scale: _Scale, lanes: int) -> Iterator[Markup]:
    bottom = _TOP + _LANE * lanes
    for index in range(lanes + 1):
        y = _TOP + _LANE * index
        yield element("line", x1=0, x2=_WIDTH, y1=y, y2=y, class_="rule")
    for seconds, label in _ticks(scale):
        x = f"{scale.x(seconds):.1f}"
        yield element("line", x1=x, x2=x, y1=_TOP, y2=bottom + 5, class_="tick")
        yield element("text", label, x=x, y=bottom + 22, class_="tick number", text_anchor="middle")


def _ticks(scale: _Scale) -> list[tuple[float, str]]:
    span = scale.last - scale.first
    step = next((step for step in _STEPS if span / step <= _MAX_TICKS), None)
    if step is None:
        return _month_ticks(scale)
    first = int(scale.first // step) + 1
    every = [float(step * number) for number in range(first, int(scale.last // step) + 1)]
    form = "%H:%M" if step < _DAY else "%d %b"
    return [(seconds, f"{_moment(seconds):{'%d %b' if seconds % _DAY == 0 else form}}") for seconds in every]


def _month_ticks(scale: _Scale) -> list[tuple[float, str]]:
    first, last = (_month_number(seconds) for seconds in (scale.first, scale.last))
    step = next((step for step in _MONTHS if (last - first) / step <= _MAX_TICKS), _MONTHS[-1])
    numbers = range((first // step + 1) * step, last + 1, step)
    months = [datetime(number // 12, number % 12 + 1, 1, tzinfo=timezone.utc) for number in numbers]
    return [(_seconds(month), f"{month:%b} {month.year}" if step < 12 else str(month.year)) for month in months]


def _month_number(seconds: float) -> int:
    moment = _moment(seconds)
    return moment.year * 12 + moment.month - 1


def _seconds(moment: datetime) -> float:
    return (moment - _EPOCH).total_seconds()


def _moment(seconds: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # the margin beside the first or the last year that there is
        return datetime.min.replace(tzinfo=timezone.utc) if seconds < 0 else datetime.max.replace(tzinfo=timezone.utc)


def _moment_text(seconds: float) -> str:
    return f"{_moment(seconds):%Y-%m-%d %H:%M}"
