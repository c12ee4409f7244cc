"""The HTML report in a real Chromium: silent, asking for nothing, sorted, filtered, printed, readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.report.html import format_html
from tests.report.browser import Browser, require_browser
from tests.report.reports import hostile_report
from tests.report.test_html import HOSTILE, several

pytestmark = pytest.mark.browser

HEADS = "return [...document.querySelectorAll('thead th')]"
CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(color) {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}
function luminance([r, g, b]) {
  const [R, G, B] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * R + 0.7152 * G + 0.0722 * B;
}
function ground(node) {
  for (; node; node = node.parentElement) {
    const color = rgb(getComputedStyle(node).backgroundColor);
    if (color[3] === 255) return color;
  }
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), low = [];
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
  if (!text || !parent.checkVisibility() || ["SCRIPT", "title"].includes(parent.tagName)) continue;
  const style = getComputedStyle(parent), ink = parent instanceof SVGElement ? style.fill : style.color;
  const [a, b] = [luminance(rgb(ink)), luminance(ground(parent))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.push([text.slice(0, 30), ratio]);
}
return low;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require_browser()
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    """The page on nine dumps and a file that is none, with hostile ones behind."""
    path = tmp_path / "report ü#?.html"
    judged = [*several(), *(hostile_report(text)._replace(signature=text) for text in HOSTILE)]
    path.write_text(format_html(judged), encoding="utf-8")
    browser.set_scheme("light")
    browser.open(path)
    return browser


def head(page: Browser, name: str) -> None:
    page.run(HEADS + ".find(each => each.textContent === arguments[0]).querySelector('button').click()", name)


def type_filter(page: Browser, text: str) -> str:
    page.run("const box = document.getElementById('filter'); box.value = arguments[0];"
             "box.dispatchEvent(new Event('input'))", text)  # fmt: skip
    wait = "return new Promise(done => setTimeout(() => done(document.querySelector('output').value), 300))"
    return str(page.run(wait))


def test_the_page_is_silent_and_asks_for_nothing_but_itself(page: Browser) -> None:
    asked = page.requests()
    assert len([url for url in asked if url.startswith("file:")]) == 1
    assert [url for url in asked if not url.startswith(("file:", "data:,"))] == []
    assert page.console() == []


def test_its_own_style_and_script_run_under_its_policy(page: Browser) -> None:
    assert page.run("return getComputedStyle(document.querySelector('h1')).margin") == "0px"
    assert page.run("return document.querySelector('form').hidden") is False


def test_what_hostile_names_want_to_run_does_not(page: Browser) -> None:
    assert page.run("return [document.scripts.length, document.images.length, document.forms.length]") == [1, 0, 1]
    page.run("document.body.append(Object.assign(document.createElement('script'), {text: 'window.evil = 1'}))")
    assert page.run("return window.evil") is None
    assert "Content Security Policy" in "".join(page.console())


def test_a_click_sorts_and_another_turns_the_order(page: Browser) -> None:
    captured = "return [...document.querySelectorAll('#dumps-table tbody tr')].map(row => row.cells[1].textContent)"
    head(page, "Captured at")
    up = page.run(captured)
    assert page.run(HEADS + "[1].getAttribute('aria-sort')") == "ascending"
    head(page, "Captured at")
    down = page.run(captured)
    assert page.run(HEADS + "[1].getAttribute('aria-sort')") == "descending"
    known = [moment for moment in up if moment != "not known"]
    assert known == sorted(known)
    assert [moment for moment in down if moment != "not known"] == known[::-1]
    assert up[-1] == down[-1] == "not known"
    head(page, "Name")
    assert page.run("return document.querySelectorAll('[aria-sort]').length") == 1


def test_sorting_works_by_keyboard(page: Browser) -> None:
    page.run(HEADS + "[3].querySelector('button').focus()")
    page.press("\ue007")
    assert page.run(HEADS + "[3].getAttribute('aria-sort')") == "ascending"
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_filter_keeps_rows_with_all_words_and_their_sections(page: Browser) -> None:
    assert type_filter(page, "signature CALM.dmp") == "9 of 18 dumps"
    assert page.run("return document.querySelectorAll('details:not([hidden])').length") == 9
    assert type_filter(page, '"signature 2"') == "3 of 18 dumps"
    assert type_filter(page, "nothing has this") == "0 of 18 dumps"
    assert type_filter(page, '"') == "18 of 18 dumps"


def test_a_bar_and_a_lane_filter_the_table(page: Browser) -> None:
    page.run("document.querySelector('.bars [data-find=\"signature 1\"]').click()")
    assert page.run("return document.querySelector('output').value") == "3 of 18 dumps"
    page.run("document.querySelector('svg [data-find=\"task-manager\"]').dispatchEvent("
             "new MouseEvent('click', {bubbles: true, cancelable: true}))")  # fmt: skip
    assert page.run("return document.querySelector('output').value") == "17 of 18 dumps"


def test_the_link_in_a_row_unfolds_its_section(page: Browser) -> None:
    page.run("document.querySelector('#dumps-table tbody tr:nth-child(3) a').click()")
    assert page.run("return document.getElementById('d3').parentElement.open") is True
    assert page.run("return document.querySelectorAll('details[open]').length") == 1


def test_all_sections_fold_and_unfold(page: Browser) -> None:
    page.run("document.querySelector('[data-fold=open]').click()")
    assert page.run("return document.querySelectorAll('details[open]').length") == 18
    page.run("document.querySelector('[data-fold=\"\"]').click()")
    assert page.run("return document.querySelectorAll('details[open]').length") == 0


def test_without_scripts_the_same_is_there(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "plain.html"
    path.write_text(format_html(several()), encoding="utf-8")
    browser.set_scheme("light", scripts=False)
    browser.open(path)
    browser.set_scheme("light")  # so that the test can ask
    assert browser.run("return document.querySelectorAll('#dumps-table tbody tr').length") == 10
    assert browser.run("return document.querySelector('form').checkVisibility()") is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable_in_light_and_dark(page: Browser, scheme: str) -> None:
    page.set_scheme(scheme)
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    dark = page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(19, 21, 24)"
    assert dark is (scheme == "dark")
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text of this size.
    assert page.run(CONTRASTS) == []


def test_a_narrow_window_does_not_scroll_sideways(page: Browser) -> None:
    assert page.run("return document.documentElement.scrollWidth <= innerWidth") is True


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_folded_sections_are_printed_and_hidden_ones_are_not(page: Browser) -> None:
    everything = pages(page.pdf())
    type_filter(page, "nothing has this")
    assert everything >= pages(page.pdf()) + 5  # 18 sections, hardly more than two on a page of A4
