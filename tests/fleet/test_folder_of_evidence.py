"""Nothing that lies beside evidence is run, and nothing is written beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.share import ROOT
from tests.synth import build

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python does not list its own modules")
OWN = ("livedump", "tabulate", "rich", "py7zr", "sitecustomize", "usercustomize")


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A folder with a dump, its symbols as a store, and a trap for every module that Python may look for."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    made = build("taskmgr-full")
    (folder / "x.dmp").write_bytes(Path(made.path).read_bytes())
    for pdb in Path(made.symbols).rglob("*.pdb"):
        place = folder / pdb.relative_to(made.symbols)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(pdb.read_bytes())
    trap = f"open({str(tmp_path / 'sprung')!r}, 'a').write(__name__ + '\\n')\n"
    for name in (*OWN, *sys.stdlib_module_names):
        (folder / f"{name}.py").write_text(trap)
    return folder


def files(folder: Path) -> dict[str, float]:
    """All that lies there, and when it was changed."""
    return {str(path): path.stat().st_mtime for path in folder.rglob("*")}


def starts() -> list[list[str]]:
    """The ways to start the program that README names; the first is what the installed command does."""
    begin = f"import sys; sys.path.insert(0, {str(ROOT / 'extensions')!r})"
    called = "from livedump.frontends.command_line import main; sys.exit(main())"
    installed = [sys.executable, "-I", "-c", f"{begin}; {called}"]
    return [installed, [sys.executable, "-P", "-m", "livedump"]] if sys.version_info >= (3, 11) else [installed]


@pytest.mark.parametrize("start", starts())
@pytest.mark.parametrize("command", ["info", "triage"])
def test_what_lies_in_the_current_folder_is_not_run_and_nothing_is_written_there(
    evidence: Path, tmp_path: Path, start: list[str], command: str
) -> None:
    before = files(evidence)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "extensions"), "PYTHONDONTWRITEBYTECODE": ""}
    for home in ({"HOME": str(tmp_path / "home")}, {}):
        alone = {name: value for name, value in environment.items() if name not in ("HOME", "XDG_CACHE_HOME", "TMPDIR")}
        done = subprocess.run(
            [*start, command, "x.dmp"], cwd=evidence, env={**alone, **home}, capture_output=True, text=True, check=True
        )
        assert "Taskmgr.exe" in done.stdout
    assert not (tmp_path / "sprung").exists(), (tmp_path / "sprung").read_text()
    assert files(evidence) == before


def test_the_scripts_of_windbg_look_for_no_module_in_the_current_folder(evidence: Path, tmp_path: Path) -> None:
    script = ROOT / "extensions" / "livedumphelp.py"
    # As a debugger's own Python would: the script's folder first, and the current one before those of the system.
    places = f"import sys; sys.path[:0] = [{str(script.parent)!r}, '']; "
    subprocess.run(
        [sys.executable, "-I", "-c", f"{places}exec({script.read_text()!r})"],
        cwd=evidence, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not (tmp_path / "sprung").exists(), (tmp_path / "sprung").read_text()
