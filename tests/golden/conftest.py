"""The golden files: what the program printed when it was last looked at."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest

EXPECTED = Path(__file__).parent / "expected"
Held = Callable[[Path, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Holds a text against the file of that name in ``expected``, or writes it with ``--refresh-golden``."""
    refreshing = bool(request.config.getoption("--refresh-golden"))

    def check(name: str, text: str) -> None:
        path = EXPECTED / name
        if refreshing:
            path.write_bytes(text.encode("utf-8"))
            return
        expected = path.read_bytes().decode("utf-8") if path.exists() else ""
        if text != expected:
            pytest.fail(difference(name, expected, text), pytrace=False)

    return check


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Held:
    """Holds a file against the text that is to be there, or writes it with ``--refresh-golden``."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--refresh-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: pytest tests/golden --refresh-golden writes it"
        assert path.read_text(encoding="utf-8") == text

    return check


def difference(name: str, expected: str, printed: str) -> str:
    """What changed, line by line, and how to accept it."""
    lines = difflib.unified_diff(
        expected.splitlines(), printed.splitlines(), f"expected/{name}", "printed now", lineterm="", n=1
    )
    diff = "\n".join(lines) or "only line ends differ"
    return f"{diff}\n\nIf this is meant, run pytest tests/golden --refresh-golden and read the change of the files."
