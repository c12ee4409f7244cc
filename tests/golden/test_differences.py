"""What is printed about two dumps of made-up machines that went on, against files that a person has read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from tests.analysis.difference.series import Case, dumps

DIFFERENCES = (Case("leak", "20348"), Case("hang", "19041"), Case("other-boot", "22000"))
Golden = Callable[[str, str], None]


@pytest.mark.parametrize("case", DIFFERENCES, ids=str)
def test_differences(
    case: Case, golden: Golden, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = []
    for built, name in zip(dumps(case)[:2], ("before", "after")):
        # Each finds its own symbols in its own folder.
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.dmp").symlink_to(built.path)
        (folder / "symbols").symlink_to(built.symbols)
        names.append(os.path.join(name, f"{name}.dmp"))  # noqa: PTH118 - relative, as it is typed
    monkeypatch.chdir(tmp_path)
    assert main(("diff", *names, "-y", "before/symbols;after/symbols")) == 0
    golden(f"{case.name}.diff.txt", capsys.readouterr().out)
