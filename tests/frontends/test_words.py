"""The words of a line: files without a command, names that debuggers use, patterns, lists, and what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.frontends.command_line import main
from livedump.frontends.named_files import named_files
from livedump.frontends.questions import COMMANDS
from tests.frontends.test_command_line import EXAMPLES, POWERSHELL, ROOT, SYMBOLS, TASKMGR, run, surroundings
from tests.synth import build

if TYPE_CHECKING:
    from tests.lab.lab import Lab

Call = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """What one call of the command printed: status, stdout, stderr."""

    def done(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        return (status, *capsys.readouterr())

    return done


def test_files_alone_ask_for_their_reports(call: Call) -> None:
    asked = call("info", TASKMGR, POWERSHELL, "-y", SYMBOLS)
    assert call(TASKMGR, POWERSHELL, "-y", SYMBOLS) == asked
    assert call("--symbols", SYMBOLS, TASKMGR, POWERSHELL) == asked


def test_a_file_that_is_not_there_is_still_taken_for_one(call: Call) -> None:
    status, _, err = call("nothing.dmp")
    assert (status, err.startswith("livedump: cannot open nothing.dmp: "), err.count("\n")) == (1, True, 1)


ALIASES = {"k": "stack", "kn": "stack", "lm": "modules", "ps": "processes", "analyze": "info", "vm": "memory"}


@pytest.mark.parametrize("alias", ALIASES)
def test_names_that_debuggers_use(call: Call, alias: str) -> None:
    assert call(alias, TASKMGR, "-y", SYMBOLS) == call(ALIASES[alias], TASKMGR, "-y", SYMBOLS)


def test_no_name_means_two_commands() -> None:
    names = [name for command in COMMANDS for name in command.names]
    assert len(names) == len(set(names))


def test_a_pattern_stands_for_files_in_order(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    assert call("info", "*.dmp", "--format", "csv") == call("info", "powershell.dmp", "taskmgr.dmp", "--format", "csv")
    assert named_files(["no*.dmp"]) == ["no*.dmp"]


def test_a_file_whose_name_is_a_pattern_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a[1].dmp", "a1.dmp", "@list"):
        Path(name).touch()
    assert named_files(["a[1].dmp", "@list"]) == ["a[1].dmp", "@list"]


@pytest.mark.lab
def test_patterns_work_where_no_shell_replaces_them(lab: Lab, tmp_path: Path) -> None:
    for name in (TASKMGR, POWERSHELL):
        shutil.copy(name, tmp_path)
    words = ["-m", "livedump", "info", "*.dmp", "--no-symptoms", "--format", "csv"]
    done = lab.windows_python(words, python_path=[ROOT / "extensions"], cwd=tmp_path)
    assert [line.split(",")[1] for line in done.stdout.split()[1:] if ".dmp" in line] == [
        "powershell.dmp",
        "taskmgr.dmp",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_names_files(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.txt").write_text("dümp one.dmp\n\n  /b/two.dmp  \n", encoding=encoding)
    assert named_files(["first", f"@{tmp_path / 'list.txt'}"]) == ["first", "dümp one.dmp", "/b/two.dmp"]


def test_a_list_may_come_from_another_program() -> None:
    done = run("info", "@-", "--format", "csv", stdin=f"{TASKMGR}\n{POWERSHELL}\n".encode())
    assert [line.split(b",")[1] for line in done.stdout.splitlines()[1:]] == [b"taskmgr.dmp", b"powershell.dmp"]


WRONG = {
    ("ifno", "x.dmp"): "livedump: ifno is neither a command nor a file; did you mean info?",
    ("info", TASKMGR, "--fromat", "csv"): "livedump info: --fromat is no option; did you mean --format?",
    ("info", TASKMGR, "--format", "jsn"): (
        "livedump info: argument --format: 'jsn' is none of table, json, jsonl, csv, markdown, html; did you mean json?"
    ),
    ("info", TASKMGR, "--timeout", "soon"): "livedump info: argument --timeout: 'soon' is no number of seconds above 0",
    ("info", TASKMGR, "--memory", "0"): "livedump info: argument --memory: '0' is no number of at least 1",
    ("info", "@nowhere"): "livedump info: nowhere: the list cannot be read: No such file or directory",
    ("stack", TASKMGR, "--processor", "x"): "livedump stack: argument --processor: 'x' is not a whole number",
    ("running", TASKMGR, "--time", "0.5"): "livedump running: argument --time: '0.5' is not a whole number",
    ("codes", "161", "162"): "livedump codes: 162 is nothing that this command takes",
    ("completion", "zhs"): "livedump completion: argument bash|zsh|fish|powershell: 'zhs' is none of bash, zsh, fish, "
    "powershell; did you mean zsh?",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_in_one_line_with_what_is_right(call: Call, words: tuple[str, ...]) -> None:
    status, out, err = call(*words)
    command = "livedump" if words[0] == "ifno" else f"livedump {words[0]}"
    assert (status, out) == (2, "")
    assert err == f"{WRONG[words]}; '{command} --help' tells what there is\n"


@pytest.mark.parametrize(
    ("words", "file", "error"),
    [
        (("info", TASKMGR, "-o"), "no/such/folder.txt", "No such file or directory"),
        (("modules", TASKMGR, "--format", "csv", "-o"), "/", "Is a directory"),
        (("share", TASKMGR, "-o"), "lost/x.zip", "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_with_the_reason(
    call: Call, words: tuple[str, ...], file: str, error: str
) -> None:
    status, out, err = call(*words, file)
    assert (status, out) == (2, "")
    shown = "/" if file == "/" else "" if words[0] == "share" else file  # share names no files
    assert err.startswith(f"livedump: {shown}")
    assert err.endswith(f": {error}\n")
    assert "Errno" not in err


@pytest.mark.parametrize("question", ["thread", "waits", "memory", "running"])
def test_of_a_triage_dump_it_is_said_what_it_does_not_hold(call: Call, question: str) -> None:
    status, out, err = call(question, str(build("triage-live-141").path))
    assert status == 1
    assert "the dump does not hold the lists of processors, processes and threads" in out + err


def test_words_cannot_reach_the_terminal(call: Call) -> None:
    _, _, err = call("info", TASKMGR, "--\x1b[31mred")
    assert "\x1b" not in err


def test_without_tabulate_it_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tabulate.py").write_text("raise ModuleNotFoundError('hidden', name='tabulate')\n")
    paths = os.pathsep.join((str(tmp_path), str(ROOT / "extensions")))
    done = run("info", TASKMGR, PYTHONPATH=paths)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"livedump: tables need the package tabulate: pip install tabulate\n"
    assert run("info", TASKMGR, "--format", "json", PYTHONPATH=paths).returncode == 0


def test_advice_names_no_package_that_is_on_no_index() -> None:
    for path in (ROOT / "extensions").rglob("*.py"):
        assert "install livedump" not in path.read_text(encoding="utf-8"), path


SHELLS = {
    "bash": 'eval "$(livedump completion bash)"; COMP_LINE="{0}"; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({0}); '
    'COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9; _python_argcomplete livedump; echo "${{COMPREPLY[@]}}"',
    "fish": 'livedump completion fish | source; complete -C "{0}"',
}
"""A line in each shell that shows what it would complete."""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("livedump mod", {"modules"}),
        ("livedump stack --pro", {"--processor"}),
        ("livedump info --engine na", {"native"}),
        ("livedump triage --form", {"--format"}),
    ],
)
def test_shells_complete_commands_options_and_values(
    shell: str, line: str, completed: set[str], tmp_path: Path
) -> None:
    pytest.importorskip("argcomplete")
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    program = tmp_path / "livedump"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m livedump "$@"\n')
    program.chmod(0o755)
    env = {**surroundings(), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    command = [shell, "-c", SHELLS[shell].format(line)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)
    found = {word for each in done.stdout.splitlines() for word in each.partition("\t")[0].split()}
    assert found == completed, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_a_script(call: Call, shell: str) -> None:
    pytest.importorskip("argcomplete")
    status, out, _ = call("completion", shell)
    assert status == 0
    assert "_ARGCOMPLETE" in out
