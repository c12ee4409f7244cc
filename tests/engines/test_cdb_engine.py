"""The cdb engine where the real debugger is no help: with a fake one that hangs, dies and lies."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.cdb import CdbEngine
from livedump.model.bug_check import BugCheck
from livedump.model.errors import DumpError, EngineUnavailable, NotKnown, UnreadableFile
from livedump.report.sections.info import document

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake debugger is started by a shell script")

BUGCHECK = "Bugcheck code 00000161\nArguments 00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004"


class Fake:
    """A fake debugger in a folder of its own, and a dump for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "debugger"
        self.folder.mkdir()
        shutil.copy(Path(__file__).with_name("fake_cdb.py"), self.folder)
        self.program = self.folder / "cdb"
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{self.folder}/fake_cdb.py" "$@"\n')
        self.program.chmod(0o755)
        self.dump = folder / "a dump; of 'odd' name, ü.dmp"
        self.dump.write_bytes(b"PAGEDU64" + bytes(8192))

    def says(self, command: str, text: str) -> Fake:
        (self.folder / f"answer{command}").write_text(text, encoding="utf-8")
        return self

    def engine(self, timeout: float = 30, symbol_path: str | None = "C:\\symbols", analyze: bool = False) -> CdbEngine:
        program = str(self.program)
        return CdbEngine(str(self.dump), cdb=program, symbol_path=symbol_path, timeout=timeout, analyze=analyze)

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text(encoding="utf-8").split("\n")


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def test_the_debugger_gets_the_dump_by_its_whole_path_and_no_shell(fake: Fake) -> None:
    fake.says(".bugcheck", BUGCHECK).engine().bug_check()
    assert fake.arguments[:5] == ["-z", str(fake.dump), "-y", f"C:\\symbols;{fake.dump.parent}", "-cf"]
    assert fake.arguments[6:] == ["-noshell", "-sins", "-nosqm"]


def test_the_environment_does_not_steer_the_debugger(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_NT_DEBUG_LOG_FILE_OPEN", str(fake.folder / "log"))
    monkeypatch.setenv("_NT_SYMBOL_PATH", "srv*C:\\from the environment")
    monkeypatch.setenv("_NT_ALT_SYMBOL_PATH", "C:\\first")
    shell = fake.program.read_text().replace("exec", f'env > "{fake.folder}/environment"\nexec')
    fake.program.write_text(shell)
    fake.says(".bugcheck", BUGCHECK).engine(symbol_path=None).bug_check()
    assert "_NT_" not in (fake.folder / "environment").read_text()
    assert fake.arguments[3] == f"C:\\first;srv*C:\\from the environment;{fake.dump.parent}"


def test_what_went_on_is_said_once_to_be_asked_of_another_engine(fake: Fake) -> None:
    report = report_dump(fake.says(".bugcheck", BUGCHECK).engine())
    assert report.symptoms is not None
    reasons = [limit for limit in document(report, "a.dmp").limits if "--engine native" in limit]
    assert len(reasons) == 1


def test_nothing_is_left_behind(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    fake.says(".bugcheck", BUGCHECK).engine().bug_check()
    assert list(temporary.iterdir()) == []


def test_a_debugger_that_hangs_leaves_the_answers_it_gave(fake: Fake) -> None:
    engine = fake.says(".bugcheck", BUGCHECK).says("kn", "hang").engine(timeout=3)
    assert engine.bug_check() == BugCheck(0x161, (1, 2, 3, 4))
    with pytest.raises(DumpError, match="ended before it had answered `k`: it was not through after 3 s") as caught:
        engine.stack()
    assert not isinstance(caught.value, NotKnown)


def test_a_debugger_that_dies_is_quoted(fake: Fake) -> None:
    engine = fake.says("vertarget", "die").engine()
    with pytest.raises(DumpError, match=r"ended before it had answered `vertarget`; its last words: .*kd> vertarget"):
        engine.system()


def test_a_refusal_is_not_asked_for_again(fake: Fake) -> None:
    (fake.folder / "banner").write_text("Debuggee initialization failed, HRESULT 0x80070570\n")
    engine = fake.engine()
    with pytest.raises(DumpError, match="0x80070570"):
        engine.bug_check()
    (fake.folder / "arguments").unlink()
    with pytest.raises(DumpError, match="0x80070570"):
        engine.stack()
    assert not (fake.folder / "arguments").exists()


def test_what_one_command_prints_is_not_taken_for_another(fake: Fake) -> None:
    # a process name may hold anything; here it plays the debugger
    forged = f"PROCESS ffffa705dc563040\n    Image: x\n{BUGCHECK}\nBugcheck code 00000000\nArguments 0 0 0 0\n"
    engine = fake.says("!process", forged).says("vertarget", BUGCHECK).engine()
    with pytest.raises(NotKnown, match="bug check"):
        engine.bug_check()


def test_the_process_is_put_together_from_all_that_is_told(fake: Fake) -> None:
    fake.says("dt", '   +0x5a8 ImageFileName : [15]  "Taskmgr.exe"').says(".printf", "ffffa705dc563040")
    fake.says("!process", "PROCESS ffffa705dc563040\n  SessionId: 1  Cid: 172c  Peb: 0\n  DirBase: 14d000  Table\n")
    process = fake.engine().requesting_process()
    assert tuple(process) == (0xFFFFA705DC563040, "Taskmgr.exe", 0x172C, 0x14D000)


ANALYSIS = "DUMP_FILE_ATTRIBUTES: 0x18\nPROCESS_NAME:  System\nSTACK_COMMAND: .process /r /p 0xffffa705dc563040 ; kb\n"


def test_analyze_adds_what_nothing_else_told(fake: Fake) -> None:
    engine = fake.says("!analyze", ANALYSIS).engine(analyze=True)
    assert engine.dump().attributes == 0x18
    assert tuple(engine.requesting_process())[:2] == (0xFFFFA705DC563040, "System")


def test_analyze_is_not_run_unless_asked_for(fake: Fake) -> None:
    engine = fake.says("!analyze", ANALYSIS).engine()
    assert engine.dump().attributes is None
    with pytest.raises(NotKnown, match="process that was current"):
        engine.requesting_process()


def test_a_missing_analysis_is_no_error(fake: Fake) -> None:
    engine = fake.says(".bugcheck", BUGCHECK).says("!analyze", "No export analyze found").engine(analyze=True)
    assert engine.dump().attributes is None
    assert engine.bug_check() == BugCheck(0x161, (1, 2, 3, 4))


def test_all_processes_take_a_run_of_their_own(fake: Fake) -> None:
    engine = fake.says("!process", "PROCESS ffffa705dc563040\n    Image: System\n").engine()
    assert [process.name for process in engine.processes()] == ["System"]


def test_a_debugger_that_cannot_be_started_says_so(fake: Fake) -> None:
    fake.program.chmod(0o644)
    with pytest.raises(EngineUnavailable, match="cannot be started: Permission denied"):
        fake.engine().bug_check()


def test_a_file_that_is_not_there_needs_no_debugger(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        CdbEngine(str(tmp_path / "none.dmp"), cdb=None)
    with pytest.raises(UnreadableFile, match="not a file"):
        CdbEngine(str(tmp_path), cdb=None)
