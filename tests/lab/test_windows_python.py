"""The suite on Windows Python 3.9, the floor of everything that runs inside WinDbg."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fleet.test_folder_of_evidence import OWN
from tests.synth import build

from .lab import Lab, to_windows

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


def test_limits_workers_and_archives_hold_on_windows_python(lab_2017: Lab) -> None:
    files = ("engines/test_own_limits.py", "fleet/test_local.py", "fleet/test_archives.py")
    arguments = ["-q", "-m", "not lab", *(f"tests/{name}" for name in files)]
    result = lab_2017.windows_pytest(
        arguments, ROOT, python_path=[ROOT / "extensions", ROOT], env={"CI": "false"}, timeout=540
    )
    assert result.returncode == 0, "\n".join(line[:200] for line in result.stdout.splitlines()[-40:])
    assert " passed" in result.stdout


@pytest.mark.parametrize("command", ["info", "triage"])
def test_python_39_runs_nothing_that_lies_beside_evidence(lab_2017: Lab, tmp_path: Path, command: str) -> None:
    # As the installed command starts, and as it starts its workers: Python before 3.11 has no other way.
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "x.dmp").write_bytes(build("taskmgr-full").path.read_bytes())
    trap = f"open({to_windows(tmp_path / 'sprung')!r}, 'a').write(__name__ + '\\n')\n"
    traps = {f"{name}.py" for name in (*OWN, *getattr(sys, "stdlib_module_names", ("selectors", "dis", "json")))}
    for name in traps:
        (folder / name).write_text(trap)
    places = [to_windows(ROOT / "extensions"), to_windows(lab_2017.root / "site")]
    called = "from livedump.frontends.command_line import main; sys.exit(main())"
    begin = f"import sys; sys.dont_write_bytecode = True; sys.path[:0] = {places}; {called}"
    result = lab_2017.windows_python(["-I", "-c", begin, command, "x.dmp"], cwd=folder)
    assert "Taskmgr.exe" in result.stdout, result
    assert not (tmp_path / "sprung").exists(), (tmp_path / "sprung").read_text()
    assert {path.name for path in folder.iterdir()} == {*traps, "x.dmp"}
