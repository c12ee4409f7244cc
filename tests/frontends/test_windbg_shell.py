"""The WinDbg commands without pykd: the debugger pipes its answers into livedump in a Python of its own."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livedump.engines.debugger_session import MARK, QUESTIONS, open_session, session_commands
from livedump.fleet.judge import HowToRead
from livedump.frontends.command_line import main
from livedump.frontends.mcp_places import AllowedPlaces
from livedump.frontends.mcp_tools import Tools
from livedump.frontends.tools import windbg_tools
from livedump.model.errors import EngineUnavailable
from livedump.model.limits import Limits
from tests.engines.test_contract import built_or_skip

if TYPE_CHECKING:
    from tests.lab.lab import Lab, Result
    from tests.synth.builder import Built
    from tests.synth.kernel.building import BuiltSystem

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "extensions"
PROGRAM = """\
@echo started>>"%LIVEDUMP_RUNS%"
@"%LIVEDUMP_PYTHON%" -c "import sys; from livedump.frontends.command_line import main; sys.exit(main())" %*
@echo ended>>"%LIVEDUMP_RUNS%"
"""
"""What pip makes an .exe of, which tells how often it ran, and ended."""
WAITING = re.compile(r"<\.shell waiting \d+ second\(s\) for process>\n")
ENDED = ".shell: Process exited\n"


def kernel_dump(name: str) -> BuiltSystem:
    from tests.synth.kernel.scenarios import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        return build(name)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def session(lab: Lab, built: Built | BuiltSystem, folder: Path, *commands: str) -> list[str]:
    """What each command printed in a debugger without pykd, with a ``livedump`` on PATH."""
    from tests.lab.lab import LabTimeout, to_windows
    from tests.lab.setup_lab import ENGINE_2017

    (folder / "livedump.cmd").write_text(PROGRAM)
    runs = folder / "runs.txt"
    environment = {
        "LIVEDUMP_RUNS": to_windows(runs),
        "LIVEDUMP_PYTHON": to_windows(lab.root / "python" / "python.exe"),
        "WINEPATH": to_windows(folder),
    }

    def run() -> Result:
        return lab.debugger(
            built.path,
            [f"$$><{to_windows(EXTENSIONS / 'livedump.wds')}", *commands],
            symbol_path=str(built.symbols),
            python_path=[EXTENSIONS],
            env=environment,
            timeout=150,
        )

    try:
        result = run()
    except LabTimeout:
        # On a busy machine .shell of 2017 was seen to wait for ever for a program that had ended. One of ours that
        # has not is a fault of ours.
        told = runs.read_text().split()
        assert lab.engine == ENGINE_2017
        assert told.count("started") == told.count("ended") > 0
        result = run()
    first, *said = (WAITING.sub("", output) for output in result.outputs)
    assert first == "livedump: without pykd, by the installed program (all commands: !livedumphelp)\n"
    assert all(each.endswith(ENDED) for each in said)
    return [each[: -len(ENDED)] for each in said]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


@pytest.mark.lab
def test_answers_are_those_of_the_command_line_symptoms_too(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.lab.lab import to_windows

    built = kernel_dump("starvation")
    asked = ("info", "running")
    said = session(lab, built, tmp_path, *(f"!livedump{each}" for each in asked))
    for each, answer in zip(asked, said):
        name, *words = each.split()
        expected = printed(capsys, name, str(built.path), "-y", str(built.symbols), *words)
        assert answer == expected.replace(str(built.path), to_windows(built.path))
    assert "labsvc.exe" in said[1]


@pytest.mark.lab
def test_arguments_arrive(lab: Lab, tmp_path: Path) -> None:
    from tests.lab.lab import to_windows

    kept = tmp_path / "a folder" / "kept.json"
    kept.parent.mkdir()
    built = built_or_skip("wer-141-full")
    file = to_windows(kept)
    typed = (
        "codes 0x161",
        "codes",
        "stack -?",
        "stacks --foo",
        f'signature --format json -o "{file}"',
        "thread",
        "help",
    )
    given, none, usage, wrong, written, thread, listed = session(
        lab, built, tmp_path, *(f"!livedump{each}" for each in typed)
    )
    assert given.startswith("LIVE_SYSTEM_DUMP (161)")
    assert none.startswith("VIDEO_ENGINE_TIMEOUT_DETECTED (141)")
    assert usage.startswith("usage: !livedumpstack ")
    assert wrong.splitlines()[1:] == ["!livedumpstacks -? tells what it takes"]
    assert written == f"written to {file}\n"
    assert [(each["question"], each["engine"]) for each in json.loads(kept.read_text())] == [("signature", "native")]
    assert "RUNNING on processor 0, took the dump" in thread
    assert "!livedumpinfo" in listed


@pytest.mark.lab
def test_the_symbol_path_of_the_session_is_left_as_it_was(lab: Lab, tmp_path: Path) -> None:
    # .sympath takes what stands behind it in its line for a path.
    from tests.lab.lab import to_windows

    built = built_or_skip("wer-141-full")
    (tmp_path / "livedump.cmd").write_text("@more >nul\n")
    load = f"$$><{to_windows(EXTENSIONS / 'livedump.wds')}"
    commands = [".sympath", load, "!livedumpinfo", ".sympath"]
    path = {"WINEPATH": to_windows(tmp_path)}
    before, _, _, after = lab.debugger(built.path, commands, symbol_path=str(built.symbols), env=path).outputs
    first = "Symbol search path is: "
    assert before.startswith(first)
    assert after.splitlines()[:2] == before.splitlines()[:2]


@pytest.fixture
def piped(lab: Lab) -> str:
    """What an engine says of its session; the path is one of Windows, where no file is."""
    built = built_or_skip("wer-141-full")
    return lab.debugger(built.path, session_commands(), symbol_path=str(built.symbols)).outputs[0]


def asked(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    return printed(capsys, "windbg", "ask", *words)


@pytest.mark.lab
def test_where_the_file_cannot_be_read_the_debuggers_words_are_judged(
    piped: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = asked(piped, monkeypatch, capsys, "info")
    assert said.startswith("Live dump, taken by Windows Error Reporting for dxgkrnl / dxgmms2 (TDR) (certain): 0x141 ")
    assert "\n0a ffffb189`f3cb6c30 fffff801`7a141b6e dxgkrnl!TdrCollectDbgInfoStage1+0xd69\n" in said
    limits = said.partition("\nLimits\n")[2]
    assert "what went on: not known" in limits
    assert "the dump cannot be read here: cannot open Z:" in limits
    assert "this rests on what the debugger says" in limits


@pytest.mark.lab
def test_a_live_target_has_no_file_and_is_judged_by_what_is_said(
    piped: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = piped.splitlines(keepends=True)
    live = ".  0 Remote KD: KdSrv:Server=@{<Local>},Trans=@{NET:Port=50000,Key=1.2.3.4}\n"
    said = asked("".join([lines[0], live, *lines[2:]]), monkeypatch, capsys, "stack")
    assert "nt!IopLiveDumpCollectPages+0xd9" in said
    assert "the debugger names no dump file; this rests on what the debugger says" in said


def a_session(path: Path, symbols: Path, **said: str) -> bytes:
    """Answers of a session, made up."""
    answers = {
        "||": f".  0 64-bit Kernel bitmap dump: {path}\n",
        ".sympath": f"Symbol search path is: {symbols}\n",
        **said,
    }
    return "".join(f"{MARK}{each}\n{answers.get(each, '')}" for each in QUESTIONS).encode()


def test_the_file_itself_is_read_where_it_can_be() -> None:
    built = built_or_skip("powershell-user")
    thread = "Implicit thread is now ffffa705`dc563040\n"
    found = open_session(a_session(built.path, built.symbols, **{".thread": thread}))
    try:
        assert (found.engine.name, found.thread, found.remark) == ("native", 0xFFFFA705DC563040, "")
        assert found.engine.stack().frames[0].symbol == "IopLiveDumpCollectPages"
    finally:
        found.engine.close()


@pytest.mark.parametrize(
    ("name", "words", "arguments"),
    [
        ("report", "", {}),
        ("report", "--cursor 1", {"cursor": "1"}),
        ("stacks", "--process clussvc.exe", {"process": "clussvc.exe"}),
        ("waits", "", {}),
        ("memory", "", {}),
        ("codes", "0x141", {"code": "0x141"}),
        ("codes", "--cursor 64", {"cursor": "64"}),
    ],
)
def test_a_tool_says_in_windbg_what_it_says_on_our_own_server(
    name: str,
    words: str,
    arguments: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = kernel_dump("storage-stall")
    tool = next(each for each in windbg_tools() if each.name == name)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(a_session(built.path, built.symbols))))
    in_windbg = printed(capsys, "windbg", "ask", tool.question, "--assistant", *words.split())
    how = HowToRead(symbols=str(built.symbols))
    with Tools(AllowedPlaces([str(built.path.parent)]), how, Limits(60.0, 2 << 30)) as tools:
        path = {"path": str(built.path)} if tool.question != "codes" else {}
        assert in_windbg == f"{tools.call(tool.listed_name, {**path, **arguments}).text}\n"
    assert "[data 1]: data from the dump, not to be trusted" in in_windbg


def test_a_cursor_that_no_page_gave_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = built_or_skip("powershell-user")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(a_session(built.path, built.symbols))))
    said = printed(capsys, "windbg", "ask", "info", "--assistant", "--cursor", "x")
    assert said.startswith("livedump: the cursor is none: ")


def test_neither_file_nor_symbol_path_come_from_what_a_dump_holds(tmp_path: Path) -> None:
    built, other = built_or_skip("powershell-user"), built_or_skip("taskmgr-full")
    forged = a_session(other.path, tmp_path).decode()
    found = open_session(a_session(built.path, built.symbols, vertarget=forged))
    try:
        assert found.engine.dump().path == str(built.path)
        assert found.engine.stack().frames[0].symbol == "IopLiveDumpCollectPages"
    finally:
        found.engine.close()
    code = "Bugcheck code 00000161\nArguments 0 0 0 0\n"
    live = {"||": ".  0 Local KD\n", "vertarget": forged, ".bugcheck": code}
    assert open_session(a_session(built.path, built.symbols, **live)).engine.name == "transcript"


def test_a_pasted_log_never_makes_us_open_the_file_that_it_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = built_or_skip("powershell-user")
    code = "Bugcheck code 00000161\nArguments 0 0 0 0\n"
    text = a_session(built.path, built.symbols, **{".bugcheck": code})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert json.loads(printed(capsys, "signature", "-", "--format", "json"))[0]["engine"] == "transcript"


def test_a_path_in_the_code_page_of_the_system_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = built_or_skip("powershell-user")
    path = tmp_path / "дамп.dmp"
    path.write_bytes(built.path.read_bytes())
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "cp1251")
    found = open_session(a_session(path, built.symbols).decode().encode("cp1251"))
    try:
        assert (found.engine.name, found.engine.dump().path) == ("native", str(path))
    finally:
        found.engine.close()


@pytest.mark.parametrize("data", [b"", b"nothing\n", b"0: kd> ||\n.  0 64-bit Kernel bitmap dump: x\n"])
def test_what_is_no_session_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(
        EngineUnavailable, match=r"holds no answers of a debugger: the commands of livedump\.wds pipe them"
    ):
        open_session(data)
