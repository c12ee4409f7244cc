"""How large a page of many dumps is, and how long Chromium takes: ``python -m tests.report.page_figures 5000``.

Best of three, with the extensions on PYTHONPATH. Times are those of the browser: until the page is ready, and from a
click on a head until its rows are laid out.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from livedump.report.html import write_html
from tests.report.browser import Browser
from tests.report.many import many_reports

READY = "return 'ready' in document.documentElement.dataset ? performance.now() : null"
SORT = """
const head = [...document.querySelectorAll('#dumps-table thead th')].find(each => each.textContent === arguments[0]);
const began = performance.now();
head.querySelector('button').click();
document.body.offsetHeight;
return performance.now() - began;
"""
COLUMNS = ("Name", "Folder", "Captured at", "Code", "Origin", "Signature")
ROUNDS = 3


def main(count: int) -> None:
    """Prints the figures of a page of so many dumps."""
    with TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        with page.open("w", encoding="utf-8", newline="") as file:
            write_html(many_reports(count), file)
        browser = Browser(Path(folder, "profile"), 1400, 1000)
        try:
            opened = min(_opened(browser, page) for _ in range(ROUNDS))
            sorts = {column: min(browser.run(SORT, column) for _ in range(ROUNDS)) for column in COLUMNS}
        finally:
            browser.close()
        print(f"{count:,} dumps: {page.stat().st_size / 1e6:.1f} MB, ready after {opened / 1000:.2f} s")
        print(", ".join(f"{column} {milliseconds:.0f} ms" for column, milliseconds in sorts.items()))


def _opened(browser: Browser, page: Path) -> float:
    browser.go("about:blank")
    browser.open(page)
    while (ready := browser.run(READY)) is None:
        time.sleep(0.01)
    return float(ready)


if __name__ == "__main__":
    main(int(sys.argv[1]))
