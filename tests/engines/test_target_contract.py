"""One contract for both targets: the file with its PDBs, and the debugger's session through pykd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engines.target_answers import answers
from tests.synth.kernel.layout import BUILDS
from tests.synth.kernel.scenarios import build
from tests.synth.toolchain import ToolchainMissing

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ROOT = Path(__file__).parents[2]


@pytest.mark.lab
@pytest.mark.parametrize("build_name", BUILDS)
def test_both_targets_say_the_same(lab: Lab, build_name: str) -> None:
    from tests.lab.lab import to_windows

    try:
        built = build("quiet", build_name)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    ours: dict[str, Any] = json.loads(json.dumps(answers("native", str(built.path), str(built.symbols))))
    result = lab.pykd_standalone(
        ROOT / "tests" / "engines" / "target_answers.py",
        "pykd",
        to_windows(built.path),
        to_windows(built.symbols),
        python_path=[ROOT / "extensions", ROOT],
        env={"_NT_EXECUTABLE_IMAGE_PATH": to_windows(built.images)},
    )
    assert result.stdout.strip(), result.stderr
    theirs = json.loads(result.stdout.strip().splitlines()[-1])
    assert {name for name, answer in ours.items() if answer != theirs[name]} == set()
    assert len(ours) > 40
    assert ours["layout _KPRCB"] != "error"
    assert ours["layout _NOT_THERE"] == ours["NotThere"] == "error"
