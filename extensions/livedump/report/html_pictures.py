"""Pictures of a document as inline SVG: amounts as bars, who waits for whom as boxes and arrows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from livedump.model.text import clean_text
from livedump.report.html_trends import format_trends
from livedump.report.markup import Markup, element
from livedump.report.pictures import Bar, Bars, Picture, Step, Trends

_BOX, _GAP, _LINE, _PADDING = 216, 86, 18, 10
_LETTERS = 25
"""Of a line in a box."""
_ARROW = 7


def format_picture(picture: Picture) -> Markup:
    """The picture under its title. What it shows can be read, too: no part of it is in colours alone."""
    if isinstance(picture, Trends):
        return format_trends(picture)
    if isinstance(picture, Bars):
        drawn = element("ol", *map(_bar, picture.bars), class_="bars")
    else:
        paths = [_path(path) for path in picture.paths if path]
        drawn = element("div", *paths, class_="wide paths", tabindex=0, role="group", aria_label=picture.title)
    return element("div", element("h4", picture.title), drawn, class_="picture")


def _bar(bar: Bar) -> Markup:
    drawn = element("svg", *_parts(bar), aria_hidden="true", height=8)
    named = ", ".join(f"{part.name} {100 * part.share:.0f} %" for part in bar.parts if part.name)
    label = element("span", bar.label, element("small", f" {named}") if named else None)
    return element("li", label, element("span", bar.value, class_="number"), drawn)


def _parts(bar: Bar) -> Iterator[Markup]:
    left = 0.0
    for part in bar.parts:
        share = min(max(part.share, 0.0), 1.0 - left)
        yield element(
            "rect", x=f"{100 * left:.2f}%", width=f"{100 * share:.2f}%", height="100%", class_=part.mark or None
        )
        left += share


def _path(steps: Sequence[Step]) -> Markup:
    height = _LINE * max(len(step.lines) for step in steps) + 2 * _PADDING
    drawn = [shape for index, step in enumerate(steps) for shape in _step(step, index * (_BOX + _GAP), height)]
    width = len(steps) * (_BOX + _GAP) - (0 if steps[-1].onward else _GAP)
    told = "; ".join(" ".join((*step.lines, step.onward)).strip() for step in steps)
    return element(
        "svg", *drawn, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img", aria_label=told
    )


def _step(step: Step, x: int, height: int) -> Iterator[Markup]:
    yield element("rect", x=x, y=0, width=_BOX, height=height, rx=6, class_=step.mark or None)
    for number, line in enumerate(step.lines):
        y = _PADDING + _LINE * number + 13
        yield element("text", element("title", line), _shortened(line), x=x + _PADDING, y=y)
    if step.onward:
        start, end, middle = x + _BOX, x + _BOX + _GAP, height // 2
        yield element("line", x1=start, y1=middle, x2=end - _ARROW, y2=middle)
        tip = f"{end - _ARROW},{middle - 4} {end},{middle} {end - _ARROW},{middle + 4}"
        yield element("polygon", points=tip)
        yield element("text", step.onward, x=(start + end) // 2, y=middle - 6, text_anchor="middle", class_="word")


def _shortened(line: str) -> str:
    line = clean_text(line)
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
