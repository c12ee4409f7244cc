"""What README shows is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livedump.frontends.command_line import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_report_is_the_real_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = re.search(r"```\n\$ livedump (.*)\n([^`]*(?:`(?!``)[^`]*)*)```", README)
    assert shown
    assert main(shown[1].split()) == 0
    assert shown[2] == capsys.readouterr().out


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b((?:examples|extensions|tests)/[\w./-]*\w)", README))))
def test_the_files_it_names_are_there(path: str) -> None:
    assert (ROOT / path).exists()


COMMANDS = set(re.findall(r"^\| `livedump (\w+) ", README, re.MULTILINE))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_commands_it_names_have_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert command in capsys.readouterr().out
