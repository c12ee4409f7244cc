"""The package that WinDbg finds by itself: written, read by Microsoft's engine of today, its script run by Node."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livedump.frontends import gallery
from livedump.frontends.command_line import main
from livedump.frontends.questions import QUESTIONS, find_question
from livedump.frontends.tools import windbg_tools
from livedump.frontends.windbg import command_of, options_for
from livedump.frontends.windbg_scripts import command_names
from tests.engines.test_contract import built_or_skip

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ROOT = Path(__file__).parents[2]
VERSION = gallery.package_version()
STANDING = "livedump: without pykd, by the installed program (all commands: !livedumphelp)"


def installed(folder: Path) -> Path:
    assert main(["windbg", "install", "--folder", str(folder)]) == 0
    return folder / "livedump" / VERSION


def test_what_is_installed_runs_from_its_own_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    place = installed(tmp_path / "User Extensions")
    said = capsys.readouterr().out
    assert said.startswith(f"installed {place}\n")
    assert f"Python    {sys.version.split()[0]}, {sys.executable}\n" in said
    assert {f"livedump{name}.py" for name in command_names()} <= {path.name for path in place.iterdir()}
    assert not list(place.rglob("__pycache__"))
    evil = tmp_path / "evidence"
    evil.mkdir()
    (evil / "dis.py").write_text("raise SystemExit('a module of the folder of evidence was run')\n")
    command = [sys.executable, str(place / "livedumpshell.py"), "codes", "161"]
    done = subprocess.run(command, cwd=evil, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("LIVE_SYSTEM_DUMP (161)")


def test_installing_again_replaces_and_uninstalling_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = installed(tmp_path)
    (place / "old.py").write_text("")
    (tmp_path / "livedump" / "0.0.0.1").mkdir()
    installed(tmp_path)
    assert not (place / "old.py").exists()
    assert [path.name for path in (tmp_path / "livedump").iterdir() if path.is_dir()] == [VERSION]
    capsys.readouterr()
    for words in ("taken away", "there was nothing of livedump"):
        assert main(["windbg", "uninstall", "--folder", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"{tmp_path / 'livedump'}: {words}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_a_folder_of_somebody_else_is_left_alone(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "livedump").mkdir()
    (tmp_path / "livedump" / "precious.txt").write_text("keep me")
    assert main(["windbg", action, "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "livedump" / "precious.txt").exists()


def test_check_says_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_NT_SYMBOL_PATH", "srv*C:\\symbols*https://name:secret@server/symbols")
    monkeypatch.setenv("_NT_ALT_SYMBOL_PATH", "D:\\own")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert main(["windbg", "check"]) == 1
    missing = capsys.readouterr().out
    assert "not installed: livedump windbg install\n" in missing
    assert "pykd.dll is in none of WinDbg's folders" in missing
    assert "secret" not in missing
    assert "symbols   D:\\own;srv*C:\\symbols*https://" in missing
    assert main(["windbg", "install"]) == 0
    capsys.readouterr()
    assert main(["windbg", "check"]) == 0
    folder = tmp_path / "Dbg" / "UserExtensions" / "livedump"
    assert capsys.readouterr().out.startswith(f"package   {folder}: installed\n")


def test_without_a_profile_the_folder_must_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert main(["windbg", "install"]) == 2
    assert "with --folder\n" in capsys.readouterr().err


def test_a_path_that_means_something_to_the_debugger_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["windbg", "install", "--folder", str(tmp_path / "a;b")]) == 2
    assert "cannot be given to the debugger" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


HOST = """\
const calls = [], printed = [];
let commands = [];
globalThis.host = {
    namespace: { Debugger: { Utility: { Control: { ExecuteCommand(command) {
        calls.push(command);
        if (command.startsWith("$$><")) { commands = %s; return ["livedump: by pykd"]; }
        if (commands.some(name => command.split(" ")[0] === "!livedump" + name)) { return ["answer to", command]; }
        if (!%s) { throw new Error("no session"); }
        return aliases[command.split(" ")[0].slice(1)]() || [];
    } } } } },
    diagnostics: { debugLog(text) { printed.push(text); } },
    apiVersionSupport: class { constructor(...numbers) { this.version = numbers; } },
    functionAlias: class { constructor(run, name) { this.run = run; this.name = name; } },
    namespacePropertyParent: class { constructor(model, ...names) { this.model = model; this.names = names; } },
};
"""
RUN = """\
const records = initializeScript();
const aliases = Object.fromEntries(records.filter(each => each.name).map(each => [each.name, each.run]));
const parent = records.find(each => each.model);
const tools = new parent.model();
function tried(work) { try { return work(); } catch (error) { return "Error: " + error.message; } }
const results = %s.map(source => tried(() => eval(source)));
console.log(JSON.stringify({ calls, printed, results, names: parent.names, aliases: Object.keys(aliases) }));
"""


def run_by_node(tmp_path: Path, *sources: str, defines: bool = True) -> dict[str, Any]:
    """What the script did on a made-up host, when these expressions were evaluated behind it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    known = json.dumps([command_of(name)[len("!livedump") :] for name in command_names()] if defines else ())
    program = tmp_path / "program.js"
    script = gallery.script(r"C:\a folder\livedump\1.0")
    program.write_text(HOST % (known, "true") + script + RUN % json.dumps(sources))
    done = subprocess.run([node, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


START = r"$$><C:\a folder\livedump\1.0\livedump.wds"


def test_the_script_defines_the_commands_once_when_it_is_loaded(tmp_path: Path) -> None:
    found = run_by_node(tmp_path, "aliases.livedumpinfo()", "aliases.livedumpcodes(0x161)")
    assert found["calls"] == [START, "!livedumpinfo", "!livedumpcodes 0x161"]
    assert [f"!{alias}" for alias in found["aliases"]] == list(map(command_of, command_names()))
    assert found["printed"][:3] == ["livedump: by pykd\n", "answer to\n", "!livedumpinfo\n"]


def test_each_tool_asks_its_question_and_gives_the_answer_as_text(tmp_path: Path) -> None:
    found = run_by_node(
        tmp_path,
        "tools.Report(undefined)",
        "tools.Stacks(undefined, 'Task Host.exe', '8a8', '10')",
        "tools.Codes('0x141')",
        "tools.Waits()",
        "tools.Memory()",
    )
    assert found["names"][1:] == ["Debugger.Models.Utility.LiveDump", "LiveDump"]
    asked = [
        "!livedumpinfo --assistant",
        '!livedumpstacks --assistant --process "Task Host.exe" --thread 8a8 --cursor 10',
        "!livedumpcodes --assistant 0x141",
        "!livedumpwaits --assistant",
        "!livedumpmemory --assistant",
    ]
    assert found["calls"][1:] == asked
    assert found["results"] == [f"answer to\n{each}" for each in asked]
    understood = options_for(find_question("stacks")).parse_args(shlex.split(asked[1])[1:])
    assert (understood.process, understood.thread, understood.cursor) == ("Task Host.exe", "8a8", "10")


def test_what_the_debugger_says_of_its_shell_is_no_part_of_an_answer(tmp_path: Path) -> None:
    shell = '["<.shell waiting 1 second(s) for process>", "text", ".shell: Process exited"]'
    execute = f"host.namespace.Debugger.Utility.Control.ExecuteCommand = command => {shell}"
    assert run_by_node(tmp_path, execute, "tools.Waits()")["results"][1] == "text"


def test_every_tool_of_the_list_is_a_method(tmp_path: Path) -> None:
    methods = [re.search(r"\.(\w+)$", each) for each in re.findall(r'ModelFunction="([^"]+)"', gallery.manifest())]
    names = [each.group(1) for each in methods if each]
    found = run_by_node(tmp_path, *(f"typeof tools.{name}" for name in names))
    assert found["results"] == ["function"] * len(windbg_tools())


@pytest.mark.parametrize("value", ['x"; .shell calc; "', "a;q", "$$><x", "%TEMP%", "a|b", "x\\n.kill", "{x}", "-oC:x"])
def test_no_value_of_a_tool_becomes_a_command_or_an_option(value: str, tmp_path: Path) -> None:
    source = f"tools.Stacks({json.dumps(value)})".replace("\\\\n", "\\n")
    found = run_by_node(tmp_path, source, source.replace("Stacks", "Codes"))
    assert all(str(each).startswith("Error: livedump: ") for each in found["results"])
    assert found["calls"][1:] == []


def test_commands_that_are_not_defined_are_told_and_call_nothing_for_ever(tmp_path: Path) -> None:
    found = run_by_node(tmp_path, "tools.Report()", defines=False)
    assert found["results"] == [r"Error: livedump: C:\a folder\livedump\1.0\livedump.wds did not define the commands"]


def _within_temp(folder: str, names: list[str]) -> list[str]:
    return names if Path(folder).name == "Temp" else []


@pytest.fixture(scope="session")
def fresh_profile(lab_today: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The lab with a profile of its own, in which nothing is installed."""
    from tests.lab.lab import Lab

    root = tmp_path_factory.mktemp("profile")
    shutil.copy2(lab_today.root / "wine.sh", root)
    for name in ("engines", "python", "site", "no-symbols"):
        (root / name).symlink_to(lab_today.root / name)
    prefix, drive = lab_today.root / "prefix", root / "prefix" / "drive_c"
    drive.mkdir(parents=True)
    for path in (*prefix.glob("*.reg"), *prefix.glob(".update-timestamp")):
        shutil.copy2(path, root / "prefix")
    shutil.copytree(prefix / "dosdevices", root / "prefix" / "dosdevices", symlinks=True)
    for path in (prefix / "drive_c").iterdir():
        if path.name == "users":
            # What other programs of the lab have in Temp comes and goes; .shell needs the folder.
            shutil.copytree(path, drive / path.name, symlinks=True, ignore=_within_temp)
        else:
            (drive / path.name).symlink_to(path)
    return Lab(root, lab_today.engine)


@pytest.fixture(scope="session")
def profile(fresh_profile: Lab) -> Lab:
    """The same, with the package installed by a Windows Python."""
    lab = fresh_profile
    done = lab.windows_python(["-m", "livedump", "windbg", "install"], python_path=[ROOT / "extensions"], cwd=lab.root)
    assert "installed C:\\users\\" in done.stdout, done
    return lab


@pytest.mark.lab
def test_the_engine_counts_the_package_and_knows_each_alias_with_its_help(profile: Lab) -> None:
    built = built_or_skip("wer-141-full")
    result = profile.debugger(built.path, "dx -r12 Debugger.State.ExtensionGallery.ExtensionRepositories")
    assert "UserExtensions, Enabled: true, Packages count: 1" in result.stdout
    said = " ".join(result.outputs[0].split())
    for question in QUESTIONS:
        assert f"livedump{question.name}" in said
        assert gallery.syntax_of(question) in said
        assert question.what in said


@pytest.mark.lab
def test_the_engine_knows_each_tool_for_assistants(profile: Lab) -> None:
    built = built_or_skip("wer-141-full")
    said = " ".join(profile.debugger(built.path, "dx -r9 Debugger.State.MCP.Tools").outputs[0].split())
    for tool in windbg_tools():
        assert tool.listed_name in said
        assert f"Debugger.Utility.LiveDump.{tool.name.capitalize()}" in said
        assert tool.what in said
        assert all(each.name in said and each.what in said for each in tool.in_open_dump)


@pytest.mark.lab
def test_what_is_installed_answers_in_the_engine(profile: Lab) -> None:
    # The engine has no provider for JavaScript here: what the script would run is typed.
    built = built_or_skip("wer-141-full")
    start = rf"$$><C:\users\root\AppData\Local\Dbg\UserExtensions\livedump\{VERSION}\livedump.wds"
    commands = [start.replace("root", user_of(profile)), "!livedumpcodes 0x161", "!livedumpsignature"]
    result = profile.debugger(built.path, commands, symbol_path=str(built.symbols), timeout=150)
    first, codes, signature = result.outputs
    assert first == f"{STANDING}\n"
    assert "LIVE_SYSTEM_DUMP (161)\n" in codes
    assert "0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | nvlddmkm\t" in signature


def user_of(lab: Lab) -> str:
    users = lab.root / "prefix" / "drive_c" / "users"
    return next(
        path.name for path in users.iterdir() if (path / "AppData" / "Local").is_dir() and path.name != "Public"
    )


@pytest.mark.lab
def test_uninstalled_nothing_is_counted(fresh_profile: Lab, profile: Lab) -> None:
    arguments = ["-m", "livedump", "windbg", "uninstall"]
    done = profile.windows_python(arguments, python_path=[ROOT / "extensions"], cwd=profile.root)
    assert done.stdout.endswith("taken away\n")
    try:
        result = profile.debugger(built_or_skip("wer-141-full").path, "||")
        assert "UserExtensions, Enabled: true, Packages count: 1" not in result.stdout
    finally:
        arguments[-1] = "install"
        profile.windows_python(arguments, python_path=[ROOT / "extensions"], cwd=fresh_profile.root)
