"""Series in a real Chromium: nothing overlaps or runs out of its picture, by keyboard, in every light and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.analysis.series import Member, tell_series
from livedump.model.series import Series
from livedump.report.html import format_html
from tests.analysis.difference.series import Case, reports
from tests.report.browser import Browser, require_browser
from tests.report.test_html_browser import CONTRASTS

pytestmark = pytest.mark.browser

CASES = Case("long-leak", "22000"), Case("hang", "20348"), Case("odd", "19041")
OVERLAPS = """
const found = [];
for (const svg of document.querySelectorAll(".trend svg")) {
  const texts = [...svg.querySelectorAll("text")].map(each => [each.textContent, each.getBoundingClientRect()]);
  for (const [a, one] of texts) for (const [b, other] of texts)
    if (a < b && one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom)
      found.push([a, b]);
}
return found;
"""
OUTSIDE = """
return [...document.querySelectorAll(".trend")].flatMap(trend => {
  const edge = trend.getBoundingClientRect();
  return [...trend.querySelectorAll("text, h4, strong, span, circle")].filter(each => {
    const place = each.getBoundingClientRect();
    return place.left < edge.left - 1 || place.right > edge.right + 1 || place.bottom > edge.bottom + 1;
  }).map(each => each.textContent);
});
"""
BEYOND = """
return [...document.querySelectorAll("#series *")].filter(
  each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(each => each.outerHTML);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require_browser()
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on three machines."""
    every = [report for case in CASES for report in reports(case)]
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text(format_html(every, series=[told(case) for case in CASES]), encoding="utf-8")
    return page


@pytest.fixture
def page(browser: Browser, path: Path) -> Browser:
    browser.set_scheme("light")
    browser.open(path)
    return browser


def told(case: Case) -> Series:
    return tell_series([Member(lambda report=report: report) for report in reports(case)])  # type: ignore[misc]


def test_the_page_is_silent(page: Browser) -> None:
    assert page.console() == []


@pytest.mark.parametrize("width", [1360, 1000, 760])
def test_no_two_texts_stand_in_one_place_and_none_outside(page: Browser, width: int) -> None:
    page.set_width(width)
    assert page.run(OVERLAPS) == []
    assert page.run(OUTSIDE) == []
    page.set_width(1360)


def test_the_first_picture_is_the_large_one(page: Browser) -> None:
    widths = page.run("return [...document.querySelectorAll('.led .trend')].map(each => each.clientWidth)")
    assert widths[0] > 2 * max(widths[1:])


def test_dots_are_reached_by_keyboard_and_lead_to_the_dump(page: Browser) -> None:
    page.run("document.querySelector('.trend a').focus()")
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("\ue007")
    assert page.run("return location.hash") == "#d1"
    assert page.run("return document.getElementById('d1').parentElement.open") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Browser, path: Path, scheme: str) -> None:
    browser.set_scheme(scheme)
    browser.open(path)
    assert browser.run(CONTRASTS) == []


def test_on_paper_all_of_it_stands_within_the_sheet(page: Browser) -> None:
    page.set_paper(True)
    page.set_width(760)
    try:
        assert page.run(OVERLAPS) == []
        assert page.run(BEYOND) == []
    finally:
        page.set_paper(False)
        page.set_width(1360)
