"""Each example is run as far as it can be run here; a real grammar of PowerShell parses the script."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def test_the_example_dumps_and_their_symbols_are_small() -> None:
    files = [*EXAMPLES.glob("*.dmp"), *(EXAMPLES / "symbols").iterdir()]
    assert len(files) >= 4
    assert sum(file.stat().st_size for file in files) < 1_000_000


@pytest.mark.slow
def test_the_first_look_sets_itself_up_from_a_fresh_copy(tmp_path: Path) -> None:
    copy = tmp_path / "livedump"
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=ignore)
    command = ["sh", str(copy / "examples" / "first-look.sh")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    verdicts = [line for line in result.stdout.splitlines() if line.startswith("Live dump")]
    assert [verdict.split(":")[0] for verdict in verdicts] == [
        "Live dump, taken by Task Manager (certain)",
        "Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)",
    ]
    said = result.stderr.splitlines()
    steps = [line.split()[1] for line in said if line.startswith("first-look.sh: ")]
    assert steps == ["making", "installing", "livedump", "livedump", "done."]
    next_command = shlex.split(said[-1])
    assert Path(next_command[0]).exists()
    assert next_command[1:3] == ["YOUR.dmp", "-y"]


@pytest.mark.lab
@pytest.mark.parametrize("script", ["start-windbg.cmd", "one-dump.cmd"])
def test_the_debuggers_start_command_prints_the_report(lab: Lab, script: str) -> None:
    # The batch file itself needs Windows; what it hands to the debugger runs in the real engine.
    from tests.lab.lab import to_windows

    found = re.search(r'-c "([^"]+)"', (EXAMPLES / script).read_text())
    assert found
    command = found[1].replace("%~dp0", f"{to_windows(EXAMPLES)}\\")
    command = f".load {to_windows(lab.pykd)}; {command}"
    if not command.endswith("; q"):
        command += "; q"
    arguments = [str(lab.cdb), "-z", str(EXAMPLES / "taskmgr.dmp"), "-y", str(EXAMPLES / "symbols"), "-c", command]
    # One pipe for both: Python for Windows wants none of its streams to be a plain file.
    result = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False
    )
    assert b"\nLive dump, taken by Task Manager (certain): 0x161" in result.stdout.replace(b"\r", b"")


@pytest.mark.parametrize("name", ["CreateLiveDump.ps1", "triage.ps1"])
def test_the_powershell_script_is_powershell(name: str) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    source = (EXAMPLES / name).read_bytes()
    tree = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(source)
    assert not tree.root_node.has_error
    broken = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(source.rpartition(b"}")[0])
    assert broken.root_node.has_error  # the grammar does tell


def test_the_powershell_script_deletes_nothing_and_collects_a_live_dump() -> None:
    source = (EXAMPLES / "CreateLiveDump.ps1").read_text()
    assert "Remove-Item" not in source
    assert "-IncludeLiveDump" in source
    assert "Set-ExecutionPolicy" not in source
