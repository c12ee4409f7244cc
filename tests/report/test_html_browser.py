"""The HTML report in a real Chromium: silent, asking for nothing, sorted, filtered, printed, readable."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.model.bug_check import BugCheck
from livedump.model.findings import Confidence, Origin, OriginKind
from livedump.model.report import Report
from livedump.report.html import format_html, write_html
from tests.report.browser import Browser, require_browser
from tests.report.many import many_reports
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
    ready(browser)
    return browser


def ready(page: Browser) -> None:
    """Waits until the page's script has read its rows."""
    for _ in range(600):
        if page.run("return 'ready' in document.documentElement.dataset"):
            return
        time.sleep(0.05)
    pytest.fail("the page's script did not end")


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
    captured = "return [...document.querySelectorAll('#dumps-table tbody tr')].map(row => row.cells[2].textContent)"
    head(page, "Captured at")
    up = page.run(captured)
    assert page.run(HEADS + "[2].getAttribute('aria-sort')") == "ascending"
    head(page, "Captured at")
    down = page.run(captured)
    assert page.run(HEADS + "[2].getAttribute('aria-sort')") == "descending"
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
    page.run("document.querySelector('svg [data-find=\"Task Manager\"]').dispatchEvent("
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


CHIPS = "return [...document.querySelectorAll('.chip')].map(each => [each.textContent, each.dataset.state])"


def press_chip(page: Browser, text: str) -> str:
    """What is shown after a chip was pressed."""
    chip = "[...document.querySelectorAll('.chip')].find(each => each.textContent === arguments[0])"
    page.run(f"{chip}.click()", text)
    return str(page.run("return document.querySelector('output').value"))


def shown(page: Browser) -> str:
    return str(page.run("return document.querySelector('output').value"))


@pytest.fixture
def mixed(browser: Browser, tmp_path: Path) -> Browser:
    """The page on twelve dumps of two origins, two codes and two hosts."""
    path = tmp_path / "mixed.html"
    path.write_text(format_html(two_kinds()), encoding="utf-8")
    browser.set_scheme("light")
    browser.open(path)
    ready(browser)
    return browser


def two_kinds() -> list[Report]:
    calm = hostile_report("calm")
    assert calm.origin is not None
    other = Origin(
        OriginKind.WINDOWS_ERROR_REPORTING, "Windows Error Reporting", Confidence.CERTAIN, calm.origin.evidence
    )
    reports = []
    for number in range(12):
        report = calm if number % 3 else calm._replace(origin=other, bug_check=BugCheck(0x1A8, (1, 2, 3, 4)))
        folder = f"\\\\host{number % 2}\\dumps\\PC-{number % 4}"
        reports.append(report._replace(path=f"{folder}\\{number}.dmp", signature=f"s{number}"))
    return reports


def test_the_filter_sees_the_path_and_leaves_out_what_has_a_minus(mixed: Browser) -> None:
    assert type_filter(mixed, "PC-1") == "3 of 12 dumps"
    assert type_filter(mixed, "-PC-1") == "9 of 12 dumps"
    assert type_filter(mixed, "host1 -PC-1") == "3 of 12 dumps"
    assert type_filter(mixed, 'code:0x1a8 -origin:"task manager"') == "4 of 12 dumps"
    assert type_filter(mixed, "host:host0") == "6 of 12 dumps"
    assert type_filter(mixed, 'origin:"task manager" origin:"windows error reporting"') == "12 of 12 dumps"
    assert type_filter(mixed, "nothing:host0") == "0 of 12 dumps"


def test_a_chip_shows_its_dumps_alone_then_leaves_them_out_then_shows_all(mixed: Browser) -> None:
    texts = [text for text, _ in mixed.run(CHIPS)]
    assert texts[:4] == ["Task Manager 8", "Windows Error Reporting 4", "0x161 8", "0x1a8 4"]
    assert press_chip(mixed, "Task Manager 8") == "8 of 12 dumps"
    assert mixed.run("return document.querySelector('.chip').getAttribute('aria-pressed')") == "true"
    assert press_chip(mixed, "Task Manager 8") == "4 of 12 dumps"
    assert press_chip(mixed, "Task Manager 8") == "12 of 12 dumps"
    press_chip(mixed, "0x1a8 4")
    assert press_chip(mixed, "Task Manager 8") == "0 of 12 dumps"


def test_a_link_keeps_the_filter_and_the_order(mixed: Browser) -> None:
    head(mixed, "Name")
    head(mixed, "Name")
    type_filter(mixed, 'host1 origin:"Task Manager"')
    names = "return [...document.querySelectorAll('#dumps-table tbody a')].map(each => each.textContent)"
    before = mixed.run(names)
    address = mixed.run("return location.href")
    assert before == ["11.dmp", "7.dmp", "5.dmp", "1.dmp"]
    mixed.go("about:blank")
    mixed.go(address)
    ready(mixed)
    assert mixed.run(names) == before
    assert shown(mixed) == "4 of 12 dumps"
    type_filter(mixed, "")
    assert mixed.run("return location.hash") == "#sort=-name"


def test_what_can_be_copied_is_what_is_shown(mixed: Browser) -> None:
    mixed.run("window.copied = []; Object.defineProperty(navigator, 'clipboard', {value: {"
              "writeText: text => { window.copied.push(text); return Promise.resolve(); }}})")  # fmt: skip
    type_filter(mixed, "PC-3 host1")
    mixed.run("document.querySelector('[data-do=copy]').click()")
    rows = mixed.run("return window.copied[0]").split("\n")
    assert [row.split("\t")[0] for row in rows] == [rf"\\host1\dumps\PC-3\{number}.dmp" for number in (3, 7, 11)]
    mixed.run("document.getElementById('d4').querySelector('.signature .copy').click()")
    assert mixed.run("return window.copied[1]") == "s3"
    mixed.run("document.getElementById('d4').querySelector('.evidence .copy').click()")
    assert mixed.run("return window.copied[2]") == ".bugcheck; .formats 00546173`6b6d6772"


def test_the_last_column_is_there_or_said_to_be_to_the_right(mixed: Browser) -> None:
    for width in (1400, 800):
        mixed.resize(width, 1000)
        box = "const box = document.getElementById('dumps-box');"
        fits = mixed.run(f"{box} return box.scrollWidth <= box.clientWidth + 2")
        assert mixed.run("return document.getElementById('more-columns').checkVisibility()") is not fits
        assert mixed.run(f"{box} return box.classList.contains('more')") is not fits
        mixed.run(f"{box} box.scrollLeft = 1e6")
        last = "document.querySelector('#dumps-table thead th:last-child').getBoundingClientRect().right"
        assert mixed.run(f"{box} return {last} <= box.getBoundingClientRect().right + 1") is True


def test_people_read_titles(mixed: Browser) -> None:
    text = mixed.run("return document.body.innerText")
    assert "Windows Error Reporting" in text
    assert "windows-error-reporting" not in text


def test_the_summary_and_the_table_are_printed_alone(page: Browser) -> None:
    everything = pages(page.pdf())
    page.run("window.print = () => {}; document.querySelector('[data-do=print]').click()")
    assert pages(page.pdf()) <= everything - 5
    page.run("dispatchEvent(new Event('afterprint'))")
    assert pages(page.pdf()) == everything


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(mixed: Browser, scheme: str) -> None:
    axe_core = pytest.importorskip("axe_core_python")
    script = (Path(axe_core.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    mixed.set_scheme(scheme)
    press_chip(mixed, "0x1a8 4")
    mixed.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    mixed.inject(script)
    found = mixed.run("return axe.run().then(result => result.violations.map(each => [each.id, each.nodes.length,"
                      " each.nodes[0].html.slice(0, 200)]))")  # fmt: skip
    assert found == []


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two thousand dumps."""
    path = tmp_path_factory.mktemp("many") / "many.html"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_html((at(each, number) for number, each in enumerate(two_kinds() * 170)), file)
    return path


def at(report: Report, number: int) -> Report:
    return report._replace(path=rf"D:\dumps\{number % 50}\{number:04}.dmp", signature=f"signature {number % 10}")


def test_of_many_dumps_rows_are_drawn_as_they_are_seen_and_sections_made_when_opened(
    browser: Browser, many: Path
) -> None:
    browser.set_scheme("light")
    browser.open(many)
    ready(browser)
    count = "return document.querySelectorAll('#dumps-table tbody tr').length"
    first = browser.run(count)
    assert 0 < first <= 100
    assert browser.run("return document.querySelectorAll('details').length") == 0
    browser.run("document.getElementById('dumps-box').scrollTop = 1e7")
    browser.run("return new Promise(done => setTimeout(done, 300))")
    assert browser.run(count) > first
    assert type_filter(browser, '"signature 7" 0x1a8') == "68 of 2,040 dumps"
    head(browser, "Name")
    browser.run("document.querySelector('#dumps-table tbody tr:nth-child(2) a').click()")
    for _ in range(100):
        if browser.run("return document.querySelectorAll('details[open]').length"):
            break
        time.sleep(0.05)
    opened = "return document.querySelector('details').querySelector('h3').textContent"
    name = browser.run("return document.querySelector('#dumps-table tbody tr:nth-child(2) a').textContent")
    assert browser.run(opened) == name
    assert browser.run("return document.querySelectorAll('details').length") == 1
    assert browser.console() == []


def test_a_link_to_one_of_many_dumps_opens_its_section(browser: Browser, many: Path) -> None:
    browser.go("about:blank")
    browser.go(f"{many.as_uri()}#d1234")
    ready(browser)
    assert browser.run("return document.getElementById('d1234').parentElement.open") is True
    assert browser.run("return document.querySelector('details h3').textContent") == "1233.dmp"


def test_many_dumps_are_all_printed(browser: Browser, many: Path) -> None:
    browser.open(many)
    ready(browser)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('#dumps-table tbody tr').length") == 2040


def test_rows_that_the_script_draws_are_those_that_stand_in_the_page(mixed: Browser) -> None:
    rows = "[...document.querySelectorAll('#dumps-table tbody tr')].map(each => each.outerHTML)"
    written = re.findall(r"<tr data-section=.*?</tr>", format_html(two_kinds()))
    normal = "const box = document.createElement('tbody'); box.innerHTML = arguments[0]; return box.innerHTML"
    assert mixed.run(f"return {rows}") == [mixed.run(normal, row) for row in written]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, lld-link")
def test_five_thousand_dumps_are_less_than_six_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_html(many_reports(5000), file)
    assert path.stat().st_size < 6_000_000
