"""Draws the report on all made-up dumps: ``PYTHONPATH=extensions python -m tests.report.screenshot``.

Arguments: where to (examples/report.png), and light or dark.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from livedump.report.html import format_html
from tests.report.browser import Browser
from tests.report.showcase import showcase

SIZE = 1440, 2480


def main(target: str = "examples/report.png", scheme: str = "light") -> None:
    """Writes the picture: summary, timeline, groups and the table."""
    with TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(format_html(showcase()), encoding="utf-8")
        browser = Browser(Path(folder, "profile"), *SIZE)
        try:
            browser.set_scheme(scheme)
            browser.open(page)
            Path(target).write_bytes(browser.screenshot())
        finally:
            browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
