"""What the lab promises, tried on the real engine and the real pykd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .lab import Lab, LabTimeout, LabUnavailable, available, require, to_windows
from .setup_lab import InstallError, install, is_installed

pytestmark = pytest.mark.lab

DUMPS = Path(__file__).resolve().parents[3] / "shared" / "samples" / "dumps"

# From the sample log of the same file: "Arg1: 00007ffe7350d0c4", "Arg2: 2", "Arg4: ffffa704eeb6bec0".
BUGCHECK_4A = """\
Bugcheck code 0000004A
Arguments 00007ffe`7350d0c4 00000000`00000002 00000000`00000000 ffffa704`eeb6bec0
"""
BUGCHECK_7E = """\
Bugcheck code 1000007E
Arguments ffffffff`c0000005 fffff804`8b58334c ffff8504`29891ee8 ffff8504`29891720
"""
PYKD_SCRIPT = """\
import sys
import pykd
if not pykd.isWindbgExt():
    pykd.initialize()
    pykd.loadDump(sys.argv[1])
print(" ".join("%x" % value for value in pykd.bugCheckData()))
"""
PYKD_7E = "1000007e ffffffffc0000005 fffff8048b58334c ffff850429891ee8 ffff850429891720"


@pytest.fixture
def dump_4a() -> Path:
    return sample("083125-14875-01.dmp")


@pytest.fixture
def dump_7e() -> Path:
    return sample("triage_x64.dmp")


def sample(name: str) -> Path:
    path = DUMPS / name
    if not path.is_file():
        pytest.skip(f"no sample {path}")
    return path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "bugcheck.py"
    path.write_text(PYKD_SCRIPT)
    return path


def cdb(lab: Lab, *switches: str, stdin: str = "", cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    """What the stand-in did; with a time limit, and standard input that ends."""
    return subprocess.run(
        [str(lab.cdb), *switches], input=stdin, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_lab_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVEDUMP_LAB", str(tmp_path / "nothing"))
    assert available() == "the lab is not installed: python -m tests.lab"
    with pytest.raises(LabUnavailable, match=r"python -m tests\.lab"):
        require()


def test_installing_over_something_else_is_refused(
    lab_2017: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert is_installed(lab_2017.root)
    (tmp_path / "precious.txt").write_text("keep me")
    monkeypatch.setenv("LIVEDUMP_LAB", str(tmp_path))
    with pytest.raises(InstallError, match="something else than a lab"):
        install()
    assert (tmp_path / "precious.txt").exists()


def test_engine_prints_the_bug_check_of_each_sample(lab: Lab, dump_4a: Path, dump_7e: Path) -> None:
    assert lab.debugger(dump_4a, ".bugcheck").outputs == [BUGCHECK_4A]
    assert lab.debugger(dump_7e, ".bugcheck").outputs == [BUGCHECK_7E]


def test_each_command_has_its_own_output(lab: Lab, dump_7e: Path) -> None:
    result = lab.debugger(dump_7e, [".echo one", "", ".echo two; .echo three"])
    assert result.outputs == ["one\n", "", "two\nthree\n"]
    assert "lab-" not in result.text


def test_a_command_that_ends_the_session_is_the_last(lab: Lab, dump_7e: Path) -> None:
    assert lab.debugger(dump_7e, [".echo one", "q", ".echo never"]).outputs == ["one\n", "quit:\n"]


def test_a_command_must_be_one_line(lab: Lab) -> None:
    with pytest.raises(ValueError, match="one line"):
        lab.debugger(None, ".echo one\n.echo two")


def test_pykd_gives_the_same_bug_check_inside_and_outside(lab: Lab, dump_7e: Path, script: Path) -> None:
    inside = lab.debugger(dump_7e, f"!py {to_windows(script)}", load_pykd=True)
    outside = lab.pykd_standalone(script, to_windows(dump_7e))
    assert inside.outputs == [f"{PYKD_7E}\n"]
    assert outside.stdout.endswith(f"{PYKD_7E}\n")


def test_an_alias_runs_a_script_as_a_bang_command(lab: Lab, dump_7e: Path, script: Path) -> None:
    commands = [f"as !livedumpinfo !py {to_windows(script)}", "!livedumpinfo", ".echo before; !livedumpinfo"]
    outputs = lab.debugger(dump_7e, commands, load_pykd=True).outputs
    assert outputs == ["", f"{PYKD_7E}\n", f"before\n{PYKD_7E}\n"]


def test_a_script_file_defines_an_alias_that_ends_at_its_line(
    lab: Lab, dump_7e: Path, script: Path, tmp_path: Path
) -> None:
    # "$$><" joins the lines with semicolons, and "as" takes them into the alias; "aS" stops there.
    file = tmp_path / "setup.wds"
    file.write_text(f".load {to_windows(lab.pykd)}\naS !livedumpinfo !py {to_windows(script)}\n.echo ready\n")
    outputs = lab.debugger(dump_7e, [f"$$><{to_windows(file)}", "!livedumpinfo"]).outputs
    assert outputs == ["ready\n", f"{PYKD_7E}\n"]


def test_a_session_without_a_dump_runs_commands_and_scripts(lab_2017: Lab, tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("print('hello')\n")
    outputs = lab_2017.debugger(None, [".bugcheck", f"!py {to_windows(script)}"], load_pykd=True).outputs
    assert "Syntax error in '.bugcheck'" in outputs[0]
    assert outputs[1].endswith("hello\n")


def test_a_script_loses_its_arguments_inside_the_engine(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    # pykd.pyd without its bootstrapper hands over as many arguments as there were, with freed text.
    script = tmp_path / "arguments.py"
    script.write_text("import sys\nprint(len(sys.argv), sys.argv[0])\n")
    path = to_windows(script)
    outputs = lab.debugger(dump_7e, [f"!py {path}", f"!py {path} alpha beta"], load_pykd=True).outputs
    assert outputs == [f"1 {path}\n", f"3 {path}\n"]


def test_dml_markup_is_seen_only_when_asked_for(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    script = tmp_path / "dml.py"
    script.write_text("import pykd\npykd.dprintln('<b>bold</b> &amp;', True)\npykd.dprintln('<b> &')\n")
    command = f"!py {to_windows(script)}"
    plain = lab.debugger(dump_7e, command, load_pykd=True).outputs[0]
    markup = lab.debugger(dump_7e, command, load_pykd=True, dml=True).outputs[0]
    assert plain == "bold &\n<b> &\n"
    assert markup == "<b>bold</b> &amp;\n&lt;b&gt; &amp;\n"


def test_python_path_reaches_both_kinds_of_python(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "answer.py").write_text("ANSWER = 42\n")
    script = tmp_path / "ask.py"
    script.write_text("import answer, tabulate\nprint(answer.ANSWER, tabulate.__version__)\n")
    paths = [tmp_path / "library"]
    inside = lab.debugger(dump_7e, f"!py {to_windows(script)}", python_path=paths, load_pykd=True)
    assert inside.outputs == ["42 0.9.0\n"]
    assert lab.pykd_standalone(script, python_path=paths).stdout == "42 0.9.0\n"


def test_arguments_and_environment_reach_a_standalone_script(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "arguments.py"
    script.write_text("import os, sys\nprint(sys.argv[1:], os.environ['COLOUR'])\nsys.exit(3)\n")
    result = lab.pykd_standalone(script, "a b", '"', "", env={"COLOUR": "blue"})
    assert result.stdout == "['a b', '\"', ''] blue\n"
    assert result.returncode == 3


def test_pytest_runs_on_the_windows_python(lab_2017: Lab, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import os, sys, hypothesis, jsonschema\n"
        "def test_windows(tmp_path): assert os.name == 'nt' and sys.version_info[:2] == (3, 9)\n"
        "def test_wrong(): assert 1 == 2\n"
    )
    result = lab_2017.windows_pytest(["-q"], tmp_path)
    assert "1 failed, 1 passed" in result.stdout
    assert result.returncode == 1


def test_a_time_limit_ends_a_command_that_waits_for_input(lab_2017: Lab, dump_7e: Path) -> None:
    # "!py" alone is Python's own prompt, which reads from the debugger's and gets nothing.
    with pytest.raises(LabTimeout) as caught:
        lab_2017.debugger(dump_7e, [".echo first", "!py", ".echo never"], load_pykd=True, timeout=6)
    assert "first\n" in caught.value.result.text
    assert "never" not in caught.value.result.text


def test_a_time_limit_kills_everything(lab_2017: Lab, tmp_path: Path) -> None:
    script = tmp_path / "sleep.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "if len(sys.argv) == 1: subprocess.Popen([sys.executable, __file__, 'child'])\n"
        "print('up', flush=True)\n"
        "time.sleep(300)\n"
    )
    with pytest.raises(LabTimeout) as caught:
        lab_2017.pykd_standalone(script, timeout=10)
    assert caught.value.result.stdout.startswith("up\n")
    # A script without arguments started itself again with one; neither is left.
    assert not [folder for folder in Path("/proc").glob("[0-9]*") if str(script) in command_line(folder)]


def command_line(folder: Path) -> str:
    """The command line of a process, with Linux slashes; empty when the process is gone."""
    try:
        return (folder / "cmdline").read_text(errors="replace").replace("\\", "/")
    except OSError:
        return ""


def test_cdb_prints_as_cdb_does(lab: Lab, dump_7e: Path) -> None:
    done = cdb(lab, "-z", str(dump_7e), "-y", "/nowhere", "-lines", "-sins", "-noshell", "-c", ".bugcheck; q")
    assert done.returncode == 0
    if lab.engine == "2017":
        assert done.stdout.lstrip().startswith("Microsoft (R) Windows Debugger Version 10.0.15063.400 AMD64\n")
    else:
        assert done.stdout.lstrip().startswith("************* Preparing the environment for Debugger Extensions")
        assert "\nMicrosoft (R) Windows Debugger Version 10.0." in done.stdout
    assert f"Loading Dump File [{to_windows(dump_7e)}]\n" in done.stdout
    assert done.stdout.endswith(f"0: kd> cdb: Reading initial command '.bugcheck; q'\n{BUGCHECK_7E}quit:\n")


def test_cdb_reads_a_command_file_and_standard_input(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    file = tmp_path / "commands.txt"
    file.write_text(".echo from file\n.bugcheck\n")
    done = cdb(lab, "-z", str(dump_7e), "-cf", str(file), stdin=".echo from input\nq\n")
    assert done.returncode == 0
    assert "from file\n" in done.stdout
    assert BUGCHECK_7E in done.stdout
    assert done.stdout.endswith("0: kd> from input\n0: kd> quit:\n")


def test_cdb_stops_in_the_command_file_at_q(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    file = tmp_path / "commands.txt"
    file.write_text(".echo one\nq\n.echo never\n")
    done = cdb(lab, "-z", str(dump_7e), "-cf", str(file), "-c", ".echo nor this")
    assert done.stdout.endswith("0: kd> .echo one\none\n0: kd> q\nquit:\n")


def test_cdb_takes_paths_with_spaces_and_accents(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder é"
    folder.mkdir()
    copy = folder / "a dump ü.dmp"
    copy.write_bytes(dump_7e.read_bytes())
    log = folder / "out.txt"
    done = cdb(lab, "-z", str(copy), "-logo", str(log), "-c", ".bugcheck; q")
    assert f"Loading Dump File [{to_windows(copy)}]\n" in done.stdout
    assert BUGCHECK_7E in log.read_text(errors="replace")


def test_a_transcript_shows_each_command_behind_the_prompt(lab: Lab, dump_7e: Path) -> None:
    said = lab.transcript(dump_7e, [".bugcheck", "||"])
    assert f"Loading Dump File [{to_windows(dump_7e)}]\n" in said
    assert f"\n0: kd> .bugcheck\n{BUGCHECK_7E}0: kd> ||\n.  0 64-bit Kernel triage dump: " in said


def test_cdb_writes_and_appends_to_its_log(lab: Lab, dump_7e: Path, tmp_path: Path) -> None:
    log = tmp_path / "out.txt"
    cdb(lab, "-z", str(dump_7e), "-logo", str(log), "-c", ".bugcheck; q")
    first = log.read_text(errors="replace")
    assert BUGCHECK_7E in first
    cdb(lab, "-z", str(dump_7e), "-loga", str(log), "-c", ".echo again; q")
    assert log.read_text(errors="replace").startswith(first)
    assert "again\n" in log.read_text(errors="replace")


def test_cdb_says_that_a_dump_is_missing(lab: Lab, tmp_path: Path) -> None:
    missing = tmp_path / "none.dmp"
    done = cdb(lab, "-z", str(missing), "-c", "q")
    assert f"Could not open dump file [{to_windows(missing)}], Win32 error 0n2\n" in done.stdout
    assert "Debuggee initialization failed, HRESULT 0x80070002\n" in done.stdout
    assert done.returncode == 2


def test_cdb_refuses_the_shell_when_told(lab: Lab, dump_7e: Path) -> None:
    done = cdb(lab, "-z", str(dump_7e), "-noshell", "-c", ".shell echo hello; q")
    assert "hello\n" not in done.stdout


def test_cdb_explains_wrong_switches(lab: Lab) -> None:
    done = cdb(lab, "-nonsense")
    assert done.returncode == 2
    assert "cdb: Invalid switch 'nonsense'" in done.stdout
