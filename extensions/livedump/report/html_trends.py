"""Amounts over time as inline SVG: a line for each, a dot for each dump, where it leads to when it goes on.

The size does not grow with the dumps beyond MAX_DOTS. Nothing is told by colour alone: lines are named where they end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from livedump.report.amounts import amount_text, steps_of
from livedump.report.markup import Markup, element
from livedump.report.pictures import Curve, Moment, Trend, Trends, shown_moments

MAX_DOTS = 400
MAX_NAME = 20
"""Letters of a name where a line ends; the table of amounts has all of it."""
_LEFT, _TOP, _BELOW, _DOT, _LEAST_DOT = 70, 14, 30, 5, 1.5
_AHEAD = 0.22
"""Of the width: as far a line is drawn on."""
_LARGE, _SMALL, _COMPACT = (1000, 320), (420, 200), (300, 140)
"""Width and height of the one to look at, of those beside it, and of all where nothing moves."""
_PER_TICK = 55
"""Of the height, for one amount at the edge."""
_LETTER, _LINE = 8.4, 18
"""About the width of a letter, and the distance of two lines of text."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIMES = (
    *(1, 2, 5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY),
)


class _Plot(NamedTuple):
    """From amounts and seconds to places in one picture."""

    width: int
    height: int
    right: float
    """Where the last moment stands."""
    seconds: float
    top: float
    """The amount at the upper edge."""

    def x(self, seconds: float) -> float:
        return _LEFT + (self.right - _LEFT) * seconds / self.seconds

    def y(self, amount: float) -> float:
        return self.bottom - (self.bottom - _TOP) * amount / self.top

    @property
    def bottom(self) -> float:
        return self.height - _BELOW


def format_trends(picture: Trends) -> Markup:
    """The pictures, the first one large. Each dot tells its dump and leads to it."""
    kept = _thinned(picture)
    moves = any(trend.rate for trend in kept.trends[:1])
    sizes = [_LARGE, *[_SMALL] * (len(kept.trends) - 1)] if moves else [_COMPACT] * len(kept.trends)
    drawn = (_trend(kept.moments, trend, *size) for trend, size in zip(kept.trends, sizes))
    return element("div", *drawn, class_="trends led" if moves else "trends still")


def _thinned(picture: Trends) -> Trends:
    count = len(picture.moments)
    if count <= MAX_DOTS:
        return picture
    chosen = shown_moments(count, MAX_DOTS)
    trends = tuple(
        trend._replace(curves=tuple(Curve(each.name, _at(each.values, chosen)) for each in trend.curves))
        for trend in picture.trends
    )
    return Trends(picture.title, tuple(picture.moments[index] for index in chosen), trends)


def _at(values: Sequence[float | None], chosen: Iterable[int]) -> tuple[float | None, ...]:
    return tuple(values[index] for index in chosen)


def _trend(moments: Sequence[Moment], trend: Trend, width: int, height: int) -> Markup:
    plot = _plot(moments, trend, width, height)
    drawn = [
        element("title", trend.title),
        element("desc", f"{trend.told}. {trend.ahead}".strip(". ")),
        *_amounts(plot, trend),
        *_times(plot),
        *_limit(plot, trend),
        *_curves(plot, moments, trend),
    ]
    svg = element("svg", *drawn, viewBox=f"0 0 {width} {height}", role="group", aria_label=trend.title)
    return element("figure", _caption(trend), svg, class_=f"trend {trend.mark}".strip())


def _caption(trend: Trend) -> Markup:
    rate = element("strong", trend.rate, class_="rate") if trend.rate else None
    ahead = element("span", trend.ahead, class_="ahead") if trend.ahead else None
    told = element("span", trend.told, class_="told") if trend.told else None
    return element("figcaption", element("h4", trend.title), rate, told, ahead)


def _plot(moments: Sequence[Moment], trend: Trend, width: int, height: int) -> _Plot:
    highest = _highest(trend)
    if _shows_limit(trend, highest):
        highest = max(highest, trend.limit or 0)
    step = steps_of(highest, trend.unit, height // _PER_TICK)
    longest = max((len(end.text) for end in _ends(trend)), default=0)
    right = width - max(_LETTER * longest + 20, (width - _LEFT) * _AHEAD)
    return _Plot(width, height, right, moments[-1].seconds or 1, step * max(1, -(-highest // step)))


def _highest(trend: Trend) -> float:
    values = [[value for value in curve.values if value is not None] for curve in trend.curves]
    highest = max((max(known) for known in values if known), default=0.0)
    if trend.ahead and values and values[0]:  # with room for the line that goes on
        highest = max(highest, values[0][-1] + _AHEAD * (values[0][-1] - values[0][0]))
    return highest


def _shows_limit(trend: Trend, highest: float) -> bool:
    # A limit that is far away would press all else flat.
    return trend.limit is not None and highest > 0.3 * trend.limit


def _amounts(plot: _Plot, trend: Trend) -> Iterator[Markup]:
    step = steps_of(plot.top, trend.unit, plot.height // _PER_TICK)
    for number in range(round(plot.top / step) + 1):
        y = f"{plot.y(number * step):.1f}"
        yield element("line", x1=_LEFT, x2=plot.width, y1=y, y2=y, class_="rule")
        text = amount_text(number * step, trend.unit)
        yield element("text", text, x=_LEFT - 10, y=y, dy=5, text_anchor="end", class_="tick")


def _times(plot: _Plot) -> Iterator[Markup]:
    room = plot.width / 90
    longest = float(_TIMES[-1])
    fitting = (float(each) for each in _TIMES if plot.seconds / each <= room)
    step = next(fitting, longest * -(-plot.seconds // (longest * room)))
    for number in range(int(plot.seconds / step) + 1):
        x = f"{plot.x(number * step):.1f}"
        yield element("line", x1=x, x2=x, y1=f"{plot.bottom:.1f}", y2=f"{plot.bottom + 5:.1f}", class_="tick")
        text = _time_text(number * step, step)
        yield element("text", text, x=x, y=plot.height - 6, text_anchor="middle", class_="tick")


def _time_text(seconds: float, step: float) -> str:
    if not seconds:
        return "0"
    size, unit = next(each for each in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")) if step >= each[0])
    return f"{seconds / size:,.0f} {unit}"


def _limit(plot: _Plot, trend: Trend) -> Iterator[Markup]:
    if trend.limit is None or trend.limit > plot.top:
        return
    y = plot.y(trend.limit)
    yield element("line", x1=_LEFT, x2=plot.width, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="limit")
    label = f"{trend.limit_name} {amount_text(trend.limit, trend.unit)}"
    above = y - 6 if y > _TOP + _LINE else y + _LINE - 2  # where no line can be, but for want of room
    yield element("text", label, x=_LEFT + 8, y=f"{above:.1f}", class_="limit")


def _curves(plot: _Plot, moments: Sequence[Moment], trend: Trend) -> Iterator[Markup]:
    for curve in trend.curves[1:]:
        yield from _lines(plot, moments, curve, "part")
    for curve in trend.curves[:1]:
        yield from _area(plot, moments, curve)
        yield from _lines(plot, moments, curve, "main")
        if trend.ahead:
            yield from _ahead(plot, moments, curve)
        yield from _dots(plot, moments, curve, trend.unit)
    yield from _names(plot, moments, trend)


def _known(moments: Sequence[Moment], curve: Curve) -> list[tuple[float, float]]:
    return [(moment.seconds, value) for moment, value in zip(moments, curve.values) if value is not None]


def _pieces(moments: Sequence[Moment], curve: Curve) -> list[list[tuple[float, float]]]:
    # What is not known in the middle is no straight line.
    pieces: list[list[tuple[float, float]]] = [[]]
    for moment, value in zip(moments, curve.values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((moment.seconds, value))
    return [piece for piece in pieces if piece]


def _lines(plot: _Plot, moments: Sequence[Moment], curve: Curve, kind: str) -> Iterator[Markup]:
    for piece in _pieces(moments, curve):
        places = " ".join(f"{plot.x(seconds):.1f},{plot.y(value):.1f}" for seconds, value in piece)
        yield element("polyline", points=places, class_=kind)


def _area(plot: _Plot, moments: Sequence[Moment], curve: Curve) -> Iterator[Markup]:
    for piece in _pieces(moments, curve):
        around = [(piece[0][0], 0.0), *piece, (piece[-1][0], 0.0)]
        places = " ".join(f"{plot.x(seconds):.1f},{plot.y(value):.1f}" for seconds, value in around)
        yield element("polygon", points=places, class_="area")


def _ahead(plot: _Plot, moments: Sequence[Moment], curve: Curve) -> Iterator[Markup]:
    known = _known(moments, curve)
    if len(known) < 2:
        return
    (start, low), (end, high) = known[0], known[-1]
    slope = (high - low) / (end - start)
    seconds = plot.seconds * (plot.width - plot.right) / (plot.right - _LEFT)
    if high + slope * seconds > plot.top:
        seconds = (plot.top - high) / slope
    to = max(0.0, high + slope * seconds)
    places = {"x1": plot.x(end), "y1": plot.y(high), "x2": plot.x(end + seconds), "y2": plot.y(to)}
    yield element("line", **{name: f"{place:.1f}" for name, place in places.items()}, class_="ahead")


def _dots(plot: _Plot, moments: Sequence[Moment], curve: Curve, unit: str) -> Iterator[Markup]:
    radius = f"{min(_DOT, max(_LEAST_DOT, 0.4 * (plot.right - _LEFT) / len(moments))):.3g}"
    for moment, value in zip(moments, curve.values):
        if value is None:
            continue
        told = f"{moment.label}: {amount_text(value, unit)}"
        x, y = f"{plot.x(moment.seconds):.1f}", f"{plot.y(value):.1f}"
        dot = element("circle", element("title", told), cx=x, cy=y, r=radius)
        yield element("a", dot, href=f"#{moment.link}", aria_label=told) if moment.link else dot


class _End(NamedTuple):
    # The last amount of a curve that is known, of which moment it is, and what is written beside it.
    at: int
    amount: float
    text: str


def _ends(trend: Trend) -> list[_End]:
    """Of each curve of which something is known, the first without its name: that is the title."""
    found = []
    for index, curve in enumerate(trend.curves):
        known = [(at, value) for at, value in enumerate(curve.values) if value is not None]
        if known:
            name = f"{curve.name.partition(' (')[0][:MAX_NAME]} " if index else ""
            at, last = known[-1]
            found.append(_End(at, last, f"{name}{amount_text(last, trend.unit)}"))
    return found


def _names(plot: _Plot, moments: Sequence[Moment], trend: Trend) -> Iterator[Markup]:
    lowest = 0.0
    for index, end in enumerate(_ends(trend)):
        # Beside the line, or below it where it goes on; each below the one before.
        lowest = max(plot.y(end.amount) + (_LINE if trend.ahead else 5), lowest + _LINE)
        kind = "part" if index else "main"
        x, y = f"{plot.x(moments[end.at].seconds) + 12:.1f}", f"{min(lowest, plot.bottom - 4):.1f}"
        yield element("text", end.text, x=x, y=y, class_=kind)
