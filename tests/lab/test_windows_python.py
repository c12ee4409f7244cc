"""The suite on Windows Python 3.9, the floor of everything that runs inside WinDbg."""

from __future__ import annotations

from pathlib import Path

import pytest

from .lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CORE = ("model", "reference", "analysis", "report", "dumpfile", "symbols", "frontends/test_command_line.py")


def test_the_core_passes_on_windows_python(lab_2017: Lab) -> None:
    folders = [f"tests/{name}" for name in CORE]
    paths = [ROOT / "extensions", ROOT]
    arguments = ["-q", "-m", "not lab", *folders]
    # What needs Debian's compilers is skipped there, and runs on Linux.
    result = lab_2017.windows_pytest(arguments, ROOT, python_path=paths, env={"CI": "false"}, timeout=540)
    assert result.returncode == 0, "\n".join(line[:200] for line in result.stdout.splitlines()[-40:])
    assert " passed" in result.stdout
