"""Amounts over time as pictures: where lines and dots stand, and what is written beside them."""

from __future__ import annotations

import re

import pytest

from livedump.report.amounts import amount_text, steps_of
from livedump.report.html_trends import MAX_DOTS, format_trends
from livedump.report.pictures import Curve, Moment, Trend, Trends

GIB = 1 << 30
TIMES = (0.0, 300.0, 900.0)


def picture(*curves: Curve, times: tuple[float, ...] = TIMES, **more: object) -> str:
    moments = tuple(Moment(f"dump-{at}.dmp", seconds, f"d{at + 1}") for at, seconds in enumerate(times))
    trend = Trend("Nonpaged pool", "bytes", curves, rate="+1 GiB a minute", **more)  # type: ignore[arg-type]
    return format_trends(Trends("three dumps", moments, (trend,)))


def dots(markup: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', markup)]


def labels(markup: str) -> list[tuple[str, float]]:
    found = re.findall(r'<text x="[\d.]+" y="([\d.]+)" class="(?:main|part)">([^<]+)</text>', markup)
    return [(text, float(y)) for y, text in found]


def test_dots_stand_where_time_and_amount_are() -> None:
    (x1, y1), (x2, y2), (x3, y3) = dots(picture(Curve("pool", (GIB, 2 * GIB, 3 * GIB))))
    assert (x3 - x1) / (x2 - x1) == pytest.approx(900 / 300, rel=0.01)
    assert y1 - y2 == pytest.approx(y2 - y3, rel=0.01)
    assert y1 > y2


def test_each_dot_leads_to_its_dump_and_tells_it() -> None:
    markup = picture(Curve("pool", (GIB, 2 * GIB, 3 * GIB)))
    told = re.findall(r'<a href="#(d\d)" aria-label="([^"]+)"><circle[^>]*><title>([^<]+)</title>', markup)
    assert told == [(f"d{at + 1}", f"dump-{at}.dmp: {at + 1} GiB", f"dump-{at}.dmp: {at + 1} GiB") for at in range(3)]


def test_what_is_not_known_is_no_line_and_no_dot() -> None:
    markup = picture(Curve("pool", (GIB, None, 3 * GIB)))
    assert len(dots(markup)) == 2
    assert len(re.findall("<polyline", markup)) == 2
    assert "polyline" not in picture(Curve("pool", (None, None, None)))


def test_a_line_goes_on_where_something_comes_of_it() -> None:
    curve = Curve("pool", (GIB, 2 * GIB, 3 * GIB))
    assert 'class="ahead"' not in picture(curve)
    markup = picture(curve, ahead="At this rate nothing is left in 1 h")
    x1, y1, x2, y2 = map(
        float, re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="ahead"', markup)[0]
    )
    first, _, last = dots(markup)
    assert (x1, y1) == last
    assert (y1 - y2) / (x2 - x1) == pytest.approx((first[1] - last[1]) / (last[0] - first[0]), rel=0.02)
    assert "At this rate nothing is left in 1 h" in markup


def test_what_falls_is_not_drawn_below_nothing() -> None:
    markup = picture(Curve("available", (3 * GIB, 2 * GIB, 0)), ahead="none is left")
    bottom = dots(markup)[-1][1]
    (y2,) = re.findall(r'y2="([\d.]+)" class="ahead"', markup)
    assert float(y2) == pytest.approx(bottom)


def test_names_of_lines_that_end_at_one_place_stand_below_each_other() -> None:
    found = labels(
        picture(
            Curve("pool", (0, GIB, 2 * GIB)), Curve("tag Leak", (0, GIB, 2 * GIB)), Curve("tag Two", (0, 0, 2 * GIB))
        )
    )
    assert [text for text, _ in found] == ["2 GiB", "tag Leak 2 GiB", "tag Two 2 GiB"]
    places = [y for _, y in found]
    assert all(after - before >= 18 for before, after in zip(places, places[1:]))


def test_a_limit_is_drawn_where_it_is_near_and_presses_nothing_flat_where_it_is_far() -> None:
    curve = Curve("commit", (5 * GIB, 6 * GIB, 8 * GIB))
    assert "limit 20 GiB" in picture(curve, limit=20 * GIB, limit_name="limit")
    assert "limit" not in picture(curve, limit=2000 * GIB, limit_name="limit")


def test_a_picture_does_not_grow_with_the_dumps() -> None:
    times = tuple(float(30 * at) for at in range(10_000))
    markup = picture(Curve("pool", tuple(range(10_000))), times=times)
    assert len(dots(markup)) == MAX_DOTS
    assert "dump-0.dmp" in markup
    assert "dump-9999.dmp" in markup
    assert len(re.findall(r'class="tick">[\d,]+ (?:h|d)<', markup)) <= 12


@pytest.mark.parametrize("seconds", [0.001, 1, 59, 3_600, 86_400, 10**9])
def test_times_are_few_and_round(seconds: float) -> None:
    markup = picture(Curve("pool", (0, GIB)), times=(0.0, seconds))
    below = re.findall(r'text-anchor="middle" class="tick">([^<]+)<', markup)
    assert 1 <= len(below) <= 12
    assert below[0] == "0"
    assert len(set(below)) == len(below)


def test_names_from_a_dump_are_text() -> None:
    moments = (Moment('<b>"', 0.0, '"><script>'), Moment("two", 1.0))
    trend = Trend("<i>", "bytes", (Curve("a", (1, 2)), Curve("<u>", (1, 2))), told="<s>", ahead="<em>")
    markup = format_trends(Trends("<x>", moments, (trend,)))
    assert not re.search(r"<(?:b|i|u|s|em|x|script)>", markup)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (0, "bytes", "0"), (512, "bytes", "512 bytes"), (1536, "bytes", "1.5 KiB"), (3 * GIB, "bytes", "3 GiB"),
        (20.5 * GIB, "bytes", "20 GiB"), (-118 << 20, "bytes", "-118 MiB"), (6412, "handles", "6,412"),
        (1 << 64, "bytes", "17,179,869,184 GiB"),
    ],
)  # fmt: skip
def test_amounts_are_as_people_read_them(amount: float, unit: str, text: str) -> None:
    assert amount_text(amount, unit) == text


@pytest.mark.parametrize("unit", ["bytes", "handles"])
@pytest.mark.parametrize("highest", [0, 1, 7, 999, 6412, 3 << 30, 1 << 64])
def test_steps_are_round_and_few(highest: int, unit: str) -> None:
    step = steps_of(highest, unit, 4)
    assert highest / step <= 4
    assert step == 1024 or unit == "handles" or int(step) & (int(step) - 1) == 0
