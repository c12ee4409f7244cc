"""The report that README shows is what the program prints: its upper part, of a made-up system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from tests.engines.test_contract import built_or_skip
from tests.golden.conftest import Held
from tests.synth.__main__ import main as make_dumps

README = Path(__file__).parents[2] / "README.md"
MADE = re.compile(r"`python -m tests\.synth (.+?)`")
SHOWN = re.compile(r"(?<=```\n\$ livedump )(.*)\n((?:.*\n)+?)(?=```\n)")
"""The command, and what it printed."""
REST = "\nFile "
"""With what README does not show a paragraph begins."""


def test_the_report_is_the_real_one(
    held: Held, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = README.read_text(encoding="utf-8")
    made, shown = MADE.search(text), SHOWN.search(text)
    assert made
    assert shown
    arguments = made[1].split()
    built_or_skip(arguments[-1])
    monkeypatch.chdir(tmp_path)
    make_dumps(arguments)
    capsys.readouterr()
    assert main(shown[1].split()) == 0
    upper, rest, _ = capsys.readouterr().out.partition(REST)
    assert rest
    held(README, text.replace(shown[2], upper))
