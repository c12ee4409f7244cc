"""examples/triage.cmd, run by Wine's cmd.exe with the stand-in for cdb and the real pykd."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines.transcripts import saved_transcript
from tests.lab.lab import Lab, to_windows
from tests.synth import build

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
NAMES = ("taskmgr-full", "powershell-user")
VERDICTS = {
    "taskmgr-full": "Live dump, taken by Task Manager (certain)",
    "powershell-user": "Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)",
}


@pytest.fixture
def project(tmp_path: Path, lab: Lab) -> Path:
    """A copy of what the script needs. The lab's pykd stands in no folder of extensions, so that it is loaded first."""
    shutil.copytree(ROOT / "extensions", tmp_path / "extensions", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "triage.cmd", tmp_path / "examples")
    commands = (ROOT / "examples" / "triage-commands.txt").read_text(encoding="ascii")
    (tmp_path / "examples" / "triage-commands.txt").write_text(f".load {to_windows(lab.pykd)}\n{commands}")
    return tmp_path


def test_each_dump_of_a_folder_gets_a_log(lab: Lab, project: Path) -> None:
    dumps, logs = project / "my dumps" / "below", project / "my logs"
    dumps.mkdir(parents=True)
    logs.mkdir()
    for name in NAMES:
        shutil.copy(build(name).path, dumps / f"{name} 1.dmp")
    command = ["cmd", "/c", *map(to_windows, (project / "examples" / "triage.cmd", dumps.parent, logs))]
    # No pipe of its own for cmd: what it starts would hold that open.
    script = f"import subprocess; print(subprocess.run({command!r}, stdin=subprocess.DEVNULL).returncode)"
    environment = {
        "CDB": to_windows(lab.host),
        "_NT_SYMBOL_PATH": ";".join(to_windows(build(name).symbols) for name in NAMES),
    }
    done = lab.windows_python(["-c", script], env=environment, timeout=180)
    assert all(f"{name} 1.dmp" in done.stdout for name in NAMES)
    for name in NAMES:
        log = logs / "below" / f"{name} 1.log"
        assert VERDICTS[name] in log.read_text(encoding="latin-1")
        engine, truth = saved_transcript(log), build(name).truth
        assert (engine.bug_check().code, engine.bug_check().parameters) == (truth.code, truth.parameters)
        assert [frame.call_site for frame in engine.stack().frames][:-1] == [frame.site for frame in truth.stack][:-1]
        assert len(engine.modules()) >= len(truth.modules)


def run(lab: Lab, project: Path, *arguments: Path, **environment: str) -> tuple[int, str]:
    """The status of the script and what it printed."""
    command = ["cmd", "/c", to_windows(project / "examples" / "triage.cmd"), *map(to_windows, arguments)]
    # Set there: Wine has a say in some of them.
    script = (
        f"import os, subprocess; os.environ.update({environment!r}); "
        f"print(subprocess.run({command!r}, stdin=subprocess.DEVNULL).returncode)"
    )
    done = lab.windows_python(["-c", script], timeout=180)
    *said, status = done.stdout.splitlines()
    return int(status), "\n".join(said)


def test_dumps_of_one_name_in_several_folders_have_a_log_each(lab: Lab, project: Path) -> None:
    dumps = project / "dumps (all) & more"
    for folder, name in zip(("first", "second"), NAMES):
        (dumps / folder).mkdir(parents=True)
        shutil.copy(build(name).path, dumps / folder / "MEMORY.DMP")
    symbols = ";".join(to_windows(build(name).symbols) for name in NAMES)
    cdb = f'"{to_windows(lab.host)}"'  # as many write it
    status, said = run(lab, project, dumps, project / "logs", CDB=cdb, _NT_SYMBOL_PATH=symbols)
    assert (status, said.count("MEMORY.DMP")) == (0, 2)
    for folder, name in zip(("first", "second"), NAMES):
        assert VERDICTS[name] in (project / "logs" / folder / "MEMORY.log").read_text(encoding="latin-1")


def test_a_name_that_is_a_command_runs_nothing(lab: Lab, project: Path) -> None:
    # None has an exclamation mark: Wine's cmd looks for variables inside the value of one, which Windows' does not.
    folder = project / "dumps" / "b&echo ran&"
    folder.mkdir(parents=True)
    names = ("a&echo ran&.dmp", "100%CDB%.dmp", "a^b.dmp")
    for name in names:
        shutil.copy(build(NAMES[0]).path, folder / name)
    symbols = to_windows(build(NAMES[0]).symbols)
    status, said = run(lab, project, folder.parent, CDB=to_windows(lab.host), _NT_SYMBOL_PATH=symbols)
    assert status == 0
    assert "ran" not in [line.strip() for line in said.splitlines()]
    for name in names:
        assert f"b&echo ran&\\{name}" in said
        assert VERDICTS[NAMES[0]] in (folder / name).with_suffix(".log").read_text(encoding="latin-1")


def test_without_a_symbol_path_no_server_is_asked(lab: Lab, project: Path) -> None:
    dumps = project / "dumps"
    dumps.mkdir()
    shutil.copy(build(NAMES[0]).path, dumps / "a.dmp")
    assert run(lab, project, dumps, CDB=to_windows(lab.host), _NT_SYMBOL_PATH="")[0] == 0
    log = (dumps / "a.log").read_text(encoding="latin-1")
    paths = [line.partition("is: ")[2] for line in log.splitlines() if line.startswith("Symbol search path")]
    assert {path.strip() for path in paths} == {to_windows(dumps)}
    assert "srv*" not in log.lower()


def test_a_missing_debugger_is_said_once(lab: Lab, project: Path) -> None:
    dumps = project / "dumps"
    dumps.mkdir()
    for name in ("a.dmp", "b.dmp"):
        (dumps / name).write_bytes(b"")
    status, said = run(lab, project, dumps)
    assert status == 3
    assert said.strip() == (
        "triage.cmd: there is no cdb: install the Debugging Tools for Windows or WinDbg, or set CDB to its path"
    )
    status, said = run(lab, project, dumps, CDB="C:\\no where\\cdb.exe")
    assert (status, said.strip()) == (3, 'triage.cmd: there is no debugger at "C:\\no where\\cdb.exe"')


def test_the_debugger_of_the_windows_sdk_is_found(lab: Lab, project: Path) -> None:
    dumps = project / "dumps"
    kit = project / "Program Files (x86)" / "Windows Kits" / "10" / "Debuggers" / "x64"
    for folder in (dumps, kit):
        folder.mkdir(parents=True)
    shutil.copy(build(NAMES[0]).path, dumps / "a.dmp")
    for file in lab.host.parent.iterdir():  # its libraries beside it
        (kit / ("cdb.exe" if file.name == "host.exe" else file.name)).symlink_to(file)
    installed = {"ProgramFiles(x86)": to_windows(project / "Program Files (x86)")}
    status, _ = run(lab, project, dumps, _NT_SYMBOL_PATH=to_windows(build(NAMES[0]).symbols), **installed)
    assert status == 0
    assert VERDICTS[NAMES[0]] in (dumps / "a.log").read_text(encoding="latin-1")


def test_the_script_says_how_to_use_it(lab: Lab, project: Path) -> None:
    command = ["cmd", "/c", to_windows(project / "examples" / "triage.cmd")]
    script = f"import subprocess; print(subprocess.run({command!r}, stdin=subprocess.DEVNULL).returncode)"
    done = lab.windows_python(["-c", script], timeout=60)
    assert "usage: triage.cmd FOLDER-OF-DUMPS" in done.stdout
    assert done.stdout.split()[-1] == "2"


def test_the_command_file_ends_the_session() -> None:
    lines = (ROOT / "examples" / "triage-commands.txt").read_text(encoding="ascii").splitlines()
    assert lines[-1] == "q"


def test_the_script_has_windows_lines() -> None:
    data = (ROOT / "examples" / "triage.cmd").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
