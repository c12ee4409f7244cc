"""The pykd engine where the debugger leaves something unanswered: that costs this answer and no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livedump.engines import pykd as pykd_engine
from livedump.engines.native import NativeEngine
from livedump.engines.pykd import PykdEngine
from livedump.engines.text.lines import parse_hex
from livedump.model.errors import NotKnown
from tests.engines.test_contract import built_or_skip

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ROOT = Path(__file__).parents[2]
STACK = """\
 # Child-SP          RetAddr           Call Site
00 fffffc05`f6f5a310 fffff801`781565d5 nt!IopLiveDumpCollectPages+0xd9
01 fffffc05`f6f5a360 00000000`00000000 nt!IopLiveDumpEndMirroringCallback+0x55
"""


class Refusal(Exception):
    """What pykd raises."""


class Debugger:
    """pykd over a session that answers some commands, and questions with numbers."""

    DbgException = MemoryException = SymbolException = TypeException = Refusal

    def __init__(self, said: dict[str, str]) -> None:
        self._said = said

    def dbgCommand(self, command: str) -> str:  # noqa: N802 - pykd's name
        return self._said.get(command.split(" 0n", maxsplit=1)[0], "")

    def __getattr__(self, name: str) -> Any:
        values = {"isDumpAnalyzing": True, "isKernelDebugging": True, "getIP": 0xFFFFF80178155AD9}
        return lambda *_: values.get(name, 0)


def refusing(name: str) -> Any:
    def refuse(*_: Any) -> Any:
        raise Refusal(f"Call {name} failed")

    return refuse


def session(monkeypatch: pytest.MonkeyPatch, *refused: str) -> PykdEngine:
    debugger = Debugger({"kn": STACK})
    for name in refused:
        setattr(debugger, name, refusing(name))
    monkeypatch.setattr(pykd_engine, "_import_pykd", lambda: debugger)
    return PykdEngine("nowhere.dmp")


def test_the_instruction_that_the_debugger_tells_is_the_innermost_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = session(monkeypatch).stack().frames
    assert [frame.instruction for frame in frames] == [0xFFFFF80178155AD9, parse_hex("fffff801`781565d5")]


@pytest.mark.parametrize(
    "refused", ["getIP", "getCurrentThreadId", "getImplicitThread", "getCurrentThread", "getCurrentProcess"]
)
def test_one_question_without_an_answer_costs_no_stack(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = session(monkeypatch, refused).stack()
    assert [frame.symbol for frame in stack.frames] == ["IopLiveDumpCollectPages", "IopLiveDumpEndMirroringCallback"]
    assert stack.frames[0].instruction == (None if refused == "getIP" else 0xFFFFF80178155AD9)
    assert stack.processor == (None if refused == "getCurrentThreadId" else 0)


def test_another_processor_is_not_looked_at_where_there_is_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotKnown, match="at which processor the session looks"):
        session(monkeypatch, "getCurrentThreadId").stack(1)


def without_saved_contexts(name: str, folder: Path) -> tuple[Path, Path]:
    """A made-up dump whose processors hold no context; only its header does. And its symbols."""
    built = built_or_skip(name)
    engine = NativeEngine(str(built.path))
    context = engine._header.context[:0x4D0]
    engine.close()
    data = bytearray(built.path.read_bytes())
    integers = bytes(context[0x78:0x100])  # CONTEXT.Rax to Rip
    found = data.find(integers, 0x2000)
    assert found > 0
    while found > 0:
        data[found - 0x78 : found - 0x78 + 0x4D0] = bytes(0x4D0)
        found = data.find(integers, found)
    path = folder / "no-contexts.dmp"
    path.write_bytes(data)
    return path, built.symbols


@pytest.mark.lab
def test_processors_without_contexts_cost_no_answer(lab: Lab, tmp_path: Path) -> None:
    from tests.lab.lab import to_windows

    path, symbols = without_saved_contexts("taskmgr-full", tmp_path)
    load = f"$$><{to_windows(ROOT / 'extensions' / 'livedump.wds')}"
    commands = [load, "!livedumpinfo --no-symptoms", "kn"]
    result = lab.debugger(path, commands, symbol_path=str(symbols), load_pykd=True)
    assert result.outputs[1].startswith(
        "Live dump, taken by Task Manager (certain): 0x161 LIVE_SYSTEM_DUMP, complete.\n"
    )
    assert "nt!NtSystemDebugControl+0xc41bf\n" in result.outputs[1]
    assert "nt!" not in result.outputs[2], "the debugger itself has no stack"
