"""A real headless Chromium that records what a page asks for and complains about."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """One Chromium with a profile of its own."""

    def __init__(self, profile: Path, width: int = 1360, height: int = 1000) -> None:
        from selenium.webdriver import Chrome, ChromeOptions, ChromeService

        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._chrome: Chrome = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))

    def open(self, path: Path) -> None:
        """Shows a file, and forgets what earlier ones logged."""
        self.console()
        self.requests()
        self._chrome.get(path.as_uri())

    def go(self, address: str) -> None:
        """Shows what is at an address, with its fragment."""
        self._chrome.get(address)

    def resize(self, width: int, height: int) -> None:
        """Makes the page so large, and waits until it knows: it hears of that before it draws its next frame."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.run("return new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn())))")

    def inject(self, script: str) -> None:
        """Runs a script in the page's world though its own policy would not."""
        self._chrome.execute_cdp_cmd("Runtime.evaluate", {"expression": script})

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns."""
        return self._chrome.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Keys, sent to whatever has the focus."""
        self._chrome.switch_to.active_element.send_keys(*keys)

    def console(self) -> list[str]:
        """What the console logged since it was asked before: errors, warnings, refusals by the page's own policy."""
        return [entry["message"] for entry in self._chrome.get_log("browser")]

    def requests(self) -> list[str]:
        """All addresses that were asked for since it was asked before."""
        events = [json.loads(entry["message"])["message"] for entry in self._chrome.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def set_scheme(self, scheme: str, *, scripts: bool = True) -> None:
        """``light`` or ``dark``; scripts off from the next page on."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self._chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})

    def set_width(self, pixels: int) -> None:
        """As wide as that is the page from now on."""
        size = {"width": pixels, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self._chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def set_paper(self, paper: bool) -> None:
        """Shows the page as it is printed, or as it is read."""
        self._chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print" if paper else ""})

    def pdf(self) -> bytes:
        """The page as it prints on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        printed: str = self._chrome.execute_cdp_cmd("Page.printToPDF", paper)["data"]
        return base64.b64decode(printed)

    def screenshot(self) -> bytes:
        """The window as PNG."""
        picture: bytes = self._chrome.get_screenshot_as_png()
        return picture

    def picture_of(self, selector: str, scale: float = 1) -> bytes:
        """One element as PNG, whole, so many pixels for each of the page."""
        box = self.run(
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height}",
            selector,
        )
        shot = {"captureBeyondViewport": True, "clip": {**box, "scale": scale}}
        return base64.b64decode(self._chrome.execute_cdp_cmd("Page.captureScreenshot", shot)["data"])

    def close(self) -> None:
        """Ends it."""
        self._chrome.quit()


def require_browser() -> None:
    """Skips the test where Chromium, its driver or selenium is missing; fails it there when CI is true."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    try:
        import selenium  # noqa: F401
    except ImportError:
        missing.append("selenium")
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
